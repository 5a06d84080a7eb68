/* net: outbound HTTP, against a server of a few lines that says what the test gives it. */
#include "golden.h"

#include "base/mem.h"
#include "net/net.h"
#include "os/os.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _WIN32

int main(void)
{
    return 0;
}

#else

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* Each connection gets the next answer and is closed. What was asked is kept. */
struct server {
    int listener;
    unsigned port;
    const char *const *answers; /* ended by NULL */
    char asked[8][2048];
    int n_asked;
    struct os_thread *thread;
};

static void serve(void *arg)
{
    struct server *server = arg;

    for (; server->answers[server->n_asked] != NULL; server->n_asked++) {
        char *asked = server->asked[server->n_asked];
        const char *answer = server->answers[server->n_asked];
        size_t have = 0;
        int connection = accept(server->listener, NULL, NULL);
        if (connection < 0)
            return;
        while (strstr(asked, "\r\n\r\n") == NULL && have < sizeof server->asked[0] - 1) {
            ssize_t n = recv(connection, asked + have, sizeof server->asked[0] - 1 - have, 0);
            if (n <= 0)
                break;
            have += (size_t)n;
            asked[have] = '\0';
        }
        if (send(connection, answer, strlen(answer), MSG_NOSIGNAL) < 0)
            fprintf(stderr, "the server cannot send\n");
        close(connection);
    }
}

/* Starts it; answers may be set after, before the first fetch. */
static void start(struct server *server, const char *const *answers)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    *server = (struct server){.answers = answers};
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->listener, 8), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &len), 0);
    server->port = ntohs(address.sin_port);
    assert_ok(rf__os_thread_start(serve, server, &server->thread, err));
}

static void stop(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    rf__os_thread_join(server->thread);
    close(server->listener);
}

static const char *url_of(const struct server *server, const char *path)
{
    static char url[256];

    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", server->port, path);
    return url;
}

/* One fetch of "/x" with one scripted answer. */
static rf_status fetch(const char *answer, struct net_request *request, struct net_response *response, rf_error *err)
{
    const char *answers[] = {answer, NULL};
    struct server server;
    struct net *net;
    rf_status status;

    start(&server, answers);
    request->url = url_of(&server, "/x");
    assert_int_equal(rf__net_open(NULL, NULL, NULL, &net, err), RF_OK);
    status = rf__net_fetch(net, request, response, err);
    rf__net_close(net);
    stop(&server);
    return status;
}

static void headers_are_read(void **state)
{
    struct net_request request = {0};
    struct net_response response;
    rf_error err;

    (void)state;
    assert_int_equal(fetch("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: W/\"abc\"\r\nX-Linked-ETag: \"def\"\r\n"
                           "x-linked-size: 12345678901\r\nX-Repo-Commit:  0123 \r\nX-Error-Code: Code\r\n"
                           "X-Error-Message: a message\r\nContent-Type: TEXT/HTML; charset=utf-8\r\n\r\nhello",
                           &request, &response, &err),
                     RF_OK);
    assert_int_equal(response.outcome, NET_ANSWERED);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.etag, "abc");
    assert_string_equal(response.linked_etag, "def");
    assert_true(response.linked_size == 12345678901u);
    assert_true(response.content_length == 5);
    assert_string_equal(response.repo_commit, "0123");
    assert_string_equal(response.error_code, "Code");
    assert_string_equal(response.error_message, "a message");
    assert_true(response.is_html);
    assert_string_equal(response.body.data, "hello");
    rf__net_response_release(&response);
    rf__net_response_release(&response);
}

static void lengths_that_make_no_sense_are_unknown(void **state)
{
    static const char *const values[] = {"x", "-1", "99999999999999999999999", "1 2", ""};

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char answer[256];
        struct net_request request = {.head = true};
        struct net_response response;
        rf_error err;
        snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nX-Linked-Size: %s\r\nContent-Range: bytes %s/%s\r\n\r\n",
                 values[i], values[i], values[i]);
        assert_int_equal(fetch(answer, &request, &response, &err), RF_OK);
        assert_true(response.linked_size == NET_UNKNOWN);
        assert_true(response.range_from == NET_UNKNOWN && response.range_total == NET_UNKNOWN);
        rf__net_response_release(&response);
    }
}

