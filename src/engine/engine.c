/* engine: see engine.h. What every engine shares, whoever computes. */
#include "engine/engine.h"

#include "engine/kernels/kernels.h"
#include "os/os.h"

#include <assert.h>
#include <string.h>

rf_status rf__engine_run(const struct engine *engine, const struct engine_batch *batch, struct engine_output *out,
                         rf_error *err)
{
    rf_status status;

    assert(batch->n_texts > 0 && batch->n_tokens > 0);
    *out = (struct engine_output){0};
    status = engine->ops->run(engine, batch, out, err);
    assert(status != RF_OK || (out->n_texts == batch->n_texts && out->dim > 0));
    assert(status != RF_OK || out->rank == 2 || (out->rank == 3 && out->n_tokens == batch->n_tokens));
    return status;
}

rf_status rf__engine_trim(const struct engine *engine, rf_error *err)
{
    return engine->ops->trim != NULL ? engine->ops->trim(engine, err) : RF_OK;
}

void rf__engine_output_release(struct engine_output *output)
{
    if (output->release != NULL)
        output->release(output->owner);
    *output = (struct engine_output){0};
}

void rf__engine_free(struct engine *engine)
{
    if (engine != NULL)
        engine->ops->free(engine);
}

const char *rf__engine_kernels_why(void)
{
    const struct kernels *best = rf__kernels_best();

    if (rf__engine_kernels()[0] == '\0')
        return "RF_CPU asks for ONNX Runtime's alone";
    return best == rf__kernels_at(0) ? rf__kernels_need(best) : "RF_CPU asks for them";
}

const char *rf__engine_kernels(void)
{
    const char *wanted = rf__os_env("RF_CPU");

    return wanted != NULL && strcmp(wanted, "onnxruntime") == 0 ? "" : rf__kernels_best()->name;
}
