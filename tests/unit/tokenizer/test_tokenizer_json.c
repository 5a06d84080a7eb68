/* Files that are no tokenizer.json that we can use: what is wrong is named. */
#include "tokenizer_fixture.h"

#include "os/os.h"

#include <stdio.h>

#define WITH(MORE) "{" MORE "," FIXTURE_MODEL "}"
#define WITH_VOCAB(VOCAB)                                                                                              \
    "{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"continuing_subword_prefix\":\"##\","                 \
    "\"max_input_chars_per_word\":100,\"vocab\":" VOCAB "}}"
#define TEMPLATE(SINGLE, SPECIALS)                                                                                     \
    WITH("\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":" SINGLE                                      \
         ",\"pair\":[],\"special_tokens\":" SPECIALS "}")

#define TEMPLATE_OF_THREE                                                                                              \
    "{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},"                        \
    "{\"Sequence\":{\"id\":\"A\",\"type_id\":0}},{\"Sequence\":{\"id\":\"A\",\"type_id\":0}}],"                        \
    "\"pair\":[],\"special_tokens\":{}}"

static const struct {
    const char *json;
    rf_status status;
    const char *message;
} cases[] = {
    {"", RF_BAD_FORMAT, "tokenizer.json: is empty"},
    {"[]", RF_BAD_FORMAT, "tokenizer.json: is an array, expected an object"},
    {"{", RF_BAD_FORMAT, "tokenizer.json: is not JSON"},
    {"{}", RF_BAD_FORMAT, "tokenizer.json: has no 'model'"},
    {"{\"version\":\"2.0\"," FIXTURE_MODEL "}", RF_UNSUPPORTED, "version '2.0'"},
    /* Stages */
    {WITH("\"normalizer\":{\"type\":\"Append\"}"), RF_UNSUPPORTED, "tokenizer.json: unsupported: normalizer 'Append'"},
    {WITH("\"pre_tokenizer\":{\"type\":\"Surprise\"}"), RF_UNSUPPORTED,
     "tokenizer.json: unsupported: pre_tokenizer 'Surprise'"},
    {WITH("\"post_processor\":{\"type\":\"OtherProcessing\"}"), RF_UNSUPPORTED,
     "tokenizer.json: unsupported: post_processor 'OtherProcessing'"},
    {WITH("\"post_processor\":{\"type\":\"RobertaProcessing\"}"), RF_BAD_FORMAT, "'post_processor.cls' names no id"},
    {WITH("\"decoder\":{\"type\":\"Other\"}"), RF_UNSUPPORTED, "tokenizer.json: unsupported: decoder 'Other'"},
    {WITH("\"decoder\":{\"type\":\"CTC\"}"), RF_BAD_FORMAT, "tokenizer.json: 'decoder' has no 'pad_token'"},
    {WITH("\"decoder\":{\"type\":\"Strip\",\"content\":\"ab\"}"), RF_BAD_FORMAT,
     "'decoder.content' is 'ab', expected one character"},
    {WITH("\"decoder\":{\"type\":\"Replace\",\"content\":\"\",\"pattern\":{\"Regex\":\"(\"}}"), RF_BAD_FORMAT,
     "'decoder'"},
    {WITH("\"decoder\":{\"type\":\"Replace\",\"content\":\"\",\"pattern\":{\"String\":\"a\",\"Regex\":\"b\"}}"),
     RF_BAD_FORMAT, "decoder 'Replace' has no pattern with one 'String' or 'Regex'"},
    {WITH("\"decoder\":{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"last\"}"), RF_BAD_FORMAT,
     "'decoder.prepend_scheme' is 'last', expected first, never or always"},
    {"{\"model\":{\"type\":\"BPE\"}}", RF_BAD_FORMAT, "tokenizer.json: 'model' has no 'merges'"},
    {"{\"model\":{\"merges\":[]}}", RF_BAD_FORMAT, "tokenizer.json: 'model' has no 'vocab'"},
    {"{\"model\":{\"vocab\":[],\"unk_id\":0}}", RF_BAD_FORMAT, "'model.unk_id' is 0, but there are 0"},
    {"{\"model\":{\"vocab\":{}}}", RF_BAD_FORMAT, "'model' has no 'unk_token'"},
    {WITH("\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Lowercase\"},{\"type\":\"Sequence\","
          "\"normalizers\":[{\"type\":\"Reverse\"}]}]}"),
     RF_UNSUPPORTED, "normalizer 'Reverse'"},
    {WITH("\"normalizer\":{\"type\":\"Sequence\"}"), RF_BAD_FORMAT, "normalizer 'Sequence' has no 'normalizers'"},
    {WITH("\"normalizer\":{}"), RF_BAD_FORMAT, "'normalizer' has no 'type'"},
    {WITH("\"normalizer\":[]"), RF_BAD_FORMAT, "'normalizer' is an array, expected an object"},
    {WITH("\"pre_tokenizer\":{\"type\":7}"), RF_BAD_FORMAT, "'type' is a number, expected a string"},
    {WITH("\"normalizer\":{\"type\":\"BertNormalizer\",\"lowercase\":1}"), RF_BAD_FORMAT, "'lowercase' is a number"},
    {"{\"model\":7}", RF_BAD_FORMAT, "'model' is a number"},
    /* Model */
    {WITH_VOCAB("null"), RF_BAD_FORMAT, "'model' has no 'vocab'"},
    {WITH_VOCAB("[]"), RF_BAD_FORMAT, "'vocab' is an array, expected an object"},
    {WITH_VOCAB("{\"a\":-1}"), RF_BAD_FORMAT, "the id of 'a' in 'model.vocab' is out of range, expected 0 to 16777215"},
    {WITH_VOCAB("{\"a\":16777216}"), RF_BAD_FORMAT, "out of range"},
    {WITH_VOCAB("{\"a\":1.5}"), RF_BAD_FORMAT, "out of range"},
    {WITH_VOCAB("{\"a\":\"1\"}"), RF_BAD_FORMAT, "is a string, expected 0 to"},
    {"{\"model\":{\"type\":\"WordPiece\",\"vocab\":{},\"unk_token\":3}}", RF_BAD_FORMAT, "'unk_token' is a number"},
    {"{\"model\":{\"type\":\"WordPiece\",\"vocab\":{},\"max_input_chars_per_word\":-1}}", RF_BAD_FORMAT,
     "'max_input_chars_per_word' is a number, expected a whole number"},
    /* Added tokens */
    {WITH("\"added_tokens\":{}"), RF_BAD_FORMAT, "'added_tokens' is an object, expected an array"},
    {WITH("\"added_tokens\":[7]"), RF_BAD_FORMAT, "'added_tokens' has an element without 'content'"},
    {WITH("\"added_tokens\":[{\"content\":null}]"), RF_BAD_FORMAT, "without 'content'"},
    {WITH("\"added_tokens\":[{\"content\":\"x\",\"id\":-5}]"), RF_BAD_FORMAT, "has an 'id' that is no whole number"},
    {WITH("\"added_tokens\":[{\"content\":\"x\",\"lstrip\":\"yes\"}]"), RF_BAD_FORMAT, "'lstrip' is a string"},
    /* Post-processor */
    {WITH("\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",2]}"), RF_BAD_FORMAT,
     "'post_processor.sep' names no id"},
    {WITH("\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",-2],\"sep\":[\"[SEP]\",3]}"),
     RF_BAD_FORMAT, "'post_processor.cls' names no id"},
    {WITH("\"post_processor\":{\"type\":\"Sequence\",\"processors\":[" TEMPLATE_OF_THREE "," TEMPLATE_OF_THREE "]}"),
     RF_UNSUPPORTED, "has a 'TemplateProcessing' behind kinds that give 3 parts"},
    {TEMPLATE("[{\"SpecialToken\":{\"id\":\"[CLS]\",\"type_id\":0}}]", "{}"), RF_BAD_FORMAT,
     "'post_processor.single' names '[CLS]', which 'post_processor.special_tokens' does not have"},
    {TEMPLATE("[{\"Sequence\":{\"id\":\"C\",\"type_id\":0}}]", "{}"), RF_BAD_FORMAT, "has the sequence 'C'"},
    {TEMPLATE("[{\"Sequence\":{\"id\":\"B\",\"type_id\":0}}]", "{}"), RF_BAD_FORMAT, "there is one text only"},
    {TEMPLATE("[7]", "{}"), RF_BAD_FORMAT, "neither 'SpecialToken' nor 'Sequence'"},
    {TEMPLATE("7", "{}"), RF_BAD_FORMAT, "'single' is a number"},
    {TEMPLATE("[{\"SpecialToken\":{\"id\":\"x\",\"type_id\":0}}]", "{\"x\":{\"ids\":[-1]}}"), RF_BAD_FORMAT,
     "'post_processor.special_tokens.x.ids' has something that is no id"},
    {TEMPLATE("[{\"SpecialToken\":{\"id\":\"x\",\"type_id\":-1}}]", "{\"x\":{\"ids\":[1]}}"), RF_BAD_FORMAT,
     "'type_id' is a number"},
    {WITH("\"post_processor\":{\"type\":\"TemplateProcessing\"}"), RF_BAD_FORMAT, "'post_processor' has no 'single'"},
};

