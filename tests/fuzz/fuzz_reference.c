/*
 * Property: whatever config.json says of weights that are there, it is refused with a message, or a text runs through
 * the model and gives as many numbers as the model says; nothing is read that the weights do not have.
 *
 * The first byte of the input chooses the weights, the rest is config.json.
 */
#include "fuzz.h"

#include "base/mem.h"
#include "reference/reference.h"

#include <stdio.h>
#include <string.h>

#define FOLDER RF_SOURCE_DIR "/tests/golden/architectures/"

static const char *const models[] = {"bert",   "roberta", "mpnet-far",  "albert-groups", "jina",  "electra",
                                     "t5-far", "mt5",     "deberta-v2", "deberta-plain", "qwen3", "qwen2-sliding",
                                     "gemma3", "gte",     "nomic",      "modernbert"};
#define N_MODELS (sizeof models / sizeof models[0])

static void run(const struct engine *engine)
{
    static const uint32_t ids[] = {0, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, types[12] = {0};
    const struct engine_batch batch = {.ids = ids, .type_ids = types, .n_texts = 2, .n_tokens = 6};
    struct engine_output out;
    rf_error err = {0};
    float sum = 0;

    if (rf__engine_run(engine, &batch, &out, &err) != RF_OK) {
        check(err.message[0] != '\0');
        return;
    }
    check(out.dim == engine->info.dim && out.n_texts == 2 && out.n_tokens == 6);
    for (size_t i = 0; i < 12 * out.dim; i++)
        sum += out.data[i];
    check(sum <= 0 || sum > 0 || sum != sum);
    rf__engine_output_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct engine *engine = NULL;
    struct buf config;
    char folder[1024];
    rf_error err = {0};

    if (size == 0)
        return 0;
    snprintf(folder, sizeof folder, FOLDER "%s", models[data[0] % N_MODELS]);
    rf__buf_init(&config, size);
    check(rf__buf_append(&config, data + 1, size - 1, NULL) == RF_OK);
    if (rf__reference_open_config(&config, "config.json", folder, &engine, &err) == RF_OK)
        run(engine);
    else
        check(strstr(err.message, "config.json") != NULL || strstr(err.message, "safetensors") != NULL);
    rf__engine_free(engine);
    rf__buf_release(&config);
    return 0;
}
