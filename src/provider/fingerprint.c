/* fingerprint: what a model's vectors are told by from those of others; see rf_model_fingerprint(). It is what kept
 * vectors are found by (vector_cache/key.c), without the text. */
#include "provider/provider.h"

#include "hash/hash.h"

rf_status rf__provider_identity(const struct rf_model *inner, bool is_rounded, const rf_model_options *options,
                                struct buf *out, rf_error *err)
{
    rf_status status = rf__buf_printf(out, err, "%s\n", is_rounded ? "fp16" : "fp32");

    return status == RF_OK ? inner->provider->identity(inner, options, out, err) : status;
}

rf_status rf__provider_fingerprint(const struct rf_model *model, const rf_model_options *options,
                                   const rf_embed_options *call, char out[RF_FINGERPRINT], rf_error *err)
{
    const struct rf_model *inner = model->behind != NULL ? model->behind : model;
    const bool is_rounded = model->behind != NULL && options->vector_cache_fp16;
    uint8_t hash[SHA256_BYTES];
    struct buf identity;
    rf_status status;

    if (inner->provider->identity == NULL)
        return rf__fail(err, RF_UNSUPPORTED, "%s: nothing tells what its vectors depend on", model->info.source);
    rf__buf_init(&identity, RF_IDENTITY_MAX_BYTES);
    status = rf__provider_identity(inner, is_rounded, options, &identity, err);
    if (status == RF_OK)
        status = inner->provider->call_identity(inner, call, &identity, err);
    if (status == RF_OK && !rf__sha256(identity.data, identity.len, hash))
        status = rf__fail_memory(err);
    if (status == RF_OK)
        rf__hash_hex(hash, sizeof hash, out);
    rf__buf_release(&identity);
    return status;
}
