/* Any bytes as a request, sent twice to an end that has a session. The end does what the request
 * says. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/control/configuration.h"
#include "engine/control/request.h"
#include "engine/flow/tunnel.h"
#include "engine_world.h"
#include "fuzz.h"

static struct tunnel *const tunnel = &world.end[0].tunnel;

static size_t ask(const char *request, size_t length, char ret_answer[static CONFIGURATION_MAX + 1])
{
    size_t size = configuration_answer(tunnel, request, length, ret_answer);

    require(size >= strlen("errno=0\n\n") && size <= CONFIGURATION_MAX);
    ret_answer[size] = '\0';
    require(strlen(ret_answer) == size && strcmp(ret_answer + size - 2, "\n\n") == 0);
    require(strstr(ret_answer, "errno=") && !strstr(ret_answer, "private"));
    return size;
}

static bool is_good(const char *answer)
{
    return strcmp(answer + strlen(answer) - strlen("errno=0\n\n"), "errno=0\n\n") == 0;
}

/* Checks that the end did what the request asks. */
static void check_done(const struct engine_request *request)
{
    require(key_equal(noise_peer(tunnel->noise), &request->peer));
    require(!remote_known(&request->endpoint) || remote_equal(&tunnel->remote, &request->endpoint));
    require(!request->has_persistent_keepalive ||
            tunnel->timers.persistent == request->persistent_keepalive);
    require(!request->has_allowed || tunnel->allowed_address == request->allowed_address);
}

/* Says whether the world is unused. To make a new one takes long. */
static bool fresh;

static void answer_one(const char *text, size_t length)
{
    static char before[CONFIGURATION_MAX + 1], after[CONFIGURATION_MAX + 1],
        answer[CONFIGURATION_MAX + 1];
    struct engine_request request;
    int error;

    memset(&request, 0x5a, sizeof(request));
    error = request_parse(text, length, &request);
    (void)ask("get=1\n\n", 7, before);
    (void)ask(text, length, answer);
    (void)ask("get=1\n\n", 7, after);
    require(!error || !is_good(answer));
    if (!is_good(answer) || request.get) {
        require(strcmp(before, after) == 0);
        return;
    }
    check_done(&request);
    fresh = false;
}

static void answer_copy(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1);

    require(text);
    if (size > 0)
        memcpy(text, data, size);
    answer_one(text, size);
    free(text);
}

/* A byte 0xff separates the parts. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *second = size > 0 ? memchr(data, 0xff, size) : NULL;
    size_t first = second ? (size_t)(second - data) : size;

    if (size > (size_t)2 * CONFIGURATION_MAX)
        return 0;
    if (!fresh) {
        world_begin(1);
        world_offer_mark(0, 1, 100);
        world_pass();
        fresh = true;
    }
    answer_copy(data, first);
    if (second)
        answer_copy(second + 1, size - first - 1);
    world_run(0);
    return 0;
}
