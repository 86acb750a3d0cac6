#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cwg/base/clock.h"
#include "cwg/join/side.h"
#include "cwg/machine/protocol.h"

enum {
    CONNECT_MS = 50000, /* a side hears nothing while the other one connects: see below */
    WAIT_SECONDS = 5,   /* for one candidate: WireGuard sends its second handshake after 5 s */
    COMMIT_MS = 20000,
    ADVICE_SIZE = END_HOST_SIZE + 64,
};

_Static_assert((int)CONNECT_MS < (int)PROTOCOL_SILENCE_MS,
               "no side takes the other's work for its end");

/* Chooses the endpoint at which the other side looks for this side, at the given try. */
static void choose_endpoint(struct work *work, int host, int tries)
{
    struct side *side = &work->side[host];
    const char *given = work->options->endpoint[host];
    const struct addresses *found = &side->candidates;
    const char *address = given[0] ? given : NULL;

    if (!address && !side->behind_nat && found->count > 0)
        address = found->text[tries < found->count ? tries : found->count - 1];
    if (!address)
        (void)snprintf(side->endpoint, sizeof(side->endpoint), "-");
    else
        (void)snprintf(side->endpoint, sizeof(side->endpoint),
                       strchr(address, ':') ? "[%s]:%u" : "%s:%u", address, side->port);
}

/* Which side keeps the way open: the one that begins, because a firewall of its machine's may let
 * its own packets out alone, and the answers to them for some minutes. Packets in one direction
 * keep a firewall's memory alive, whichever machine it is of. */
static bool keeps_open(const struct work *work, int host)
{
    const struct side *side = &work->side[host];

    return side->behind_nat || side->behind_firewall ||
           (side->site != work->side[1 - host].site && host == work_first(work));
}

static json_t *connect_request(const struct work *work, int host)
{
    const struct side *side = &work->side[host], *other = &work->side[1 - host];
    json_t *request = json_pack("{s:s,s:i,s:i,s:i,s:s,s:s}", "do", "connect", "container",
                                side->container, "net", (int)work->joined.net, "host", 1 - host,
                                "endpoint", other->endpoint, "key", other->key);

    if (keeps_open(work, host))
        (void)json_object_set_new(request, "keepalive", json_integer(JOIN_KEEPALIVE_SECONDS));
    if (work->options->mtu)
        (void)json_object_set_new(request, "mtu", json_integer(work->options->mtu));
    if (work->psk[0])
        (void)json_object_set_new(request, "psk", json_string(work->psk));
    return request;
}

static json_t *wait_request(const struct work *work, const struct side *side, int host)
{
    return json_pack("{s:s,s:i,s:i,s:i,s:i}", "do", "wait", "container", side->container, "net",
                     (int)work->joined.net, "host", host, "seconds", WAIT_SECONDS);
}

static int run(struct call *calls, size_t count, struct failure *failure)
{
    int error = calls_run(calls, count, CONNECT_MS);

    if (error)
        calls_fail(calls, count, failure);
    calls_free(calls, count);
    return error;
}

/* The side that begins waits first: it has the other's endpoint, and the other one is connected. A
 * side behind a NAT begins, since nobody can begin with it. */
int work_first(const struct work *work)
{
    if (work->side[1].behind_nat || strcmp(work->side[0].endpoint, "-") == 0)
        return strcmp(work->side[1].endpoint, "-") == 0 || work->side[1].behind_nat ? 1 : 0;
    return 0;
}

/* A wait ends well with an answer from the other container: then packets pass both ways, and the
 * other side needs no wait of its own, which would take two more round trips. */
static int try_once(struct work *work, struct failure *failure)
{
    const int first = work_first(work), second = 1 - first;
    struct site *first_site = work->side[first].site, *second_site = work->side[second].site;
    struct call calls[3] = {
        {.site = second_site, .request = connect_request(work, second)},
        {.site = first_site, .request = connect_request(work, first)},
        {.site = first_site, .request = wait_request(work, &work->side[first], first)},
    };
    int error;

    if (first_site == second_site)
        return run(calls, 3, failure);
    error = run(&calls[0], 1, failure);
    if (!error) {
        error = run(&calls[1], 2, failure);
    } else {
        json_decref(calls[1].request);
        json_decref(calls[2].request);
    }
    work->second_began =
        error && failure_is(failure, "silent") && strcmp(work->side[first].endpoint, "-") != 0;
    if (!work->second_began)
        return error;
    /* A firewall may let nobody begin but the second side, which then keeps the way open. */
    calls[0] = (struct call){.site = second_site,
                             .request = wait_request(work, &work->side[second], second)};
    if (run(calls, 1, failure))
        return -1;
    work->side[second].behind_firewall = true;
    calls[0] = (struct call){.site = second_site, .request = connect_request(work, second)};
    return run(calls, 1, failure);
}

/* Failures after which another address may work. */
static bool may_be_the_address(const struct failure *failure)
{
    return failure_is(failure, "silent") || failure_is(failure, "no-route") ||
           failure_is(failure, "filtered") || failure_is(failure, "own-endpoint");
}

static int make_psk(struct work *work, struct failure *failure)
{
    struct key psk;

    if (getrandom(psk.bytes, sizeof(psk.bytes), 0) != (ssize_t)sizeof(psk.bytes))
        return fail(failure, "system", "can't make a preshared key");
    key_to_text(&psk, work->psk);
    explicit_bzero(&psk, sizeof(psk));
    return 0;
}

static int count_tries(const struct work *work)
{
    int tries = 1;

    for (int i = 0; i < 2; i++) {
        if (!work->options->endpoint[i][0] && !work->side[i].behind_nat &&
            work->side[i].candidates.count > tries)
            tries = work->side[i].candidates.count;
    }
    return tries;
}

