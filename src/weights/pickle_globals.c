/* pickle_globals: see pickle_globals.h. */
#include "weights/pickle_globals.h"

#include <string.h>

static const struct {
    const char *module, *name;
    enum pickle_global global;
    enum dtype dtype;
} names[] = {
    {"collections", "OrderedDict", GLOBAL_ORDERED_DICT, DTYPE_U8},
    {"torch._utils", "_rebuild_tensor", GLOBAL_REBUILD_TENSOR, DTYPE_U8},
    {"torch._utils", "_rebuild_tensor_v2", GLOBAL_REBUILD_TENSOR, DTYPE_U8},
    {"torch._utils", "_rebuild_parameter", GLOBAL_REBUILD_PARAMETER, DTYPE_U8},
    {"torch", "Size", GLOBAL_SIZE, DTYPE_U8},
    {"torch", "FloatStorage", GLOBAL_STORAGE, DTYPE_F32},
    {"torch", "HalfStorage", GLOBAL_STORAGE, DTYPE_F16},
    {"torch", "BFloat16Storage", GLOBAL_STORAGE, DTYPE_BF16},
    {"torch", "DoubleStorage", GLOBAL_STORAGE, DTYPE_F64},
    {"torch", "LongStorage", GLOBAL_STORAGE, DTYPE_I64},
    {"torch", "IntStorage", GLOBAL_STORAGE, DTYPE_I32},
    {"torch", "ShortStorage", GLOBAL_STORAGE, DTYPE_I16},
    {"torch", "CharStorage", GLOBAL_STORAGE, DTYPE_I8},
    {"torch", "ByteStorage", GLOBAL_STORAGE, DTYPE_U8},
    {"torch", "BoolStorage", GLOBAL_STORAGE, DTYPE_BOOL},
};

static bool is(const char *text, const char *data, size_t len)
{
    return strlen(text) == len && memcmp(text, data, len) == 0;
}

bool rf__pickle_global(const char *module, size_t module_len, const char *name, size_t name_len,
                       struct pickle_value *value)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (!is(names[i].module, module, module_len) || !is(names[i].name, name, name_len))
            continue;
        value->as.global.name = names[i].global;
        value->as.global.dtype = names[i].dtype;
        return true;
    }
    return false;
}
