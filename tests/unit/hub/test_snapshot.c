/* snapshot: which files of a listing are wanted. */
#include "golden.h"

#include "base/mem.h"
#include "hub/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHA1 "0123456789abcdef0123456789abcdef01234567"

/* Makes a listing out of paths separated by blanks. */
static void make_repo(const char *paths, struct repo *out)
{
    struct buf text;
    const char *separator = "";

    rf__buf_init(&text, 1 << 20);
    assert_ok(rf__buf_append_str(&text, "{\"sha\": \"" SHA1 "\", \"siblings\": [", err));
    while (*paths != '\0') {
        size_t n = strcspn(paths, " ");
        assert_ok(rf__buf_printf(&text, err, "%s{\"rfilename\": \"%.*s\", \"size\": 1}", separator, (int)n, paths));
        separator = ",";
        paths += n;
        paths += strspn(paths, " ");
    }
    assert_ok(rf__buf_append_str(&text, "]}", err));
    assert_ok(rf__repo_read_api(text.data, text.len, "text", out, err));
    rf__buf_release(&text);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The planned paths, sorted, separated by blanks. */
static const char *planned(const struct repo *repo, const struct snapshot_plan *plan)
{
    static char text[4096];
    const char *paths[64];

    assert_true(plan->n <= 64);
    for (size_t i = 0; i < plan->n; i++)
        paths[i] = repo->files[plan->files[i]].path;
    qsort(paths, plan->n, sizeof paths[0], by_text);
    text[0] = '\0';
    for (size_t i = 0; i < plan->n; i++) {
        strcat(text, i > 0 ? " " : "");
        strcat(text, paths[i]);
    }
    return text;
}

/* `user` is the paths that are there, with blanks around each. */
static bool has(void *user, const struct repo_file *file)
{
    char path[300];

    snprintf(path, sizeof path, " %s ", file->path);
    return strstr(user, path) != NULL;
}

static void plans(void **state)
{
    static const struct {
        const char *files, *onnx_file;
        bool onnx_only;
        const char *modules, *there, *model, *wanted;
    } cases[] = {
        {"config.json model.onnx onnx/model.onnx onnx/model_O1.onnx pytorch_model.bin model.safetensors", NULL, false,
         NULL, NULL, "onnx/model.onnx", "config.json onnx/model.onnx"},
        {"model.onnx model.safetensors tokenizer.json", NULL, false, NULL, NULL, "model.onnx",
         "model.onnx tokenizer.json"},
        {"model.safetensors vocab.txt", NULL, false, NULL, NULL, "model.safetensors", "model.safetensors vocab.txt"},
        {"model.onnx model.safetensors", NULL, false, NULL, " model.safetensors ", "model.safetensors",
         "model.safetensors"},
        {"model.onnx model.safetensors", NULL, true, NULL, " model.safetensors ", "model.onnx", "model.onnx"},
        {"model.onnx onnx/model.onnx", "model.onnx", false, NULL, NULL, "model.onnx", "model.onnx"},
        {"onnx/model.onnx onnx/x.onnx", "x.onnx", false, NULL, NULL, "onnx/x.onnx", "onnx/x.onnx"},
        {"model.onnx", "../model.onnx", false, NULL, NULL, NULL, NULL},
        {"onnx/model.onnx onnx/model.onnx_data onnx/model.onnx.data onnx/model.data onnx/model_data "
         "onnx/model_O1.onnx_data"
         " model.onnx_data",
         NULL, false, NULL, NULL, "onnx/model.onnx",
         "onnx/model.data onnx/model.onnx onnx/model.onnx.data onnx/model.onnx_data onnx/model_data"},
        /* External data that is missing makes the file less than complete. */
        {"model.onnx model.onnx_data model.safetensors", NULL, false, NULL, " model.onnx model.safetensors ",
         "model.safetensors", "model.safetensors"},
        {"model.safetensors.index.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors"
         " model-x-of-2.safetensors",
         NULL, false, NULL, NULL, "model.safetensors.index.json",
         "model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json"},
        {"onnx/model_quantized.onnx tf_model.h5", NULL, false, NULL, NULL, NULL, NULL},
        {"tf_model.h5", NULL, false, NULL, NULL, NULL, NULL},
        {"onnx/model_quantized.onnx pytorch_model.bin", NULL, false, NULL, NULL, "pytorch_model.bin",
         "pytorch_model.bin"},
        {"pytorch_model.bin", NULL, true, NULL, NULL, NULL, NULL},
        {"pytorch_model.bin.index.json pytorch_model-00001-of-00001.bin model-00001-of-00001.safetensors", NULL, false,
         NULL, NULL, "pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin pytorch_model.bin.index.json"},
        {"model.onnx vocab.json merges.txt tokenizer.model", NULL, false, NULL, NULL, "model.onnx",
         "merges.txt model.onnx tokenizer.model vocab.json"},
        {"model.onnx tokenizer.json vocab.json merges.txt spiece.model", NULL, false, NULL, NULL, "model.onnx",
         "model.onnx tokenizer.json"},
        {"model.onnx spm.model ranks.tiktoken inner/x.tiktoken merges.txt x.model", NULL, false, NULL, NULL,
         "model.onnx", "merges.txt model.onnx ranks.tiktoken spm.model"},
        {"model.onnx tokenizer.json ranks.tiktoken", NULL, false, NULL, NULL, "model.onnx",
         "model.onnx tokenizer.json"},
        {"model.onnx 2_Dense/config.json 2_Dense/pytorch_model.bin", NULL, false, "[{\"path\": \"2_Dense\"}]", NULL,
         "model.onnx", "2_Dense/config.json 2_Dense/pytorch_model.bin model.onnx"},
        {"", NULL, false, NULL, NULL, NULL, NULL},
        {"model.onnx 1_Pooling/config.json 2_Dense/config.json 2_Dense/model.safetensors 2_Dense/pytorch_model.bin"
         " 2_Dense/deeper/config.json 3_Other/config.json",
         NULL, false,
         "[{\"path\": \"\"}, {\"path\": \"1_Pooling\", \"type\": \"x\"}, {\"path\": \"2_Dense\"}, {\"path\": \"..\"}, "
         "3]",
         NULL, "model.onnx", "1_Pooling/config.json 2_Dense/config.json 2_Dense/model.safetensors model.onnx"},
        {"model.onnx 1_Pooling/config.json", NULL, false, "[", NULL, "model.onnx", "model.onnx"},
        /* Static embeddings have weights, in the folder of the module, whatever ONNX files lie beside. */
        {"onnx/model.onnx model.safetensors tokenizer.json", NULL, false,
         "[{\"path\": \".\", \"type\": \"sentence_transformers.models.StaticEmbedding\"}]", NULL, "model.safetensors",
         "model.safetensors tokenizer.json"},
        {"onnx/model.onnx 0_StaticEmbedding/model.safetensors 0_StaticEmbedding/tokenizer.json", NULL, false,
         "[{\"path\": \"0_StaticEmbedding\", \"type\": \"x.StaticEmbedding\"}]", NULL,
         "0_StaticEmbedding/model.safetensors", "0_StaticEmbedding/model.safetensors 0_StaticEmbedding/tokenizer.json"},
        {"0_StaticEmbedding/model.safetensors modules.json", NULL, false, NULL, NULL,
         "0_StaticEmbedding/model.safetensors", "0_StaticEmbedding/model.safetensors modules.json"},
        {"0_Other/model.safetensors", NULL, false, NULL, NULL, NULL, NULL},
        {"onnx/model.ort onnx/model.onnx", "model.ort", false, NULL, NULL, "onnx/model.ort", "onnx/model.ort"},
        /* An older layout: the transformer in a folder of its own. */
        {"0_Transformer/config.json 0_Transformer/onnx/model.onnx 0_Transformer/model.safetensors", NULL, false,
         "[{\"path\": \"0_Transformer\", \"type\": \"x.Transformer\"}]", NULL, "0_Transformer/onnx/model.onnx",
         "0_Transformer/config.json 0_Transformer/model.safetensors 0_Transformer/onnx/model.onnx"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct snapshot_wish wish = {cases[i].onnx_file, cases[i].onnx_only, false};
        const struct snapshot_here here = {NULL, cases[i].there != NULL ? has : NULL,
                                           (void *)(uintptr_t)cases[i].there};
        struct snapshot_plan plan;
        struct repo repo;
        rf_error err = {RF_OK, ""};
        rf_status status;
        make_repo(cases[i].files, &repo);
        status = rf__snapshot_plan(&repo, &wish, cases[i].modules,
                                   cases[i].modules != NULL ? strlen(cases[i].modules) : 0, &here, "here", &plan, &err);
        if (cases[i].model == NULL) {
            assert_int_equal(status, RF_NOT_FOUND);
            assert_non_null(strstr(err.message, "here has no "));
        } else {
            if (status != RF_OK)
                fail_msg("%s: %s", cases[i].files, err.message);
            assert_string_equal(plan.model->path, cases[i].model);
            assert_string_equal(planned(&repo, &plan), cases[i].wanted);
            rf__snapshot_plan_release(&plan);
        }
        rf__repo_release(&repo);
    }
}

static void weights_first(void **state)
{
    static const struct {
        const char *files, *there, *model;
    } cases[] = {
        {"config.json model.onnx onnx/model.onnx model.safetensors", NULL, "model.safetensors"},
        {"config.json model.onnx model.safetensors", " config.json model.onnx ", "model.onnx"},
        {"model.onnx model.safetensors", NULL, "model.onnx"}, /* no config.json: nothing can be made of the weights */
        {"config.json model.onnx pytorch_model.bin", NULL, "model.onnx"},
        {"config.json model.onnx", NULL, "model.onnx"},
    };
    const struct snapshot_wish wish = {.weights_first = true};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct snapshot_here here = {NULL, cases[i].there != NULL ? has : NULL,
                                           (void *)(uintptr_t)cases[i].there};
        struct snapshot_plan plan;
        struct repo repo;
        rf_error err = {RF_OK, ""};
        make_repo(cases[i].files, &repo);
        assert_int_equal(rf__snapshot_plan(&repo, &wish, NULL, 0, &here, "here", &plan, &err), RF_OK);
        assert_string_equal(plan.model->path, cases[i].model);
        rf__snapshot_plan_release(&plan);
        rf__repo_release(&repo);
    }
}

static void quantized_files_are_listed_not_taken(void **state)
{
    struct snapshot_wish wish = {.onnx_file = NULL};
    struct snapshot_plan plan;
    struct repo repo;
    rf_error err;

    (void)state;
    make_repo("onnx/a.onnx onnx/b.onnx onnx/c.onnx onnx/d.onnx onnx/e.onnx onnx/f.onnx onnx/g.onnx onnx/h.onnx", &repo);
    assert_int_equal(rf__snapshot_plan(&repo, &wish, NULL, 0, NULL, "here", &plan, &err), RF_NOT_FOUND);
    assert_non_null(strstr(err.message, "onnx/a.onnx, onnx/b.onnx"));
    assert_non_null(strstr(err.message, "and 2 more"));
    assert_non_null(strstr(err.message, "--onnx-file"));
    rf__repo_release(&repo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans),
        cmocka_unit_test(weights_first),
        cmocka_unit_test(quantized_files_are_listed_not_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
