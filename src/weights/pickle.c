/* pickle: see pickle.h. The machine: a stack of values, a stack of marks into it, and a memo of values by number. */
#include "weights/pickle.h"

#include "base/mem.h"
#include "base/bytes.h"
#include "weights/pickle_globals.h"

#include <stdio.h>
#include <string.h>

#define BLOCK_VALUES 256
#define KEY_MAX      255                /* bytes: a storage's key is a number, written out */
#define PICKLE_MAX   ((size_t)16 << 20) /* bytes; a tensor takes about 150 */

struct pickle_block {
    struct pickle_block *next;
    size_t n;
    struct pickle_value values[BLOCK_VALUES];
};

struct machine {
    const uint8_t *data;
    size_t size, at;
    const char *path;
    size_t first;
    struct pickle *pickle;
    struct pickle_items stack, memo; /* memo: NULL where nothing was put */
    size_t *marks;                   /* [n_marks]: height of the stack */
    size_t n_marks, cap_marks;
    size_t copied; /* items copied from value to value */
};

/* ---- Failures ------------------------------------------------------------------------------------------------ */

static rf_status damaged(const struct machine *m, const char *what, rf_error *err)
{
    return rf__fail(err, RF_BAD_FORMAT, "%s: byte %zu of its pickle: %s; the file is damaged", m->path,
                    m->first + m->at, what);
}

static rf_status refused(const struct machine *m, const char *what, rf_error *err)
{
    return rf__fail(err, RF_UNSUPPORTED,
                    "%s: byte %zu of its pickle: %s, which no tensor needs; refused, nothing was executed. Save the "
                    "model with safe_serialization=True",
                    m->path, m->first + m->at, what);
}

/* ---- Values -------------------------------------------------------------------------------------------------- */

static rf_status items_add(struct pickle_items *items, struct pickle_value *value, rf_error *err)
{
    if (items->n == items->cap) {
        size_t cap = items->cap == 0 ? 4 : items->cap, bytes;
        struct pickle_value **grown = NULL;
        if (rf__mul(cap, 2, &cap) && rf__mul(cap, sizeof(struct pickle_value *), &bytes))
            grown = rf__realloc(items->at, bytes);
        if (grown == NULL)
            return rf__fail_memory(err);
        items->at = grown;
        items->cap = cap;
    }
    items->at[items->n++] = value;
    return RF_OK;
}

static struct pickle_value *new_value(struct machine *m, enum pickle_kind kind)
{
    struct pickle_block *block = m->pickle->blocks;
    struct pickle_value *value;

    if (block == NULL || block->n == BLOCK_VALUES) {
        block = rf__alloc(sizeof *block);
        if (block == NULL)
            return NULL;
        block->next = m->pickle->blocks;
        block->n = 0;
        m->pickle->blocks = block;
    }
    value = &block->values[block->n++];
    memset(value, 0, sizeof *value);
    value->kind = kind;
    return value;
}

static rf_status push(struct machine *m, struct pickle_value *value, rf_error *err)
{
    return value == NULL ? rf__fail_memory(err) : items_add(&m->stack, value, err);
}

static rf_status push_kind(struct machine *m, unsigned kind, rf_error *err)
{
    return push(m, new_value(m, (enum pickle_kind)kind), err);
}

static rf_status push_int(struct machine *m, int64_t integer, rf_error *err)
{
    struct pickle_value *value = new_value(m, PICKLE_INT);

    if (value != NULL)
        value->as.integer = integer;
    return push(m, value, err);
}

static rf_status push_bool(struct machine *m, unsigned boolean, rf_error *err)
{
    struct pickle_value *value = new_value(m, PICKLE_BOOL);

    if (value != NULL)
        value->as.boolean = boolean != 0;
    return push(m, value, err);
}

/* Where the part of the stack begins that operations may take from: the last mark. */
static size_t floor_of(const struct machine *m)
{
    return m->n_marks == 0 ? 0 : m->marks[m->n_marks - 1];
}

static rf_status pop(struct machine *m, struct pickle_value **out, rf_error *err)
{
    if (m->stack.n == floor_of(m))
        return damaged(m, "takes a value where there is none", err);
    *out = m->stack.at[--m->stack.n];
    return RF_OK;
}