static void faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_unreadable(cases[i].json, cases[i].status, cases[i].message);
}

static void truncated_anywhere(void **state)
{
    (void)state;
    for (size_t len = 0; len < strlen(FIXTURE_JSON); len++) {
        struct rf_tokenizer t = {0};
        rf_error err = {0};
        char *copy = rf__strndup(FIXTURE_JSON, len);
        assert_int_equal(rf__tokenizer_read_json(&t, copy, len, "cut", false, NULL, &err), RF_BAD_FORMAT);
        rf__tokenizer_release(&t);
        rf__free(copy);
    }
}

/* Pieces with NUL, ids with holes, in no order and twice, a prefix with nothing behind it. */
static void odd_vocabulary(void **state)
{
    struct rf_tokenizer t;
    struct fixture_call call = {0};
    struct encode_request request = {.text = {"a\0b ab", 6}};
    uint32_t id;
    size_t len;

    (void)state;
    fixture_read(&t, "{" FIXTURE_PRETOKENIZER "," FIXTURE_ADDED
                     ",\"model\":{\"continuing_subword_prefix\":\"##\",\"vocab\":{\"a\\u0000b\":900,\"a\":5,\"##b\":7,"
                     "\"b\":5,\"##\":3,\"[UNK]\":2,\"a\":6,\"\":1}}}");
    fixture_encode(&t, &call, &request);
    assert_ids(&call.encoding, (const uint32_t[]){900, 6, 7}, 3);
    assert_true(rf__tokenizer_id(&t, "a\0b", 3, &id));
    assert_int_equal(id, 900);
    assert_memory_equal(rf__tokenizer_piece(&t, 900, &len), "a\0b", 4);
    assert_int_equal(len, 3);
    assert_null(rf__tokenizer_piece(&t, 899, &len));
    assert_int_equal(rf__tokenizer_vocab_size(&t), 901);
    /* Seven different pieces: the first new token gets the id 7, over what the vocabulary had there. */
    assert_true(rf__tokenizer_id(&t, "[PAD]", 5, &id));
    assert_int_equal(id, 7);
    assert_string_equal(rf__tokenizer_piece(&t, 7, &len), "[PAD]");
    fixture_release(&call);
    rf__tokenizer_release(&t);
}