static void ranges_are_asked_for_and_read(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 206 Partial\r\nContent-Length: 2\r\nContent-Range: bytes 7-8/9\r\n\r\nhi",
        "HTTP/1.1 416 No\r\nContent-Length: 0\r\nContent-Range: bytes */9\r\n\r\n", NULL};
    struct server server;
    struct net *net;
    struct net_response response;

    (void)state;
    start(&server, answers);
    struct net_request request = {.url = url_of(&server, "/x"), .range_from = 7, .if_range = "tag"};
    assert_ok(rf__net_open(NULL, NULL, NULL, &net, err));
    assert_ok(rf__net_fetch(net, &request, &response, err));
    assert_true(response.range_from == 7 && response.range_total == 9);
    rf__net_response_release(&response);
    assert_ok(rf__net_fetch(net, &request, &response, err));
    assert_int_equal(response.status, 416);
    assert_true(response.range_total == 9);
    rf__net_response_release(&response);
    rf__net_close(net);
    stop(&server);
    assert_non_null(strstr(server.asked[0], "Range: bytes=7-\r\n"));
    assert_non_null(strstr(server.asked[0], "If-Range: \"tag\"\r\n"));
    assert_non_null(strstr(server.asked[0], "Accept-Encoding: identity\r\n"));
    assert_null(strstr(server.asked[0], "Authorization"));
}

/* The hub's headers stay known when the file comes from elsewhere, and neither token nor If-Range goes there. */
static void redirect_to_another_host(void **state)
{
    static const char *const far_answers[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nETag: \"far\"\r\nX-Linked-ETag: \"evil\"\r\n\r\nhi", NULL};
    char home_answer[512];
    const char *home_answers[] = {home_answer, NULL};
    struct server home, far;
    struct net *net;
    struct net_response response;

    (void)state;
    start(&far, far_answers);
    start(&home, home_answers);
    snprintf(home_answer, sizeof home_answer,
             "HTTP/1.1 302 Found\r\nLocation: %s\r\nETag: \"home\"\r\nX-Linked-ETag: \"linked\"\r\nX-Repo-Commit: c\r\n"
             "Content-Length: 0\r\n\r\n",
             url_of(&far, "/y?signature=z"));
    struct net_request request = {
        .url = url_of(&home, "/x"), .follow = NET_FOLLOW_ALL, .token = "secret", .range_from = 1, .if_range = "tag"};
    assert_ok(rf__net_open(NULL, NULL, NULL, &net, err));
    assert_ok(rf__net_fetch(net, &request, &response, err));
    assert_string_equal(response.etag, "far");
    assert_string_equal(response.linked_etag, "linked");
    assert_string_equal(response.repo_commit, "c");
    rf__net_response_release(&response);
    rf__net_close(net);
    stop(&home);
    stop(&far);
    assert_non_null(strstr(home.asked[0], "Authorization: Bearer secret\r\n"));
    assert_null(strstr(far.asked[0], "Authorization"));
    assert_null(strstr(far.asked[0], "secret"));
    assert_null(strstr(far.asked[0], "If-Range"));
    assert_non_null(strstr(far.asked[0], "Range: bytes=1-"));
}

static void redirect_that_is_not_followed(void **state)
{
    static const char answer[] = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nX-Linked-Size: 7\r\n"
                                 "Content-Length: 3\r\n\r\nelse";
    static const enum net_follow follows[] = {NET_FOLLOW_NONE, NET_FOLLOW_SAME_ORIGIN};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct net_request request = {.follow = follows[i]};
        struct net_response response;
        rf_error err;
        assert_int_equal(fetch(answer, &request, &response, &err), RF_OK);
        assert_int_equal(response.status, 302);
        assert_true(response.linked_size == 7);
        rf__net_response_release(&response);
    }
}

struct seen {
    char text[64];
    size_t n_headers, n_data;
    rf_status fail_headers, fail_data;
};

