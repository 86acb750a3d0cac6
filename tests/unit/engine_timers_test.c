#include "engine/protocol/timers.h"

#include "engine/protocol/session.h"
#include "unit.h"

enum { WALKS = 2000 };

/* Any time and any jitter. */
static const int64_t start = 12345 * SECONDS;
static const int64_t jitter = SECONDS / 7;

struct expected {
    int64_t after; /* seconds since the start, and the jitter if it is added */
    bool jittered;
    enum timer_action action;
};

/* Goes from one time that timers_next() tells to the next, so many times. */
static void expect_next(struct timers *timers, const char *what, const struct expected *expected,
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t at = start + expected[i].after * SECONDS + (expected[i].jittered ? jitter : 0);
        enum timer_action action;

        expect(timers_next(timers) == at, "%s, step %zu: at %lld ms", what, i,
               (long long)((timers_next(timers) - start) / 1000000));
        expect(timers_due(timers, at - 1) == ACTION_NONE, "%s, step %zu: early", what, i);
        action = timers_due(timers, at);
        expect(action == expected[i].action, "%s, step %zu: %d", what, i, action);
        expect(timers_due(timers, at) == ACTION_NONE, "%s, step %zu: twice", what, i);
    }
}

static void expect_never(const struct timers *timers, const char *what)
{
    expect(timers_next(timers) == INT64_MAX, "%s: in %lld ms", what,
           (long long)((timers_next(timers) - start) / 1000000));
}

TEST(nothing)
{
    struct timers timers;

    timers_init(&timers);
    expect_never(&timers, "new");
    expect(timers_due(&timers, INT64_MAX) == ACTION_NONE, "new");
    expect(timers_may_initiate(&timers, false, start), "the first one");
}

TEST(after_data_sent)
{
    static const struct expected expected[] = {{15, true, ACTION_INITIATE}};
    struct timers timers;

    timers_init(&timers);
    timers_data_sent(&timers, start, jitter);
    timers_data_sent(&timers, start + 14 * SECONDS, jitter); /* the first one counts */
    expect_next(&timers, "silence", expected, COUNT(expected));
    expect_never(&timers, "silence, once");
    timers_data_sent(&timers, start, jitter);
    timers_authentic_sent(&timers, start + SECONDS);
    expect_next(&timers, "what we send is no answer", expected, COUNT(expected));
    timers_data_sent(&timers, start, jitter);
    timers_authentic_received(&timers, start + SECONDS);
    expect_never(&timers, "answered");
    timers_data_sent(&timers, start, jitter);
    timers_initiation_received(&timers);
    expect_never(&timers, "the peer begins");
}

/* Since when the peer owes an answer, and when it was heard. */
TEST(asked_and_heard)
{
    struct timers timers;

    timers_init(&timers);
    expect(!timers.asked && !timers.heard, "new");
    timers_authentic_sent(&timers, start);
    timers_response_sent(&timers, start);
    expect(!timers.asked, "keepalives and responses want no answer");
    timers_data_sent(&timers, start + 1, jitter);
    timers_initiation_sent(&timers, start + 2, jitter);
    expect(timers.asked == start + 1, "the first counts");
    timers_initiation_received(&timers);
    expect(timers.asked == start + 1 && !timers.heard, "an initiation of the peer's is no answer");
    timers_authentic_received(&timers, start + 3);
    expect(!timers.asked && timers.heard == start + 3, "an answer");
    timers_initiation_sent(&timers, start + 4, jitter);
    expect(timers.asked == start + 4 && timers.heard == start + 3, "an initiation");
    for (int i = 0; i < 30; i++)
        (void)timers_due(&timers, timers_next(&timers));
    expect(timers.asked == start + 4, "given up, and still asked");
    timers_init(&timers);
    expect(!timers.asked && !timers.heard, "another peer");
}

TEST(after_data_received)
{
    static const struct expected expected[] = {{10, false, ACTION_KEEPALIVE}};
    struct timers timers;

    timers_init(&timers);
    timers_data_received(&timers, start);
    timers_authentic_received(&timers, start + 9 * SECONDS);
    expect_next(&timers, "keepalive", expected, COUNT(expected));
    expect_never(&timers, "keepalive, once");
    timers_data_received(&timers, start);
    timers_authentic_sent(&timers, start + SECONDS);
    expect_never(&timers, "said something");
    timers_data_received(&timers, start);
    timers_initiation_sent(&timers, start - 4 * SECONDS, jitter);
    timers_handshake_complete(&timers);
    expect_never(&timers, "an initiation says something");
    timers_authentic_received(&timers, start);
    expect_never(&timers, "a keepalive is not answered");
}

