/*
 * source: see source.h. What a name and a revision may look like is huggingface_hub's validate_repo_id and git's
 * check-ref-format.
 */
#include "hub/source.h"

#include "base/mem.h"
#include "os/os.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* sentence-transformers puts its own organisation in front of a name without one, unless the name is one of these,
 * which are older than organisations (ORIGINAL_TRANSFORMER_MODELS, version 6.2). */
static const char *const old_names[] = {
    "albert-base-v1",
    "albert-base-v2",
    "albert-large-v1",
    "albert-large-v2",
    "albert-xlarge-v1",
    "albert-xlarge-v2",
    "albert-xxlarge-v1",
    "albert-xxlarge-v2",
    "bert-base-cased",
    "bert-base-cased-finetuned-mrpc",
    "bert-base-chinese",
    "bert-base-german-cased",
    "bert-base-german-dbmdz-cased",
    "bert-base-german-dbmdz-uncased",
    "bert-base-multilingual-cased",
    "bert-base-multilingual-uncased",
    "bert-base-uncased",
    "bert-large-cased",
    "bert-large-cased-whole-word-masking",
    "bert-large-cased-whole-word-masking-finetuned-squad",
    "bert-large-uncased",
    "bert-large-uncased-whole-word-masking",
    "bert-large-uncased-whole-word-masking-finetuned-squad",
    "camembert-base",
    "ctrl",
    "distilbert-base-cased",
    "distilbert-base-cased-distilled-squad",
    "distilbert-base-german-cased",
    "distilbert-base-multilingual-cased",
    "distilbert-base-uncased",
    "distilbert-base-uncased-distilled-squad",
    "distilbert-base-uncased-finetuned-sst-2-english",
    "distilgpt2",
    "distilroberta-base",
    "gpt2",
    "gpt2-large",
    "gpt2-medium",
    "gpt2-xl",
    "openai-gpt",
    "roberta-base",
    "roberta-base-openai-detector",
    "roberta-large",
    "roberta-large-mnli",
    "roberta-large-openai-detector",
    "t5-11b",
    "t5-3b",
    "t5-base",
    "t5-large",
    "t5-small",
    "transfo-xl-wt103",
    "xlm-clm-ende-1024",
    "xlm-clm-enfr-1024",
    "xlm-mlm-100-1280",
    "xlm-mlm-17-1280",
    "xlm-mlm-en-2048",
    "xlm-mlm-ende-1024",
    "xlm-mlm-enfr-1024",
    "xlm-mlm-enro-1024",
    "xlm-mlm-tlm-xnli15-1024",
    "xlm-mlm-xnli15-1024",
    "xlm-roberta-base",
    "xlm-roberta-large",
    "xlm-roberta-large-finetuned-conll02-dutch",
    "xlm-roberta-large-finetuned-conll02-spanish",
    "xlm-roberta-large-finetuned-conll03-english",
    "xlm-roberta-large-finetuned-conll03-german",
    "xlnet-base-cased",
    "xlnet-large-cased",
};
#define DEFAULT_ORGANISATION "sentence-transformers"

/* ---- Text ----------------------------------------------------------------------------------------------------- */

bool rf__source_is_hex(const char *s, size_t len)
{
    if (strlen(s) != len)
        return false;
    return strspn(s, "0123456789abcdef") == len;
}

bool rf__source_is_safe_path(const char *path)
{
    size_t len = strlen(path);

    if (len == 0 || len > SOURCE_MAX_PATH)
        return false;
    for (const char *step = path; step != NULL;) {
        const char *slash = strchr(step, '/');
        size_t n = slash == NULL ? strlen(step) : (size_t)(slash - step);
        if (n == 0 || n > 255 || (n == 1 && step[0] == '.') || (n == 2 && step[0] == '.' && step[1] == '.'))
            return false;
        for (size_t i = 0; i < n; i++) {
            if ((uint8_t)step[i] < 0x20 || step[i] == 0x7f || step[i] == '\\' || step[i] == ':')
                return false;
        }
        step = slash == NULL ? NULL : slash + 1;
    }
    return true;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* An organisation or a repository: letters, digits, '_', '-' and '.', the last two not at its ends. */
static bool is_name_part(const char *s, size_t len)
{
    if (len == 0 || !is_word(s[0]) || !is_word(s[len - 1]))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_word(s[i]) && s[i] != '-' && s[i] != '.')
            return false;
    }
    return true;
}

