/* layout: see layout.h. */
#include "tokenizer/layout.h"

#include "base/mem.h"

/* An item, and whether a part begins with it. Every part has at most one text. */
struct part_item {
    struct layout_item item;
    bool begins;
};

struct parts {
    struct part_item items[RF_LAYOUT_MAX_ITEMS];
    size_t n, n_parts;
};

/* One of the four lists, being made. */
struct making {
    struct parts lists[2];
    struct parts *now, *next;
    bool is_pair, with_special;
    const char *name;
};

static rf_status put(struct making *making, const struct layout_item *item, bool begins, rf_error *err)
{
    struct parts *out = making->next;

    if (out->n == RF_LAYOUT_MAX_ITEMS)
        return rf__fail(err, RF_UNSUPPORTED, "%s: 'post_processor' gives more than %d items", making->name,
                        RF_LAYOUT_MAX_ITEMS);
    out->items[out->n++] = (struct part_item){*item, begins};
    out->n_parts += begins;
    return RF_OK;
}

static rf_status put_special(struct making *making, uint32_t id, uint32_t type_id, bool begins, rf_error *err)
{
    struct layout_item item = {.kind = LAYOUT_SPECIAL,
                               .type_id = type_id,
                               .text = -1,
                               .overflow_type_id = type_id,
                               .id = id,
                               .is_special = true};

    return put(making, &item, begins, err);
}

/* One behind the last item of the part that begins at `begin`. */
static size_t part_end(const struct parts *parts, size_t begin)
{
    size_t end = begin + 1;

    while (end < parts->n && !parts->items[end].begins)
        end++;
    return end;
}

static void trim(struct parts *parts, bool keeps_one_space)
{
    for (size_t i = 0; i < parts->n; i++) {
        struct layout_item *item = &parts->items[i].item;
        uint32_t bit = 1u << item->n_trims;
        if (item->kind == LAYOUT_SPECIAL)
            continue;
        item->trim_is_front |= parts->items[i].begins ? bit : 0;
        item->trim_keeps |= keeps_one_space ? bit : 0;
        item->n_trims++;
    }
}

/* "cls" in front of the first part, `between` in front of the others (unless `has_between` is false), "sep" behind all
 * of them. The parts themselves no longer count as special. */
static rf_status wrap(struct making *making, const struct post_step *step, bool has_between, uint32_t end_type,
                      rf_error *err)
{
    const struct parts *parts = making->now;
    rf_status status = RF_OK;

    for (size_t begin = 0, end; begin < parts->n && status == RF_OK; begin = end) {
        bool is_first = begin == 0, has_front = is_first || has_between;
        end = part_end(parts, begin);
        if (has_front)
            status = put_special(making, is_first ? step->cls : step->sep, 0, true, err);
        for (size_t i = begin; i < end && status == RF_OK; i++) {
            struct layout_item item = parts->items[i].item;
            item.is_special = false;
            status = put(making, &item, i == begin && !has_front, err);
        }
        if (status == RF_OK)
            status = put_special(making, step->sep, is_first ? 0 : end_type, false, err);
    }
    return status;
}

static rf_status apply_roberta(struct making *making, const struct post_step *step, rf_error *err)
{
    struct parts *parts = making->now;

    for (size_t i = 0; i < parts->n; i++) {
        parts->items[i].item.type_id = 0;
        if (making->with_special)
            parts->items[i].item.overflow_type_id = 0;
    }
    return making->with_special ? wrap(making, step, true, 0, err) : RF_OK;
}

static rf_status apply_template(struct making *making, const struct post_step *step, rf_error *err)
{
    const struct parts *parts = making->now;
    const struct template *template;
    size_t begins[2] = {0, 0};
    rf_status status = RF_OK;

    if (parts->n_parts == 0 || parts->n_parts > 2)
        return rf__fail(err, RF_UNSUPPORTED,
                        "%s: unsupported: 'post_processor' has a 'TemplateProcessing' behind kinds that give %zu parts",
                        making->name, parts->n_parts);
    template = &step->templates[parts->n_parts - 1];
    if (parts->n_parts == 2)
        begins[1] = part_end(parts, 0);
    for (size_t k = 0; k < template->n && status == RF_OK; k++) {
        const struct template_item *wanted = &template->items[k];
        size_t begin = begins[wanted->kind == TEMPLATE_SECOND];
        if (wanted->kind == TEMPLATE_SPECIAL) {
            if (making->with_special)
                status = put_special(making, wanted->id, wanted->type_id, !wanted->continues, err);
            continue;
        }
        for (size_t i = begin, end = part_end(parts, begin); i < end && status == RF_OK; i++) {
            struct layout_item item = parts->items[i].item;
            item.type_id = wanted->type_id;
            status = put(making, &item, i == begin, err);
        }
    }
    return status;
}

