/* open_tokenizer: which file a tokenizer is read from, and the files beside it that say more. */
#include "tokenizer/files/files.h"

#include "base/mem.h"
#include "os/os.h"

#include <string.h>

#define JSON_FILE       "tokenizer.json"
#define VOCAB_FILE      "vocab.txt"
#define VOCAB_JSON_FILE "vocab.json"
#define MERGES_FILE     "merges.txt"
#define TIKTOKEN_END    ".tiktoken"
#define FILES                                                                                                          \
    JSON_FILE ", " VOCAB_FILE ", sentencepiece.bpe.model, spiece.model, spm.model, tokenizer.model, " VOCAB_JSON_FILE  \
              " with " MERGES_FILE ", *" TIKTOKEN_END

/* The path of a file in a directory; NULL in *out when it is not there. */
static rf_status find_named(const char *directory, const char *name, char **out, rf_error *err)
{
    *out = rf__path_join(directory, name);
    if (*out == NULL)
        return rf__fail_memory(err);
    if (!rf__os_is_file(*out)) {
        rf__free(*out);
        *out = NULL;
    }
    return RF_OK;
}

/* The file whose name ends so; NULL in *out when there is none. */
static rf_status find_ending(const char *directory, const char *end, char **out, rf_error *err)
{
    char **names;
    size_t n;
    rf_status status = rf__os_list_directory(directory, &names, &n, err);

    *out = NULL;
    if (status != RF_OK)
        return status;
    for (size_t i = 0; i < n && status == RF_OK; i++) {
        if (!rf__ends_with(names[i], end))
            continue;
        if (*out != NULL)
            status = rf__fail(err, RF_BAD_FORMAT, "%s: has several files *%s, the last of them %s; name the one to use",
                              directory, end, names[i]);
        else
            status = find_named(directory, names[i], out, err);
    }
    if (status != RF_OK) {
        rf__free(*out);
        *out = NULL;
    }
    rf__free(names);
    return status;
}

/* Where a directory keeps its tokenizer; NULL when it has none, the message says so. */
static rf_status find_file(const char *directory, char **out, rf_error *err)
{
    static const char *const files[] = {JSON_FILE,      VOCAB_FILE,  "sentencepiece.bpe.model",
                                        "spiece.model", "spm.model", "tokenizer.model",
                                        VOCAB_JSON_FILE};
    rf_status status = RF_OK;

    *out = NULL;
    for (size_t i = 0; i < sizeof files / sizeof files[0] && status == RF_OK && *out == NULL; i++)
        status = find_named(directory, files[i], out, err);
    if (status == RF_OK && *out == NULL)
        status = find_ending(directory, TIKTOKEN_END, out, err);
    if (status != RF_OK || *out != NULL)
        return status;
    return rf__fail(err, RF_NOT_FOUND, "%s: has none of the files of a tokenizer (" FILES "); is it a model directory?",
                    directory);
}

static rf_status read_whole(const char *path, struct buf *out, rf_error *err)
{
    rf__buf_init(out, RF_JSON_MAX_BYTES + 1);
    return rf__os_read_file(path, out, err);
}

/* The path of `name` beside the file `path`. */
static rf_status find_beside(const char *path, const char *name, char **out, rf_error *err)
{
    char *directory = rf__strndup(path, rf__os_folder_len(path));

    *out = directory == NULL ? NULL : rf__path_join(directory, name);
    rf__free(directory);
    return *out == NULL ? rf__fail_memory(err) : RF_OK;
}

/* Reads a JSON file beside `path` where there is one. */
static rf_status read_beside(const char *path, const char *name, struct json *out, rf_error *err)
{
    char *beside;
    struct buf text;
    rf_status status = find_beside(path, name, &beside, err);

    *out = (struct json){0};
    rf__buf_init(&text, 0);
    if (status == RF_OK && rf__os_is_file(beside)) {
        status = read_whole(beside, &text, err);
        if (status == RF_OK)
            status = rf__json_parse(out, text.data, text.len, beside, err);
    }
    rf__buf_release(&text);
    rf__free(beside);
    return status;
}

static rf_status read_companions(const char *path, struct vocab_companions *out, rf_error *err)
{
    rf_status status = read_beside(path, "tokenizer_config.json", &out->config, err);

    if (status == RF_OK && !rf__config_says_all_tokens(&out->config)) {
        status = read_beside(path, "special_tokens_map.json", &out->special_tokens_map, err);
        if (status == RF_OK)
            status = read_beside(path, "added_tokens.json", &out->added_tokens, err);
    }
    if (status == RF_OK)
        status = read_beside(path, "config.json", &out->model_config, err);
    return status;
}

/* A vocabulary or a sentencepiece model with the files beside it. */
static rf_status open_with_companions(struct rf_tokenizer *tokenizer, const char *path, const struct buf *text,
                                      bool lower_case, const struct logger *logger, rf_error *err)
{
    struct vocab_companions companions = {0};
    rf_status status = read_companions(path, &companions, err);

    if (status == RF_OK)
        status = (rf__ends_with(path, ".txt") ? rf__tokenizer_read_vocab : rf__tokenizer_read_sentencepiece)(
            tokenizer, text->data, text->len, path, &companions, lower_case, logger, err);
    rf__companions_release(&companions);
    return status;
}

