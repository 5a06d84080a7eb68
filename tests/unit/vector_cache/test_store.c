/* store: what was put in is found by any process, until it is damaged, evicted or cleared; other files are left alone.
 */
#include "golden.h"

#include "os/os.h"
#include "vector_cache/store.h"
#include "vectors.h"
#include "../os/child.h"

#include <fcntl.h>
#include <sqlite3.h>

#define DIM 384
#define MIB ((uint64_t)1 << 20)

static struct {
    char last[600];
    int n;
} warnings;

static void on_log(void *user, rf_log_level level, const char *message)
{
    (void)user;
    if (level == RF_LOG_WARNING) {
        warnings.n++;
        snprintf(warnings.last, sizeof warnings.last, "%s", message);
    }
}

static const char *file_in(const char *folder)
{
    static char path[1200];

    snprintf(path, sizeof path, "%s/vectors", folder);
    return path;
}

static struct store *open_store(const char *path, uint64_t max_bytes)
{
    const struct store_options options = {.path = path, .max_bytes = max_bytes, .dim = DIM, .logger = {on_log, NULL}};
    struct store *store = NULL;

    assert_ok(rf__store_open(&options, &store, err));
    return store;
}

static void put(struct store *store, uint32_t first, uint32_t n)
{
    for (uint32_t i = first; i < first + n; i++) {
        struct vector_key key;
        float vector[DIM];
        struct kept_text kept = kept_of(i);
        assert_true(key_of("m", i, &key));
        vector_of(i, DIM, vector);
        rf__store_put(store, &key, 1, vector, &kept);
    }
}

/* -1: wrong. */
static int get(struct store *store, uint32_t number)
{
    struct vector_key key;
    float vector[DIM], expected[DIM];
    struct kept_text kept;
    bool found = false;

    if (!key_of("m", number, &key) || rf__store_get(store, &key, 1, vector, &kept, &found) == 0)
        return 0;
    vector_of(number, DIM, expected);
    return found && memcmp(vector, expected, sizeof vector) == 0 && kept_is(&kept, number) ? 1 : -1;
}

static int count(struct store *store, uint32_t first, uint32_t n)
{
    int n_found = 0;

    for (uint32_t i = first; i < first + n; i++) {
        int found = get(store, i);
        assert_true(found >= 0);
        n_found += found;
    }
    return n_found;
}

/* ---- Finding again ----------------------------------------------------------------------------------------------- */

static void found_after_closing(void **state)
{
    const char *path = file_in(scratch_directory("store-again/deep/er"));
    struct store *store = open_store(path, 64 * MIB), *second;

    (void)state;
    assert_int_equal(count(store, 0, 10), 0);
    put(store, 0, 10);
    put(store, 3, 2); /* again: replaced */
    assert_int_equal(count(store, 0, 12), 10);
    second = open_store(path, 64 * MIB); /* while the first is open */
    assert_int_equal(count(second, 0, 12), 10);
    put(second, 10, 1);
    assert_int_equal(count(store, 0, 12), 11);
    rf__store_close(store);
    rf__store_close(second);
    store = open_store(path, 64 * MIB);
    assert_int_equal(count(store, 0, 12), 11);
    rf__store_close(store);
    rf__store_close(NULL);
}

/* Whether another process has SQLite's locks on the file. */
static int is_locked(const char *path)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 1 << 30, .l_len = 512};
    int file = open(path, O_RDWR);

    EXPECT(file >= 0 && fcntl(file, F_GETLK, &lock) == 0);
    EXPECT(lock.l_type != F_UNLCK);
    return 0;
}

/* Who waits for nobody is as quick as if nobody wrote: a look-up under a lock would take its patience, 0.2 s. */
static void found_while_another_writes(void **state)
{
    static const char *const names[] = {"plain", "a b?immutable=0&c#d%41%.db", ":memory:"};
    const char *folder = scratch_directory("store-locked");
    char path[1200];

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct store *store;
        sqlite3 *other = NULL;
        uint64_t begin;

        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        store = open_store(path, 64 * MIB);
        put(store, 0, 100);
        assert_int_equal(count(store, 0, 2), 2);
        assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
        assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
        begin = rf__os_now_ns();
        assert_int_equal(count(store, 0, 100), 100);
        assert_true(rf__os_now_ns() - begin < 100 * (uint64_t)200000000);
        for (int round = 0; round < 3; round++) /* the file is looked at anew now and then, and closed for that */
            assert_true(count(store, 0, 100) >= 99);
        child_run(is_locked, path);           /* which lets no lock of this process go */
        assert_int_equal(get(store, 100), 0); /* is not there */
        assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(other);
        put(store, 100, 1);
        assert_int_equal(get(store, 100), 1); /* came in since */
        rf__store_close(store);
    }
}

/* A child that inherits a store goes on, with a connection of its own; so does its parent. */
static struct store *inherited;

static int use_inherited(const char *folder)
{
    (void)folder;
    EXPECT(get(inherited, 1) == 1);
    put(inherited, 100, 5);
    EXPECT(get(inherited, 104) == 1);
    rf__store_close(inherited);
    return 0;
}