static rf_status see_headers(void *user, const struct net_response *response, rf_error *err)
{
    struct seen *seen = user;

    seen->n_headers++;
    snprintf(seen->text, sizeof seen->text, "%ld:", response->status);
    return seen->fail_headers == RF_OK ? RF_OK : rf__fail(err, seen->fail_headers, "headers refused");
}

static rf_status see_data(void *user, const void *data, size_t len, rf_error *err)
{
    struct seen *seen = user;

    seen->n_data++;
    strncat(seen->text, data, len);
    return seen->fail_data == RF_OK ? RF_OK : rf__fail(err, seen->fail_data, "data refused");
}

static void callbacks_see_success_alone(void **state)
{
    static const struct {
        const char *answer, *text;
        size_t n_headers;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200:hi", 1},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "200:", 1},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "200:hi", 1},
        {"HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\nhi", "", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct seen seen = {0};
        struct net_request request = {.on_headers = see_headers, .on_data = see_data, .user = &seen};
        struct net_response response;
        rf_error err;
        assert_int_equal(fetch(cases[i].answer, &request, &response, &err), RF_OK);
        assert_string_equal(seen.text, cases[i].text);
        assert_int_equal(seen.n_headers, cases[i].n_headers);
        rf__net_response_release(&response);
    }
}

static void callback_that_fails_ends_it(void **state)
{
    struct seen seen = {.fail_headers = RF_IO};
    struct net_request request = {.on_headers = see_headers, .on_data = see_data, .user = &seen};
    struct net_response response;
    rf_error err;

    (void)state;
    assert_int_equal(fetch("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", &request, &response, &err), RF_IO);
    assert_int_equal(response.outcome, NET_STOPPED);
    assert_string_equal(err.message, "headers refused");
    assert_int_equal(seen.n_data, 0);
    rf__net_response_release(&response);
    seen = (struct seen){.fail_data = RF_BAD_FORMAT};
    assert_int_equal(fetch("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", &request, &response, &err), RF_BAD_FORMAT);
    assert_string_equal(err.message, "data refused");
    rf__net_response_release(&response);
}

static void bodies_have_a_ceiling(void **state)
{
    size_t len = 200000;
    char *answer = rf__alloc(len + 100);
    struct net_request request = {.max_body = 1000};
    struct net_response response;
    rf_error err;
    int head;

    (void)state;
    assert_non_null(answer);
    head = snprintf(answer, 100, "HTTP/1.1 500 No\r\nContent-Length: %zu\r\n\r\n", len);
    memset(answer + head, 'x', len);
    answer[(size_t)head + len] = '\0';
    request.max_body = 0;
    assert_int_equal(fetch(answer, &request, &response, &err), RF_OK);
    assert_int_equal(response.body.len, NET_MAX_ERROR_BODY);
    rf__net_response_release(&response);
    memcpy(answer, "HTTP/1.1 200", 12);
    request.max_body = 1000;
    assert_int_equal(fetch(answer, &request, &response, &err), RF_NO_MEMORY);
    rf__net_response_release(&response);
    rf__free(answer);
}

static void what_breaks_is_told_apart(void **state)
{
    static const struct {
        const char *answer;
        enum net_outcome outcome;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi", NET_BROKEN},
        {"", NET_BROKEN},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", NET_BROKEN},
    };
    struct net_response response;
    rf_error err;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net_request request = {0};
        assert_int_equal(fetch(cases[i].answer, &request, &response, &err), RF_NETWORK);
        assert_int_equal(response.outcome, cases[i].outcome);
        assert_non_null(strstr(err.message, "127.0.0.1:"));
        rf__net_response_release(&response);
    }
}

