/*
 * remote_send: one batch to a server and its vectors back, again where that may help: see remote.h.
 *
 * A request is made again when its answer says that the reason will pass (408, 409, 429, 5xx) or when none came. What a
 * server answered 2xx it has billed: such a reply is asked for again only when it did not arrive whole. Between two
 * attempts there is a random time, doubled each time, and never less than the server asks for (Retry-After, and what
 * its rate-limit headers say); what it asks for holds for every thread.
 */
#include "provider/remote/remote.h"

#include "base/mem.h"

#include <string.h>

#define MAX_BACKOFF_MS 20000
#define MAX_ASKED_MS   300000 /* a server that asks for more time than this has failed */
#define SLICE_MS       20     /* between two looks at whether to go on */
#define NS_PER_MS      1000000u
#define REPLY_ROOM     ((size_t)64 << 10) /* of a reply, besides its vectors */
#define BYTES_A_NUMBER 32                 /* of a vector in JSON, at most */

/* What arrives: the body of a 2xx, and what the headers say of limits; UINT64_MAX: nothing. */
struct incoming {
    struct buf *body;
    size_t most_bytes;
    uint64_t retry_after_ms, requests_left, tokens_left, requests_reset_ms, tokens_reset_ms;
};

/* ---- Headers ----------------------------------------------------------------------------------------------------- */

static bool same_name(const char *name, size_t len, const char *wanted)
{
    if (strlen(wanted) != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] - 'A' + 'a') : name[i];
        if (c != wanted[i])
            return false;
    }
    return true;
}

static uint64_t whole_number(const char *text, size_t len)
{
    uint64_t number = 0;

    if (len == 0 || len > 18)
        return UINT64_MAX;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return UINT64_MAX;
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    return number;
}

static void on_header(void *user, const char *name, size_t name_len, const char *value, size_t len)
{
    struct incoming *in = user;

    if (same_name(name, name_len, "retry-after-ms")) {
        in->retry_after_ms = whole_number(value, len);
    } else if (same_name(name, name_len, "retry-after")) { /* a date is read by net */
        uint64_t ms = rf__remote_duration_ms(value, len);
        if (in->retry_after_ms == UINT64_MAX)
            in->retry_after_ms = ms;
    } else if (same_name(name, name_len, "x-ratelimit-remaining-requests")) {
        in->requests_left = whole_number(value, len);
    } else if (same_name(name, name_len, "x-ratelimit-remaining-tokens")) {
        in->tokens_left = whole_number(value, len);
    } else if (same_name(name, name_len, "x-ratelimit-reset-requests")) {
        in->requests_reset_ms = rf__remote_duration_ms(value, len);
    } else if (same_name(name, name_len, "x-ratelimit-reset-tokens")) {
        in->tokens_reset_ms = rf__remote_duration_ms(value, len);
    }
}

static rf_status on_data(void *user, const void *data, size_t len, rf_error *err)
{
    struct incoming *in = user;

    if (len > in->most_bytes - in->body->len)
        return rf__fail(err, RF_BAD_FORMAT, "the reply has more than the %zu bytes that its vectors can need",
                        in->most_bytes);
    return rf__buf_append(in->body, data, len, err);
}

/* How long the server wants no request such as this one; 0: it says nothing. */
static uint64_t asked_wait_ms(const struct incoming *in, const struct net_response *response, size_t n_tokens)
{
    uint64_t ms = 0;

    if (in->retry_after_ms != UINT64_MAX)
        return in->retry_after_ms;
    if (response->retry_after_s > 0)
        return (uint64_t)response->retry_after_s * 1000;
    if (in->requests_left == 0 && in->requests_reset_ms != UINT64_MAX)
        ms = in->requests_reset_ms;
    if (in->tokens_left < n_tokens && in->tokens_reset_ms != UINT64_MAX && in->tokens_reset_ms > ms)
        ms = in->tokens_reset_ms;
    return ms;
}

/* ---- Waiting ----------------------------------------------------------------------------------------------------- */

static rf_status sleep_until(struct remote_sender *sender, uint64_t until_ns, rf_error *err)
{
    for (;;) {
        uint64_t now = rf__os_now_ns(), left_ms;
        if (!sender->keep_going(sender->user))
            return rf__fail(err, RF_CANCELLED, "cancelled");
        if (now >= until_ns)
            return RF_OK;
        left_ms = (until_ns - now) / NS_PER_MS + 1;
        rf__os_sleep_ms(left_ms < SLICE_MS ? (uint32_t)left_ms : SLICE_MS);
    }
}

