#include "cwg/join/path.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cwg/base/json.h"
#include "cwg/site/calls.h"
#include "link/key.h"

enum {
    MEASURE_MS = 30000,
    PACKET_MAX = 65535,
};

static int run(struct call calls[static 2], struct failure *failure)
{
    return calls_run(calls, 2, MEASURE_MS) ? calls_fail(calls, 2, failure) : 0;
}

/* Opens a socket at both. Writes where each is: at the address of the trial. */
static int open_sockets(struct site *const sites[static 2], const struct trial *trial,
                        char ret_at[static 2][ENDPOINT_TEXT_SIZE], struct failure *failure)
{
    const bool ipv6 = trial->endpoint[0][0] == '[' || trial->endpoint[1][0] == '[';
    struct call calls[2];
    int error;

    for (int i = 0; i < 2; i++)
        calls[i] = (struct call){.site = sites[i],
                                 .request = json_pack("{s:s,s:b}", "do", "probe", "ipv6", ipv6)};
    error = run(calls, failure);
    for (int i = 0; i < 2 && !error; i++) {
        struct endpoint endpoint;
        int64_t port;

        (void)snprintf(ret_at[i], ENDPOINT_TEXT_SIZE, "-");
        if (json_whole(calls[i].answer, "port", 1, UINT16_MAX, &port)) {
            error = site_fail(sites[i], "tells no port to measure at", failure);
        } else if (endpoint_parse(trial->endpoint[i], &endpoint) == ENDPOINT_GOOD) {
            endpoint.port = (uint16_t)port;
            endpoint_to_text(&endpoint, ret_at[i]);
        }
    }
    calls_free(calls, 2);
    return error;
}

static int take_measured(struct site *site, const json_t *answer, int longest,
                         struct measured *ret_measured, struct failure *failure)
{
    int64_t whole, told;

    if (json_whole(answer, "whole", 0, longest, &whole) ||
        json_whole(answer, "told", 0, PACKET_MAX, &told))
        return site_fail(site, "tells of packets in an unknown way", failure);
    *ret_measured = (struct measured){.whole = (int)whole,
                                      .split = json_is_true(json_object_get(answer, "split")),
                                      .told = (int)told};
    return 0;
}

int path_measure(struct site *one, struct site *other, const struct trial *trial,
                 struct measured ret_measured[static 2], struct failure *failure)
{
    struct site *const sites[2] = {one, other};
    char at[2][ENDPOINT_TEXT_SIZE], cookie_text[KEY_TEXT_LENGTH + 1];
    struct call calls[2];
    struct key cookie;
    int error;

    if (getrandom(cookie.bytes, sizeof(cookie.bytes), 0) != (ssize_t)sizeof(cookie.bytes))
        return fail(failure, "system", "there are no random numbers");
    key_to_text(&cookie, cookie_text);
    error = open_sockets(sites, trial, at, failure);
    if (error)
        return error;
    for (int i = 0; i < 2; i++)
        calls[i] = (struct call){.site = sites[i],
                                 .request = json_pack("{s:s,s:s,s:s,s:i}", "do", "measure", "to",
                                                      at[1 - i], "cookie", cookie_text, "mtu",
                                                      trial->mtu[i])};
    error = run(calls, failure);
    for (int i = 0; i < 2 && !error; i++)
        error = take_measured(sites[i], calls[i].answer, trial->mtu[i] + MEASURE_AROUND,
                              &ret_measured[i], failure);
    calls_free(calls, 2);
    return error;
}