static void fork_goes_on(void **state)
{
    const char *folder = scratch_directory("store-fork");

    (void)state;
    inherited = open_store(file_in(folder), 64 * MIB);
    put(inherited, 0, 5);
    child_run(use_inherited, folder);
    assert_int_equal(count(inherited, 0, 5), 5);
    assert_int_equal(count(inherited, 100, 5), 5);
    rf__store_close(inherited);
}

static int read_without_right(const char *folder)
{
    const struct store_options options = {.path = file_in(folder), .max_bytes = MIB, .dim = DIM};
    struct store *store = NULL;

    if (getuid() == 0 && setuid(65534) != 0)
        return CHILD_SKIP;
    EXPECT(rf__store_open(&options, &store, NULL) == RF_OK);
    EXPECT(get(store, 1) == 1);
    put(store, 50, 1); /* nothing happens */
    EXPECT(get(store, 50) == 0);
    rf__store_close(store);
    return 0;
}

static void read_only_file(void **state)
{
    const char *folder = scratch_directory("store-read-only");
    struct store *store = open_store(file_in(folder), 64 * MIB);

    (void)state;
    put(store, 0, 5);
    rf__store_close(store);
    child_run(read_without_right, folder);
}

/* ---- Eviction ---------------------------------------------------------------------------------------------------- */

static void what_is_used_stays(void **state)
{
    const char *path = file_in(scratch_directory("store-evict"));
    struct store *store = open_store(path, MIB);
    rf_vector_cache_info info = {.size = sizeof info};
    int n_hot = 0, n_cold;

    (void)state;
    put(store, 0, 20); /* hot */
    for (uint32_t i = 1000; i < 4000; i++) {
        put(store, i, 1);
        if (i % 10 == 0)
            n_hot += count(store, 0, 20);
    }
    assert_int_equal(n_hot, 300 * 20);
    assert_int_equal(count(store, 0, 20), 20);
    n_cold = count(store, 1000, 3000);
    assert_true(n_cold > 300 && n_cold < 700); /* 1.6 kB each, in 1 MiB */
    assert_int_equal(count(store, 1000, 2000), 0);
    assert_true(rf__os_stat(path).size <= MIB);
    rf__store_close(store);
    assert_ok(rf__store_info(path, &info, err));
    assert_int_equal(info.entries, n_cold + 20);
    assert_int_equal(info.evicted, 3000 - n_cold);
    assert_true(info.bytes <= MIB);
}

/* ---- Damage ------------------------------------------------------------------------------------------------------ */

/* A copy of the file with bytes changed: the vectors that are found are right, and it can be used again. */
static void flipped(void **state)
{
    const char *path = file_in(scratch_directory("store-flip"));
    struct store *store = open_store(path, 64 * MIB);
    struct buf file;
    uint32_t random = 5, n_found = 0, n_all = 0;

    (void)state;
    rf__buf_init(&file, 8 << 20);
    put(store, 0, 100);
    rf__store_close(store);
    assert_ok(rf__os_read_file(path, &file, err));
    for (int trial = 0; trial < 60; trial++) {
        char *bytes = file.data;
        struct buf damaged;
        uint32_t n_flips = trial % 3 == 0 ? 1 : trial % 3 == 1 ? 30 : 3000;
        rf__buf_init(&damaged, 8 << 20);
        assert_ok(rf__buf_append(&damaged, bytes, trial % 7 == 6 ? file.len / 2 + 77 : file.len, err));
        for (uint32_t i = 0; i < n_flips; i++) {
            random = random * 1664525u + 1013904223u;
            uint32_t at = random % (uint32_t)damaged.len;
            if (trial % 5 == 4 && i < 20)
                at %= 2000; /* in the pages that say where the others are */
            if (at >= 68 && at < 72)
                continue; /* what says that it is ours */
            damaged.data[at] ^= (char)(1 << (random >> 13 & 7));
        }
        write_file(path, damaged.data, damaged.len);
        rf__buf_release(&damaged);
        store = open_store(path, 64 * MIB);
        n_found += (uint32_t)count(store, 0, 100);
        n_all += 100;
        put(store, 0, 100);
        put(store, 0, 100); /* the first may have been what found the damage */
        (void)count(store, 0, 100);
        put(store, 200, 1);
        rf__store_close(store);
    }
    assert_true(n_found > n_all / 10 && n_found < n_all);
    rf__buf_release(&file);
}

/* The magic alone is gone: it is known by its application id, and emptied. */
static void damaged_header(void **state)
{
    const char *path = file_in(scratch_directory("store-header"));
    struct store *store = open_store(path, 64 * MIB);
    struct buf file;

    (void)state;
    put(store, 0, 10);
    rf__store_close(store);
    for (int at = 0; at < 68; at++) {
        rf__buf_init(&file, 8 << 20);
        assert_ok(rf__os_read_file(path, &file, err));
        file.data[at] ^= 0x5A;
        write_file(path, file.data, file.len);
        rf__buf_release(&file);
        store = open_store(path, 64 * MIB);
        (void)count(store, 0, 10);
        put(store, 0, 10);
        assert_int_equal(count(store, 0, 10), 10);
        rf__store_close(store);
    }
}

