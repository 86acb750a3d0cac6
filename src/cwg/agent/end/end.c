#include "cwg/agent/end/end.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "cwg/agent/end/device.h"
#include "cwg/agent/end/pause.h"
#include "cwg/agent/end/probe.h"
#include "cwg/agent/end/secret.h"
#include "cwg/agent/end/telling.h"
#include "cwg/agent/end/trouble.h"
#include "cwg/base/clock.h"

enum {
    CONNECT_APART_MS = 1000,
    FRESH_MS = 1000,  /* so long what a look has found is good enough to decide by */
    DOUBT_MS = 20000, /* a probe takes 5 s, and the other end has up to 15 s to begin its own */
};

int64_t end_about(int64_t milliseconds)
{
    return milliseconds / 2 + random() % (milliseconds + 1);
}

int64_t end_doubled(int64_t first, int times, int64_t max)
{
    for (int i = 0; i < times && first < max; i++)
        first *= 2;
    return first < max ? first : max;
}

void end_set_reason(struct agent_end *end, const char *text)
{
    (void)snprintf(end->reason, sizeof(end->reason), "%.255s", text);
}

void end_rest(struct agent_end *end, int64_t milliseconds)
{
    end->phase = PHASE_REST;
    end->due = clock_now() + milliseconds;
    dues_set(&end->house->dues, &end->visit, 0); /* to be reported */
}

/* The container */

void end_lose_container(struct agent_end *end)
{
    loop_remove(&end->house->loop, &end->death);
    if (end->facts.running)
        container_close(&end->container);
    end->facts.running = end->facts.refused = end->facts.blind = false;
    end->facts.device = DEVICE_NONE;
    end->facts.health = HEALTH_NONE;
    end->shown = end->ending_end = 0;
    end->pulse.there = false;
    end->facts.key = end->facts.peer = (struct key){.bytes = {0}};
    end->misses = 0;
}

static void see_death(struct watch *watch, uint32_t events)
{
    struct agent_end *end = watch->owner;

    (void)events;
    end_lose_container(end);
    end_wake(end);
}

/* Says the failure that there is no such container, rather than that nobody knows? */
static bool is_absent(const struct failure *failure)
{
    return failure_is(failure, "no-such-container") || failure_is(failure, "not-running");
}

static void take_container(struct lookup *lookup, const struct container *container,
                           const struct failure *failure)
{
    struct agent_end *end = lookup->owner;

    if (strcmp(lookup->name, end->want.name) != 0 ||
        strcmp(lookup->engine, end->want.engine) != 0) {
        struct container other;

        if (container) { /* of the name that was declared before */
            other = *container;
            container_close(&other);
        }
        end_wake(end);
        end_rest(end, 0);
        return;
    }
    if (!container) {
        end_set_reason(end, failure->text);
        end->facts.blind = !is_absent(failure);
        end->facts.no_engine = failure_is(failure, "no-engine");
        end->misses++;
        end->house->lookups.missed++;
        end_decide(end);
        return;
    }
    end->house->lookups.found++;
    end->container = *container;
    end->facts.running = true;
    end->facts.blind = end->facts.no_engine = false;
    end->misses = 0;
    end_set_reason(end, end->fault);
    end->death = (struct watch){.fd = container->pidfd, .ready = see_death, .owner = end};
    if (end->death.fd >= 0)
        (void)loop_add(&end->house->loop, &end->death, EPOLLIN);
    end_wake(end);
    end_rest(end, 0);
}

static void look_up(struct agent_end *end)
{
    struct lookup *lookup = &end->lookup;

    *lookup = (struct lookup){.done = take_container, .owner = end};
    (void)snprintf(lookup->engine, sizeof(lookup->engine), "%s", end->want.engine);
    (void)snprintf(lookup->name, sizeof(lookup->name), "%s", end->want.name);
    end->phase = PHASE_LOOKING;
    lookups_add(&end->house->lookups, lookup);
}

/* An end that was connected, and is idle, is probed. Until then it may as well be connected. */
static void doubt(struct agent_end *end)
{
    if (end->facts.health != HEALTH_IDLE || end->verdict.state != END_CONNECTED || end->tried > 0 ||
        end->rounds > 0)
        end->doubt_end = 0;
    else if (end->doubt_end == 0)
        end->doubt_end = clock_now() + DOUBT_MS;
    end->facts.in_doubt = end->doubt_end > clock_now();
}

/* Facts that are in other places. */
static void gather(struct agent_end *end)
{
    struct facts *facts = &end->facts;

    telling_check(end);
    facts->wanted = !end->want.off && !end->forgotten;
    if (end->want.release)
        facts->device = DEVICE_NONE; /* it isn't this agent's */
    facts->secret_due = secret_is_due(end);
    if (facts->refused && clock_now() >= end->retry_due)
        facts->refused = false;
    facts->told_up = end->told.up;
    facts->told_lost = end->told_lost;
    facts->told_key = end->told.key;
    facts->told_peer = end->told.peer;
    facts->told_moved = end->told.up && end->told.endpoints != end->house->addresses;
    for (int i = 0; i < end->told.endpoints && !facts->told_moved; i++) {
        struct endpoint now = end->house->address[i];

        now.port = end->port;
        facts->told_moved = !news_same_place(&now, &end->told.endpoint[i]);
    }
    facts->heard = end->heard.serial > 0;
    facts->heard_up = end->heard.up;
    facts->heard_key = end->heard.key;
    facts->may_move = end->moving;
    doubt(end);
    facts->may_probe = facts->device == DEVICE_SOUND && probe_may(end);
}