static bool is_hub_name(const char *name)
{
    const char *slash = strchr(name, '/');
    const char *last = slash == NULL ? name : slash + 1;

    return strlen(name) <= SOURCE_MAX_NAME && (slash == NULL || is_name_part(name, (size_t)(slash - name))) &&
           is_name_part(last, strlen(last)) && strstr(name, "--") == NULL && strstr(name, "..") == NULL &&
           !rf__ends_with(name, ".git");
}

static bool is_revision(const char *revision)
{
    if (strlen(revision) > SOURCE_MAX_REVISION || !rf__source_is_safe_path(revision) || revision[0] == '-')
        return false;
    return strstr(revision, "..") == NULL && strpbrk(revision, " ~^?*[@") == NULL;
}

/* How the names of files end; ended by NULL. */
static const char *const onnx_ends[] = {".onnx", ".ort", NULL};
static const char *const weights_ends[] = {".safetensors", ".bin", ".safetensors.index.json", ".bin.index.json", NULL};
static const char *const tokenizer_ends[] = {".json", ".txt", ".tiktoken", ".model", NULL};

static bool ends_with_one(const char *text, const char *const *ends)
{
    for (; *ends != NULL; ends++) {
        if (rf__ends_with(text, *ends))
            return true;
    }
    return false;
}

/* Whether its name is that of a file of a model or of a tokenizer. */
static bool is_file_name(const char *text)
{
    return ends_with_one(text, onnx_ends) || ends_with_one(text, weights_ends) || ends_with_one(text, tokenizer_ends);
}

/* Whether it can only be meant as a path, so that "no such file" is the answer that helps. A repository that is called
 * like a file is reached with its revision. */
static bool is_meant_as_path(const char *text, const char *revision)
{
    const char *slash = strchr(text, '/');
    bool has_two_slashes = slash != NULL && strchr(slash + 1, '/') != NULL;

    return text[0] == '/' || text[0] == '.' || text[0] == '~' || strchr(text, '\\') != NULL || has_two_slashes ||
           rf__ends_with(text, "/") || (revision == NULL && is_file_name(text));
}

/* ---- Paths ---------------------------------------------------------------------------------------------------- */

static rf_status read_path(const char *text, enum os_kind kind, struct source *out, rf_error *err)
{
    size_t len = strlen(text);

    if (kind == OS_DIRECTORY)
        out->kind = SOURCE_DIRECTORY;
    else if (ends_with_one(text, onnx_ends))
        out->kind = SOURCE_ONNX_FILE;
    else if (ends_with_one(text, weights_ends))
        out->kind = SOURCE_WEIGHTS_FILE;
    else
        return rf__fail(
            err, RF_INVALID_ARGUMENT,
            "%s: is no model: expected a directory, an .onnx, .safetensors or .bin file, or a name on the hub "
            "such as " SOURCE_DEFAULT_MODEL_HINT,
            text);
    while (len > 1 && text[len - 1] == '/')
        len--;
    out->path = rf__strndup(text, len);
    return out->path == NULL ? rf__fail_memory(err) : RF_OK;
}

static rf_status no_such_path(const char *text, rf_error *err)
{
    FILE *file;

    errno = 0;
    file = rf__os_fopen(text, "rb");
    if (file != NULL)
        fclose(file);
    if (errno == EACCES || errno == EPERM)
        return rf__fail(err, RF_IO, "%s: cannot be reached: permission denied; run as a user who may read it", text);
    return rf__fail(err, RF_NOT_FOUND,
                    "%s: no such file or directory; check the path, or name a model on the hub by org/name, such "
                    "as " SOURCE_DEFAULT_MODEL_HINT,
                    text);
}

