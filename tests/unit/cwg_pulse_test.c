#include "cwg/agent/loop/pulse.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg_beating.h"
#include "unit.h"

enum {
    KEEPALIVE = 74, /* bytes: longer than WireGuard's, as lo counts headers, too */
    INITIATION = 148,
};

static pid_t pid;
static struct pulse pulse;

static void begin(void)
{
    pid = beating_start();
    pulse = (struct pulse){.there = false};
    pulse_begin(&pulse, pid, "lo");
    expect(pulse.there, "no pulse");
}

static void finish(void)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
}

static void expect_word(enum pulse_word expected, const char *why)
{
    const enum pulse_word word = pulse_feel(&pulse, pid);

    expect(word == expected, "%s: word %d", why, (int)word);
}

TEST(a_pulse_beats_when_the_device_has_received_something)
{
    begin();
    expect_word(PULSE_STILL, "nothing came");
    pulse.beat = 1;
    beating_receive(KEEPALIVE);
    expect_word(PULSE_BEATS, "a keepalive");
    expect(pulse.beat > 1, "no time of the beat");
    pulse.beat = 1;
    expect_word(PULSE_STILL, "nothing came since");
    expect(pulse.beat == 1, "a time of no beat");
    finish();
}

/* Somebody on the way may have held them back since the peer ended. */
TEST(initiations_alone_are_no_pulse)
{
    begin();
    beating_receive(INITIATION);
    expect_word(PULSE_STILL, "an initiation");
    beating_receive(INITIATION);
    beating_receive(INITIATION);
    expect_word(PULSE_STILL, "two initiations");
    beating_receive(INITIATION);
    beating_receive(KEEPALIVE);
    expect_word(PULSE_BEATS, "a keepalive behind an initiation");
    beating_receive(INITIATION + 52);
    expect_word(PULSE_BEATS, "data longer than an initiation");
    beating_receive(2 * INITIATION);
    expect_word(PULSE_BEATS, "data as long as two initiations");
    finish();
}

TEST(what_is_not_the_device_as_it_was_has_no_pulse)
{
    begin();
    beating_receive(KEEPALIVE);
    pulse.packets += 2;
    expect_word(PULSE_NONE, "fewer packets: a new device");
    pulse.packets -= 2;
    pulse.bytes += 1000;
    expect_word(PULSE_NONE, "fewer bytes");
    pulse.bytes -= 1000;
    pulse.errors++;
    expect_word(PULSE_NONE, "dropped packets");
    pulse.errors--;
    expect_word(PULSE_BEATS, "the device as it was");
    for (const char *const *name = TEXTS("l", "lo0", "xx", "wg-7-0", ""); *name; name++) {
        struct pulse another = {.there = false};

        pulse_begin(&another, pid, *name);
        expect(!another.there, "a device %s", *name);
    }
    finish();
    expect_word(PULSE_NONE, "the container has ended");
}

/* Each look at an end begins its pulse: else silence would be new with each. */
TEST(a_pulse_that_begins_anew_goes_on_unless_the_device_is_another)
{
    begin();
    pulse.beat = 1;
    pulse_begin(&pulse, pid, "lo");
    expect(pulse.there && pulse.beat == 1, "began anew");
    beating_receive(KEEPALIVE);
    pulse_begin(&pulse, pid, "lo");
    expect(pulse.beat > 1, "a beat is forgotten");
    pulse.beat = 1;
    pulse.packets += 10;
    pulse_begin(&pulse, pid, "lo");
    expect(pulse.there && pulse.beat > 1, "goes on with another device");
    pulse_begin(&pulse, pid, "wg-7-0");
    expect(!pulse.there, "goes on without a device");
    finish();
}
