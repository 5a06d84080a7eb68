/* texts: see texts.h. */
#include "texts.h"

#include "base/mem.h"

#define MAX_TEXTS 100000
#define MAX_BYTES ((size_t)1 << 30)

void rf__texts_release(struct texts *texts)
{
    rf__buf_release(&texts->bytes);
    rf__free(texts->items);
    texts->items = NULL;
}

static rf_status take_chunk(const struct chunk *chunk, struct texts *texts, rf_error *err)
{
    rf_text *items;
    rf_status status = RF_OK;

    if (texts->n + chunk->n > MAX_TEXTS)
        return rf__fail(err, RF_INVALID_ARGUMENT, "more than %d texts to compare on", MAX_TEXTS);
    items = rf__realloc(texts->items, (texts->n + chunk->n) * sizeof *items);
    if (items == NULL)
        return rf__fail_memory(err);
    texts->items = items;
    for (size_t i = 0; i < chunk->n && status == RF_OK; i++) {
        texts->items[texts->n++] = (rf_text){NULL, chunk->texts[i].len};
        status = rf__buf_append(&texts->bytes, chunk->texts[i].data, chunk->texts[i].len, err);
    }
    return status;
}

static rf_status read_texts(struct input *input, struct texts *texts, rf_error *err)
{
    struct chunk chunk;
    rf_status status = RF_OK;
    size_t at = 0;

    rf__chunk_init(&chunk);
    do {
        status = rf__input_read(input, 1024, (size_t)1 << 20, &chunk, err);
        if (status == RF_OK && chunk.n > 0)
            status = take_chunk(&chunk, texts, err);
    } while (status == RF_OK && chunk.n > 0);
    for (size_t i = 0; i < texts->n && status == RF_OK; at += texts->items[i++].len)
        texts->items[i].data = texts->bytes.data + at;
    if (status == RF_OK && texts->n == 0)
        status = rf__fail(err, RF_INVALID_ARGUMENT, "%s: has no text to compare on", rf__input_name(input));
    rf__chunk_release(&chunk);
    return status;
}

rf_status rf__texts_read(const struct opt_common *common, const char *const *args, size_t n_args, struct texts *out,
                         rf_error *err)
{
    struct input *input = NULL;
    rf_status status = RF_OK;

    *out = (struct texts){.n = 0};
    rf__buf_init(&out->bytes, MAX_BYTES);
    if (n_args > 0 || common->input != NULL)
        status = rf__input_open(common, args, n_args, &input, err);
    if (status == RF_OK && input != NULL)
        status = read_texts(input, out, err);
    rf__input_free(input);
    return status;
}
