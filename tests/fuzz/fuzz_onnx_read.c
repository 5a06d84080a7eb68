/* Property: any bytes are refused with a message, or they are a graph whose values are made once; quantizing it is
 * refused with a message, or leaves such a graph, whose tensors can be made or are refused. */
#include "fuzz.h"

#include "base/mem.h"
#include "onnx/index.h"
#include "onnx/quantize.h"

#define MADE_MAX ((size_t)16 << 20)

static void make_tensors(struct graph *graph)
{
    struct graph_parts parts = rf__graph_parts(graph);

    for (size_t i = 0; i < parts.proto->n_initializer; i++) {
        const struct made_tensor *made = parts.external[i] == NULL ? NULL : parts.external[i]->made;
        rf_error err = {0};
        void *bytes;
        if (made == NULL || made->n * made->size > MADE_MAX)
            continue;
        bytes = rf__alloc(made->n * made->size);
        check(bytes != NULL);
        if (made->make(made->arg, bytes, &err) != RF_OK)
            check(err.message[0] != '\0');
        rf__free(bytes);
    }
}

static void quantize(const uint8_t *data, size_t size, enum onnx_form form)
{
    const struct onnx_quantize how = {.form = form, .quantize_embeddings = true};
    struct onnx_file *file = NULL;
    struct index index = {0};
    rf_error err = {0};

    if (rf__onnx_bytes_read(data, size, "fuzz.onnx", &file, &err) != RF_OK) {
        check(err.message[0] != '\0');
        return;
    }
    if (rf__quantize_file(file, "fuzz.onnx", &how, &err) == RF_OK) {
        check(rf__index_build(file->graph, "fuzz.onnx", &index, &err) == RF_OK);
        make_tensors(file->graph);
    } else {
        check(err.message[0] != '\0');
    }
    rf__index_release(&index);
    rf__onnx_file_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    quantize(data, size, ONNX_FORM_INT8);
    quantize(data, size, ONNX_FORM_INT8_DYNAMIC);
    quantize(data, size, ONNX_FORM_FP16);
    return 0;
}