static void damaged_entries_are_counted(void **state)
{
    const char *path = file_in(scratch_directory("store-count"));
    struct store *store = open_store(path, 64 * MIB);
    rf_vector_cache_info info = {.size = sizeof info};
    struct buf file;
    float vector[DIM];
    char *at = NULL;

    (void)state;
    put(store, 0, 3);
    rf__store_close(store);
    rf__buf_init(&file, 8 << 20);
    assert_ok(rf__os_read_file(path, &file, err));
    vector_of(1, DIM, vector);
    for (size_t i = 0; i + sizeof vector <= file.len && at == NULL; i++)
        if (memcmp(file.data + i, vector, sizeof vector) == 0)
            at = file.data + i;
    assert_non_null(at);
    at[100] ^= 1;
    write_file(path, file.data, file.len);
    store = open_store(path, 64 * MIB);
    assert_int_equal(count(store, 0, 3), 2);
    assert_int_equal(rf__store_damaged(store), 1);
    rf__store_close(store);
    assert_ok(rf__store_info(path, &info, err));
    assert_int_equal(info.entries, 2);
    assert_int_equal(info.damaged, 1);

    write_file(path, file.data, file.len); /* once more; compacting finds it by itself */
    assert_ok(rf__store_compact(path, err));
    assert_ok(rf__store_info(path, &info, err));
    assert_int_equal(info.entries, 2);
    rf__buf_release(&file);
}

/* ---- Files that are none of ours --------------------------------------------------------------------------------- */

static void refused(const char *path, const void *bytes, size_t len)
{
    const struct store_options options = {.path = path, .max_bytes = MIB, .dim = DIM};
    struct store *store = NULL;
    rf_vector_cache_info info = {.size = sizeof info};
    rf_error fault = {0};
    struct buf after;

    write_file(path, bytes, len);
    assert_int_equal(rf__store_open(&options, &store, &fault), RF_INVALID_ARGUMENT);
    assert_non_null(strstr(fault.message, path));
    assert_int_equal(rf__store_info(path, &info, &fault), RF_INVALID_ARGUMENT);
    assert_int_equal(rf__store_clear(path, &fault), RF_INVALID_ARGUMENT);
    assert_int_equal(rf__store_compact(path, &fault), RF_INVALID_ARGUMENT);
    rf__buf_init(&after, 1 << 20);
    assert_ok(rf__os_read_file(path, &after, err));
    assert_int_equal(after.len, len);
    assert_memory_equal(after.data, bytes, len);
    rf__buf_release(&after);
}

static void other_files(void **state)
{
    const char *path = file_in(scratch_directory("store-other"));
    const struct store_options nowhere = {.path = "/proc/nowhere/vectors", .max_bytes = MIB, .dim = DIM};
    char text[3000] = "dear diary", sqlite[4096] = "SQLite format 3";
    struct store *store = NULL;
    rf_error fault = {0};

    (void)state;
    refused(path, text, sizeof text);
    refused(path, text, 10);
    refused(path, sqlite, sizeof sqlite);
    assert_ok(rf__os_remove(path, err));
    assert_int_equal(rf__store_clear(path, &fault), RF_NOT_FOUND);
    assert_false(rf__os_is_file(path));
    assert_int_equal(rf__store_open(&nowhere, &store, &fault), RF_IO);
    assert_non_null(strstr(fault.message, "/proc/nowhere"));
}

static void clear_and_compact(void **state)
{
    const char *path = file_in(scratch_directory("store-clear"));
    struct store *store = open_store(path, 64 * MIB);
    rf_vector_cache_info info = {.size = sizeof info};
    uint64_t full;

    (void)state;
    rf__store_count(store, 7, 3);
    put(store, 0, 200);
    assert_ok(rf__store_info(path, &info, err));
    assert_int_equal(info.entries, 200);
    assert_int_equal(info.hits, 7);
    assert_int_equal(info.misses, 3);
    full = info.bytes;
    assert_int_equal(full, rf__os_stat(path).size);
    assert_ok(rf__store_clear(path, err)); /* while it is open */
    assert_int_equal(count(store, 0, 200), 0);
    put(store, 0, 10);
    assert_int_equal(count(store, 0, 200), 10);
    assert_ok(rf__store_compact(path, err));
    assert_int_equal(count(store, 0, 200), 10);
    memset(&info, 0, sizeof info);
    assert_ok(rf__store_info(path, &info, err));
    assert_int_equal(info.entries, 10);
    assert_int_equal(info.hits, 0);
    assert_int_equal(info.free_bytes, 0);
    assert_true(info.bytes < full / 3);
    rf__store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_after_closing), cmocka_unit_test(found_while_another_writes),
        cmocka_unit_test(fork_goes_on),        cmocka_unit_test(read_only_file),
        cmocka_unit_test(what_is_used_stays),  cmocka_unit_test(flipped),
        cmocka_unit_test(damaged_header),      cmocka_unit_test(damaged_entries_are_counted),
        cmocka_unit_test(other_files),         cmocka_unit_test(clear_and_compact),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
