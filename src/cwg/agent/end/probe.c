#include "cwg/agent/end/probe.h"

#include "cwg/agent/end/device.h"
#include "cwg/agent/end/trouble.h"
#include "cwg/base/clock.h"

enum {
    PROBE_SECONDS = 5,     /* WireGuard sends its second handshake after 5 s */
    PATIENCE_MS = 10000,   /* the other end's time to begin, or to tell that it is connected */
    ROUND_FIRST_MS = 5000, /* after all endpoints were tried in vain; twice as long, up to ... */
    ROUND_MAX_MS = 300000,
    UNASKED_MS = 2000, /* after the helper couldn't ask */
};

/* Is the end as a look before its probe found it: idle? One that was just connected is looked at
 * once more: if it is the kernel's, its counters tell from then on how it is. So is a kernel's link
 * with counters: the age of its keys tells when to look next. */
static bool is_as_seen(const struct agent_end *end)
{
    return end->shown == end->probed && !end->pulse.there &&
           (end->idles || end->facts.health == HEALTH_IDLE);
}

/* Packets pass. No look could tell more. */
static void note_answer(struct agent_end *end)
{
    end->tried = end->rounds = 0;
    end->unasked = false;
    end->reason[0] = '\0';
    end->probe_due = clock_now() + end_about(END_LOOK_MS);
    if (is_as_seen(end)) {
        end->idles = true;
        end->facts.health = HEALTH_GOOD;
        end->shown = clock_now();
        end_consider(end);
    } else {
        end_wake(end);
    }
}

/* Has nobody asked the peer? The helper doesn't run, or may not, or the machine has no room. */
static bool is_unasked(const struct failure *failure)
{
    static const char *const codes[] = {"helper", "no-helper", "not-permitted",
                                        "policy", "system",    "shortage"};

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        if (failure_is(failure, codes[i]))
            return true;
    }
    return false;
}

static void take_probe(struct task *task, const json_t *result, const struct failure *failure)
{
    struct agent_end *end = task->owner;

    (void)result;
    end->probing = false;
    if (!failure) {
        note_answer(end);
        return;
    }
    end_wake(end);
    end->idles = false;
    end->unasked = is_unasked(failure);
    if (end->unasked) {
        end->probe_due = clock_now() + end_about(UNASKED_MS);
        return;
    }
    trouble_note(end, failure->text);
    end->tried++;
    end->probe_due = 0;
    end->moving = end->heard.up && end->heard.endpoints > 0;
    if (end->tried >= end->heard.endpoints) {
        end->tried = 0;
        end->probe_due =
            clock_now() + end_about(end_doubled(ROUND_FIRST_MS, end->rounds++, ROUND_MAX_MS));
    }
}

static struct tasks *least_busy(struct tasks *probes)
{
    struct tasks *found = probes;

    for (size_t i = 1; i < PROBES_AT_ONCE; i++) {
        if (probes[i].count < found->count)
            found = &probes[i];
    }
    return found;
}

void probe_begin(struct agent_end *end)
{
    char target[DEVICE_TARGET_SIZE];

    end->probing = true;
    end->probed = end->shown;
    end->probe.done = take_probe;
    end->probe.owner = end;
    device_aim(end, &end->probe, target);
    (void)task_write(&end->probe, "cwg_wait %s %u %u %d --json", target, end->want.net,
                     end->want.host, PROBE_SECONDS);
    tasks_add(least_busy(end->house->probes), &end->probe);
    end_rest(end,
             end->doubt_end > clock_now() ? end->doubt_end - clock_now() : end_about(END_LOOK_MS));
}

/* Host 0, unless only one of the two knows where the other one is. */
static bool begins(const struct agent_end *end)
{
    const bool reaches = end->heard.endpoints > 0, is_reached = end->house->addresses > 0;

    return reaches && (end->want.host == 0 || !is_reached);
}

bool probe_may(struct agent_end *end)
{
    const bool known = begins(end) && end->heard.up && key_equal(&end->heard.peer, &end->facts.key);

    if (end->probing || end->house->ending)
        return false;
    if (end->probe_due == 0)
        end->probe_due = known ? clock_now() : clock_now() + end_about(PATIENCE_MS);
    else if (known && end->rounds == 0 && end->tried == 0 && !end->unasked)
        end->probe_due = clock_now();
    return clock_now() >= end->probe_due;
}

bool probe_is_first(const struct agent_end *end)
{
    return end->idles && end->verdict.state == END_CONNECTED && !end->probing &&
           !end->house->ending;
}
