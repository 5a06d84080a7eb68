/* external_weights: see external_weights.h. Two passes over nested length-delimited fields, no recursion. */
#include "base/external_weights.h"

#include "base/mem.h"
#include "base/onnx_fields.h"
#include "base/wire.h"

#include <stdio.h>
#include <string.h>

#define LOCATION_EXTERNAL 1    /* TensorProto.DataLocation */
#define DETACH_FROM       1024 /* bytes: smaller tensors stay, shapes and scalars among them */

static rf_status append_varint(struct buf *out, uint64_t value, rf_error *err)
{
    char bytes[10];
    size_t n = 0;

    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (char)(value | 0x80);
    bytes[n++] = (char)value;
    return rf__buf_append(out, bytes, n, err);
}

static rf_status append_bytes_field(struct buf *out, unsigned number, const void *data, size_t len, rf_error *err)
{
    rf_status status = append_varint(out, (uint64_t)number << 3 | WIRE_BYTES, err);

    if (status == RF_OK)
        status = append_varint(out, len, err);
    return status == RF_OK ? rf__buf_append(out, data, len, err) : status;
}

static rf_status append_entry(struct buf *out, const char *key, const char *value, rf_error *err)
{
    struct buf entry;
    rf_status status;

    rf__buf_init(&entry, 64 << 10);
    status = append_bytes_field(&entry, ENTRY_KEY, key, strlen(key), err);
    if (status == RF_OK)
        status = append_bytes_field(&entry, ENTRY_VALUE, value, strlen(value), err);
    if (status == RF_OK)
        status = append_bytes_field(out, TENSOR_EXTERNAL_DATA, entry.data, entry.len, err);
    rf__buf_release(&entry);
    return status;
}

/* A tensor without its raw data, pointing at [offset, offset + len) of the file. */
static rf_status detach_tensor(const uint8_t *model, const struct field *tensor, const struct field *raw,
                               const char *location, struct buf *out, rf_error *err)
{
    char offset[32], len[32];
    rf_status status;

    snprintf(offset, sizeof offset, "%zu", raw->body);
    snprintf(len, sizeof len, "%zu", raw->end - raw->body);
    status = rf__buf_append(out, model + tensor->body, raw->start - tensor->body, err);
    if (status == RF_OK)
        status = rf__buf_append(out, model + raw->end, tensor->end - raw->end, err);
    if (status == RF_OK)
        status = append_entry(out, "location", location, err);
    if (status == RF_OK)
        status = append_entry(out, "offset", offset, err);
    if (status == RF_OK)
        status = append_entry(out, "length", len, err);
    if (status == RF_OK)
        status = append_varint(out, TENSOR_DATA_LOCATION << 3 | WIRE_VARINT, err);
    return status == RF_OK ? append_varint(out, LOCATION_EXTERNAL, err) : status;
}

/* The place of a location; NULL where none is given. */
static const char *place_of(const struct external_places *places, const char *location, size_t len)
{
    const size_t i = places->data == NULL ? 0 : rf__external_data_find(places->data, location, len);

    return places->data == NULL || i == places->data->n ? NULL : places->places[i];
}

/* A tensor that is elsewhere, with the place where that is. */
static rf_status move_tensor(const uint8_t *model, const struct field *tensor, const struct external_places *places,
                             struct buf *out, rf_error *err)
{
    struct field field = {0}, location;
    rf_status status = RF_OK;

    for (size_t at = tensor->body; at < tensor->end && status == RF_OK; at = field.end) {
        const char *place = NULL;
        if (!rf__wire_field(model, at, tensor->end, &field))
            return RF_BAD_FORMAT;
        if (rf__external_location(model, &field, &location))
            place = place_of(places, (const char *)model + location.body, location.end - location.body);
        status = place != NULL ? append_entry(out, "location", place, err)
                               : rf__buf_append(out, model + field.start, field.end - field.start, err);
    }
    return status;
}

/* The raw data of a tensor, when it is worth detaching. */
static bool find_raw_data(const uint8_t *model, const struct field *tensor, struct field *raw)
{
    struct field field;
    bool found = false;

    for (size_t at = tensor->body; at < tensor->end; at = field.end) {
        if (!rf__wire_field(model, at, tensor->end, &field))
            return false;
        if (field.number == TENSOR_RAW_DATA && field.wire == WIRE_BYTES) {
            if (found)
                return false;
            *raw = field;
            found = true;
        }
        if (field.number == TENSOR_DATA_LOCATION || field.number == TENSOR_EXTERNAL_DATA)
            return false; /* already somewhere else */
    }
    return found && raw->end - raw->body >= DETACH_FROM;
}

static rf_status copy_graph(const uint8_t *model, const struct field *graph, const struct external_places *places,
                            struct buf *out, size_t *n_detached, rf_error *err)
{
    struct buf tensor;
    rf_status status = RF_OK;
    struct field field = {0}, raw = {0};

    rf__buf_init(&tensor, out->max);
    for (size_t at = graph->body; at < graph->end && status == RF_OK; at = field.end) {
        rf__buf_clear(&tensor);
        if (!rf__wire_field(model, at, graph->end, &field)) {
            status = RF_BAD_FORMAT;
        } else if (field.number == GRAPH_INITIALIZER && field.wire == WIRE_BYTES) {
            bool is_detached = find_raw_data(model, &field, &raw);
            status = is_detached ? detach_tensor(model, &field, &raw, places->own, &tensor, err)
                                 : move_tensor(model, &field, places, &tensor, err);
            if (status == RF_OK)
                status = append_bytes_field(out, GRAPH_INITIALIZER, tensor.data, tensor.len, err);
            *n_detached += is_detached;
        } else {
            status = rf__buf_append(out, model + field.start, field.end - field.start, err);
        }
    }
    rf__buf_release(&tensor);
    return status;
}

rf_status rf__external_weights(const uint8_t *model, size_t len, const struct external_places *places, struct buf *out,
                               size_t *n_detached, rf_error *err)
{
    struct buf graph;
    rf_status status = RF_OK;
    struct field field = {0};

    *n_detached = 0;
    rf__buf_init(&graph, out->max);
    for (size_t at = 0; at < len && status == RF_OK; at = field.end) {
        if (!rf__wire_field(model, at, len, &field)) {
            status = RF_BAD_FORMAT;
        } else if (field.number == MODEL_GRAPH && field.wire == WIRE_BYTES) {
            rf__buf_clear(&graph);
            status = copy_graph(model, &field, places, &graph, n_detached, err);
            if (status == RF_OK)
                status = append_bytes_field(out, MODEL_GRAPH, graph.data, graph.len, err);
        } else {
            status = rf__buf_append(out, model + field.start, field.end - field.start, err);
        }
    }
    rf__buf_release(&graph);
    return status;
}
