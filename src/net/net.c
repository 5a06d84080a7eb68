/*
 * net: see net.h. One easy handle for each net, reset before each request: libcurl then keeps its connections.
 */
#include "net/net.h"

#include "base/mem.h"
#include "os/os.h"

#include <curl/curl.h>

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_STALL_S   30
#define DEFAULT_MAX_BODY  ((size_t)64 << 20)
#define MAX_CONNECT_S     15
#define MAX_RETRY_AFTER_S 86400
#define MAX_HEADER_VALUE  ((size_t)4 << 10) /* of those that are kept; a longer one is taken as not said */

struct net {
    CURL *curl;
    struct logger logger;
    bool (*keep_going)(void *user);
    void *user;
};

/* One request and its hops. */
struct transfer {
    struct net *net;
    const struct net_request *request;
    struct net_response *response;
    rf_error *err;
    rf_status failure; /* of a callback; RF_OK while there is none */
    bool headers_done; /* on_headers was called */
    uint64_t received; /* bytes of the body */
    char reason[CURL_ERROR_SIZE];
};

/* ---- Starting up ---------------------------------------------------------------------------------------------- */

/* curl_global_init() must run once, and before libcurl 7.84 not in two threads at once. */
static bool start_curl(void)
{
    static _Atomic int state; /* 0: not started, 1: somebody is at it, 2: done, 3: failed */
    int expected = 0;

    if (atomic_compare_exchange_strong(&state, &expected, 1))
        atomic_store(&state, curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 2 : 3);
    while (atomic_load(&state) == 1)
        rf__os_sleep_ms(1);
    return atomic_load(&state) == 2;
}

rf_status rf__net_open(const struct logger *logger, bool (*keep_going)(void *user), void *user, struct net **out,
                       rf_error *err)
{
    struct net *net;

    if (!start_curl())
        return rf__fail(err, RF_NETWORK, "libcurl cannot be started");
    net = rf__calloc(1, sizeof *net);
    if (net == NULL)
        return rf__fail_memory(err);
    net->curl = curl_easy_init();
    if (net->curl == NULL) {
        rf__free(net);
        return rf__fail_memory(err);
    }
    if (logger != NULL)
        net->logger = *logger;
    net->keep_going = keep_going;
    net->user = user;
    *out = net;
    return RF_OK;
}

void rf__net_close(struct net *net)
{
    if (net == NULL)
        return;
    curl_easy_cleanup(net->curl);
    rf__free(net);
}

void rf__net_watch(struct net *net, bool (*keep_going)(void *user), void *user)
{
    net->keep_going = keep_going;
    net->user = user;
}

/* ---- URLs ----------------------------------------------------------------------------------------------------- */

char *rf__net_escape(const char *text, bool keep_slash)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    static const char hex[] = "0123456789ABCDEF";
    size_t len = strlen(text), most;
    char *escaped, *out;

    if (!rf__mul(len, 3, &most) || !rf__add(most, 1, &most))
        return NULL;
    escaped = out = rf__alloc(most);
    if (escaped == NULL)
        return NULL;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)text[i];
        if (strchr(plain, c) != NULL || (c == '/' && keep_slash)) {
            *out++ = (char)c;
        } else {
            *out++ = '%';
            *out++ = hex[c >> 4];
            *out++ = hex[c & 15];
        }
    }
    *out = '\0';
    return escaped;
}

/* A part of a URL in new memory of ours; NULL when it has none or when out of memory. */
static char *url_part(const char *url, CURLUPart part, unsigned int flags)
{
    CURLU *parsed = curl_url();
    char *value = NULL, *copy = NULL;

    if (parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(parsed, part, &value, flags) == CURLUE_OK)
        copy = rf__strdup(value);
    curl_free(value);
    curl_url_cleanup(parsed);
    return copy;
}

char *rf__net_printable(const char *url)
{
    CURLU *parsed = curl_url();
    char *value = NULL, *copy = NULL;

    if (parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK) {
        static const CURLUPart hidden[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT};
        for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
            curl_url_set(parsed, hidden[i], NULL, 0);
        if (curl_url_get(parsed, CURLUPART_URL, &value, 0) == CURLUE_OK)
            copy = rf__strdup(value);
    } else {
        copy = rf__strdup("a URL that cannot be read");
    }
    curl_free(value);
    curl_url_cleanup(parsed);
    return copy;
}

