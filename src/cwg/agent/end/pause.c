#include "cwg/agent/end/pause.h"

#include "cwg/agent/end/secret.h"
#include "cwg/base/clock.h"

enum {
    DOWN_MS = 3000,
    MISS_FIRST_MS = 100, /* after a container's end; twice as long each time, up to ... */
    MISS_MAX_MS = 5000,
    EARLY_FIRST_MS = 250, /* after a connect; twice as long each time, up to END_LOOK_MS */
    LOOKS_APART_MS = 150,
    LOOK_MAX_MS = 600000,
    SLOT_MS = 5000,
    SECOND_MS = 1000,
    LATE_MS = 5000, /* for a keepalive's way */
};

/* One program looks many containers up: so those that have been missing for a while are looked for
 * at the same moments. */
static int64_t miss_pause(int misses)
{
    const int64_t pause = end_doubled(MISS_FIRST_MS, misses, MISS_MAX_MS);

    return pause < MISS_MAX_MS ? pause : pause - clock_now() % pause;
}

/* The more ends there are, the rarer each one that is connected is looked at: all of them together
 * take the same time of the processor. */
static int64_t look_pause(size_t ends)
{
    const int64_t pause = (int64_t)ends * LOOKS_APART_MS;

    if (pause < END_LOOK_MS)
        return END_LOOK_MS;
    return pause < LOOK_MAX_MS ? pause : LOOK_MAX_MS;
}

/* A look right after another one costs a fourth of a look by itself, for all that it needs is in
 * the processor's caches. So looks at ends to which nothing happens gather in slots. */
static int64_t slot_of(int64_t time)
{
    return time + SLOT_MS - 1 - (time + SLOT_MS - 1) % SLOT_MS;
}

/* The other end may begin at any time: a handshake takes some milliseconds. */
static bool is_early(const struct agent_end *end)
{
    return end->verdict.state == END_CONNECTING && !end->probing && end->heard.up;
}

static bool is_well(const struct agent_end *end)
{
    return !end->facts.in_doubt && !end->facts.refused &&
           (end->verdict.state == END_CONNECTED || end->verdict.state == END_IN_SESSION);
}

/* Is a probe to tell how it is? */
static bool waits_for_probe(const struct agent_end *end)
{
    return end->verdict.state == END_CONNECTING || end->verdict.state == END_STALE ||
           end->facts.in_doubt;
}

/* When the end is visited next: sooner than it is looked at if its pulse can be felt. */
static int64_t next_visit(const struct agent_end *end)
{
    const int64_t now = clock_now();
    const int64_t feel = end->pulse.there ? slot_of(now + end_about(END_LOOK_MS)) : INT64_MAX;
    int64_t due = end->look_due;

    if (feel < due)
        due = feel;
    if (end->pulse.there && end->session_end > now && end->session_end < due)
        due = end->session_end;
    return due;
}

/* Of an end with which all is well. `gone`: the other site says otherwise. */
static int64_t well_pause(struct agent_end *end, bool gone)
{
    const int64_t pause = gone ? END_LOOK_MS : look_pause(end->house->dues.count);

    end->look_due = slot_of(clock_now() + end_about(pause));
    return next_visit(end) - clock_now();
}

int64_t pause_of(struct agent_end *end)
{
    /* The other end is said to be gone: this one will notice it soon. */
    const bool gone = end->heard.serial > 0 && !end->heard.up;
    int64_t pause = end_about(gone ? DOWN_MS : END_LOOK_MS);

    if (!end->facts.running && end->facts.wanted)
        return miss_pause(end->misses);
    if (is_well(end))
        return well_pause(end, gone);
    if (end->facts.in_doubt && end->doubt_end - clock_now() < pause)
        pause = end->doubt_end - clock_now();
    if (waits_for_probe(end) && !end->probing && end->probe_due > clock_now() &&
        end->probe_due - clock_now() < pause)
        pause = end->probe_due - clock_now();
    if (is_early(end)) {
        const int64_t early = end_doubled(EARLY_FIRST_MS, end->early++, END_LOOK_MS);

        return early < pause ? early : pause;
    }
    return pause;
}

/* Is there something to be seen of a peer that is silent? Yes, once, if it has been silent for
 * longer than keepalives leave it: the kernel's timers are late by an eighth. And yes when the keys
 * have got old meanwhile. Without keepalives, and with rare ones, silence says nothing of the peer.
 * But it isn't `connected` any more, then: one look finds what it is. */
static bool is_lost(const struct agent_end *end)
{
    const int64_t keepalive = (int64_t)end->want.keepalive * SECOND_MS;
    const bool often = keepalive > 0 && keepalive <= END_LOOK_MS;
    const int64_t silent = often ? keepalive + keepalive / 8 + LATE_MS : END_LOOK_MS;
    const int64_t since = end->pulse.beat + silent, now = clock_now();
    const bool tells = often || end->verdict.state == END_CONNECTED;

    return now >= since && (now >= end->session_end || (tells && end->shown < since));
}

bool pause_goes_on(struct agent_end *end)
{
    const int64_t now = clock_now();
    enum pulse_word word;

    if (!is_well(end) || !end->pulse.there || now >= end->look_due || secret_is_due(end))
        return false;
    word = pulse_feel(&end->pulse, end->container.pid);
    if (word == PULSE_NONE || !container_is_current(&end->container) || is_lost(end))
        return false;
    end->due = next_visit(end);
    return true;
}
