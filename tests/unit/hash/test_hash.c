/* hash: known hashes, of bytes and of files. */
#include "golden.h"

#include "base/mem.h"
#include "hash/hash.h"
#include "os/os.h"

#include <stdio.h>
#include <string.h>

/* FIPS 180-4's examples, and the empty text. */
static void known(void **state)
{
    static const struct {
        enum hash_kind kind;
        const char *text, *hex;
    } cases[] = {
        {HASH_SHA256, "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {HASH_SHA256, "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {HASH_SHA1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    };
    uint8_t bytes[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hash *hash = rf__hash_new(cases[i].kind), *other = rf__hash_new(cases[i].kind);
        assert_non_null(hash);
        assert_non_null(other);
        for (int round = 0; round < 2; round++) { /* it begins anew */
            for (const char *c = cases[i].text; *c != '\0'; c++)
                assert_true(rf__hash_add(hash, c, 1));
            assert_true(rf__hash_copy(other, hash));
            assert_true(rf__hash_finish(hash, bytes));
            rf__hash_hex(bytes, strlen(cases[i].hex) / 2, hex);
            assert_string_equal(hex, cases[i].hex);
            assert_true(rf__hash_finish(other, bytes));
            rf__hash_hex(bytes, strlen(cases[i].hex) / 2, hex);
            assert_string_equal(hex, cases[i].hex);
        }
        rf__hash_free(hash);
        rf__hash_free(other);
    }
}

/* Around the end of a piece that is read at once. */
static void files(void **state)
{
    static const size_t lengths[] = {0, 1, (256 << 10) - 1, 256 << 10, (256 << 10) + 1, 600000};
    const char *folder = scratch_directory("hash");
    char path[1200], *bytes = rf__alloc(600000);
    uint8_t of_file[SHA256_BYTES], of_bytes[SHA256_BYTES];
    rf_error fault = {0};

    (void)state;
    snprintf(path, sizeof path, "%s/file", folder);
    memset(bytes, 'x', 600000);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct hash *hash = rf__hash_new(HASH_SHA256);
        uint64_t n = 5;
        write_file(path, bytes, lengths[i]);
        assert_true(rf__sha256(bytes, lengths[i], of_bytes));
        assert_ok(rf__sha256_file(path, of_file, err));
        assert_memory_equal(of_file, of_bytes, sizeof of_file);
        assert_ok(rf__hash_add_file(hash, path, &n, err));
        assert_int_equal(n, 5 + lengths[i]);
        rf__hash_free(hash);
    }
    snprintf(path, sizeof path, "%s/none", folder);
    assert_int_equal(rf__sha256_file(path, of_file, &fault), RF_IO);
    assert_non_null(strstr(fault.message, path));
    rf__free(bytes);
}

/* The note is used as long as the file is the same, and for no file that was changed, whatever its size and time say.
 */
static void noted(void **state)
{
    enum { LEN = 1 << 20 };
    const char *folder = scratch_directory("hash-noted");
    char path[1200], notes[1200], note[2400], *bytes = rf__alloc(LEN), **names = NULL;
    uint8_t first[SHA256_BYTES], other[SHA256_BYTES], read[SHA256_BYTES];
    size_t n = 0;

    (void)state;
    snprintf(path, sizeof path, "%s/file", folder);
    snprintf(notes, sizeof notes, "%s/deep/notes", folder);
    memset(bytes, 'x', LEN);
    assert_true(rf__sha256(bytes, LEN, first));
    write_file(path, bytes, LEN);
    assert_ok(rf__sha256_noted(path, notes, read, err));
    assert_memory_equal(read, first, sizeof first);
    assert_false(rf__os_is_directory(notes)); /* it was changed a moment ago, and may be again */
    rf__os_sleep_ms(2100);
    for (int round = 0; round < 2; round++) {
        assert_ok(rf__sha256_noted(path, notes, read, err));
        assert_memory_equal(read, first, sizeof first);
    }
    assert_ok(rf__os_list_directory(notes, &names, &n, err));
    assert_int_equal(n, 1);
    snprintf(note, sizeof note, "%s/%s", notes, names[0]);

    memset(other, 0xab, sizeof other); /* what is noted is what is told */
    write_file(note, "abababababababababababababababababababababababababababababababab\n", 65);
    assert_ok(rf__sha256_noted(path, notes, read, err));
    assert_memory_equal(read, other, sizeof other);
    write_file(note, "abababababababababababababababababababababababababababababababaX\n", 65);
    assert_ok(rf__sha256_noted(path, notes, read, err)); /* no note */
    assert_memory_equal(read, first, sizeof first);

    bytes[LEN - 1] = 'y';
    assert_true(rf__sha256(bytes, LEN, other));
    write_file(path, bytes, LEN);
    assert_ok(rf__sha256_noted(path, notes, read, err));
    assert_memory_equal(read, other, sizeof other);
    assert_ok(rf__sha256_noted(path, NULL, read, err));
    assert_memory_equal(read, other, sizeof other);
    rf__free(names);
    rf__free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(known), cmocka_unit_test(files), cmocka_unit_test(noted)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
