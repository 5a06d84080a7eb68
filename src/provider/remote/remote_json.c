/* remote_json: what is written to servers and read from them; see remote.h. */
#include "provider/remote/remote.h"

#include "base/base64.h"
#include "base/bytes.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

/* ---- Texts ------------------------------------------------------------------------------------------------------- */

rf_status rf__remote_write_text(const struct remote_batch *batch, size_t i, struct buf *body, rf_error *err)
{
    const rf_text *text = &batch->texts[i];
    size_t prompt_len = strlen(batch->prompt), len;
    rf_status status;
    char *joined;

    if (prompt_len == 0 && text->len == 0)
        return rf__buf_append_str(body, "\" \"", err);
    if (prompt_len == 0)
        return rf__buf_append_json(body, text->data, text->len, err);
    joined = rf__add(prompt_len, text->len, &len) ? rf__alloc(len) : NULL;
    if (joined == NULL)
        return rf__fail_memory(err);
    memcpy(joined, batch->prompt, prompt_len);
    if (text->len > 0)
        memcpy(joined + prompt_len, text->data, text->len);
    status = rf__buf_append_json(body, joined, len, err);
    rf__free(joined);
    return status;
}

rf_status rf__remote_write_texts(const struct remote_batch *batch, struct buf *body, rf_error *err)
{
    rf_status status = rf__buf_append_byte(body, '[', err);

    for (size_t i = 0; i < batch->n && status == RF_OK; i++) {
        if (i > 0)
            status = rf__buf_append_byte(body, ',', err);
        if (status == RF_OK)
            status = rf__remote_write_text(batch, i, body, err);
    }
    return status == RF_OK ? rf__buf_append_byte(body, ']', err) : status;
}

/* ---- Vectors ----------------------------------------------------------------------------------------------------- */

/* Whether a vector of n numbers is as long as it should be, or the first. */
static rf_status check_dim(size_t row, size_t n, struct remote_reply *reply, rf_error *err)
{
    if (reply->dim == 0 && n > 0 && n <= REMOTE_MAX_DIM)
        reply->dim = (uint32_t)n;
    if (n == 0 || n != reply->dim)
        return rf__fail(err, RF_BAD_FORMAT, "vector %zu has %zu numbers, expected %u", row, n, reply->dim);
    return RF_OK;
}

static float *row_of(const struct remote_reply *reply, size_t row)
{
    return reply->vectors + (reply->rows != NULL ? reply->rows[row] : row) * reply->dim;
}

static rf_status read_base64(yyjson_val *value, size_t row, struct remote_reply *reply, rf_error *err)
{
    size_t len = yyjson_get_len(value), n_bytes = 0;
    uint8_t *bytes = rf__alloc(rf__base64_room(len));
    rf_status status = RF_OK;

    if (bytes == NULL)
        return rf__fail_memory(err);
    if (!rf__base64_decode(yyjson_get_str(value), len, bytes, &n_bytes) || n_bytes % sizeof(float) != 0)
        status = rf__fail(err, RF_BAD_FORMAT, "vector %zu is no base64 of 32-bit numbers", row);
    if (status == RF_OK)
        status = check_dim(row, n_bytes / sizeof(float), reply, err);
    for (size_t i = 0; status == RF_OK && i < reply->dim; i++) {
        uint32_t bits = rf__u32_at(bytes + i * sizeof(float));
        memcpy(row_of(reply, row) + i, &bits, sizeof bits);
    }
    rf__free(bytes);
    return status;
}

static rf_status read_numbers(yyjson_val *value, size_t row, struct remote_reply *reply, rf_error *err)
{
    rf_status status = check_dim(row, yyjson_arr_size(value), reply, err);
    yyjson_val *number;
    size_t i, n;

    if (status != RF_OK)
        return status;
    yyjson_arr_foreach(value, i, n, number)
    {
        if (!yyjson_is_num(number))
            return rf__fail(err, RF_BAD_FORMAT, "number %zu of vector %zu is %s", i, row, rf__json_type_name(number));
        row_of(reply, row)[i] = (float)yyjson_get_num(number);
    }
    return RF_OK;
}

rf_status rf__remote_read_vector(yyjson_val *value, size_t row, struct remote_reply *reply, rf_error *err)
{
    rf_status status;

    if (yyjson_is_str(value))
        status = read_base64(value, row, reply, err);
    else if (yyjson_is_arr(value))
        status = read_numbers(value, row, reply, err);
    else
        status = rf__fail(err, RF_BAD_FORMAT, "vector %zu is %s, expected numbers or base64", row,
                          rf__json_type_name(value));
    for (size_t i = 0; status == RF_OK && i < reply->dim; i++)
        if (!isfinite(row_of(reply, row)[i]))
            status = rf__fail(err, RF_BAD_FORMAT, "number %zu of vector %zu is not finite", i, row);
    return status;
}

uint64_t rf__remote_read_count(yyjson_val *value)
{
    double number = yyjson_is_num(value) ? yyjson_get_num(value) : 0;

    return number > 0 && number < 1e15 ? (uint64_t)number : 0;
}

/* Whether JSON that cannot be parsed lacks its end: the connection was cut where no length was announced. */
static bool is_cut(const char *body, size_t len)
{
    while (len > 0 && (body[len - 1] == '\n' || body[len - 1] == '\r' || body[len - 1] == ' '))
        len--;
    return len == 0 || (body[0] == '{' && body[len - 1] != '}');
}