void end_decide(struct agent_end *end)
{
    dues_set(&end->house->dues, &end->visit, 0); /* to be reported */
    gather(end);
    end->verdict = decide(&end->facts);
    end->decided = true;
    if (end->verdict.state == END_OFF && !end->facts.refused && !end->facts.blind)
        end->reason[0] = '\0';
    if (end->verdict.state == END_CONNECTED || end->verdict.state == END_IN_SESSION) {
        end->tried = end->rounds = 0;
        end->moving = false;
        if (!end->facts.refused && end->verdict.decision != DO_CONNECT)
            end_set_reason(end, end->fault);
    }
    trouble_find(end);
    if (end->house->ending) {
        end_rest(end, END_LOOK_MS);
        return;
    }
    switch (end->verdict.decision) {
    case DO_CREATE:
        device_create(end);
        return;
    case DO_REMAKE:
    case DO_DESTROY:
        device_destroy(end);
        return;
    case DO_TELL:
        telling_say(end);
        return;
    case DO_CONNECT:
        /* The other site's word sends packets to an address of its choice: not each moment. */
        if (clock_now() < end->connect_due) {
            end_rest(end, end->connect_due - clock_now());
            return;
        }
        end->connect_due = clock_now() + CONNECT_APART_MS;
        device_connect(end);
        return;
    case DO_PROBE:
        probe_begin(end);
        return;
    case DO_NOTHING:
    default:
        end_rest(end, pause_of(end));
    }
}

struct agent_end *end_new(struct household *house, const char *path, const struct want *want)
{
    struct agent_end *end = calloc(1, sizeof(*end));

    if (!end)
        return NULL;
    end->house = house;
    end->want = *want;
    end->visit.owner = end;
    if (dues_add(&house->dues, &end->visit, 0)) {
        free(end);
        return NULL;
    }
    end->death.fd = -1;
    end->task.owner = end;
    (void)snprintf(end->path, sizeof(end->path), "%s", path);
    telling_remember(end);
    telling_hear(end);
    end_wake(end);
    return end;
}

void end_free(struct agent_end *end)
{
    end_lose_container(end);
    dues_remove(&end->house->dues, &end->visit);
    free(end->heard_line);
    free(end);
}

void end_wake(struct agent_end *end)
{
    end->look = true;
    end_consider(end);
}

void end_consider(struct agent_end *end)
{
    end->again = true;
    dues_set(&end->house->dues, &end->visit, 0);
}

void end_seek(struct agent_end *end)
{
    end->misses = 0;
    end_wake(end);
}

void end_retry(struct agent_end *end)
{
    end->facts.refused = false;
    end_seek(end);
}

void end_want(struct agent_end *end, const struct want *want)
{
    const bool other_site = strcmp(want->site, end->want.site) != 0;

    if (other_site) {
        end->signer = (struct key){.bytes = {0}};
        end->heard = (struct news){.serial = 0};
        free(end->heard_line);
        end->heard_line = NULL;
    }
    end->want = *want;
    if (other_site)
        telling_remember(end);
    end->facts.refused = false;
    telling_hear(end);
    end_wake(end);
}

bool end_is_elsewhere(const struct agent_end *end, const struct want *want)
{
    return (end->facts.running || end->facts.device != DEVICE_NONE) &&
           (want->net != end->want.net || want->host != end->want.host ||
            strcmp(want->engine, end->want.engine) != 0 || strcmp(want->name, end->want.name) != 0);
}

bool end_is_over(const struct agent_end *end)
{
    return (end->forgotten || end->want.forget) && end->phase == PHASE_REST && !end->again &&
           !end->probing && !decide_is_blind(&end->facts) && end->verdict.state == END_OFF &&
           end->verdict.decision == DO_NOTHING && end->facts.device == DEVICE_NONE;
}

void end_miss(struct agent_end *end, bool there)
{
    if (there)
        end->missing = 0;
    else if (!end->missing)
        end->missing = clock_now();
    if (there || end->forgotten || clock_now() < end->missing + END_GRACE_MS)
        return;
    end->forgotten = true;
    end_wake(end);
}

/* Is what is known of the device good enough to decide by? Not if it is time for a look. */
static bool is_fresh(const struct agent_end *end)
{
    return end->again && !end->look && end->shown > 0 && clock_now() < end->shown + FRESH_MS;
}

int64_t end_run(struct agent_end *end)
{
    bool fresh, probes;

    if (end->phase != PHASE_REST)
        return INT64_MAX;
    if (!end->again && clock_now() < end->due)
        return end->due;
    if (!end->again && pause_goes_on(end))
        return end->due;
    probes = !end->again && probe_is_first(end);
    fresh = is_fresh(end);
    end->again = end->look = false;
    if (end->facts.running && !container_is_current(&end->container))
        end_lose_container(end);
    if (!end->facts.running && end->misses > 0 && clock_now() < end->due) {
        const int64_t due = end->due;

        /* Whoever tells often doesn't put the next look-up off. */
        end_decide(end);
        if (end->phase == PHASE_REST && due < end->due)
            end->due = due;
        return end->due;
    }
    if (!end->facts.running) {
        look_up(end);
        return INT64_MAX;
    }
    if (fresh) {
        end_decide(end);
        return end->phase == PHASE_REST ? end->due : INT64_MAX;
    }
    if (probes) {
        end->doubt_end = clock_now() + DOUBT_MS;
        probe_begin(end);
        return end->due;
    }
    device_show(end);
    return INT64_MAX;
}