/* More data while a keepalive is pending: the keepalive is tried again, if it couldn't be sent. */
TEST(another_keepalive)
{
    static const struct expected twice[] = {{10, false, ACTION_KEEPALIVE},
                                            {20, false, ACTION_KEEPALIVE}};
    struct timers timers;

    timers_init(&timers);
    timers_data_received(&timers, start);
    timers_data_received(&timers, start + 9 * SECONDS);
    expect_next(&timers, "not sent", twice, COUNT(twice));
    expect_never(&timers, "not sent, twice");
    timers_data_received(&timers, start);
    timers_data_received(&timers, start + SECONDS);
    expect_next(&timers, "sent", twice, 1);
    timers_authentic_sent(&timers, start + 10 * SECONDS);
    expect_never(&timers, "sent");
    timers_data_received(&timers, start);
    expect_next(&timers, "no more data", twice, 1);
    expect_never(&timers, "no more data");
}

TEST(after_initiation)
{
    static const struct expected first = {5, true, ACTION_RETRY};
    struct timers timers;
    int64_t now = start;
    int retries = 0;

    timers_init(&timers);
    timers_initiation_sent(&timers, start, jitter);
    expect(!timers_may_initiate(&timers, true, start + 5 * SECONDS - 1), "early");
    expect(timers_may_initiate(&timers, true, start + 5 * SECONDS), "in time");
    expect_next(&timers, "retry", &first, 1);
    for (;;) {
        enum timer_action action;

        now += 5 * SECONDS + jitter;
        timers_initiation_sent(&timers, now, jitter);
        retries++;
        expect(timers_next(&timers) == now + 5 * SECONDS + jitter, "retry %d", retries);
        action = timers_due(&timers, now + 5 * SECONDS + jitter);
        if (action == ACTION_GIVE_UP)
            break;
        expect(action == ACTION_RETRY && retries < 30, "retry %d: %d", retries, action);
        if (action != ACTION_RETRY)
            return;
    }
    expect(retries == 18, "%d retries", retries);
    now += 5 * SECONDS + jitter;
    expect(timers_next(&timers) == now + 540 * SECONDS, "what is left is zeroed");
    expect(timers_due(&timers, now + 540 * SECONDS) == ACTION_ZERO_KEYS, "zero");
    expect_never(&timers, "given up");
    /* a new one has all attempts before it; a retry hasn't */
    expect(timers_may_initiate(&timers, true, now) && timers.attempts > 18, "retry");
    expect(timers_may_initiate(&timers, false, now) && timers.attempts == 0, "new");
}

/* To give up ends what is owed to the peer, too, but not what was promised to the user. */
TEST(giving_up)
{
    struct timers timers;

    timers_init(&timers);
    timers_session_derived(&timers, start - 530 * SECONDS);
    timers_initiation_sent(&timers, start, jitter);
    timers.attempts = 18;
    timers_data_received(&timers, start);
    timers_set_persistent(&timers, 100, start + 100 * SECONDS);
    expect(timers_due(&timers, start + 5 * SECONDS + jitter) == ACTION_GIVE_UP, "give up");
    expect(!timers.at[TIMER_KEEPALIVE] && timers.at[TIMER_PERSISTENT], "what is left");
    expect(timers.at[TIMER_ZERO] == start + 10 * SECONDS, "keys of long ago last longer");
}

TEST(after_response)
{
    static const struct expected put_off = {8, true, ACTION_RETRY};
    struct timers timers;

    timers_init(&timers);
    timers_data_received(&timers, start);
    timers_response_sent(&timers, start);
    expect_never(&timers, "a response is not repeated");
    expect(!timers_may_initiate(&timers, false, start + 5 * SECONDS - 1), "too near");
    expect(timers_may_initiate(&timers, false, start + 5 * SECONDS), "later");
    /* one under way of our own goes on, but not sooner than it may */
    timers_initiation_sent(&timers, start, jitter);
    timers_response_sent(&timers, start + 3 * SECONDS);
    expect_next(&timers, "retry after a response", &put_off, 1);
    expect(timers_may_initiate(&timers, true, start + 8 * SECONDS + jitter), "and is let through");
    timers_initiation_sent(&timers, start, jitter);
    timers_response_sent(&timers, start + SECONDS);
    timers_response_sent(&timers, start + 3 * SECONDS);
    expect_next(&timers, "retry after two", &put_off, 1);
}

