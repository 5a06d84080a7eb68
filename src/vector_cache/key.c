/* key: what a vector is found by; see vector_cache.h.
 *
 *     model = SHA-256(identity)        call = SHA-256(model, call)        key = SHA-256(call, text)
 *
 * Each hash begins with the 32 bytes of the one before, so that no two different inputs read as the same bytes. */
#include "base/mem.h"
#include "os/os.h"
#include "vector_cache/vector_cache.h"

#include <openssl/evp.h>
#include <stdio.h>

#define PIECE ((size_t)256 << 10)

struct key_maker {
    EVP_MD_CTX *begun, *running; /* `begun` has read the hash of the call */
};

/* Adds bytes and writes the hash. */
static bool finish(EVP_MD_CTX *context, const void *data, size_t len, struct vector_key *out)
{
    unsigned n = 0;

    return (len == 0 || EVP_DigestUpdate(context, data, len) == 1) &&
           EVP_DigestFinal_ex(context, out->bytes, &n) == 1 && n == sizeof out->bytes;
}

static bool begin(EVP_MD_CTX *context, const struct vector_key *key)
{
    return EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
           (key == NULL || EVP_DigestUpdate(context, key->bytes, sizeof key->bytes) == 1);
}

rf_status rf__vector_key_model(const void *identity, size_t len, struct vector_key *out, rf_error *err)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = context != NULL && begin(context, NULL) && finish(context, identity, len, out);

    EVP_MD_CTX_free(context);
    return done ? RF_OK : rf__fail_memory(err);
}

rf_status rf__key_maker_new(const struct vector_key *model, const void *call, size_t len, struct key_maker **out,
                            rf_error *err)
{
    struct key_maker *maker = rf__calloc(1, sizeof *maker);
    struct vector_key hash;

    if (maker == NULL)
        return rf__fail_memory(err);
    maker->begun = EVP_MD_CTX_new();
    maker->running = EVP_MD_CTX_new();
    if (maker->begun == NULL || maker->running == NULL || !begin(maker->begun, model) ||
        !finish(maker->begun, call, len, &hash) || !begin(maker->begun, &hash)) {
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
    EVP_MD_CTX_free(maker->begun);
    EVP_MD_CTX_free(maker->running);
    rf__free(maker);
}

rf_status rf__key_make(struct key_maker *maker, rf_text text, struct vector_key *out, rf_error *err)
{
    if (EVP_MD_CTX_copy_ex(maker->running, maker->begun) != 1 || !finish(maker->running, text.data, text.len, out))
        return rf__fail_memory(err);
    return RF_OK;
}

rf_status rf__vector_key_file(const char *path, struct vector_key *out, rf_error *err)
{
    FILE *file = rf__os_fopen(path, "rb");
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    uint8_t *piece = rf__alloc(PIECE);
    bool done = context != NULL && piece != NULL && begin(context, NULL);
    rf_status status = done ? RF_OK : rf__fail_memory(err);

    if (status == RF_OK && file == NULL)
        status = rf__fail(err, RF_IO, "%s: cannot be read; is it there, and may it be read?", path);
    while (status == RF_OK) {
        size_t n = fread(piece, 1, PIECE, file);
        if (n > 0 && EVP_DigestUpdate(context, piece, n) != 1)
            status = rf__fail_memory(err);
        if (n < PIECE)
            break;
    }
    if (status == RF_OK && ferror(file))
        status = rf__fail(err, RF_IO, "%s: reading it failed", path);
    if (status == RF_OK && !finish(context, NULL, 0, out))
        status = rf__fail_memory(err);
    if (file != NULL)
        fclose(file);
    EVP_MD_CTX_free(context);
    rf__free(piece);
    return status;
}