rf_status rf__remote_read(const struct remote_api *api, const char *body, size_t len, size_t n,
                          struct remote_reply *reply, rf_error *err)
{
    struct json json = {0};
    rf_status status = rf__json_parse(&json, body != NULL ? body : "", len, "the reply", err);

    if (status == RF_BAD_FORMAT && is_cut(body, len))
        return rf__fail(err, RF_NETWORK, "the reply ends early, after %zu bytes", len);
    if (status == RF_OK && !yyjson_is_obj(json.root))
        status = rf__fail(err, RF_BAD_FORMAT, "the reply is %s, expected an object", rf__json_type_name(json.root));
    if (status == RF_OK)
        status = api->read(&json, n, reply, err);
    rf__json_release(&json);
    return status;
}

/* ---- Failures ---------------------------------------------------------------------------------------------------- */

/* Copies text to fit, on one line. */
static void put_line(char out[REMOTE_MESSAGE], const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len && n < REMOTE_MESSAGE - 1; i++) {
        bool is_blank = (uint8_t)text[i] <= ' ';
        if (!is_blank)
            out[n++] = text[i];
        else if (n > 0 && out[n - 1] != ' ')
            out[n++] = ' ';
    }
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
}

static const char *text_of(yyjson_val *object, const char *key)
{
    yyjson_val *value = yyjson_obj_get(object, key);

    return yyjson_is_str(value) ? yyjson_get_str(value) : NULL;
}

/* OpenAI's {"error": {"message", "code", "type"}}, Cohere's {"message"}, FastAPI's {"detail": text or [{"msg"}]}. */
static const char *find_message(yyjson_val *root, const char **code)
{
    yyjson_val *error = yyjson_obj_get(root, "error"), *detail = yyjson_obj_get(root, "detail");
    const char *found = text_of(error, "message");

    *code = text_of(error, "code");
    if (*code == NULL)
        *code = text_of(error, "type");
    if (found == NULL)
        found = text_of(root, "message");
    if (found == NULL)
        found = text_of(root, "error");
    if (found == NULL)
        found = text_of(root, "detail");
    if (found == NULL)
        found = text_of(yyjson_arr_get(detail, 0), "msg");
    return found;
}

/* A new string with every `secret` of the text as "***"; NULL when out of memory. */
static char *hide(const char *text, size_t len, const char *secret)
{
    struct buf shown;
    size_t secret_len = secret != NULL ? strlen(secret) : 0;
    rf_status status = RF_OK;
    char *out;

    rf__buf_init(&shown, NET_MAX_ERROR_BODY + 1);
    for (size_t i = 0; i < len && status == RF_OK;) {
        if (secret_len > 0 && len - i >= secret_len && memcmp(text + i, secret, secret_len) == 0) {
            status = rf__buf_append_str(&shown, "***", NULL);
            i += secret_len;
        } else {
            status = rf__buf_append_byte(&shown, text[i++], NULL);
        }
    }
    out = status == RF_OK ? rf__buf_detach(&shown) : NULL;
    rf__buf_release(&shown);
    return out;
}

void rf__remote_message(const char *body, size_t len, const char *secret, char message[REMOTE_MESSAGE],
                        char code[REMOTE_MESSAGE])
{
    struct json json = {0};
    const char *found = NULL, *found_code = NULL;
    char *shown = NULL;

    message[0] = code[0] = '\0';
    if (body == NULL || len == 0)
        return;
    if (rf__json_parse(&json, body, len, "the reply", NULL) == RF_OK)
        found = find_message(json.root, &found_code);
    if (found_code != NULL)
        put_line(code, found_code, strlen(found_code));
    if (found != NULL)
        shown = hide(found, strlen(found), secret);
    else if (json.doc == NULL && body[0] != '<') /* the page of a proxy says nothing in a line */
        shown = hide(body, len, secret);
    if (shown != NULL)
        put_line(message, shown, strlen(shown));
    rf__free(shown);
    rf__json_release(&json);
}

/* A number with or without a fraction, whatever the locale; *at moves behind it. Negative: there is none. */
static double read_number(const char **at)
{
    double number = 0, unit = 1;
    const char *s = *at;

    for (; *s >= '0' && *s <= '9'; s++)
        number = number * 10 + (*s - '0');
    if (s == *at)
        return -1;
    for (s += *s == '.'; *s >= '0' && *s <= '9'; s++) {
        unit /= 10;
        number += unit * (*s - '0');
    }
    *at = s;
    return number;
}

uint64_t rf__remote_duration_ms(const char *text, size_t len)
{
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"", 1000}};
    const size_t n_units = sizeof units / sizeof units[0];
    char copy[32];
    const char *at = copy;
    double sum = 0;

    if (len == 0 || len >= sizeof copy || memchr(text, '\0', len) != NULL)
        return UINT64_MAX;
    memcpy(copy, text, len);
    copy[len] = '\0';
    while (*at != '\0') {
        double number = read_number(&at);
        size_t letters = strspn(at, "hms"), i = 0;
        while (i < n_units && (strlen(units[i].name) != letters || strncmp(at, units[i].name, letters) != 0))
            i++;
        if (number < 0 || i == n_units)
            return UINT64_MAX;
        sum += number * units[i].ms;
        at += letters;
    }
    return sum < 1e15 ? (uint64_t)sum : UINT64_MAX;
}
