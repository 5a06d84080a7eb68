/* Property: in any bytes that read as an ONNX file an encoder is recognized, whose configuration is JSON and whose
 * tensors lie in the file, or a message says what is not understood; and what a run does not need can be taken out of
 * it, which leaves a graph whose values are made once. */
#include "fuzz.h"

#include "base/json.h"
#include "onnx/recognize.h"

static void check_found(const struct recognized *found)
{
    struct json config = {0};
    rf_error err = {0};
    float number;

    check(rf__json_parse(&config, found->config.data, found->config.len, "config.json", &err) == RF_OK);
    rf__json_release(&config);
    check(found->limits.vocabulary > 0 && found->limits.tokens > 0 && found->limits.types > 0);
    for (size_t i = 0; i < rf__weights_count(found->weights); i++) {
        const struct tensor *t = rf__weights_at(found->weights, i);
        check(t->n_elements > 0);
        check(rf__tensor_to_f32(t, 0, 1, &number, &err) == RF_OK);
        check(rf__tensor_to_f32(t, t->n_elements - 1, 1, &number, &err) == RF_OK);
    }
}

static void tidy(const uint8_t *data, size_t size)
{
    struct onnx_file *file = NULL;
    struct index index = {0};
    rf_error err = {0};

    if (rf__onnx_bytes_read(data, size, "fuzz.onnx", &file, &err) != RF_OK)
        return;
    if (rf__onnx_tidy(file, "fuzz.onnx", size % 2 == 0, &err) == RF_OK)
        check(rf__index_build(file->graph, "fuzz.onnx", &index, &err) == RF_OK);
    else
        check(err.message[0] != '\0');
    rf__index_release(&index);
    rf__onnx_file_free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct onnx_file *file = NULL;
    struct recognized found = {0};
    rf_error err = {0};
    rf_status status = rf__onnx_bytes_read(data, size, "fuzz.onnx", &file, &err);

    if (status == RF_OK)
        status = rf__recognize(file, "fuzz.onnx", &found, &err);
    if (status == RF_OK)
        check_found(&found);
    else
        check(err.message[0] != '\0');
    rf__recognized_release(&found);
    rf__onnx_file_free(file);
    tidy(data, size);
    return 0;
}
