/* external_data: see external_data.h. */
#include "base/external_data.h"

#include "base/mem.h"
#include "base/onnx_fields.h"

#include <string.h>

bool rf__external_location(const uint8_t *model, const struct field *entry, struct field *location)
{
    static const char key[] = "location";
    struct field field = {0};
    bool is_location = false, has_value = false;

    if (entry->number != TENSOR_EXTERNAL_DATA || entry->wire != WIRE_BYTES)
        return false;
    for (size_t at = entry->body; at < entry->end; at = field.end) {
        if (!rf__wire_field(model, at, entry->end, &field))
            return false;
        if (field.wire != WIRE_BYTES)
            continue;
        if (field.number == ENTRY_KEY)
            is_location =
                field.end - field.body == sizeof key - 1 && memcmp(model + field.body, key, sizeof key - 1) == 0;
        if (field.number == ENTRY_VALUE) {
            *location = field;
            has_value = true;
        }
    }
    return is_location && has_value;
}

bool rf__external_is_inside(const char *location)
{
    size_t len;

    if (location[0] == '\0' || location[0] == '/' || strpbrk(location, "\\:") != NULL)
        return false;
    for (const char *step = location; *step != '\0'; step += len + (step[len] == '/')) {
        len = strcspn(step, "/");
        if (len == 2 && memcmp(step, "..", 2) == 0)
            return false;
    }
    return true;
}

/* ---- The list ------------------------------------------------------------------------------------------------- */

size_t rf__external_data_find(const struct external_data *data, const char *location, size_t len)
{
    for (size_t i = data->n; i > 0; i--) /* most often it is that of the tensor before */
        if (strlen(data->locations[i - 1]) == len && memcmp(data->locations[i - 1], location, len) == 0)
            return i - 1;
    return data->n;
}

static rf_status add(struct external_data *data, const char *location, size_t len, rf_error *err)
{
    char *copy;

    if (rf__external_data_find(data, location, len) < data->n)
        return RF_OK;
    if (data->n == EXTERNAL_MOST_FILES)
        return rf__fail(err, RF_UNSUPPORTED, "unsupported: tensors in more than %d files", EXTERNAL_MOST_FILES);
    if (memchr(location, '\0', len) != NULL)
        return RF_BAD_FORMAT;
    if (data->n == data->cap) {
        size_t cap = data->cap == 0 ? 4 : 2 * data->cap;
        char **locations = rf__realloc(data->locations, cap * sizeof *locations);
        if (locations == NULL)
            return rf__fail_memory(err);
        data->locations = locations;
        data->cap = cap;
    }
    copy = rf__strndup(location, len);
    if (copy == NULL)
        return rf__fail_memory(err);
    data->locations[data->n++] = copy;
    return RF_OK;
}

static rf_status read_tensor(const uint8_t *model, const struct field *tensor, struct external_data *out, rf_error *err)
{
    struct field field = {0}, location;
    rf_status status = RF_OK;

    for (size_t at = tensor->body; at < tensor->end && status == RF_OK; at = field.end) {
        if (!rf__wire_field(model, at, tensor->end, &field))
            return RF_BAD_FORMAT;
        if (rf__external_location(model, &field, &location))
            status = add(out, (const char *)model + location.body, location.end - location.body, err);
    }
    return status;
}

static rf_status read_graph(const uint8_t *model, const struct field *graph, struct external_data *out, rf_error *err)
{
    struct field field = {0};
    rf_status status = RF_OK;

    for (size_t at = graph->body; at < graph->end && status == RF_OK; at = field.end) {
        if (!rf__wire_field(model, at, graph->end, &field))
            return RF_BAD_FORMAT;
        if (field.number == GRAPH_INITIALIZER && field.wire == WIRE_BYTES)
            status = read_tensor(model, &field, out, err);
    }
    return status;
}

rf_status rf__external_data_read(const uint8_t *model, size_t len, struct external_data *out, rf_error *err)
{
    struct field field = {0};
    rf_status status = RF_OK;
    bool has_graph = false;

    *out = (struct external_data){0};
    for (size_t at = 0; at < len && status == RF_OK; at = field.end) {
        if (!rf__wire_field(model, at, len, &field)) {
            status = RF_BAD_FORMAT;
        } else if (field.number == MODEL_GRAPH && field.wire == WIRE_BYTES) {
            has_graph = true;
            status = read_graph(model, &field, out, err);
        }
    }
    if (status == RF_OK && !has_graph)
        status = RF_BAD_FORMAT;
    if (status != RF_OK)
        rf__external_data_release(out);
    return status;
}

void rf__external_data_release(struct external_data *data)
{
    for (size_t i = 0; i < data->n; i++)
        rf__free(data->locations[i]);
    rf__free(data->locations);
    *data = (struct external_data){0};
}