static rf_status apply(struct making *making, const struct post_step *step, rf_error *err)
{
    struct parts *made;
    rf_status status = RF_OK;

    if (step->trim_offsets)
        trim(making->now, step->keeps_one_space);
    if (step->kind == POST_BYTE_LEVEL || (step->kind == POST_BERT && !making->with_special))
        return RF_OK;
    making->next->n = making->next->n_parts = 0;
    if (step->kind == POST_BERT)
        status = wrap(making, step, false, 1, err);
    else if (step->kind == POST_ROBERTA)
        status = apply_roberta(making, step, err);
    else
        status = apply_template(making, step, err);
    if (step->kind == POST_ROBERTA && !making->with_special)
        return status;
    made = making->next;
    making->next = making->now;
    making->now = made;
    return status;
}

/* Tells the special tokens of a part which text they are around. */
static void name_texts(struct parts *parts)
{
    for (size_t begin = 0, end; begin < parts->n; begin = end) {
        int8_t text = -1;
        end = part_end(parts, begin);
        for (size_t i = begin; i < end; i++)
            if (parts->items[i].item.kind != LAYOUT_SPECIAL)
                text = parts->items[i].item.text;
        for (size_t i = begin; i < end; i++)
            parts->items[i].item.text = text;
    }
}

/* Parts as they are before the first kind. */
static void begin(struct making *making)
{
    making->now = &making->lists[0];
    making->next = &making->lists[1];
    making->now->items[0] = (struct part_item){.item = {.kind = LAYOUT_FIRST}, .begins = true};
    making->now->items[1] = (struct part_item){
        .item = {.kind = LAYOUT_SECOND, .type_id = 1, .text = 1, .overflow_type_id = 1},
        .begins = true,
    };
    making->now->n = making->now->n_parts = making->is_pair ? 2 : 1;
}

static rf_status make_one(struct making *making, const struct post_steps *steps, struct postprocessor *processor,
                          rf_error *err)
{
    struct layout *out = &processor->layouts[making->is_pair][making->with_special];

    begin(making);
    for (size_t i = 0; i < steps->n; i++) {
        rf_status status = apply(making, &steps->items[i], err);
        if (status != RF_OK)
            return status;
    }
    name_texts(making->now);
    out->items = rf__alloc_array(making->now->n, sizeof *out->items);
    if (out->items == NULL)
        return rf__fail_memory(err);
    out->n = making->now->n;
    for (size_t i = 0; i < out->n; i++) {
        out->items[i] = making->now->items[i].item;
        processor->trims |= out->items[i].n_trims > 0;
    }
    return RF_OK;
}

static uint32_t count_added(const struct post_steps *steps, bool is_pair)
{
    uint32_t n = 0;

    for (size_t i = 0; i < steps->n; i++) {
        const struct post_step *step = &steps->items[i];
        const struct template *template = &step->templates[is_pair];
        if (step->kind == POST_BERT)
            n += is_pair ? 3 : 2;
        else if (step->kind == POST_ROBERTA)
            n += is_pair ? 4 : 2;
        for (size_t k = 0; k < template->n; k++)
            n += template->items[k].kind == TEMPLATE_SPECIAL;
    }
    return n;
}

rf_status rf__layouts_make(struct postprocessor *processor, const struct post_steps *steps, const char *name,
                           rf_error *err)
{
    struct making *making = rf__alloc(sizeof *making);
    rf_status status = RF_OK;

    if (making == NULL)
        return rf__fail_memory(err);
    making->name = name;
    for (int i = 0; i < 4 && status == RF_OK; i++) {
        making->is_pair = i / 2;
        making->with_special = i % 2;
        status = make_one(making, steps, processor, err);
    }
    processor->n_added[0] = count_added(steps, false);
    processor->n_added[1] = count_added(steps, true);
    rf__free(making);
    return status;
}

void rf__post_steps_release(struct post_steps *steps)
{
    for (size_t i = 0; i < steps->n; i++) {
        rf__free(steps->items[i].templates[0].items);
        rf__free(steps->items[i].templates[1].items);
    }
    steps->n = 0;
}
