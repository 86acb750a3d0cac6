#include <stdio.h>

#include "cwg/base/clock.h"
#include "cwg_beating.h"
#include "cwg_end_world.h"
#include "cwg_programs.h"
#include "unit.h"

enum {
    MINUTE = 60000,
    SLACK = 100, /* milliseconds in which the test does something */
    SLOT = 5000,
    KEEPALIVE = 74, /* bytes */
    INITIATION = 148,
};

#define KERNEL ",\"backend\":\"kernel\",\"name\":\"lo\""

static struct due others[10000];

/* A connected end among so many that a look at it is minutes away, with a pulse. */
static void connect_among_many(const char *more)
{
    begin();
    stop_container();
    start_beating_container();
    for (size_t i = 0; i < COUNT(others); i++)
        (void)dues_add(&house->dues, &others[i], INT64_MAX);
    programs_put("more", more);
    want.keepalive = 25;
    connect_it();
    end_wake(end);
    EXPECT_STATE(END_CONNECTED);
    end->session_end = clock_now() + 2 * MINUTE;
    programs_put("log", "");
}

static void finish_many(void)
{
    for (size_t i = 0; i < COUNT(others); i++)
        dues_remove(&house->dues, &others[i]);
    finish();
}

/* So many milliseconds pass. */
static void pass(int64_t time)
{
    end->due -= time;
    end->shown -= time;
    end->look_due -= time;
    end->session_end -= time;
    end->pulse.beat -= time;
}

/* Returns how many looks there were when the end has been visited, which keeps its state. */
static int visit_in(enum end_state kept)
{
    programs_put("log", "");
    end->due = clock_now();
    (void)end_run(end);
    EXPECT_STATE(kept);
    return told_times("cwg_show");
}

static int visit(void)
{
    return visit_in(END_CONNECTED);
}

/* Milliseconds until the end is visited. */
static int64_t left(void)
{
    return end->due - clock_now();
}

/* The end comes to rest in a state. Returns the milliseconds until it is visited. */
static int64_t rest(enum end_state wanted)
{
    end_wake(end);
    EXPECT_STATE(wanted);
    return left();
}

/* Is a time one of those at which many ends are visited? */
static bool is_of_many(int64_t time)
{
    return (time + SLACK) % SLOT <= (int64_t)2 * SLACK;
}

/* The container has been looked for in vain so many times, and once more. Returns the milliseconds
 * until it is looked for again. */
static int64_t miss(int misses)
{
    end->misses = misses;
    end->due = 0;
    (void)end_run(end);
    EXPECT_STATE(END_NO_CONTAINER);
    return left();
}

TEST(a_container_is_looked_for_soon_then_more_rarely_and_then_beside_others)
{
    begin();
    connect_it();
    stop_container();
    EXPECT_STATE(END_NO_CONTAINER);
    expect(left() <= 800, "in %ld ms", (long)left());
    expect(miss(4) > 1000, "in %ld ms", (long)left());
    for (int i = 0; i < 3; i++)
        expect(miss(20) <= SLOT && is_of_many(end->due), "in %ld ms", (long)left());
    finish();
}

TEST(a_connected_end_among_few_is_looked_at_each_half_a_minute_beside_others)
{
    begin();
    connect_it();
    for (int i = 0; i < 20; i++) {
        const int64_t time = rest(END_CONNECTED);

        expect(time >= END_LOOK_MS / 2 - SLACK && time <= END_LOOK_MS * 3 / 2 + SLOT, "in %ld ms",
               (long)time);
        expect(is_of_many(end->due), "not beside others: %ld", (long)end->due);
    }
    finish();
}

/* The other end may begin at any time. */
TEST(an_end_that_connects_is_looked_at_soon_and_then_more_rarely)
{
    int64_t time;

    begin();
    connect_it();
    programs_put("state", "no handshake yet");
    end->probe_due = INT64_MAX;
    time = rest(END_CONNECTING);
    expect(time <= 1000, "in %ld ms", (long)time);
    for (int i = 0; i < 4; i++)
        time = rest(END_CONNECTING);
    expect(time > 1500, "still in %ld ms", (long)time);
    end->early = 0;
    end->heard = (struct news){.up = false};
    time = rest(END_CONNECTING);
    expect(time > END_LOOK_MS / 3, "without the other site's word in %ld ms", (long)time);
    finish();
}