static rf_status push_mark(struct machine *m, unsigned unused, rf_error *err)
{
    (void)unused;
    if (m->n_marks == m->cap_marks) {
        size_t cap = m->cap_marks == 0 ? 64 : m->cap_marks, bytes;
        size_t *grown = NULL;
        if (rf__mul(cap, 2, &cap) && rf__mul(cap, sizeof *grown, &bytes))
            grown = rf__realloc(m->marks, bytes);
        if (grown == NULL)
            return rf__fail_memory(err);
        m->marks = grown;
        m->cap_marks = cap;
    }
    m->marks[m->n_marks++] = m->stack.n;
    return RF_OK;
}

static rf_status pop_mark(struct machine *m, size_t *height, rf_error *err)
{
    if (m->n_marks == 0)
        return damaged(m, "goes back to a mark where there is none", err);
    *height = m->marks[--m->n_marks];
    return RF_OK;
}

/* Moves what lies on the stack from `height` on behind the items of a value. */
static rf_status move_from_stack(struct machine *m, size_t height, struct pickle_value *to, rf_error *err)
{
    for (size_t i = height; i < m->stack.n; i++) {
        rf_status status = items_add(&to->as.items, m->stack.at[i], err);
        if (status != RF_OK)
            return status;
    }
    m->stack.n = height;
    return RF_OK;
}

/* ---- Containers ---------------------------------------------------------------------------------------------- */

static rf_status build_from(struct machine *m, size_t height, enum pickle_kind kind, rf_error *err)
{
    struct pickle_value *value = new_value(m, kind);
    rf_status status;

    if (value == NULL)
        return rf__fail_memory(err);
    if (kind == PICKLE_DICT && (m->stack.n - height) % 2 != 0)
        return damaged(m, "a key without a value", err);
    status = move_from_stack(m, height, value, err);
    return status != RF_OK ? status : push(m, value, err);
}

static rf_status build_from_mark(struct machine *m, unsigned kind, rf_error *err)
{
    size_t height = 0;
    rf_status status = pop_mark(m, &height, err);

    return status != RF_OK ? status : build_from(m, height, (enum pickle_kind)kind, err);
}

static rf_status build_tuple(struct machine *m, unsigned n, rf_error *err)
{
    if (m->stack.n - floor_of(m) < n)
        return damaged(m, "takes a value where there is none", err);
    return build_from(m, m->stack.n - n, PICKLE_TUPLE, err);
}

/* Appends what lies from `height` on to the list or dict below it. */
static rf_status extend(struct machine *m, size_t height, enum pickle_kind kind, rf_error *err)
{
    struct pickle_value *to;

    if (height == floor_of(m))
        return damaged(m, "adds to a value where there is none", err);
    to = m->stack.at[height - 1];
    if (to->kind != kind)
        return damaged(
            m, kind == PICKLE_DICT ? "sets items of something that is no dict" : "appends to something that is no list",
            err);
    if (kind == PICKLE_DICT && (m->stack.n - height) % 2 != 0)
        return damaged(m, "a key without a value", err);
    return move_from_stack(m, height, to, err);
}

static rf_status extend_by(struct machine *m, size_t n, enum pickle_kind kind, rf_error *err)
{
    if (m->stack.n - floor_of(m) < n)
        return damaged(m, "takes a value where there is none", err);
    return extend(m, m->stack.n - n, kind, err);
}

static rf_status append_item(struct machine *m, unsigned n, rf_error *err)
{
    return extend_by(m, n, PICKLE_LIST, err);
}

static rf_status set_item(struct machine *m, unsigned n, rf_error *err)
{
    return extend_by(m, n, PICKLE_DICT, err);
}

static rf_status extend_from_mark(struct machine *m, unsigned kind, rf_error *err)
{
    size_t height = 0;
    rf_status status = pop_mark(m, &height, err);

    return status != RF_OK ? status : extend(m, height, (enum pickle_kind)kind, err);
}

/* ---- Operands ------------------------------------------------------------------------------------------------ */

static rf_status take(struct machine *m, uint64_t n, const uint8_t **out, rf_error *err)
{
    if (n > m->size - m->at)
        return damaged(m, "is cut off", err);
    *out = m->data + m->at;
    m->at += (size_t)n;
    return RF_OK;
}

/* A little-endian number of `n` bytes, 1 to 8. */
static rf_status take_number(struct machine *m, unsigned n, uint64_t *out, rf_error *err)
{
    const uint8_t *bytes = NULL;
    rf_status status = take(m, n, &bytes, err);

    if (status != RF_OK)
        return status;
    *out = 0;
    for (unsigned i = n; i-- > 0;)
        *out = *out << 8 | bytes[i];
    return RF_OK;
}