TEST(after_session)
{
    static const struct expected expected[] = {{540, false, ACTION_ZERO_KEYS}};
    struct timers timers;

    timers_init(&timers);
    timers_session_derived(&timers, start - SECONDS);
    timers_session_derived(&timers, start);
    expect_next(&timers, "zero", expected, COUNT(expected));
    expect_never(&timers, "zero, once");
    timers_initiation_sent(&timers, start, jitter);
    timers.last_minute = true;
    timers.attempts = 7;
    timers_handshake_complete(&timers);
    expect_never(&timers, "no retry of what is complete");
    expect(!timers.last_minute && timers.attempts == 0, "all anew");
}

TEST(persistent)
{
    static const struct expected expected[] = {
        {0, false, ACTION_KEEPALIVE},
        {25, false, ACTION_KEEPALIVE},
        {50, false, ACTION_KEEPALIVE},
    };
    static const struct expected longest[] = {{0, false, ACTION_KEEPALIVE},
                                              {65535, false, ACTION_KEEPALIVE}};
    struct timers timers;

    timers_init(&timers);
    timers_set_persistent(&timers, 25, start);
    expect_next(&timers, "persistent", expected, COUNT(expected));
    timers_authentic_received(&timers, start + 60 * SECONDS);
    timers_initiation_received(&timers);
    expect(timers_next(&timers) == start + 75 * SECONDS, "received, which puts nothing off");
    timers_authentic_sent(&timers, start + 70 * SECONDS);
    expect(timers_next(&timers) == start + 95 * SECONDS, "sent");
    timers_set_persistent(&timers, 0, start);
    expect_never(&timers, "off");
    timers_authentic_sent(&timers, start);
    expect_never(&timers, "off for good");
    timers_set_persistent(&timers, UINT16_MAX, start);
    expect_next(&timers, "the longest", longest, COUNT(longest));
}

TEST(stopped)
{
    struct timers timers;

    timers_init(&timers);
    timers_set_persistent(&timers, 25, start);
    timers_data_sent(&timers, start, jitter);
    timers_data_received(&timers, start);
    timers_session_derived(&timers, start);
    timers_initiation_sent(&timers, start, jitter);
    timers_init(&timers);
    expect_never(&timers, "stopped");
    expect(timers_may_initiate(&timers, false, start), "another peer needn't wait");
}

/* Whatever happens: one thing is done at a time, and after some of them nothing is due. */
TEST(any_order)
{
    struct timers timers;
    int64_t now = start;

    timers_init(&timers);
    for (int walk = 0; walk < WALKS; walk++) {
        int64_t random = (int64_t)unit_random_below(333333333);
        int actions = 0;

        now += (int64_t)unit_random_below(2000000000) * unit_random_below(8);
        switch (unit_random_below(8)) {
        case 0:
            timers_data_sent(&timers, now, random);
            break;
        case 1:
            timers_data_received(&timers, now);
            break;
        case 2:
            timers_authentic_sent(&timers, now);
            break;
        case 3:
            timers_authentic_received(&timers, now);
            break;
        case 4:
            if (timers_may_initiate(&timers, unit_random_below(2), now))
                timers_initiation_sent(&timers, now, random);
            break;
        case 5:
            timers_response_sent(&timers, now);
            break;
        case 6:
            timers_session_derived(&timers, now);
            break;
        default:
            timers_set_persistent(&timers, (uint16_t)unit_random_below(3), now);
            break;
        }
        while (timers_due(&timers, now) != ACTION_NONE)
            actions++;
        expect(actions <= TIMER_COUNT, "step %d: %d actions", walk, actions);
        expect(timers_next(&timers) > now, "step %d: something is still due", walk);
        /* a retry never comes when it isn't let through */
        expect(!timers.at[TIMER_RETRY] ||
                   timers.at[TIMER_RETRY] >= timers.last_initiation + 5 * SECONDS,
               "step %d: a retry that is lost", walk);
    }
}