/* "host" or "host:port", for messages. */
static char *url_host(const char *url)
{
    char *host = url_part(url, CURLUPART_HOST, 0), *port = url_part(url, CURLUPART_PORT, 0), *both = NULL;

    if (host != NULL && port != NULL) {
        both = rf__format("%s:%s", host, port);
        rf__free(host);
    } else {
        both = host;
    }
    rf__free(port);
    return both;
}

/* Whether both URLs have the same scheme, host and port. False when in doubt. */
static bool same_origin(const char *a, const char *b)
{
    static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
    bool same = true;

    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && same; i++) {
        char *x = url_part(a, parts[i], CURLU_DEFAULT_PORT), *y = url_part(b, parts[i], CURLU_DEFAULT_PORT);
        same = x != NULL && y != NULL && curl_strequal(x, y);
        rf__free(x);
        rf__free(y);
    }
    return same;
}

/* ---- Headers -------------------------------------------------------------------------------------------------- */

/* What belongs to one answer, forgotten when the next one of the same fetch begins. */
static void forget_answer(struct net_response *response)
{
    char **strings[] = {&response->etag, &response->error_code, &response->error_message};

    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        rf__free(*strings[i]);
        *strings[i] = NULL;
    }
    response->status = 0;
    response->content_length = response->range_from = response->range_total = NET_UNKNOWN;
    response->retry_after_s = 0;
    response->is_html = false;
    rf__buf_clear(&response->body);
}

/* Digits alone, or NET_UNKNOWN. */
static uint64_t parse_size(const char *s, size_t len)
{
    uint64_t value = 0;

    if (len == 0)
        return NET_UNKNOWN;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9' || value > (NET_UNKNOWN - 10) / 10)
            return NET_UNKNOWN;
        value = value * 10 + (uint64_t)(s[i] - '0');
    }
    return value;
}

/* "bytes 100-199/200" or "bytes * /200" (RFC 9110, 14.4). */
static void parse_content_range(const char *s, size_t len, struct net_response *response)
{
    const char *end = s + len, *dash, *slash;

    if (len < 6 || !curl_strnequal(s, "bytes ", 6))
        return;
    s += 6;
    slash = memchr(s, '/', (size_t)(end - s));
    if (slash == NULL)
        return;
    response->range_total = parse_size(slash + 1, (size_t)(end - slash - 1));
    dash = memchr(s, '-', (size_t)(slash - s));
    if (dash != NULL)
        response->range_from = parse_size(s, (size_t)(dash - s));
}

/* Keeps a header's value unless there is one already; RF_NO_MEMORY alone can fail. */
static rf_status keep(struct transfer *transfer, char **out, const char *value, size_t len)
{
    if (*out != NULL || len == 0 || len > MAX_HEADER_VALUE)
        return RF_OK;
    *out = rf__strndup(value, len);
    return *out == NULL ? rf__fail_memory(transfer->err) : RF_OK;
}

/* An ETag: W/ and quotes taken off, as the Python tools do to name a blob. */
static rf_status keep_etag(struct transfer *transfer, char **out, const char *value, size_t len)
{
    if (len >= 2 && value[0] == 'W' && value[1] == '/') {
        value += 2;
        len -= 2;
    }
    if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
        value++;
        len -= 2;
    }
    return keep(transfer, out, value, len);
}

static rf_status read_header(struct transfer *transfer, const char *name, size_t name_len, const char *value,
                             size_t len)
{
    struct net_response *response = transfer->response;
    const struct {
        const char *name;
        char **out;
        bool is_etag;
    } strings[] = {
        {"etag", &response->etag, true},
        {"x-linked-etag", &response->linked_etag, true},
        {"x-repo-commit", &response->repo_commit, false},
        {"x-error-code", &response->error_code, false},
        {"x-error-message", &response->error_message, false},
    };

    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        if (strlen(strings[i].name) == name_len && curl_strnequal(name, strings[i].name, name_len))
            return strings[i].is_etag ? keep_etag(transfer, strings[i].out, value, len)
                                      : keep(transfer, strings[i].out, value, len);
    }
    if (name_len == 14 && curl_strnequal(name, "content-length", 14))
        response->content_length = parse_size(value, len);
    else if (name_len == 13 && curl_strnequal(name, "x-linked-size", 13) && response->linked_size == NET_UNKNOWN)
        response->linked_size = parse_size(value, len);
    else if (name_len == 13 && curl_strnequal(name, "content-range", 13))
        parse_content_range(value, len, response);
    else if (name_len == 12 && curl_strnequal(name, "content-type", 12))
        response->is_html = len >= 9 && curl_strnequal(value, "text/html", 9);
    return RF_OK;
}