TEST(an_end_that_waits_for_its_probe_is_visited_then)
{
    static const char *const states[] = {"no handshake yet", "stale"};

    for (size_t i = 0; i < COUNT(states); i++) {
        const enum end_state wanted = i == 0 ? END_CONNECTING : END_STALE;
        int64_t time;

        begin();
        connect_it();
        programs_put("state", states[i]);
        end->early = 20;
        end->rounds = 1;
        end->probe_due = clock_now() + SOON_MS;
        time = rest(wanted);
        expect(time > 1000 && end->due <= end->probe_due + SLACK, "%s: in %ld ms", states[i],
               (long)time);
        finish();
    }
}

TEST(an_end_that_is_down_at_the_other_site_is_visited_soon_and_not_for_a_probe)
{
    int64_t time;

    begin();
    connect_it();
    programs_put("state", "stale");
    end->probe_due = clock_now() + 500;
    end->rounds = 1;
    tell(SERIAL + 1, false, NULL, &other);
    time = rest(END_PEER_DOWN);
    expect(time > 1000 && time <= 4500, "in %ld ms", (long)time);
    finish();
}

/* With many ends a look at a connected one is minutes away. */
TEST(an_end_whose_other_end_is_said_to_be_gone_is_looked_at_soon)
{
    begin();
    connect_it();
    for (size_t i = 0; i < COUNT(others); i++)
        (void)dues_add(&house->dues, &others[i], INT64_MAX);
    end_wake(end);
    EXPECT_STATE(END_CONNECTED);
    expect(end->due - clock_now() > (int64_t)2 * END_LOOK_MS, "no pause of many");
    programs_put("log", "");
    tell(SERIAL + 1, false, NULL, &other);
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_show") == 1, "%d looks", told_times("cwg_show"));
    expect(end->due - clock_now() <= (int64_t)2 * END_LOOK_MS, "a long pause");
    for (size_t i = 0; i < COUNT(others); i++)
        dues_remove(&house->dues, &others[i]);
    finish();
}

TEST(a_peer_that_lives_costs_no_look_though_it_is_visited_each_minute)
{
    connect_among_many(KERNEL);
    for (int i = 0; i < 4; i++) {
        expect(left() >= END_LOOK_MS / 2 - SLACK && left() <= MINUTE, "visited in %ld ms",
               (long)left());
        expect(end->look_due - clock_now() > 2 * MINUTE, "looked at in %ld ms",
               (long)(end->look_due - clock_now()));
        pass(MINUTE / 2);
        beating_receive(KEEPALIVE);
        expect(visit() == 0, "a look");
        expect(left() >= END_LOOK_MS / 2 - SLACK, "visited again in %ld ms", (long)left());
    }
    pass(15 * MINUTE); /* a look is 5 to 15 minutes away */
    beating_receive(KEEPALIVE);
    expect(visit() == 1, "no look at all");
    finish_many();
}

/* Both ends have a minute or two for another key before packets are lost. */
TEST(a_preshared_key_that_is_written_anew_is_noticed_within_a_minute)
{
    connect_among_many(KERNEL);
    (void)snprintf(end->want.psk, sizeof(end->want.psk), "%s/there.key", state);
    end->has_secret = true;
    pass(MINUTE / 2);
    beating_receive(KEEPALIVE);
    expect(visit() == 0, "a look at the same key");
    end->secret.seconds--;
    pass(MINUTE / 2);
    beating_receive(KEEPALIVE);
    expect(visit() > 0 && told_times("--preshared-key-file") == 1, "no look");
    finish_many();
}

/* Its new preshared key may be one that can be read meanwhile. */
TEST(a_connected_end_that_was_refused_something_is_looked_at_each_minute)
{
    connect_among_many(KERNEL);
    end->facts.refused = true;
    end->retry_due = clock_now() + MINUTE;
    end->shown = clock_now() + MINUTE;
    end_consider(end);
    EXPECT_STATE(END_CONNECTED);
    expect(left() <= MINUTE, "in %ld s", (long)(left() / 1000));
    expect(visit() == 1, "not looked at");
    finish_many();
}

TEST(a_peer_that_falls_silent_is_looked_at_within_a_minute_and_when_its_keys_get_old)
{
    connect_among_many(KERNEL);
    expect(visit() == 0, "a look at once");
    pass(MINUTE / 2);
    expect(visit() == 0, "a look before a keepalive was late");
    beating_receive(INITIATION);
    pass(MINUTE / 4);
    expect(visit() == 1, "no look though keepalives didn't come");
    end->session_end = clock_now() + MINUTE;
    pass(MINUTE / 2);
    expect(visit() == 0, "a second look of the same silence");
    expect(end->due <= end->session_end, "visited after the session's end");
    pass(MINUTE / 2);
    expect(visit() == 1, "no look at the session's end");
    finish_many();
}