/* ---- Names ---------------------------------------------------------------------------------------------------- */

static bool is_old_name(const char *name)
{
    for (size_t i = 0; i < sizeof old_names / sizeof old_names[0]; i++) {
        if (strcmp(old_names[i], name) == 0)
            return true;
    }
    return false;
}

static rf_status set_name(const char *name, const struct logger *logger, struct source *out, rf_error *err)
{
    if (!is_hub_name(name))
        return rf__fail(err, RF_INVALID_ARGUMENT,
                        "'%s' is neither an existing path nor a name on the hub: expected org/name of letters, digits, "
                        "'-', '_' and '.', such as " SOURCE_DEFAULT_MODEL_HINT,
                        name);
    out->prefixed = strchr(name, '/') == NULL && !is_old_name(name);
    out->name = rf__format("%s%s", out->prefixed ? DEFAULT_ORGANISATION "/" : "", name);
    if (out->name == NULL)
        return rf__fail_memory(err);
    if (out->prefixed)
        rf__log(logger, RF_LOG_INFO, "'%s' names no organisation: taken as '%s', as sentence-transformers does", name,
                out->name);
    return RF_OK;
}

static rf_status read_name(const char *text, const char *revision, const struct logger *logger, struct source *out,
                           rf_error *err)
{
    const char *at = strchr(text, '@'), *said = at == NULL ? NULL : at + 1;
    char *name = at == NULL ? rf__strdup(text) : rf__strndup(text, (size_t)(at - text));
    rf_status status;

    if (name == NULL)
        return rf__fail_memory(err);
    out->kind = SOURCE_HUB;
    if (said != NULL && revision != NULL && strcmp(said, revision) != 0)
        status = rf__fail(err, RF_INVALID_ARGUMENT, "'%s' names the revision '%s', the option '%s': say one of them",
                          text, said, revision);
    else
        status = set_name(name, logger, out, err);
    rf__free(name);
    if (status != RF_OK)
        return status;
    if (said == NULL)
        said = revision != NULL ? revision : SOURCE_DEFAULT_REVISION;
    if (!is_revision(said))
        return rf__fail(err, RF_INVALID_ARGUMENT, "'%s' is no revision: expected a branch, a tag or a commit", said);
    out->revision = rf__strdup(said);
    return out->revision == NULL ? rf__fail_memory(err) : RF_OK;
}

rf_status rf__source_read(const char *text, const char *revision, const struct logger *logger, struct source *out,
                          rf_error *err)
{
    static const char *const kinds[] = {"a model directory", "an ONNX file", "a file of weights"};
    struct os_stat stat;
    rf_status status;

    *out = (struct source){0};
    if (text[0] == '\0')
        return rf__fail(err, RF_INVALID_ARGUMENT,
                        "the model's name is empty; expected a path or org/name such as " SOURCE_DEFAULT_MODEL_HINT);
    stat = rf__os_stat(text);
    if (stat.kind != OS_NOTHING)
        status = read_path(text, stat.kind, out, err);
    else if (strstr(text, "://") != NULL)
        status = rf__fail(err, RF_INVALID_ARGUMENT,
                          "a model is named by org/name, such as " SOURCE_DEFAULT_MODEL_HINT
                          ", not by a URL; set HF_ENDPOINT to use another hub");
    else if (is_meant_as_path(text, revision) && strchr(text, '@') == NULL)
        status = no_such_path(text, err);
    else
        status = read_name(text, revision, logger, out, err);
    if (status == RF_OK && out->kind == SOURCE_HUB)
        rf__log(logger, RF_LOG_DEBUG, "'%s': no such path, so a name on the hub: %s, revision '%s'", text, out->name,
                out->revision);
    else if (status == RF_OK)
        rf__log(logger, RF_LOG_DEBUG, "'%s': %s on this machine", text, kinds[out->kind]);
    else
        rf__source_release(out);
    return status;
}

void rf__source_release(struct source *source)
{
    rf__free(source->path);
    rf__free(source->name);
    rf__free(source->revision);
    *source = (struct source){0};
}
