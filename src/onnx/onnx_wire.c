/* onnx_wire: see onnx_wire.h. The wire format: https://protobuf.dev/programming-guides/encoding; numbers of fields are
 * those of third_party/onnx/onnx.proto. */
#include "onnx/onnx_wire.h"

enum kind { MODEL, TRAINING, FUNCTION, GRAPH, NODE, ATTRIBUTE, VALUE, TYPE, OF_TYPES, KINDS };

/* The fields of a message that may hold it again, in the end. */
#define MAX_FIELDS 5
static const struct {
    uint32_t number;
    enum kind kind;
} fields[KINDS][MAX_FIELDS] = {
    [MODEL] = {{7, GRAPH}, {20, TRAINING}, {25, FUNCTION}},
    [TRAINING] = {{1, GRAPH}, {2, GRAPH}},
    [FUNCTION] = {{7, NODE}, {11, ATTRIBUTE}, {12, VALUE}},
    [GRAPH] = {{1, NODE}, {11, VALUE}, {12, VALUE}, {13, VALUE}},
    [NODE] = {{5, ATTRIBUTE}},
    [ATTRIBUTE] = {{6, GRAPH}, {11, GRAPH}, {14, TYPE}, {15, TYPE}},
    [VALUE] = {{2, TYPE}},
    [TYPE] = {{4, OF_TYPES}, {5, OF_TYPES}, {9, OF_TYPES}},
    [OF_TYPES] = {{1, TYPE}, {2, TYPE}}, /* sequences, maps, optionals */
};

static bool read_varint(const uint8_t *data, size_t end, size_t *at, uint64_t *number)
{
    *number = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte;
        if (*at >= end)
            return false;
        byte = data[(*at)++];
        *number |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

static bool is_shallow(const uint8_t *data, size_t end, enum kind kind, unsigned depth_left);

/* One field at *at; moves behind it. */
static bool walk_field(const uint8_t *data, size_t end, enum kind kind, unsigned depth_left, size_t *at)
{
    uint64_t tag, len;

    if (!read_varint(data, end, at, &tag))
        return false;
    switch (tag & 7) {
    case 0:
        return read_varint(data, end, at, &len);
    case 1:
        len = 8;
        break;
    case 2:
        if (!read_varint(data, end, at, &len))
            return false;
        break;
    case 5:
        len = 4;
        break;
    default:
        return false; /* groups: not in ONNX */
    }
    if (len > end - *at)
        return false;
    for (int i = 0; (tag & 7) == 2 && i < MAX_FIELDS; i++) {
        if (fields[kind][i].number == tag >> 3 && fields[kind][i].number != 0 &&
            !is_shallow(data + *at, (size_t)len, fields[kind][i].kind, depth_left))
            return false;
    }
    *at += (size_t)len;
    return true;
}

static bool is_shallow(const uint8_t *data, size_t end, enum kind kind, unsigned depth_left)
{
    if (depth_left == 0)
        return false;
    for (size_t at = 0; at < end;) {
        if (!walk_field(data, end, kind, depth_left - 1, &at))
            return false;
    }
    return true;
}

bool rf__onnx_is_shallow(const uint8_t *model, size_t len, unsigned max_depth)
{
    return is_shallow(model, len, MODEL, max_depth);
}