static void nobody_there(void **state)
{
    static const struct {
        const char *url;
        rf_status status;
        enum net_outcome outcome;
    } cases[] = {
        {"http://127.0.0.1:1/", RF_NETWORK, NET_UNREACHABLE},
        {"http://nobody.invalid/", RF_NETWORK, NET_UNREACHABLE},
        {"file:///etc/passwd", RF_INVALID_ARGUMENT, NET_FAILED},
        {"ftp://127.0.0.1/", RF_INVALID_ARGUMENT, NET_FAILED},
        {"http://[::", RF_INVALID_ARGUMENT, NET_FAILED},
    };
    struct net *net;
    struct net_response response;
    rf_error err;

    (void)state;
    assert_int_equal(rf__net_open(NULL, NULL, NULL, &net, &err), RF_OK);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct net_request request = {.url = cases[i].url, .stall_timeout_s = 5};
        assert_int_equal(rf__net_fetch(net, &request, &response, &err), cases[i].status);
        assert_int_equal(response.outcome, cases[i].outcome);
        rf__net_response_release(&response);
    }
    rf__net_close(net);
    rf__net_close(NULL);
}

static bool never(void *user)
{
    (void)user;
    return false;
}

static void cancelled(void **state)
{
    static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nhi", NULL};
    struct server server;
    struct net *net;
    struct net_response response;
    rf_error err;

    (void)state;
    start(&server, answers);
    struct net_request request = {.url = url_of(&server, "/x")};
    assert_int_equal(rf__net_open(NULL, never, NULL, &net, &err), RF_OK);
    assert_int_equal(rf__net_fetch(net, &request, &response, &err), RF_CANCELLED);
    assert_int_equal(response.outcome, NET_STOPPED);
    rf__net_response_release(&response);
    rf__net_close(net);
    stop(&server);
}

static void escape_and_printable(void **state)
{
    static const struct {
        const char *url, *shown;
    } urls[] = {
        {"https://user:password@hub.example:8443/a/b?token=x#y", "https://hub.example:8443/a/b"},
        {"http://hub.example", "http://hub.example/"},
        {"", "a URL that cannot be read"},
    };
    char *text;

    (void)state;
    text = rf__net_escape("a b/c%ü-._~", true);
    assert_string_equal(text, "a%20b/c%25%C3%BC-._~");
    rf__free(text);
    text = rf__net_escape("refs/pr/1", false);
    assert_string_equal(text, "refs%2Fpr%2F1");
    rf__free(text);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        text = rf__net_printable(urls[i].url);
        assert_string_equal(text, urls[i].shown);
        rf__free(text);
    }
}

/* Each allocation of ours fails in turn: no leak, no crash, and in the end success. */
static void out_of_memory(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nX-Repo-Commit: c\r\nContent-Length: 2\r\n\r\nhi", NULL};
    rf_status status = RF_NO_MEMORY;

    (void)state;
    for (uint64_t n = 1; status != RF_OK && n < 100; n++) {
        struct server server;
        struct net *net = NULL;
        struct net_response response = {0};
        rf_error err;
        start(&server, answers);
        struct net_request request = {.url = url_of(&server, "/x"), .token = "t", .range_from = 1, .if_range = "i"};
        rf__alloc_fail_at(n);
        status = rf__net_open(NULL, NULL, NULL, &net, &err);
        if (status == RF_OK)
            status = rf__net_fetch(net, &request, &response, &err);
        rf__alloc_fail_at(0);
        assert_true(status == RF_OK || status == RF_NO_MEMORY);
        rf__net_response_release(&response);
        rf__net_close(net);
        stop(&server);
    }
    assert_int_equal(status, RF_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_read),
        cmocka_unit_test(lengths_that_make_no_sense_are_unknown),
        cmocka_unit_test(ranges_are_asked_for_and_read),
        cmocka_unit_test(redirect_to_another_host),
        cmocka_unit_test(redirect_that_is_not_followed),
        cmocka_unit_test(callbacks_see_success_alone),
        cmocka_unit_test(callback_that_fails_ends_it),
        cmocka_unit_test(bodies_have_a_ceiling),
        cmocka_unit_test(what_breaks_is_told_apart),
        cmocka_unit_test(nobody_there),
        cmocka_unit_test(cancelled),
        cmocka_unit_test(escape_and_printable),
        cmocka_unit_test(out_of_memory),
    };

    setenv("NO_PROXY", "*", 1);
    setenv("no_proxy", "*", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
