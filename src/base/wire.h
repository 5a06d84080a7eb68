/*
 * wire: the fields of a protobuf message, one after the other, as ONNX files and models of sentencepiece are made of.
 * Nothing is copied, nothing read outside of the bytes given.
 *
 * Format: protobuf.dev/programming-guides/encoding.
 */
#ifndef RF_BASE_WIRE_H
#define RF_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RF_WIRE_MAX_NUMBER (UINT32_MAX >> 3) /* of a field */

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* One field of a message: [start, end) with its tag; [body, end) the contents, but of WIRE_VARINT, which is `value`. */
struct field {
    uint64_t number; /* 1 to RF_WIRE_MAX_NUMBER */
    enum wire wire;
    uint64_t value; /* of WIRE_VARINT */
    size_t start, body, end;
};

/* Reads a number at *at, which moves behind it; false when it does not end before `end`. */
bool rf__wire_varint(const uint8_t *data, size_t end, size_t *at, uint64_t *value);

/* The field at `at`, which lies before `end`; false when it is damaged. */
bool rf__wire_field(const uint8_t *data, size_t at, size_t end, struct field *field);

#endif
