/*
 * net: outbound HTTP over libcurl, the only folder that includes it. Proxies (HTTPS_PROXY, NO_PROXY …) and certificate
 * files (SSL_CERT_FILE, CURL_CA_BUNDLE) are honoured as curl does.
 */
#ifndef RF_NET_NET_H
#define RF_NET_NET_H

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"

struct net_request {
    const char *url;
    bool head;                /* HEAD instead of GET */
    bool follow;              /* redirects; the token goes to the first host alone */
    const char *token;        /* NULL, or sent as "Authorization: Bearer"; never logged */
    uint64_t range_from;      /* 0, or ask for the bytes from here on */
    const char *if_range;     /* NULL, or the ETag that the range must belong to */
    uint32_t stall_timeout_s; /* 0: 30. Gives up when nothing arrives for so long */
    /* Called with each piece of a 2xx body; returning a failure ends the transfer with it. NULL: the body goes to
     * net_response.body. */
    rf_status (*on_data)(void *user, const struct net_request *request, const void *data, size_t len, rf_error *err);
    /* Called once the final headers are known and are 2xx, before on_data. May be NULL. */
    rf_status (*on_headers)(void *user, const struct net_request *request, const void *response, rf_error *err);
    void *user;
    bool (*keep_going)(void *user); /* polled; false: RF_CANCELLED. NULL: always */
    void *keep_going_user;
    const struct logger *logger;
};

struct net_response {
    long status; /* of the last answer */
    char *url;   /* where it came from in the end */
    char *etag, *linked_etag, *repo_commit, *error_code, *error_message,
        *location;                        /* headers, or NULL; quotes kept off */
    uint64_t content_length, linked_size; /* UINT64_MAX when not said */
    uint32_t retry_after_s;               /* 0 when not said */
    bool is_html;
    struct buf body; /* of an error answer too, at most 64 KiB then */
};

/* RF_OK when an answer came, whatever its status; RF_NETWORK with curl's reason when none did. */
rf_status rf__net_fetch(const struct net_request *request, struct net_response *response, rf_error *err);
void rf__net_response_release(struct net_response *response); /* fine on a zeroed one */

#endif