/* libcurl hands over one line at a time, of every answer: a status line begins the next. */
static size_t on_header_line(char *line, size_t size, size_t n, void *user)
{
    struct transfer *transfer = user;
    size_t len = size * n;
    const char *colon, *value;

    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
        forget_answer(transfer->response);
        return len;
    }
    colon = memchr(line, ':', len);
    if (colon == NULL)
        return len;
    value = colon + 1;
    while (value < line + len && (*value == ' ' || *value == '\t'))
        value++;
    n = (size_t)(line + len - value);
    while (n > 0 && (value[n - 1] == '\r' || value[n - 1] == '\n' || value[n - 1] == ' ' || value[n - 1] == '\t'))
        n--;
    if (transfer->request->on_header != NULL)
        transfer->request->on_header(transfer->request->user, line, (size_t)(colon - line), value, n);
    transfer->failure = read_header(transfer, line, (size_t)(colon - line), value, n);
    return transfer->failure == RF_OK ? len : 0;
}

/* ---- Body ----------------------------------------------------------------------------------------------------- */

static bool is_success(const struct transfer *transfer)
{
    return transfer->response->status >= 200 && transfer->response->status <= 299;
}

static rf_status announce(struct transfer *transfer)
{
    const struct net_request *request = transfer->request;

    if (transfer->headers_done || !is_success(transfer))
        return RF_OK;
    transfer->headers_done = true;
    return request->on_headers == NULL ? RF_OK : request->on_headers(request->user, transfer->response, transfer->err);
}

static rf_status take_body(struct transfer *transfer, const char *data, size_t len)
{
    const struct net_request *request = transfer->request;
    struct buf *body = &transfer->response->body;
    rf_status status = announce(transfer);

    if (status != RF_OK)
        return status;
    transfer->received += len;
    if (is_success(transfer))
        return request->on_data != NULL ? request->on_data(request->user, data, len, transfer->err)
                                        : rf__buf_append(body, data, len, transfer->err);
    if (body->len < NET_MAX_ERROR_BODY && len > NET_MAX_ERROR_BODY - body->len)
        len = NET_MAX_ERROR_BODY - body->len;
    return body->len < NET_MAX_ERROR_BODY ? rf__buf_append(body, data, len, transfer->err) : RF_OK;
}

static size_t on_body(char *data, size_t size, size_t n, void *user)
{
    struct transfer *transfer = user;

    curl_easy_getinfo(transfer->net->curl, CURLINFO_RESPONSE_CODE, &transfer->response->status);
    transfer->failure = take_body(transfer, data, size * n);
    return transfer->failure == RF_OK ? size * n : 0;
}

static int on_progress(void *user, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
    struct transfer *transfer = user;

    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    if (transfer->net->keep_going == NULL || transfer->net->keep_going(transfer->net->user))
        return 0;
    transfer->failure = rf__fail(transfer->err, RF_CANCELLED, "cancelled");
    return 1;
}

/* ---- One hop -------------------------------------------------------------------------------------------------- */

static const char *first_env(const char *const *names)
{
    for (; *names != NULL; names++) {
        if (rf__os_env(*names) != NULL)
            return rf__os_env(*names);
    }
    return NULL;
}

/* Appends a line; the list is freed by the caller, also after a failure. */
static rf_status add_line(struct curl_slist **list, const char *line, rf_error *err)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (longer == NULL)
        return rf__fail_memory(err);
    *list = longer;
    return RF_OK;
}

static rf_status add_header(struct curl_slist **list, const char *name, const char *value, rf_error *err)
{
    char *line = rf__format("%s: %s", name, value);
    rf_status status = line == NULL ? rf__fail_memory(err) : add_line(list, line, err);

    rf__free(line);
    return status;
}

static rf_status make_headers(const struct net_request *request, bool at_home, struct curl_slist **out, rf_error *err)
{
    rf_status status = RF_OK;
    char *value = NULL;

    if (request->token != NULL && at_home) {
        value = rf__format("Bearer %s", request->token);
        status = value == NULL ? rf__fail_memory(err) : add_header(out, "Authorization", value, err);
        rf__free(value);
    }
    if (status == RF_OK && request->range_from > 0) {
        value = rf__format("bytes=%llu-", (unsigned long long)request->range_from);
        status = value == NULL ? rf__fail_memory(err) : add_header(out, "Range", value, err);
        rf__free(value);
    }
    if (status == RF_OK && request->range_from > 0 && request->if_range != NULL && at_home) {
        value = rf__format("\"%s\"", request->if_range);
        status = value == NULL ? rf__fail_memory(err) : add_header(out, "If-Range", value, err);
        rf__free(value);
    }
    for (const char *const *line = request->headers; line != NULL && *line != NULL && at_home && status == RF_OK;
         line++)
        status = add_line(out, *line, err);
    /* "Expect" has libcurl not wait for a server that never says whether it wants a large body. */
    if (status == RF_OK && request->body != NULL)
        status = add_line(out, "Content-Type: application/json", err);
    if (status == RF_OK && request->body != NULL)
        status = add_line(out, "Expect:", err);
    /* A compressed body would have another length and other offsets. */
    if (status == RF_OK)
        status = add_header(out, "Accept-Encoding", "identity", err);
    return status;
}