static rf_status open_vocab_json(struct rf_tokenizer *tokenizer, const char *path, const struct buf *text,
                                 bool lower_case, const struct logger *logger, rf_error *err)
{
    struct vocab_companions companions = {0};
    struct vocab_json_files files = {0};
    struct buf merges;
    char *beside = NULL;
    rf_status status = find_beside(path, MERGES_FILE, &beside, err);

    rf__buf_init(&merges, 0);
    if (status == RF_OK && !rf__os_is_file(beside))
        status = rf__fail(err, RF_NOT_FOUND, "%s: has no %s beside it, which its tokenizer needs", path, MERGES_FILE);
    if (status == RF_OK)
        status = read_whole(beside, &merges, err);
    if (status == RF_OK)
        status = rf__json_parse(&files.vocab, text->data, text->len, path, err);
    if (status == RF_OK)
        status = read_companions(path, &companions, err);
    if (status == RF_OK) {
        files.merges = (rf_text){merges.data == NULL ? "" : merges.data, merges.len};
        files.merges_name = beside;
        status = rf__tokenizer_read_vocab_json(tokenizer, &files, &companions, lower_case, logger, err);
    }
    rf__companions_release(&companions);
    rf__json_release(&files.vocab);
    rf__buf_release(&merges);
    rf__free(beside);
    return status;
}

/* Lowercase in front, which a file of ranks has no place to ask for. */
static rf_status open_tiktoken(struct rf_tokenizer *tokenizer, const char *path, const struct buf *text,
                               bool lower_case, const struct logger *logger, rf_error *err)
{
    rf_status status = lower_case ? rf__normalizers_lower_first(&tokenizer->normalizers, err) : RF_OK;

    return status != RF_OK ? status : rf__tokenizer_read_tiktoken(tokenizer, text->data, text->len, path, logger, err);
}

/* A tokenizer.json: alone, or, where a model directory was named, with what the files beside it change. */
static rf_status open_json(struct rf_tokenizer *tokenizer, const char *path, const struct buf *text, bool of_directory,
                           bool lower_case, const struct logger *logger, rf_error *err)
{
    struct vocab_companions companions = {0};
    rf_status status = of_directory ? read_companions(path, &companions, err) : RF_OK;

    if (status == RF_OK)
        status = rf__tokenizer_read_json_and_config(tokenizer, text->data, text->len, path, &companions, lower_case,
                                                    logger, err);
    rf__companions_release(&companions);
    return status;
}

/* Whether it may be a tokenizer.json under whatever name. */
static bool begins_as_object(rf_text text)
{
    static const char bom[] = "\xEF\xBB\xBF";
    size_t i = text.len >= 3 && memcmp(text.data, bom, 3) == 0 ? 3 : 0;

    while (i < text.len &&
           (text.data[i] == ' ' || text.data[i] == '\t' || text.data[i] == '\r' || text.data[i] == '\n'))
        i++;
    return i == text.len || text.data[i] == '{';
}

static rf_status open_file(struct rf_tokenizer *tokenizer, const char *path, bool of_directory, bool lower_case,
                           const struct logger *logger, rf_error *err)
{
    struct buf text;
    rf_status status = read_whole(path, &text, err);

    if (status == RF_OK && (rf__ends_with(path, ".txt") || rf__ends_with(path, ".model")))
        status = open_with_companions(tokenizer, path, &text, lower_case, logger, err);
    else if (status == RF_OK && rf__ends_with(path, VOCAB_JSON_FILE))
        status = open_vocab_json(tokenizer, path, &text, lower_case, logger, err);
    else if (status == RF_OK && (rf__ends_with(path, TIKTOKEN_END) || rf__is_tiktoken(text.data, text.len)))
        status = open_tiktoken(tokenizer, path, &text, lower_case, logger, err);
    else if (status == RF_OK && !of_directory && !begins_as_object((rf_text){text.data, text.len}))
        status =
            rf__fail(err, RF_BAD_FORMAT, "%s: is no file of a tokenizer; expected a model directory, or " FILES, path);
    else if (status == RF_OK)
        status = open_json(tokenizer, path, &text, of_directory, lower_case, logger, err);
    rf__buf_release(&text);
    return status;
}

rf_status rf__tokenizer_open(const char *path, bool lower_case, const struct logger *logger, struct rf_tokenizer **out,
                             rf_error *err)
{
    struct rf_tokenizer *tokenizer = NULL;
    uint64_t begin = rf__os_now_ns();
    char *file = NULL;
    rf_status status;

    if (rf__os_is_directory(path)) {
        status = find_file(path, &file, err);
        if (status != RF_OK)
            return status;
        path = file;
    }
    tokenizer = rf__calloc(1, sizeof *tokenizer);
    status =
        tokenizer == NULL ? rf__fail_memory(err) : open_file(tokenizer, path, file != NULL, lower_case, logger, err);
    if (status == RF_OK) {
        rf__log(logger, RF_LOG_DEBUG, "%s: a tokenizer, %s of %u ids, %u special tokens around a text; %.1f ms", path,
                tokenizer->model->ops->type, tokenizer->vocab_size, tokenizer->postprocessor.n_added[false],
                (double)(rf__os_now_ns() - begin) / 1e6);
        *out = tokenizer;
    } else {
        rf__tokenizer_free(tokenizer);
    }
    rf__free(file);
    return status;
}
