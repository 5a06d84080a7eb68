/*
 * remote: models that a server computes.
 *
 *     rf_embed ─ remote_call.c: texts -> batches, shared out to threads ─ remote_send.c: a batch -> its vectors, again
 *                where that may help ─ openai.c | cohere.c: texts -> JSON, JSON -> vectors (remote_json.c)
 *
 * What always holds:
 *  - A vector goes to the row of its text, whatever arrived first.
 *  - A batch whose vectors arrived is never asked for again, in that call or, with rf_embed_options.done, in the next.
 *  - What a server says is checked: how many vectors, how long, each number finite.
 *  - The key goes to base_url's origin alone, and is in no message, not even where the server repeats it.
 */
#ifndef RF_PROVIDER_REMOTE_REMOTE_H
#define RF_PROVIDER_REMOTE_REMOTE_H

#include "base/json.h"
#include "net/net.h"
#include "os/os.h"
#include "provider/provider.h"

#include <stdatomic.h>

#define REMOTE_MAX_REQUESTS 64    /* at once */
#define REMOTE_MAX_DIM      65536 /* more than any model has */

struct remote_model;

/* The texts of a request. */
struct remote_batch {
    const rf_text *texts; /* [n] */
    size_t n;
    const char *prompt;     /* in front of each; "" for none */
    const char *input_type; /* what the texts are, in the provider's words; NULL: it has none */
    bool as_numbers;        /* vectors as JSON numbers, for a server that knows no base64 */
};

/* What a server gave. */
struct remote_reply {
    float *vectors;     /* receives them, [.., dim] */
    const size_t *rows; /* [n]: which row each text's has; NULL: they are in order */
    uint32_t dim;       /* 0: not known; the first vector tells, of at most REMOTE_MAX_DIM */
    uint64_t tokens;    /* that the server counted; 0: it does not say */
};

/* A model whose vectors have a length that is known. */
struct remote_known {
    const char *name; /* NULL ends the list */
    uint32_t dim, max_tokens;
};

/* What differs from API to API. */
struct remote_api {
    const char *name; /* the source's prefix */
    const char *default_url, *path;
    const char *const *key_names, *const *url_names; /* environment variables, ended by NULL */
    const struct remote_known *known;                /* at default_url */
    size_t max_texts, max_tokens;                    /* of a request */
    bool cuts;                                       /* the server cuts long texts as it is told */
    bool has_accounts;                               /* organization and project are headers of it */

    /* The input type for a role, or for a name of the caller's; NULL where it knows none. NULL: the API has none. */
    const char *(*input_type)(rf_role role, const char *name);

    /* Appends the body of a request. */
    rf_status (*write)(const struct remote_model *model, const struct remote_batch *batch, struct buf *body,
                       rf_error *err);

    /* Reads the reply to a request of n texts. RF_BAD_FORMAT says what is wrong with it. */
    rf_status (*read)(const struct json *json, size_t n, struct remote_reply *reply, rf_error *err);
};

extern const struct remote_api rf__openai, rf__cohere;

struct remote_model {
    struct rf_model base; /* first: a struct rf_model of this provider is one of these */
    const struct remote_api *api;
    const char *model; /* in `source` */
    char *source, *url, *host, *api_key, *api_user;
    char *organization, *project;   /* whole headers, or NULL */
    const char *headers[3];         /* those that there are, ended by NULL */
    struct rf_tokenizer *tokenizer; /* counts; NULL: tokens are estimated */
    uint32_t max_tokens;            /* of a text; 0: no limit is known */
    uint32_t dimensions;            /* asked for; 0: the model's own */
    bool l2;                        /* vectors are scaled here */
    rf_truncate truncate;
    size_t max_batch; /* texts in a request */
    uint32_t timeout_s, max_retries, max_requests, backoff_ms;
    struct logger outer, logger; /* the caller's; ours, which takes turns */
    struct os_mutex *callback_mutex, *nets_mutex;
    struct net *nets[REMOTE_MAX_REQUESTS]; /* that nobody uses, with their connections */
    size_t n_nets;
    atomic_bool as_numbers;              /* the server refused base64 */
    atomic_bool role_noted;              /* that texts are taken for documents was said */
    atomic_uint_least64_t not_before_ns; /* the server wants no request before */
    struct {
        atomic_uint_least64_t calls, texts, tokens, truncated, requests, retries, count_ns, request_ns;
    } counters;
};

/* As rf__local_open(), for a source "NAME:MODEL" with the name of the API. */
rf_status rf__remote_open(const struct remote_api *api, const char *source, const rf_model_options *options,
                          struct rf_model **out, rf_error *err);

/* ---- One call ---------------------------------------------------------------------------------------------------- */

/* See struct provider. */
rf_status rf__remote_embed(const struct rf_model *model, const rf_text *texts, size_t n,
                           const rf_embed_options *options, float *out, rf_error *err);

rf_status rf__remote_call_identity(const struct rf_model *model, const rf_embed_options *options, struct buf *out,
                                   rf_error *err);

/* ---- One batch --------------------------------------------------------------------------------------------------- */

/* Who sends, and whether it is still wanted. */
struct remote_sender {
    struct remote_model *model;
    struct net *net;
    bool (*keep_going)(void *user); /* false: RF_CANCELLED */
    bool (*may_retry)(void *user);  /* whether the vectors are still wanted if they do not arrive at once */
    void *user;
    uint64_t random;        /* any number; changes */
    struct buf body, reply; /* working memory, with ceilings */
    size_t n_tokens;        /* about how many the batch has */
};

/* Sends a batch until its vectors arrive or it is clear that they will not. reply->vectors has room for them. */
rf_status rf__remote_send(struct remote_sender *sender, struct remote_batch *batch, struct remote_reply *reply,
                          rf_error *err);

/* ---- JSON -------------------------------------------------------------------------------------------------------- */

/* Appends prompt and text as one JSON string; an empty one as a space, since servers refuse it. */
rf_status rf__remote_write_text(const struct remote_batch *batch, size_t i, struct buf *body, rf_error *err);
/* Appends all of them as a JSON array. */
rf_status rf__remote_write_texts(const struct remote_batch *batch, struct buf *body, rf_error *err);

/* Reads a vector, numbers or base64 of little-endian fp32, to its row. */
rf_status rf__remote_read_vector(yyjson_val *value, size_t row, struct remote_reply *reply, rf_error *err);

/* A number of tokens; 0 for what is none. */
uint64_t rf__remote_read_count(yyjson_val *value);

/* Reads the body of a reply. RF_NETWORK: it ends early, as if cut. RF_BAD_FORMAT: it is wrong. */
rf_status rf__remote_read(const struct remote_api *api, const char *body, size_t len, size_t n,
                          struct remote_reply *reply, rf_error *err);

/* What a server says of a failure: "{"error": {"message": …}}" and its kin, else the body's text; cut to fit, on one
 * line, `secret` (may be NULL) as "***". `code` receives its error code, or "". */
#define REMOTE_MESSAGE 256
void rf__remote_message(const char *body, size_t len, const char *secret, char message[REMOTE_MESSAGE],
                        char code[REMOTE_MESSAGE]);

/* Milliseconds in "20ms", "1s", "6m0s", "1.5" (seconds); UINT64_MAX for something else. */
uint64_t rf__remote_duration_ms(const char *text, size_t len);

#endif