/* No thread sends before that time. */
static void hold_back(struct remote_model *model, uint64_t ms)
{
    uint64_t until = rf__os_now_ns() + ms * NS_PER_MS, before = atomic_load(&model->not_before_ns);

    while (before < until && !atomic_compare_exchange_weak(&model->not_before_ns, &before, until)) {
    }
}

/* A number from 0 to 1, of splitmix64. */
static double random_part(struct remote_sender *sender)
{
    uint64_t z = sender->random += 0x9E3779B97F4A7C15u;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (double)((z ^ z >> 31) >> 11) / 9007199254740992.0;
}

/* Half of the doubled time at least, so that threads that failed together do not come back together. */
static uint64_t backoff_ms(struct remote_sender *sender, uint32_t attempt)
{
    uint64_t ms = (uint64_t)sender->model->backoff_ms << (attempt < 16 ? attempt : 16);

    if (ms > MAX_BACKOFF_MS)
        ms = MAX_BACKOFF_MS;
    return ms / 2 + (uint64_t)(random_part(sender) * (double)ms / 2);
}

/* ---- Failures ---------------------------------------------------------------------------------------------------- */

static bool is_passing(long status)
{
    return status == 408 || status == 409 || status == 425 || status == 429 ||
           (status >= 500 && status <= 599 && status != 501 && status != 505);
}

/* What an answer that is no vectors means, with the server's own words. */
static rf_status explain(const struct remote_sender *sender, const struct net_response *response, const char *message,
                         rf_error *err)
{
    const struct remote_model *model = sender->model;
    const char *said = message[0] != '\0' ? message : "and says no more";
    long status = response->status;

    if (status == 401 || status == 403)
        return rf__fail(err, RF_NETWORK, "%s: %s answered %ld: %s. Please check the key (%s) and what it is good for",
                        model->source, model->host, status, said, model->api->key_names[0]);
    if (status == 404)
        return rf__fail(err, RF_NOT_FOUND, "%s: %s answered 404: %s. Please check the model's name and the base URL %s",
                        model->source, model->host, said, model->base.info.kernels);
    if (status == 400 || status == 413 || status == 422)
        return rf__fail(err, RF_INVALID_ARGUMENT, "%s: %s answered %ld: %s", model->source, model->host, status, said);
    if (status >= 300 && status <= 399)
        return rf__fail(err, RF_NETWORK, "%s: %s answered %ld, which leads elsewhere; please give the final base URL",
                        model->source, model->host, status);
    if (status >= 200 && status <= 299)
        return rf__fail(err, RF_NETWORK, "%s: %s answered %ld with something that is no JSON", model->source,
                        model->host, status);
    return rf__fail(err, RF_NETWORK, "%s: %s answered %ld: %s", model->source, model->host, status, said);
}

/* ---- One attempt ------------------------------------------------------------------------------------------------- */

enum verdict { GOT_VECTORS, TRY_AGAIN, TRY_AGAIN_NOW, GIVE_UP };

/* The most bytes that a right reply has. */
static size_t most_bytes(const struct remote_batch *batch, const struct remote_reply *reply)
{
    size_t dim = reply->dim > 0 ? reply->dim : REMOTE_MAX_DIM, bytes;

    if (!rf__mul(batch->n, dim * BYTES_A_NUMBER + 512, &bytes) || !rf__add(bytes, REPLY_ROOM, &bytes))
        return RF_JSON_MAX_BYTES;
    return bytes < RF_JSON_MAX_BYTES ? bytes : RF_JSON_MAX_BYTES;
}

/* A server that takes numbers alone says so by refusing base64; nothing was computed then. */
static bool refuses_base64(const struct remote_batch *batch, const struct net_response *response, const char *message)
{
    return !batch->as_numbers && (response->status == 400 || response->status == 422 || response->status == 501) &&
           (strstr(message, "base64") != NULL || strstr(message, "encoding_format") != NULL);
}

static enum verdict judge(struct remote_sender *sender, struct remote_batch *batch, const struct net_response *response,
                          rf_status *status, rf_error *err)
{
    char message[REMOTE_MESSAGE], code[REMOTE_MESSAGE];

    rf__remote_message(response->body.data, response->body.len, sender->model->api_key, message, code);
    *status = explain(sender, response, message, err);
    if (refuses_base64(batch, response, message)) {
        batch->as_numbers = true;
        atomic_store(&sender->model->as_numbers, true);
        return TRY_AGAIN_NOW;
    }
    if (strcmp(code, "insufficient_quota") == 0)
        return GIVE_UP;
    return is_passing(response->status) ? TRY_AGAIN : GIVE_UP;
}