static void log_line(void *user, rf_log_level level, const char *message)
{
    char *lines = user;

    (void)level;
    strcat(lines, message);
    strcat(lines, "\n");
}

static void warnings(void **state)
{
    char lines[1000] = "";
    struct logger logger = {log_line, lines};
    struct rf_tokenizer t = {0};
    static const char json[] =
        "{\"added_tokens\":[" FIXTURE_SPECIAL(77, "[MASK]") ",{\"content\":\"\\u00ad\",\"id\":23,"
                                                            "\"normalized\":true}]," FIXTURE_NORMALIZER
                                                            "," FIXTURE_MODEL "}";

    (void)state;
    assert_ok(rf__tokenizer_read_json(&t, json, sizeof json - 1, "t.json", false, &logger, err));
    assert_non_null(strstr(lines, "t.json: added token '[MASK]' has the id 4, not 77 as the file says"));
    assert_non_null(strstr(lines, "is empty once it is normalized"));
    rf__tokenizer_release(&t);
}

static void paths(void **state)
{
    struct rf_tokenizer *t = NULL;
    rf_error fault = {0};
    char path[1100];
    const char *folder = scratch_directory("tokenizer-paths");

    (void)state;
    assert_int_equal(rf__tokenizer_open(folder, false, NULL, &t, &fault), RF_NOT_FOUND);
    assert_non_null(strstr(fault.message, "has none of the files of a tokenizer (tokenizer.json, vocab.txt, "));
    assert_non_null(strstr(fault.message, folder));
    snprintf(path, sizeof path, "%s/vocab.json", folder);
    write_file(path, "x", 1);
    assert_int_equal(rf__tokenizer_open(folder, false, NULL, &t, &fault), RF_NOT_FOUND);
    assert_non_null(strstr(fault.message, "has no merges.txt beside it"));
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    assert_int_equal(rf__tokenizer_open(path, false, NULL, &t, &fault), RF_NOT_FOUND);
    assert_non_null(strstr(fault.message, path));
    write_file(path, FIXTURE_JSON, strlen(FIXTURE_JSON));
    assert_ok(rf__tokenizer_open(path, false, NULL, &t, err));
    rf__tokenizer_free(t);
    assert_ok(rf__tokenizer_open(folder, true, NULL, &t, err));
    rf__tokenizer_free(t);
    write_file(path, "", 0);
    assert_int_equal(rf__tokenizer_open(folder, false, NULL, &t, &fault), RF_BAD_FORMAT);
    rf__tokenizer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults),         cmocka_unit_test(truncated_anywhere),
        cmocka_unit_test(odd_vocabulary), cmocka_unit_test(warnings),
        cmocka_unit_test(paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