/* A text whose length comes first, as a number of `n` bytes. */
static rf_status push_text(struct machine *m, unsigned n, rf_error *err)
{
    struct pickle_value *value = new_value(m, PICKLE_TEXT);
    const uint8_t *bytes = NULL;
    uint64_t len = 0;
    rf_status status = take_number(m, n, &len, err);

    if (status == RF_OK)
        status = take(m, len, &bytes, err);
    if (status != RF_OK)
        return status;
    if (value == NULL)
        return rf__fail_memory(err);
    value->as.text.data = (const char *)bytes;
    value->as.text.len = (size_t)len;
    return push(m, value, err);
}

static rf_status push_signed(struct machine *m, unsigned n, rf_error *err)
{
    uint64_t number = 0;
    rf_status status = take_number(m, n, &number, err);

    if (status != RF_OK)
        return status;
    if (n > 0 && n < 8 && number >> (8 * n - 1) != 0)
        number |= UINT64_MAX << (8 * n);
    return push_int(m, (int64_t)number, err);
}

static rf_status push_unsigned(struct machine *m, unsigned n, rf_error *err)
{
    uint64_t number = 0;
    rf_status status = take_number(m, n, &number, err);

    return status != RF_OK ? status : push_int(m, (int64_t)number, err);
}

static rf_status push_long(struct machine *m, unsigned n_bytes, rf_error *err)
{
    uint64_t n = 0;
    rf_status status = take_number(m, n_bytes, &n, err);

    if (status != RF_OK)
        return status;
    if (n > 8)
        return damaged(m, "a number of more than 64 bits", err);
    return push_signed(m, (unsigned)n, err);
}

static rf_status push_float(struct machine *m, unsigned n, rf_error *err)
{
    struct pickle_value *value = new_value(m, PICKLE_FLOAT);
    const uint8_t *bytes = NULL;
    uint64_t bits = 0;
    rf_status status = take(m, n, &bytes, err);

    if (status != RF_OK)
        return status;
    if (value == NULL)
        return rf__fail_memory(err);
    for (unsigned i = 0; i < n; i++)
        bits = bits << 8 | bytes[i]; /* the one big-endian number */
    memcpy(&value->as.number, &bits, sizeof bits);
    return push(m, value, err);
}

/* ---- The memo ------------------------------------------------------------------------------------------------ */

/* Writers number what they put from 0 on, so that no number is above the bytes read so far. */
static rf_status memo_put(struct machine *m, uint64_t number, rf_error *err)
{
    rf_status status = RF_OK;

    if (number >= m->at)
        return damaged(m, "puts a value under a number beyond all bounds", err);
    if (m->stack.n == floor_of(m))
        return damaged(m, "takes a value where there is none", err);
    while (status == RF_OK && m->memo.n <= number)
        status = items_add(&m->memo, NULL, err);
    if (status == RF_OK)
        m->memo.at[number] = m->stack.at[m->stack.n - 1];
    return status;
}

static rf_status memoize(struct machine *m, unsigned unused, rf_error *err)
{
    (void)unused;
    return memo_put(m, m->memo.n, err);
}

static rf_status memo_put_number(struct machine *m, unsigned n_bytes, rf_error *err)
{
    uint64_t number = 0;
    rf_status status = take_number(m, n_bytes, &number, err);

    return status != RF_OK ? status : memo_put(m, number, err);
}

static rf_status memo_get(struct machine *m, unsigned n_bytes, rf_error *err)
{
    uint64_t number = 0;
    rf_status status = take_number(m, n_bytes, &number, err);

    if (status != RF_OK)
        return status;
    if (number >= m->memo.n || m->memo.at[number] == NULL)
        return damaged(m, "gets a value that was not put", err);
    return push(m, m->memo.at[number], err);
}

/* ---- Names and calls ----------------------------------------------------------------------------------------- */

static rf_status push_global(struct machine *m, const char *module, size_t module_len, const char *name,
                             size_t name_len, rf_error *err)
{
    struct pickle_value *value = new_value(m, PICKLE_GLOBAL);
    char what[256];

    if (value == NULL)
        return rf__fail_memory(err);
    if (!rf__pickle_global(module, module_len, name, name_len, value)) {
        snprintf(what, sizeof what, "the Python name '%.*s.%.*s'", (int)(module_len < 100 ? module_len : 100), module,
                 (int)(name_len < 100 ? name_len : 100), name);
        return refused(m, what, err);
    }
    return push(m, value, err);
}

