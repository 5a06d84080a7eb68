/* onnx_wire: see onnx_wire.h. Numbers of fields are those of third_party/onnx/onnx.proto. */
#include "onnx/onnx_wire.h"

#include "base/wire.h"

enum kind { MODEL, TRAINING, FUNCTION, GRAPH, NODE, ATTRIBUTE, VALUE, TYPE, OF_TYPES, KINDS };

/* The fields of a message that may hold it again, in the end; behind them 0, which no field has. */
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

static bool is_shallow(const uint8_t *data, size_t end, enum kind kind, unsigned depth_left)
{
    struct field field = {0};

    if (depth_left == 0)
        return false;
    for (size_t at = 0; at < end; at = field.end) {
        if (!rf__wire_field(data, at, end, &field))
            return false;
        for (int i = 0; field.wire == WIRE_BYTES && i < MAX_FIELDS; i++) {
            if (fields[kind][i].number == field.number &&
                !is_shallow(data + field.body, field.end - field.body, fields[kind][i].kind, depth_left - 1))
                return false;
        }
    }
    return true;
}

bool rf__onnx_is_shallow(const uint8_t *model, size_t len, unsigned max_depth)
{
    return is_shallow(model, len, MODEL, max_depth);
}
