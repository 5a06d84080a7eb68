/* hash: see hash.h. */
#include "hash/hash.h"

#include "base/mem.h"
#include "os/os.h"

#include <openssl/evp.h>
#include <stdio.h>

#define PIECE ((size_t)256 << 10)

struct hash {
    EVP_MD_CTX *context;
    const EVP_MD *kind;
};

struct hash *rf__hash_new(enum hash_kind kind)
{
    struct hash *hash = rf__calloc(1, sizeof *hash);

    if (hash == NULL)
        return NULL;
    hash->kind = kind == HASH_SHA1 ? EVP_sha1() : EVP_sha256();
    hash->context = EVP_MD_CTX_new();
    if (hash->context != NULL && EVP_DigestInit_ex(hash->context, hash->kind, NULL) == 1)
        return hash;
    rf__hash_free(hash);
    return NULL;
}

void rf__hash_free(struct hash *hash)
{
    if (hash == NULL)
        return;
    EVP_MD_CTX_free(hash->context);
    rf__free(hash);
}

bool rf__hash_add(struct hash *hash, const void *data, size_t len)
{
    return len == 0 || EVP_DigestUpdate(hash->context, data, len) == 1;
}

bool rf__hash_copy(struct hash *hash, const struct hash *from)
{
    return EVP_MD_CTX_copy_ex(hash->context, from->context) == 1;
}

bool rf__hash_finish(struct hash *hash, uint8_t *out)
{
    return EVP_DigestFinal_ex(hash->context, out, NULL) == 1 && EVP_DigestInit_ex(hash->context, hash->kind, NULL) == 1;
}

void rf__hash_hex(const uint8_t *bytes, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

rf_status rf__hash_add_file(struct hash *hash, const char *path, uint64_t *n_bytes, rf_error *err)
{
    FILE *file = rf__os_fopen(path, "rb");
    uint8_t *piece = rf__alloc(PIECE);
    size_t n = PIECE;
    rf_status status = piece == NULL ? rf__fail_memory(err) : RF_OK;

    if (status == RF_OK && file == NULL)
        status = rf__fail(err, RF_IO, "%s: cannot be opened; is it there, and may it be read?", path);
    while (status == RF_OK && n == PIECE) {
        n = fread(piece, 1, PIECE, file);
        if (n_bytes != NULL)
            *n_bytes += n;
        if (!rf__hash_add(hash, piece, n))
            status = rf__fail_memory(err);
    }
    if (status == RF_OK && ferror(file))
        status = rf__fail(err, RF_IO, "%s: reading it failed; check the disk", path);
    if (file != NULL)
        fclose(file);
    rf__free(piece);
    return status;
}

bool rf__sha256(const void *data, size_t len, uint8_t out[SHA256_BYTES])
{
    return EVP_Digest(data, len, out, NULL, EVP_sha256(), NULL) == 1;
}

rf_status rf__sha256_file(const char *path, uint8_t out[SHA256_BYTES], rf_error *err)
{
    struct hash *hash = rf__hash_new(HASH_SHA256);
    rf_status status = hash == NULL ? rf__fail_memory(err) : rf__hash_add_file(hash, path, NULL, err);

    if (status == RF_OK && !rf__hash_finish(hash, out))
        status = rf__fail_memory(err);
    rf__hash_free(hash);
    return status;
}
