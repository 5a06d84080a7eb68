/*
 * net: outbound HTTP over libcurl, the only folder that includes it.
 *
 * What always holds:
 *  - One net, one thread at a time; connections are kept between the fetches of one net.
 *  - Redirects are followed here, never by libcurl, and only from https to https. The token goes to the origin (scheme,
 *    host, port) of the request's own URL and to no other.
 *  - Proxies (HTTPS_PROXY, NO_PROXY …) are honoured as curl does, certificate files as the Python tools do: the first
 * of SSL_CERT_FILE, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE that is set, and SSL_CERT_DIR.
 *  - Neither the token nor a URL's query or password is ever logged or put into a message.
 */
#ifndef RF_NET_NET_H
#define RF_NET_NET_H

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"

#define NET_MAX_REDIRECTS  8
#define NET_MAX_ERROR_BODY ((size_t)64 << 10)
#define NET_UNKNOWN        UINT64_MAX /* a length that was not said */

struct net;

/* `keep_going` is asked a few times a second while something is under way; false: RF_CANCELLED. It may be NULL. */
rf_status rf__net_open(const struct logger *logger, bool (*keep_going)(void *user), void *user, struct net **out,
                       rf_error *err);
void rf__net_close(struct net *net); /* NULL is fine */

/* Another `keep_going` from now on. */
void rf__net_watch(struct net *net, bool (*keep_going)(void *user), void *user);

enum net_follow {
    NET_FOLLOW_NONE = 0,
    NET_FOLLOW_SAME_ORIGIN, /* a redirect elsewhere is the answer */
    NET_FOLLOW_ALL
};

/* How it ended, for those who would try again. */
enum net_outcome {
    NET_FAILED = 0,  /* for a reason that will not go away by itself: no memory, a certificate, a bad URL */
    NET_ANSWERED,    /* response.status says what */
    NET_UNREACHABLE, /* no such host, or nobody there */
    NET_BROKEN,      /* cut off, or nothing arrived for too long */
    NET_STOPPED      /* by a callback */
};

struct net_response {
    enum net_outcome outcome;
    long status; /* of the last answer */
    char *host;  /* of the last answer, with its port when it has one */
    /* Headers, or NULL; quotes and W/ taken off the ETags. linked_etag, linked_size and repo_commit are what the first
     * answer that has them says, even if a redirect leads to another host after it. */
    char *etag, *linked_etag, *repo_commit, *error_code, *error_message;
    uint64_t linked_size;
    uint64_t content_length; /* of the body that follows */
    uint64_t range_from;     /* 206: the offset of the body's first byte */
    uint64_t range_total;    /* 206, 416: the size of the whole */
    uint32_t retry_after_s;  /* 0 when not said */
    bool is_html;
    struct buf body; /* of an error answer at most NET_MAX_ERROR_BODY, the rest dropped */
};

struct net_request {
    const char *url;
    bool head;        /* HEAD instead of GET */
    const char *body; /* NULL, or POST instead of GET: JSON */
    size_t body_len;
    const char *const *headers; /* NULL, or "Name: value" strings ended by NULL; not sent to another origin */
    enum net_follow follow;
    const char *token;        /* NULL, or sent as "Authorization: Bearer" */
    uint64_t range_from;      /* 0, or ask for the bytes from here on */
    const char *if_range;     /* NULL, or the ETag that the range must belong to; not sent to another origin */
    uint32_t stall_timeout_s; /* 0: 30. Gives up when nothing arrives for so long; connecting too */
    uint32_t timeout_s;       /* 0: none. The longest that each answer may take in all */
    size_t max_body;          /* ceiling of response.body; 0: 64 MiB */
    /* Called with each header line of each answer, also of one that is no 2xx. NULL: nothing to say. */
    void (*on_header)(void *user, const char *name, size_t name_len, const char *value, size_t len);
    /* Called once, when the final answer is known and is 2xx, before its body. NULL: nothing to say. */
    rf_status (*on_headers)(void *user, const struct net_response *response, rf_error *err);
    /* Called with each piece of a 2xx body; a failure ends the transfer with it. NULL: into response.body. */
    rf_status (*on_data)(void *user, const void *data, size_t len, rf_error *err);
    void *user;
};

/* RF_OK when an answer came, whatever its status, and its body to the end; RF_NETWORK, naming host and reason, when
 * none did. The response is to be released in both cases. */
rf_status rf__net_fetch(struct net *net, const struct net_request *request, struct net_response *response,
                        rf_error *err);
void rf__net_response_release(struct net_response *response); /* fine on a zeroed one */

/* `text` with all but letters, digits, "-._~" and, with `keep_slash`, '/' as %XX; NULL when out of memory. */
char *rf__net_escape(const char *text, bool keep_slash);

/* The URL without user, password, query and fragment, fit to be shown; NULL when out of memory. */
char *rf__net_printable(const char *url);

#endif
