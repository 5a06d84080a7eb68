/*
 * Property: any bytes as the file of a store: it is opened, emptied or refused; whatever is found in it is the vector
 * that was put in, and it can be used or fails without harm. An empty input makes the file anew.
 */
#include "fuzz.h"

#include "os/os.h"
#include "vector_cache/store.h"

#include <stdio.h>
#include <string.h>

#define DIM 8

static void key_of(uint32_t number, struct vector_key *out)
{
    check(rf__vector_key_model(&number, sizeof number, out, NULL) == RF_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char path[64];
    const struct store_options options = {.path = path, .max_bytes = VECTOR_CACHE_MIN_BYTES, .dim = DIM};
    struct store *store = NULL;
    rf_vector_cache_info info = {.size = sizeof info};
    rf_error err = {0};
    FILE *file;

    if (path[0] == '\0')
        snprintf(path, sizeof path, "/tmp/fuzz_vector_store.%llu", (unsigned long long)rf__os_process_id());
    file = rf__os_fopen(path, "wb");
    check(file != NULL && fwrite(data, 1, size, file) == size && fclose(file) == 0);
    if (rf__store_open(&options, &store, &err) == RF_OK) {
        for (uint32_t round = 0; round < 2; round++)
            for (uint32_t i = 0; i < 4; i++) {
                struct vector_key key;
                struct kept_text text = {.n_tokens = i}, found_text;
                float vector[DIM] = {(float)i, 1}, out[DIM];
                bool found = false;
                key_of(i, &key);
                if (rf__store_get(store, &key, 1, out, &found_text, &found) == 1)
                    check(found && found_text.n_tokens == i && memcmp(out, vector, sizeof out) == 0);
                rf__store_put(store, &key, 1, vector, &text);
            }
        rf__store_close(store);
    } else {
        check(strstr(err.message, path) != NULL);
    }
    if (rf__store_info(path, &info, NULL) == RF_OK && rf__store_compact(path, NULL) == RF_OK)
        (void)rf__store_clear(path, NULL);
    (void)rf__os_remove(path, NULL);
    return 0;
}
