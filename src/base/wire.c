/* wire: see wire.h. */
#include "base/wire.h"

bool rf__wire_varint(const uint8_t *data, size_t end, size_t *at, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (*at >= end)
            return false;
        uint8_t byte = data[(*at)++];
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return true;
    }
    return false;
}

bool rf__wire_field(const uint8_t *data, size_t at, size_t end, struct field *field)
{
    uint64_t tag, len;

    field->start = at;
    if (!rf__wire_varint(data, end, &at, &tag))
        return false;
    field->value = 0;
    field->number = tag >> 3;
    if (field->number == 0 || field->number > RF_WIRE_MAX_NUMBER)
        return false;
    field->wire = (enum wire)(tag & 7);
    switch (field->wire) {
    case WIRE_VARINT:
        if (!rf__wire_varint(data, end, &at, &len))
            return false;
        field->value = len;
        len = 0;
        break;
    case WIRE_64:
        len = 8;
        break;
    case WIRE_32:
        len = 4;
        break;
    case WIRE_BYTES:
        if (!rf__wire_varint(data, end, &at, &len))
            return false;
        break;
    default:
        return false; /* groups: nobody writes them */
    }
    if (len > end - at)
        return false;
    field->body = at;
    field->end = at + (size_t)len;
    return true;
}
