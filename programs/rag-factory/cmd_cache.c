/* cache: the file that vectors are kept in: what is in it, emptying it, making it small. */
#include "commands.h"
#include "progress.h"
#include "output.h"

#include <string.h>

/* The file that an argument, --cache or the configuration names. OPT_GO_ON, or EXIT_WRONG_USAGE, told. */
static int take_file(const struct command *command, const struct options *options, const char **path)
{
    if (options->n_args > 1)
        return rf__opt_wrong(command, "more than one file named");
    *path = options->n_args == 1 ? options->args[0] : options->common.run.vector_cache;
    if (*path == NULL || (*path)[0] == '\0')
        return rf__opt_wrong(command,
                             "which file? name it, or set --cache, RAG_FACTORY_CACHE or the configuration's cache");
    return OPT_GO_ON;
}

static const struct opt cache_option = {"cache", 0, OPT_KEY, NULL, "FILE", NULL};

/* ---- stats ----------------------------------------------------------------------------------------------------- */

static double percent(uint64_t part, uint64_t rest)
{
    return part + rest == 0 ? 0 : 100.0 * (double)part / (double)(part + rest);
}

static rf_status print_stats(const char *path, const rf_vector_cache_info *info, bool is_json, rf_error *err)
{
    struct output out;
    char size[RF_SIZE_TEXT], unused[RF_SIZE_TEXT];
    rf_status status = rf__output_open(&out, NULL, err);

    if (status != RF_OK)
        return status;
    if (is_json) {
        rf__output_text(&out, "{\"file\": ");
        rf__output_json(&out, path, strlen(path));
        rf__output_printf(&out,
                          ", \"entries\": %llu, \"bytes\": %llu, \"free_bytes\": %llu, \"hits\": %llu, "
                          "\"misses\": %llu, \"evicted\": %llu, \"damaged\": %llu}\n",
                          (unsigned long long)info->entries, (unsigned long long)info->bytes,
                          (unsigned long long)info->free_bytes, (unsigned long long)info->hits,
                          (unsigned long long)info->misses, (unsigned long long)info->evicted,
                          (unsigned long long)info->damaged);
    } else {
        rf__output_printf(&out,
                          "file      %s\nentries   %llu\nsize      %s, of which free %s\n"
                          "hits      %llu (%.1f %%)\nmisses    %llu\nevicted   %llu\ndamaged   %llu\n",
                          path, (unsigned long long)info->entries, rf__size_text(info->bytes, size),
                          rf__size_text(info->free_bytes, unused), (unsigned long long)info->hits,
                          percent(info->hits, info->misses), (unsigned long long)info->misses,
                          (unsigned long long)info->evicted, (unsigned long long)info->damaged);
    }
    return rf__output_close(&out, RF_OK, err);
}

static int run_stats(const struct command *command, int argc, char **argv)
{
    int format = 0;
    const struct opt own[] = {
        cache_option,
        {"format", 0, OPT_CHOICE, &format, "text|json", "(default: text)"},
        OPT_END,
    };
    struct options options;
    rf_vector_cache_info info = {.size = sizeof info};
    const char *path = NULL;
    rf_error err;
    int code = rf__opt_read(command, 0, own, argc, argv, &options);

    if (code == OPT_GO_ON)
        code = take_file(command, &options, &path);
    if (code == OPT_GO_ON) {
        rf_status status = rf_vector_cache_stats(path, &info, &err);
        if (status == RF_OK)
            status = print_stats(path, &info, format == 1, &err);
        code = status == RF_OK ? EXIT_DONE : rf__say_failure(&err);
    }
    rf__opt_release(&options);
    return code;
}

static const struct command cmd_stats = {
    "cache stats",
    "what is in it, and how often it helped",
    "Shows how many vectors the file has, its size, and since it was made or emptied: how many texts were found, "
    "how many were computed, how many vectors made room, and how many were damaged.",
    "[FILE] [options]",
    "  rag-factory cache stats vectors.db",
    NULL,
    run_stats,
    NULL,
};

/* ---- clear, compact ------------------------------------------------------------------------------------------ */

/* What both do: something with the file. */
static int run_on_file(const struct command *command, int argc, char **argv,
                       rf_status (*work)(const char *path, rf_error *err))
{
    const struct opt own[] = {cache_option, OPT_END};
    struct options options;
    const char *path = NULL;
    rf_error err;
    int code = rf__opt_read(command, 0, own, argc, argv, &options);

    if (code == OPT_GO_ON)
        code = take_file(command, &options, &path);
    if (code == OPT_GO_ON)
        code = work(path, &err) == RF_OK ? EXIT_DONE : rf__say_failure(&err);
    rf__opt_release(&options);
    return code;
}

static int run_clear(const struct command *command, int argc, char **argv)
{
    return run_on_file(command, argc, argv, rf_vector_cache_clear);
}

static int run_compact(const struct command *command, int argc, char **argv)
{
    return run_on_file(command, argc, argv, rf_vector_cache_compact);
}

static const struct command cmd_clear = {
    "cache clear",
    "empty it",
    "Removes all vectors, also from a damaged file. Processes that have it open go on.",
    "[FILE] [options]",
    "  rag-factory cache clear vectors.db",
    NULL,
    run_clear,
    NULL,
};

static const struct command cmd_compact = {
    "cache compact",
    "check all vectors, give free room back",
    "Reads all vectors, removes damaged ones, and makes the file as small as it can be. Takes as much room again "
    "while it runs, and keeps other processes out.",
    "[FILE] [options]",
    "  rag-factory cache compact vectors.db",
    NULL,
    run_compact,
    NULL,
};

/* ---- Dispatch ------------------------------------------------------------------------------------------------ */

static const struct command *const own_commands[] = {&cmd_stats, &cmd_clear, &cmd_compact, NULL};

const struct command rf__cmd_cache = {
    "cache",
    "stats, clear, compact: vectors that are kept",
    "Looks after the file that vectors are kept in (--cache of embed, search and similarity).",
    "stats|clear|compact",
    "  rag-factory embed -i notes.txt -o notes.npy --cache vectors.db\n"
    "  rag-factory cache stats vectors.db",
    NULL,
    rf__command_run_group,
    own_commands,
};