/* Where a side listens, for people. */
static const char *place_of(const struct side *side)
{
    return strcmp(side->endpoint, "-") == 0 ? "behind a NAT" : side->endpoint;
}

/* Writes "; cwg doctor HOST tells ..." for the machine that isn't this one. cwg doctor tries the
 * way from where it is called: between two other machines it has to be called at one of them. */
static void advise_doctor(const struct work *work, char ret_advice[static ADVICE_SIZE])
{
    const char *hosts[] = {work->side[0].site->host, work->side[1].site->host};

    ret_advice[0] = '\0';
    if (work->side[0].site == work->side[1].site)
        return;
    if (hosts[0][0] && hosts[1][0])
        (void)snprintf(ret_advice, ADVICE_SIZE,
                       "; cwg doctor, called at one of them for the other, tells which direction");
    else
        (void)snprintf(ret_advice, ADVICE_SIZE, "; cwg doctor %s tells which direction",
                       hosts[0][0] ? hosts[0] : hosts[1]);
}

static void fail_silent(const struct work *work, struct failure *failure)
{
    char name[2][END_TEXT_SIZE], advice[ADVICE_SIZE];

    for (int i = 0; i < 2; i++)
        end_to_text(&work->options->end[i], name[i]);
    advise_doctor(work, advice);
    fail(failure, "silent",
         "no answer came by UDP between %.100s (%s) and %.100s (%s): a firewall may drop it%s",
         name[0], place_of(&work->side[0]), name[1], place_of(&work->side[1]), advice);
}

static void choose_endpoints(struct work *work, int tries)
{
    choose_endpoint(work, 0, tries);
    choose_endpoint(work, 1, tries);
}

/* Tries the candidates, the best first. If none works, the failure and both endpoints are those of
 * the first that may have: the later ones may be any bridge of a machine's. */
static int try_all(struct work *work, struct failure *failure)
{
    const int tries = count_tries(work);
    int best = -1;

    for (int i = 0; i < tries; i++) {
        struct failure told = {.text = ""};

        choose_endpoints(work, i);
        if (try_once(work, &told) == 0)
            return 0;
        if (!may_be_the_address(&told)) {
            *failure = told;
            return -1;
        }
        if (best < 0 || (failure_is(&told, "silent") && !failure_is(failure, "silent"))) {
            *failure = told;
            best = i;
        }
    }
    choose_endpoints(work, best);
    if (failure_is(failure, "silent"))
        fail_silent(work, failure);
    return -1;
}

int work_connect(struct work *work, struct failure *failure)
{
    int error = work->options->psk ? make_psk(work, failure) : 0;

    choose_endpoints(work, 0);
    if (strcmp(work->side[0].endpoint, "-") == 0 && strcmp(work->side[1].endpoint, "-") == 0)
        error = fail(failure, "no-address",
                     "neither machine has an address that the other can reach; give one with "
                     "--endpoint");
    if (!error)
        error = try_all(work, failure);
    explicit_bzero(work->psk, sizeof(work->psk));
    work->milliseconds = clock_now() - work->begun;
    return error;
}

/* Fails for a link that is there. The helper's first words tell what it saw; behind a ';' it asks
 * for what may be wrong, which is more than fits here. */
static int fail_joined(const struct work *work, struct failure *told, struct failure *failure)
{
    char quote[FAILURE_QUOTE_SIZE], advice[ADVICE_SIZE];

    told->text[strcspn(told->text, ";")] = '\0';
    advise_doctor(work, advice);
    fail(failure, told->code,
         "the containers are joined by net %u already, but the link doesn't work (%s)",
         work->joined.net, failure_quote(told->text, quote));
    if (failure_is(told, "silent"))
        failure_add(failure, "%s; once UDP passes it works again by itself; else", advice);
    else
        failure_add(failure, ":");
    failure_add(failure, " remove it with cwg leave %u, and join again", work->joined.net);
    return -1;
}

int work_check(struct work *work, struct failure *failure)
{
    struct side *side = &work->side[0];
    struct failure told;
    struct call call = {.site = side->site, .request = wait_request(work, side, work->swapped)};

    if (run(&call, 1, &told) == 0)
        return 0;
    /* The peer is alive. A kernel answers a wait no more than once a second, after six answers at
     * once: several checks at the same time look like a filter. */
    if (failure_is(&told, "filtered")) {
        (void)snprintf(side->warning, sizeof(side->warning), "%.255s", told.text);
        return 0;
    }
    return fail_joined(work, &told, failure);
}

/* Tells the machines that are far, or this one, to keep what they made. */
static int commit(struct work *work, bool far, struct failure *failure)
{
    struct call calls[2];
    size_t count = 0;
    int error;

    for (size_t i = 0; i < work->site_count; i++) {
        if ((work->sites[i].host[0] != '\0') == far)
            calls[count++] =
                (struct call){.site = &work->sites[i], .request = request_plain("commit")};
    }
    error = calls_run(calls, count, COMMIT_MS);
    for (size_t i = 0; i < count && error; i++) {
        if (calls[i].failed)
            *failure = calls[i].failure;
        for (int j = 0; j < 2; j++) {
            if (work->side[j].site == calls[i].site)
                work->side[j].kept = !calls[i].refused;
        }
    }
    calls_free(calls, count);
    return error;
}

/* This machine comes last: if this process is killed, or loses the other machine, before that has
 * answered, nothing is kept here. */
int work_commit(struct work *work, struct failure *failure)
{
    int error = commit(work, true, failure);

    if (error)
        return error;
    error = commit(work, false, failure);
    for (int i = 0; i < 2 && error; i++) {
        if (work->side[i].site->host[0])
            work->side[i].kept = true;
    }
    return error;
}
