/* key: what a vector is found by; see vector_cache.h.
 *
 *     model = SHA-256(identity)        call = SHA-256(model, call)        key = SHA-256(call, text)
 *
 * Each hash begins with the 32 bytes of the one before, so that no two different inputs read as the same bytes. */
#include "base/mem.h"
#include "vector_cache/vector_cache.h"

struct key_maker {
    struct hash *begun, *running; /* `begun` has read the hash of the call */
};

rf_status rf__vector_key_model(const void *identity, size_t len, struct vector_key *out, rf_error *err)
{
    return rf__sha256(identity, len, out->bytes) ? RF_OK : rf__fail_memory(err);
}

rf_status rf__key_maker_new(const struct vector_key *model, const void *call, size_t len, struct key_maker **out,
                            rf_error *err)
{
    struct key_maker *maker = rf__calloc(1, sizeof *maker);
    struct vector_key hash;

    if (maker == NULL)
        return rf__fail_memory(err);
    maker->begun = rf__hash_new(HASH_SHA256);
    maker->running = rf__hash_new(HASH_SHA256);
    if (maker->begun == NULL || maker->running == NULL ||
        !rf__hash_add(maker->begun, model->bytes, sizeof model->bytes) || !rf__hash_add(maker->begun, call, len) ||
        !rf__hash_finish(maker->begun, hash.bytes) || !rf__hash_add(maker->begun, hash.bytes, sizeof hash.bytes)) {
        rf__key_maker_free(maker);
        return rf__fail_memory(err);
    }
    *out = maker;
    return RF_OK;
}

void rf__key_maker_free(struct key_maker *maker)
{
    if (maker == NULL)
        return;
    rf__hash_free(maker->begun);
    rf__hash_free(maker->running);
    rf__free(maker);
}

rf_status rf__key_make(struct key_maker *maker, rf_text text, struct vector_key *out, rf_error *err)
{
    if (!rf__hash_copy(maker->running, maker->begun) || !rf__hash_add(maker->running, text.data, text.len) ||
        !rf__hash_finish(maker->running, out->bytes))
        return rf__fail_memory(err);
    return RF_OK;
}