/* "MODULE\nNAME\n" */
static rf_status read_global(struct machine *m, unsigned unused, rf_error *err)
{
    const char *line[2];
    size_t len[2];

    (void)unused;
    for (int i = 0; i < 2; i++) {
        const uint8_t *begin = m->data + m->at, *end = memchr(begin, '\n', m->size - m->at);
        if (end == NULL)
            return damaged(m, "is cut off", err);
        line[i] = (const char *)begin;
        len[i] = (size_t)(end - begin);
        m->at += len[i] + 1;
    }
    return push_global(m, line[0], len[0], line[1], len[1], err);
}

static rf_status stack_global(struct machine *m, unsigned unused, rf_error *err)
{
    struct pickle_value *module = NULL, *name = NULL;
    rf_status status = pop(m, &name, err);

    (void)unused;
    if (status == RF_OK)
        status = pop(m, &module, err);
    if (status != RF_OK)
        return status;
    if (module->kind != PICKLE_TEXT || name->kind != PICKLE_TEXT)
        return damaged(m, "a name that is no text", err);
    return push_global(m, module->as.text.data, module->as.text.len, name->as.text.data, name->as.text.len, err);
}

/* Turns the pairs of a list into the items of a dict. */
static rf_status copy_pairs(struct machine *m, const struct pickle_value *list, struct pickle_value *dict,
                            rf_error *err)
{
    for (size_t i = 0; i < list->as.items.n; i++) {
        const struct pickle_value *pair = list->as.items.at[i];
        rf_status status;
        if ((pair->kind != PICKLE_TUPLE && pair->kind != PICKLE_LIST) || pair->as.items.n != 2)
            return damaged(m, "an OrderedDict of something that is no pair", err);
        m->copied += 2;
        if (m->copied > m->at)
            return damaged(m, "copies more values than it has bytes", err);
        status = items_add(&dict->as.items, pair->as.items.at[0], err);
        if (status == RF_OK)
            status = items_add(&dict->as.items, pair->as.items.at[1], err);
        if (status != RF_OK)
            return status;
    }
    return RF_OK;
}

static rf_status call_ordered_dict(struct machine *m, const struct pickle_value *arguments, rf_error *err)
{
    struct pickle_value *dict = new_value(m, PICKLE_DICT);
    rf_status status = RF_OK;

    if (dict == NULL)
        return rf__fail_memory(err);
    if (arguments->as.items.n > 1 || (arguments->as.items.n == 1 && arguments->as.items.at[0]->kind != PICKLE_LIST))
        return damaged(m, "an OrderedDict of something that is no list", err);
    if (arguments->as.items.n == 1)
        status = copy_pairs(m, arguments->as.items.at[0], dict, err);
    return status != RF_OK ? status : push(m, dict, err);
}

static bool is_sizes(const struct pickle_value *value)
{
    if (value->kind != PICKLE_TUPLE || value->as.items.n > PICKLE_MAX_DIMENSIONS)
        return false;
    for (size_t i = 0; i < value->as.items.n; i++)
        if (value->as.items.at[i]->kind != PICKLE_INT || value->as.items.at[i]->as.integer < 0)
            return false;
    return true;
}

/* _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks, metadata?) */
static rf_status call_rebuild_tensor(struct machine *m, const struct pickle_value *arguments, rf_error *err)
{
    struct pickle_value *const *at = arguments->as.items.at, *value;

    if (arguments->as.items.n < 4 || at[0]->kind != PICKLE_STORAGE || at[1]->kind != PICKLE_INT ||
        at[1]->as.integer < 0 || !is_sizes(at[2]) || !is_sizes(at[3]) || at[2]->as.items.n != at[3]->as.items.n)
        return damaged(m, "a tensor without storage, offset, size and stride", err);
    value = new_value(m, PICKLE_TENSOR);
    if (value != NULL)
        value->as.tensor = (struct pickle_tensor){at[0], (uint64_t)at[1]->as.integer, at[2], at[3]};
    return push(m, value, err);
}

/* _rebuild_parameter(tensor, …) and torch.Size(tuple) are what they are given. */
static rf_status call_identity(struct machine *m, const struct pickle_value *arguments, enum pickle_kind kind,
                               rf_error *err)
{
    if (arguments->as.items.n < 1 || arguments->as.items.at[0]->kind != kind)
        return damaged(m, kind == PICKLE_TENSOR ? "a parameter without a tensor" : "a size that is no tuple", err);
    return push(m, arguments->as.items.at[0], err);
}

