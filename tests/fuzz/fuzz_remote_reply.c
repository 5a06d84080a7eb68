/* What a server says is believed as far as it is checked: whatever the bytes, a reply is refused or every vector is
 * there, finite, in a row of its own, and nothing outside of the rows is written; a message of a failure is one line
 * and shows no secret.
 *
 * The first byte of the input says what is read: the number of texts, whether their length is known, which API. */
#include "fuzz.h"

#include "provider/remote/remote.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "sk-secret"
#define DIM    4
#define MAX_N  3
#define CANARY 12345.0f

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_reply(const struct remote_api *api, size_t n, bool is_known, const char *body, size_t len)
{
    static const size_t rows[MAX_N] = {2, 0, 1};
    static float vectors[REMOTE_MAX_DIM * MAX_N + 1];
    struct remote_reply reply = {.vectors = vectors, .rows = is_known ? rows : NULL, .dim = is_known ? DIM : 0};
    size_t room = is_known ? DIM * MAX_N : REMOTE_MAX_DIM;

    for (size_t i = 0; i <= room; i++)
        vectors[i] = i < room ? NAN : CANARY;
    if (rf__remote_read(api, body, len, n, &reply, NULL) == RF_OK) {
        must(reply.dim > 0 && reply.dim <= REMOTE_MAX_DIM && (!is_known || reply.dim == DIM));
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < reply.dim; k++)
                must(isfinite(vectors[(is_known ? rows[i] : i) * reply.dim + k]));
    }
    must(vectors[room] == CANARY);
}

static void check_message(const char *body, size_t len)
{
    char message[REMOTE_MESSAGE], code[REMOTE_MESSAGE];

    rf__remote_message(body, len, SECRET, message, code);
    must(memchr(message, '\0', sizeof message) != NULL && memchr(code, '\0', sizeof code) != NULL);
    must(strpbrk(message, "\r\n\t") == NULL && strpbrk(code, "\r\n\t") == NULL);
    must(strstr(message, SECRET) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *body = (const char *)data + 1;
    bool is_known = size > 0 && (data[0] & 4) != 0;

    if (size == 0)
        return 0;
    check_reply((data[0] & 8) != 0 ? &rf__cohere : &rf__openai, is_known ? 1 + data[0] % 3u : 1, is_known, body,
                size - 1);
    check_message(body, size - 1);
    (void)rf__remote_duration_ms(body, size - 1);
    return 0;
}