/* `connected` has been heard lately, whatever keepalives there are. */
TEST(with_rare_keepalives_or_none_silence_costs_a_connected_end_one_look)
{
    static const uint16_t keepalives[] = {0, 3600};

    for (size_t i = 0; i < COUNT(keepalives); i++) {
        connect_among_many(KERNEL);
        end->want.keepalive = keepalives[i];
        pass(MINUTE / 4);
        expect(visit() == 0, "%zu: a look at once", i);
        pass(MINUTE / 2);
        expect(visit() == 1, "%zu: no look at a silent one that is called connected", i);
        end->session_end = clock_now() + MINUTE;
        pass(MINUTE / 2);
        expect(visit() == 0, "%zu: a second look of the same silence", i);
        finish_many();
    }
}

TEST(in_session_with_rare_keepalives_or_none_silence_costs_no_look_before_the_keys_get_old)
{
    static const uint16_t keepalives[] = {0, 3600};

    for (size_t i = 0; i < COUNT(keepalives); i++) {
        connect_among_many(KERNEL);
        end->want.keepalive = keepalives[i];
        programs_put("state", "in session");
        end_wake(end);
        EXPECT_STATE(END_IN_SESSION);
        end->session_end = clock_now() + 2 * MINUTE;
        pass(MINUTE);
        expect(visit_in(END_IN_SESSION) == 0, "%zu: a look", i);
        pass(MINUTE);
        expect(visit_in(END_IN_SESSION) == 1, "%zu: no look", i);
        finish_many();
    }
}

TEST(a_device_that_goes_or_drops_packets_is_looked_at_at_once)
{
    connect_among_many(KERNEL);
    end->pulse.errors++;
    expect(visit() == 1, "no look");
    (void)snprintf(end->pulse.device, sizeof(end->pulse.device), "wg-7-0");
    expect(visit() == 1, "no look at what has gone");
    finish_many();
}

TEST(a_pulse_keeps_an_end_in_session_and_heals_no_stale_one)
{
    connect_among_many(KERNEL);
    programs_put("state", "in session");
    end_wake(end);
    EXPECT_STATE(END_IN_SESSION);
    expect(end->look_due - clock_now() > 2 * MINUTE, "looked at soon");
    programs_put("log", "");
    beating_receive(KEEPALIVE);
    end->due = 0;
    (void)end_run(end);
    go_on();
    expect(told_times("cwg_show") == 0, "a look");
    programs_put("state", "idle");
    end->probe_due = INT64_MAX;
    end_wake(end);
    EXPECT_STATE(END_STALE);
    programs_put("log", "");
    beating_receive(KEEPALIVE);
    end->look_due = clock_now() + MINUTE;
    end->due = 0;
    go_on();
    expect(told_times("cwg_show") == 1, "no look at a stale one");
    finish_many();
}

/* The engine's device counts data alone, and an end that can't be felt is no reason to look. */
TEST(an_engines_end_is_looked_at_when_its_time_has_come)
{
    connect_among_many(KERNEL);
    programs_put("more", ",\"backend\":\"engine\",\"name\":\"lo\"");
    programs_put("peer", "{\"public_key\":\"" OTHER "\",\"latest_handshake_age\":170}");
    end_wake(end);
    EXPECT_STATE(END_CONNECTED);
    expect(is_of_many(end->due), "not beside others: %ld", (long)end->due);
    expect(!end->pulse.there && end->due >= end->look_due - SLACK, "is felt");
    programs_put("more", ",\"backend\":\"kernel\",\"name\":\"wg-7-0\"");
    end_wake(end);
    EXPECT_STATE(END_CONNECTED);
    expect(!end->pulse.there && end->due >= end->look_due - SLACK, "felt without a device");
    finish_many();
}

TEST(the_time_that_a_session_lasts_is_reckoned_from_its_handshake)
{
    int64_t left;

    connect_among_many(KERNEL);
    programs_put("peer", "{\"public_key\":\"" OTHER "\",\"latest_handshake_age\":170}");
    end_wake(end);
    EXPECT_STATE(END_CONNECTED);
    left = end->session_end - clock_now();
    expect(left > 1000 && left <= 11000, "%ld ms left", (long)left);
    expect(end->due <= end->session_end, "visited later");
    programs_put("peer", "{\"public_key\":\"" OTHER "\"}");
    end_wake(end);
    EXPECT_STATE(END_CONNECTED);
    expect(end->session_end == 0, "a session without a handshake");
    finish_many();
}

TEST(a_container_that_comes_anew_has_no_pulse_before_it_is_looked_at)
{
    connect_among_many(KERNEL);
    stop_container();
    EXPECT_STATE(END_NO_CONTAINER);
    expect(!end->pulse.there, "a pulse of the dead");
    finish_many();
}
