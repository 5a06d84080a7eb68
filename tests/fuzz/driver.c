/* Replays a corpus through a fuzz target without libFuzzer: every file of every folder named, and every prefix of the
 * small ones. Prints how many inputs ran. */
#include "fuzz.h"

#include "os/os.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define SMALL 600 /* bytes: such a file is also cut at every length */

static size_t replay(const char *path)
{
    struct buf file;
    rf_error err;
    size_t n = 1;

    rf__buf_init(&file, (size_t)64 << 20);
    if (rf__os_read_file(path, &file, &err) != RF_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    LLVMFuzzerTestOneInput((const uint8_t *)file.data, file.len);
    for (size_t len = 0; len < file.len && file.len <= SMALL; len++, n++) {
        /* A copy of its own size, so that AddressSanitizer sees a read behind its end. */
        uint8_t *cut = rf__alloc(len);
        for (size_t i = 0; i < len; i++)
            cut[i] = (uint8_t)file.data[i];
        LLVMFuzzerTestOneInput(cut, len);
        rf__free(cut);
    }
    rf__buf_release(&file);
    return n;
}

int main(int argc, char **argv)
{
    size_t n = 0;

    for (int i = 1; i < argc; i++) {
        char **names;
        size_t n_names;
        rf_error err;
        if (rf__os_list_directory(argv[i], &names, &n_names, &err) != RF_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        for (size_t k = 0; k < n_names; k++) {
            char *path = rf__path_join(argv[i], names[k]);
            n += replay(path);
            rf__free(path);
        }
        rf__free(names);
    }
    printf("%zu inputs replayed\n", n);
    return n > 0 ? 0 : 1;
}
