/*
 * truncation: which tokens of one or two texts stay under a limit, as `tokenizers` has it.
 *
 * Cutting the right end, a text is tokenized until it has one token more than the limit: that tells that there is more.
 * Which tokens the left end has is known when all are. A pair is cut by comparing the lengths, and there is one case in
 * which what lies behind the limit decides: both are longer than an odd room, and the longer one gets the odd token.
 */
#include "tokenizer/encode.h"

/* The lengths that two texts of n[0] and n[1] tokens keep in `room`: the longer one is cut first. A single text is a
 * pair with nothing. */
static void longest_first(size_t n[2], size_t room)
{
    size_t shorter = n[0] > n[1] ? 1 : 0, longer = 1 - shorter;

    if (n[shorter] <= room / 2) {
        n[longer] = room - n[shorter];
    } else {
        n[shorter] = room / 2;
        n[longer] = room - n[shorter];
    }
}

static rf_status only_one(const struct encode_request *request, size_t n[2], size_t room, rf_error *err)
{
    size_t which = request->strategy == RF_STRATEGY_ONLY_SECOND, other = 1 - which;

    if (which == 1 && request->pair == NULL)
        return rf__fail(err, RF_INVALID_ARGUMENT, "the second text alone is to be cut, but there is one text only");
    if (n[other] >= room)
        return rf__fail(err, RF_TRUNCATED, "the %s text alone is to be cut, but the %s one leaves no room for it",
                        which == 0 ? "first" : "second", which == 0 ? "second" : "first");
    n[which] = room - n[other];
    return RF_OK;
}

struct token_range rf__cutting_piece(const struct cutting *cutting, size_t i)
{
    size_t n = cutting->n, skipped, len;

    if (cutting->keep == 0) /* nothing stays, all of it is one piece of overflow */
        return (struct token_range){0, i == 0 ? 0 : n};
    skipped = i * (cutting->keep - cutting->stride);
    len = n - skipped < cutting->keep ? n - skipped : cutting->keep;
    return (struct token_range){cutting->is_left ? n - skipped - len : skipped, len};
}

static rf_status count_pieces(struct cutting *cutting, const struct encode_request *request, rf_error *err)
{
    size_t step;

    cutting->n_pieces = 1;
    if (!request->overflow || cutting->keep >= cutting->n)
        return RF_OK;
    if (cutting->keep == 0) {
        cutting->n_pieces = 2;
        return RF_OK;
    }
    if (cutting->stride >= cutting->keep)
        return rf__fail(err, RF_INVALID_ARGUMENT, "the stride is %zu, but a text keeps %zu token%s; it must be less",
                        cutting->stride, cutting->keep, cutting->keep == 1 ? "" : "s");
    step = cutting->keep - cutting->stride;
    cutting->n_pieces += (cutting->n - cutting->keep + step - 1) / step;
    return RF_OK;
}

size_t rf__truncation_limit(const struct encode_request *request, size_t room)
{
    bool needs_all = room == SIZE_MAX || request->overflow || request->truncate == RF_TRUNCATE_LEFT;

    return needs_all ? SIZE_MAX : room + 1;
}

bool rf__truncation_needs_lengths(const struct encode_request *request, const size_t n[2], size_t limit, size_t room)
{
    return request->strategy == RF_STRATEGY_LONGEST_FIRST && n[0] >= limit && n[1] >= limit && room % 2 == 1;
}

rf_status rf__truncate(const struct encode_request *request, const size_t n[2], size_t room, struct cutting out[2],
                       bool *truncated, rf_error *err)
{
    size_t keep[2] = {n[0], n[1]};
    rf_status status = RF_OK;

    *truncated = n[0] + n[1] > room;
    if (*truncated && request->truncate == RF_TRUNCATE_ERROR)
        return rf__fail(err, RF_TRUNCATED, "the text has more than %u tokens", request->max_tokens);
    if (*truncated && room == 0)
        keep[0] = keep[1] = 0;
    else if (*truncated && request->strategy == RF_STRATEGY_LONGEST_FIRST)
        longest_first(keep, room);
    else if (*truncated)
        status = only_one(request, keep, room, err);
    for (int i = 0; i < 2 && status == RF_OK; i++) {
        out[i] = (struct cutting){
            .n = n[i], .keep = keep[i], .stride = request->stride, .is_left = request->truncate == RF_TRUNCATE_LEFT};
        status = count_pieces(&out[i], request, err);
    }
    return status;
}