static rf_status reduce(struct machine *m, unsigned unused, rf_error *err)
{
    struct pickle_value *arguments = NULL, *callee = NULL;
    rf_status status = pop(m, &arguments, err);

    (void)unused;
    if (status == RF_OK)
        status = pop(m, &callee, err);
    if (status != RF_OK)
        return status;
    if (callee->kind != PICKLE_GLOBAL || arguments->kind != PICKLE_TUPLE)
        return damaged(m, "calls something that is no function", err);
    switch (callee->as.global.name) {
    case GLOBAL_ORDERED_DICT:
        return call_ordered_dict(m, arguments, err);
    case GLOBAL_REBUILD_TENSOR:
        return call_rebuild_tensor(m, arguments, err);
    case GLOBAL_REBUILD_PARAMETER:
        return call_identity(m, arguments, PICKLE_TENSOR, err);
    case GLOBAL_SIZE:
        return call_identity(m, arguments, PICKLE_TUPLE, err);
    case GLOBAL_STORAGE:
        break;
    }
    return refused(m, "makes a storage by a call", err);
}

/* Only an OrderedDict has a state (its _metadata, versions of modules), and nothing needs it. */
static rf_status build_state(struct machine *m, unsigned unused, rf_error *err)
{
    struct pickle_value *state = NULL;
    rf_status status = pop(m, &state, err);

    (void)unused;
    if (status != RF_OK)
        return status;
    if (m->stack.n == floor_of(m) || m->stack.at[m->stack.n - 1]->kind != PICKLE_DICT)
        return refused(m, "gives an object a state", err);
    return RF_OK;
}

/* ('storage', torch.FloatStorage, key, location, number of elements[, view]) */
static rf_status load_persistent(struct machine *m, unsigned unused, rf_error *err)
{
    struct pickle_value *id = NULL, *value;
    struct pickle_value *const *at;
    rf_status status = pop(m, &id, err);

    (void)unused;
    if (status != RF_OK)
        return status;
    if (id->kind != PICKLE_TUPLE || id->as.items.n < 5)
        return damaged(m, "a persistent id that is no storage", err);
    at = id->as.items.at;
    if (at[0]->kind != PICKLE_TEXT || at[0]->as.text.len != 7 || memcmp(at[0]->as.text.data, "storage", 7) != 0 ||
        at[1]->kind != PICKLE_GLOBAL || at[1]->as.global.name != GLOBAL_STORAGE || at[2]->kind != PICKLE_TEXT ||
        at[2]->as.text.len > KEY_MAX || at[4]->kind != PICKLE_INT || at[4]->as.integer < 0)
        return damaged(m, "a persistent id that is no storage", err);
    value = new_value(m, PICKLE_STORAGE);
    if (value != NULL)
        value->as.storage = (struct pickle_storage){at[1]->as.global.dtype, at[2], (uint64_t)at[4]->as.integer,
                                                    id->as.items.n > 5 && at[5]->kind != PICKLE_NONE};
    return push(m, value, err);
}

/* ---- Operations ---------------------------------------------------------------------------------------------- */

static rf_status skip(struct machine *m, unsigned n, rf_error *err)
{
    const uint8_t *bytes;

    return take(m, n, &bytes, err);
}

static rf_status pop_one(struct machine *m, unsigned unused, rf_error *err)
{
    struct pickle_value *value;

    (void)unused;
    if (m->n_marks > 0 && m->stack.n == floor_of(m)) {
        m->n_marks--;
        return RF_OK;
    }
    return pop(m, &value, err);
}

static rf_status pop_to_mark(struct machine *m, unsigned unused, rf_error *err)
{
    (void)unused;
    return pop_mark(m, &m->stack.n, err);
}