static void set_options(struct transfer *transfer, const char *url, struct curl_slist *headers)
{
    static const char *const ca_files[] = {"SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", NULL};
    static const char *const ca_folders[] = {"SSL_CERT_DIR", NULL};
    const struct net_request *request = transfer->request;
    CURL *curl = transfer->net->curl;
    long stall_s = request->stall_timeout_s > 0 ? (long)request->stall_timeout_s : DEFAULT_STALL_S;

    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOBODY, request->head ? 1L : 0L);
    if (request->body != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body);
    }
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "rag_factory/" RF_VERSION);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, stall_s < MAX_CONNECT_S ? stall_s : MAX_CONNECT_S);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, stall_s);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)request->timeout_s);
#if LIBCURL_VERSION_NUM >= 0x075500
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
#else
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header_line);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, transfer->reason);
    /* For servers, and for proxies that are spoken to by TLS. */
    if (first_env(ca_files) != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, first_env(ca_files));
        curl_easy_setopt(curl, CURLOPT_PROXY_CAINFO, first_env(ca_files));
    }
    if (first_env(ca_folders) != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAPATH, first_env(ca_folders));
        curl_easy_setopt(curl, CURLOPT_PROXY_CAPATH, first_env(ca_folders));
    }
}

/* The proxy answered the wish for a tunnel with a refusal. What it says of its own faults may pass. */
static rf_status explain_proxy(struct transfer *transfer, const char *host, long answer)
{
    if (answer == 407)
        return rf__fail(transfer->err, RF_NETWORK,
                        "the proxy on the way to %s answered 407: it wants another user and password. Please ensure "
                        "that HTTPS_PROXY has them, as http://USER:PASSWORD@HOST:PORT",
                        host);
    if (answer >= 500)
        transfer->response->outcome = NET_BROKEN;
    return rf__fail(transfer->err, RF_NETWORK,
                    "the proxy on the way to %s answered %ld. Please ensure that it lets this machine through, or name "
                    "the host in NO_PROXY",
                    host, answer);
}

/* Says why no answer came, and whether trying again could help. */
static rf_status explain(struct transfer *transfer, CURLcode code)
{
    struct net_response *response = transfer->response;
    const char *host = response->host != NULL ? response->host : "the server";
    const char *reason = transfer->reason[0] != '\0' ? transfer->reason : curl_easy_strerror(code);
    long proxy_answer = 0;

    curl_easy_getinfo(transfer->net->curl, CURLINFO_HTTP_CONNECTCODE, &proxy_answer);
    if (proxy_answer >= 300)
        return explain_proxy(transfer, host, proxy_answer);
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        response->outcome = NET_UNREACHABLE;
        return rf__fail(transfer->err, RF_NETWORK, "the name of %s cannot be resolved (no network?)", host);
    case CURLE_COULDNT_RESOLVE_PROXY:
        response->outcome = NET_UNREACHABLE;
        return rf__fail(transfer->err, RF_NETWORK, "the name of the proxy on the way to %s cannot be resolved: %s",
                        host, reason);
    case CURLE_COULDNT_CONNECT:
        response->outcome = NET_UNREACHABLE;
        return rf__fail(transfer->err, RF_NETWORK, "cannot connect to %s: %s", host, reason);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
        return rf__fail(transfer->err, RF_NETWORK,
                        "the certificate of %s is not trusted (%s); behind a proxy that opens TLS, set SSL_CERT_FILE "
                        "to the file with its certificate authority",
                        host, reason);
    case CURLE_OPERATION_TIMEDOUT:
        response->outcome = transfer->received > 0 || response->status != 0 ? NET_BROKEN : NET_UNREACHABLE;
        return rf__fail(transfer->err, RF_NETWORK, "nothing arrived from %s for too long (%s)", host, reason);
    case CURLE_OUT_OF_MEMORY:
        return rf__fail_memory(transfer->err);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return rf__fail(transfer->err, RF_INVALID_ARGUMENT, "not an http or https URL (%s)", reason);
    default:
        response->outcome = NET_BROKEN;
        return rf__fail(transfer->err, RF_NETWORK, "the connection to %s broke: %s", host, reason);
    }
}