static enum verdict attempt(struct remote_sender *sender, struct remote_batch *batch, struct remote_reply *reply,
                            uint64_t *wait_ms, rf_status *status, rf_error *err)
{
    struct remote_model *model = sender->model;
    struct incoming in = {&sender->reply, most_bytes(batch, reply), UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
                          UINT64_MAX};
    const struct net_request request = {.url = model->url,
                                        .body = sender->body.data,
                                        .body_len = sender->body.len,
                                        .headers = model->headers,
                                        .token = model->api_key,
                                        .stall_timeout_s = model->timeout_s,
                                        .timeout_s = model->timeout_s,
                                        .on_header = on_header,
                                        .on_data = on_data,
                                        .user = &in};
    struct net_response response;
    enum verdict verdict;

    rf__buf_clear(&sender->reply);
    atomic_fetch_add(&model->counters.requests, 1);
    *status = rf__net_fetch(sender->net, &request, &response, err);
    *wait_ms = asked_wait_ms(&in, &response, sender->n_tokens);
    if (*status != RF_OK) {
        verdict = response.outcome == NET_BROKEN || response.outcome == NET_UNREACHABLE ? TRY_AGAIN : GIVE_UP;
        if (*status != RF_CANCELLED)
            rf__fail_prefix(err, *status, "%s", model->source);
    } else if (response.status >= 200 && response.status <= 299 && !response.is_html) {
        *status = rf__remote_read(model->api, sender->reply.data, sender->reply.len, batch->n, reply, err);
        verdict = *status == RF_OK ? GOT_VECTORS : *status == RF_NETWORK ? TRY_AGAIN : GIVE_UP;
        if (*status != RF_OK)
            rf__fail_prefix(err, *status, "%s: %s", model->source, model->host);
    } else {
        verdict = judge(sender, batch, &response, status, err);
    }
    rf__net_response_release(&response);
    return verdict;
}

static rf_status write_body(struct remote_sender *sender, const struct remote_batch *batch, rf_error *err)
{
    rf__buf_clear(&sender->body);
    return sender->model->api->write(sender->model, batch, &sender->body, err);
}

rf_status rf__remote_send(struct remote_sender *sender, struct remote_batch *batch, struct remote_reply *reply,
                          rf_error *err)
{
    struct remote_model *model = sender->model;
    const uint32_t dim = reply->dim;
    rf_error why = {RF_OK, ""};
    rf_status status = write_body(sender, batch, err);

    if (status != RF_OK)
        return status;
    for (uint32_t n = 0;; n++) {
        uint64_t wait_ms;
        enum verdict verdict;
        reply->dim = dim;
        status = sleep_until(sender, atomic_load(&model->not_before_ns), &why);
        if (status != RF_OK)
            break;
        verdict = attempt(sender, batch, reply, &wait_ms, &status, &why);
        if (verdict == GOT_VECTORS && wait_ms > 0)
            hold_back(model, wait_ms < MAX_ASKED_MS ? wait_ms : MAX_ASKED_MS);
        if (verdict == TRY_AGAIN_NOW) {
            rf__log(&model->logger, RF_LOG_INFO, "%s takes no base64: vectors are asked for as numbers", model->host);
            status = write_body(sender, batch, &why);
            if (status == RF_OK)
                continue;
        }
        if (verdict != TRY_AGAIN || n >= model->max_retries || !sender->may_retry(sender->user))
            break;
        if (wait_ms > MAX_ASKED_MS) {
            rf__fail_prefix(&why, status, "asks to wait %llu s", (unsigned long long)(wait_ms / 1000));
            break;
        }
        if (wait_ms > 0)
            hold_back(model, wait_ms);
        else
            wait_ms = backoff_ms(sender, n);
        rf__log(&model->logger, RF_LOG_INFO, "%s; trying again in %.1f s (%u of %u)", why.message,
                (double)wait_ms / 1000, n + 1, model->max_retries);
        status = sleep_until(sender, rf__os_now_ns() + wait_ms * NS_PER_MS, &why);
        if (status != RF_OK)
            break;
        atomic_fetch_add(&model->counters.retries, 1);
    }
    if (status != RF_OK && err != NULL)
        *err = why;
    return status;
}