/* What is known; the names are those of pickletools. */
static const struct operation {
    uint8_t code;
    rf_status (*run)(struct machine *m, unsigned operand, rf_error *err);
    unsigned operand;
} operations[] = {
    {0x80, skip, 1}, /* PROTO */
    {0x95, skip, 8}, /* FRAME */
    {'(', push_mark, 0},
    {'0', pop_one, 0},
    {'1', pop_to_mark, 0},
    {'N', push_kind, PICKLE_NONE},
    {']', push_kind, PICKLE_LIST},
    {')', push_kind, PICKLE_TUPLE},
    {'}', push_kind, PICKLE_DICT},
    {0x88, push_bool, true},
    {0x89, push_bool, false},
    {'J', push_signed, 4},
    {'K', push_unsigned, 1},
    {'M', push_unsigned, 2},
    {0x8a, push_long, 1},
    {'G', push_float, 8},
    {'X', push_text, 4}, /* BINUNICODE, BINSTRING, BINBYTES */
    {'T', push_text, 4},
    {'B', push_text, 4},
    {0x8c, push_text, 1}, /* the short ones */
    {'U', push_text, 1},
    {'C', push_text, 1},
    {0x8d, push_text, 8}, /* the long ones */
    {0x8e, push_text, 8},
    {'t', build_from_mark, PICKLE_TUPLE},
    {'l', build_from_mark, PICKLE_LIST},
    {'d', build_from_mark, PICKLE_DICT},
    {0x85, build_tuple, 1},
    {0x86, build_tuple, 2},
    {0x87, build_tuple, 3},
    {'a', append_item, 1},
    {'s', set_item, 2},
    {'e', extend_from_mark, PICKLE_LIST},
    {'u', extend_from_mark, PICKLE_DICT},
    {'c', read_global, 0},
    {0x93, stack_global, 0},
    {'R', reduce, 0},
    {'b', build_state, 0},
    {'Q', load_persistent, 0},
    {'q', memo_put_number, 1},
    {'r', memo_put_number, 4},
    {0x94, memoize, 0},
    {'h', memo_get, 1},
    {'j', memo_get, 4},
};

static rf_status run(struct machine *m, uint8_t code, rf_error *err)
{
    char what[32];

    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        if (operations[i].code == code)
            return operations[i].run(m, operations[i].operand, err);
    snprintf(what, sizeof what, "the operation 0x%02x", code);
    return refused(m, what, err);
}

static rf_status run_all(struct machine *m, rf_error *err)
{
    struct pickle_value *root = NULL;
    rf_status status = RF_OK;

    while (status == RF_OK) {
        if (m->at == m->size)
            return damaged(m, "is cut off", err);
        if (m->at >= PICKLE_MAX)
            return refused(m, "more than 16 MB of it", err);
        if (m->data[m->at] == '.') {
            m->at++;
            status = pop(m, &root, err);
            m->pickle->root = root;
            return status;
        }
        status = run(m, m->data[m->at++], err);
    }
    return status;
}

rf_status rf__pickle_read(const uint8_t *data, size_t size, const char *path, size_t first, struct pickle *out,
                          size_t *used, rf_error *err)
{
    struct machine machine = {.data = data, .size = size, .path = path, .first = first, .pickle = out};
    rf_status status;

    *out = (struct pickle){0};
    status = run_all(&machine, err);
    rf__free(machine.stack.at);
    rf__free(machine.memo.at);
    rf__free(machine.marks);
    if (status != RF_OK)
        rf__pickle_release(out);
    else
        *used = machine.at;
    return status;
}

void rf__pickle_release(struct pickle *pickle)
{
    struct pickle_block *block = pickle->blocks, *next;

    for (; block != NULL; block = next) {
        next = block->next;
        for (size_t i = 0; i < block->n; i++) {
            enum pickle_kind kind = block->values[i].kind;
            if (kind == PICKLE_TUPLE || kind == PICKLE_LIST || kind == PICKLE_DICT)
                rf__free(block->values[i].as.items.at);
        }
        rf__free(block);
    }
    *pickle = (struct pickle){0};
}

const struct pickle_value *rf__pickle_get(const struct pickle_value *dict, const char *key)
{
    size_t len = strlen(key);

    for (size_t i = 0; i + 1 < dict->as.items.n; i += 2) {
        const struct pickle_value *name = dict->as.items.at[i];
        if (name->kind == PICKLE_TEXT && name->as.text.len == len && memcmp(name->as.text.data, key, len) == 0)
            return dict->as.items.at[i + 1];
    }
    return NULL;
}

struct pickle_cursor rf__pickle_cursor(const struct pickle *pickle)
{
    return (struct pickle_cursor){pickle->blocks, 0};
}

const struct pickle_value *rf__pickle_next(struct pickle_cursor *cursor, enum pickle_kind kind)
{
    for (; cursor->block != NULL; cursor->block = cursor->block->next, cursor->i = 0)
        while (cursor->i < cursor->block->n)
            if (cursor->block->values[cursor->i++].kind == kind)
                return &cursor->block->values[cursor->i - 1];
    return NULL;
}

size_t rf__pickle_count(const struct pickle *pickle, enum pickle_kind kind)
{
    struct pickle_cursor cursor = rf__pickle_cursor(pickle);
    size_t n = 0;

    while (rf__pickle_next(&cursor, kind) != NULL)
        n++;
    return n;
}