static void log_hop(const struct transfer *transfer, const char *url)
{
    char *shown = transfer->net->logger.fn == NULL ? NULL : rf__net_printable(url);

    if (shown != NULL)
        rf__log(&transfer->net->logger, RF_LOG_DEBUG, "%s %s: %ld, %llu bytes",
                transfer->request->head           ? "HEAD"
                : transfer->request->body != NULL ? "POST"
                                                  : "GET",
                shown, transfer->response->status, (unsigned long long)transfer->received);
    rf__free(shown);
}

/* Fetches one URL. `*next` is where its redirect leads, in new memory, or NULL when it is none. */
static rf_status hop(struct transfer *transfer, const char *url, bool at_home, char **next)
{
    struct net_response *response = transfer->response;
    CURL *curl = transfer->net->curl;
    struct curl_slist *headers = NULL;
    curl_off_t retry_after = 0;
    char *target = NULL;
    rf_status status;
    CURLcode code;

    *next = NULL;
    forget_answer(response);
    response->outcome = NET_FAILED;
    transfer->received = 0;
    transfer->reason[0] = '\0';
    rf__free(response->host);
    response->host = url_host(url);
    status = make_headers(transfer->request, at_home, &headers, transfer->err);
    if (status != RF_OK)
        goto out;
    set_options(transfer, url, headers);
    code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response->status);
    curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after);
    curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &target);
    log_hop(transfer, url);
    if (code == CURLE_OK)
        transfer->failure = announce(transfer);
    if (transfer->failure != RF_OK) {
        response->outcome = NET_STOPPED;
        status = transfer->failure;
        goto out;
    }
    if (code != CURLE_OK) {
        status = explain(transfer, code);
        goto out;
    }
    response->outcome = NET_ANSWERED;
    response->retry_after_s = retry_after < 0                   ? 0
                              : retry_after > MAX_RETRY_AFTER_S ? MAX_RETRY_AFTER_S
                                                                : (uint32_t)retry_after;
    if (target != NULL && (*next = rf__strdup(target)) == NULL)
        status = rf__fail_memory(transfer->err);
out:
    /* The handle outlives what it was told about this request. */
    curl_easy_reset(curl);
    curl_slist_free_all(headers);
    return status;
}

/* Whether a redirect must not be followed; the message then says why. */
static rf_status check_redirect(struct transfer *transfer, const char *from, const char *to, int n)
{
    const char *host = transfer->response->host != NULL ? transfer->response->host : "the server";

    transfer->response->outcome = NET_FAILED;
    if (n >= NET_MAX_REDIRECTS)
        return rf__fail(transfer->err, RF_NETWORK, "%s redirected more than %d times", host, NET_MAX_REDIRECTS);
    if (curl_strnequal(from, "https:", 6) && !curl_strnequal(to, "https:", 6))
        return rf__fail(transfer->err, RF_NETWORK, "%s redirected from https to something that is not", host);
    return RF_OK;
}

rf_status rf__net_fetch(struct net *net, const struct net_request *request, struct net_response *response,
                        rf_error *err)
{
    struct transfer transfer = {.net = net, .request = request, .response = response, .err = err};
    char *url = NULL, *next = NULL;
    bool at_home = true;
    rf_status status = RF_OK;

    *response = (struct net_response){.linked_size = NET_UNKNOWN};
    rf__buf_init(&response->body, request->max_body > 0 ? request->max_body : DEFAULT_MAX_BODY);
    url = rf__strdup(request->url);
    if (url == NULL)
        return rf__fail_memory(err);
    for (int n = 0;; n++) {
        status = hop(&transfer, url, at_home, &next);
        if (status != RF_OK || next == NULL || request->follow == NET_FOLLOW_NONE)
            break;
        if (request->follow == NET_FOLLOW_SAME_ORIGIN && !same_origin(url, next))
            break;
        status = check_redirect(&transfer, url, next, n);
        if (status != RF_OK)
            break;
        at_home = at_home && same_origin(request->url, next);
        rf__free(url);
        url = next;
        next = NULL;
    }
    rf__free(url);
    rf__free(next);
    return status;
}

void rf__net_response_release(struct net_response *response)
{
    forget_answer(response);
    rf__free(response->host);
    rf__free(response->linked_etag);
    rf__free(response->repo_commit);
    rf__buf_release(&response->body);
    *response = (struct net_response){0};
}
