/* The protocol as a whole, by simulated time: two ends, each the engine as it is, in
 * engine_world.h. */
#include "engine/flow/tunnel.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>

#include "engine/control/configuration.h"
#include "engine/crypto/aead.h"
#include "engine/packet/split.h"
#include "engine/protocol/session.h"
#include "engine_packets.h"
#include "engine_world.h"
#include "unit.h"

enum {
    DATA_HEADER = sizeof(struct message_data),
    OVERHEAD = DATA_HEADER + AEAD_TAG_SIZE,
    KEEPALIVE_SIZE = OVERHEAD,
    PACKET = 100, /* the usual length */
};

#define JITTER_MAX   (SECONDS / 3)
#define MILLISECONDS (SECONDS / 1000)

static struct tunnel *const tunnel0 = &world.end[0].tunnel;
static struct tunnel *const tunnel1 = &world.end[1].tunnel;

static unsigned int sent(unsigned int number, enum message_type type)
{
    return (unsigned int)world.end[number].count[type];
}

static unsigned int keys(const struct tunnel *tunnel)
{
    unsigned int count = 0;

    for (int i = 0; i < 3; i++)
        count += tunnel->sessions.slot[i].there;
    return count;
}

/* End 0 is the initiator; marks 1 and 2 have come through. */
static void connect_ends(void)
{
    world_offer_mark(0, 1, PACKET);
    world_pass();
    world_offer_mark(1, 2, PACKET);
    world_pass();
    expect(world_delivered(1, 1) == 1 && world_delivered(0, 2) == 1, "no session");
}

static void connected(uint64_t seed)
{
    world_begin(seed);
    connect_ends();
}

/* A packet each way every second: no keepalive and no silence. */
static void talk(int seconds)
{
    for (int i = 0; i < seconds; i++) {
        world_offer_mark(0, 1000, PACKET);
        world_offer_mark(1, 1001, PACKET);
        world_advance(SECONDS);
    }
}

/* Whether a mark comes through from an end at once. */
static bool comes_through(unsigned int from, uint32_t mark)
{
    unsigned int before = world_delivered(1 - from, mark);

    world_offer_mark(from, mark, PACKET);
    world_pass();
    return world_delivered(1 - from, mark) == before + 1;
}

/* The same by the slowest of the networks. */
static bool comes_through_late(unsigned int from, uint32_t mark)
{
    unsigned int before = world_delivered(1 - from, mark);

    world_offer_mark(from, mark, PACKET);
    world_advance(100 * MILLISECONDS);
    return world_delivered(1 - from, mark) == before + 1;
}

/* Within so many seconds, with a new packet for each. */
static bool comes_through_within(unsigned int from, uint32_t mark, int seconds)
{
    for (int i = 0; i <= seconds; i++) {
        if (comes_through(from, mark))
            return true;
        world_advance(SECONDS);
    }
    return false;
}

/* The bytes of what is on its way, for later. */
static size_t record(unsigned int from, size_t place, uint8_t *ret_bytes)
{
    const struct world_datagram *datagram = &world.end[from].sent.item[place];

    memcpy(ret_bytes, datagram->bytes, datagram->length);
    return datagram->length;
}

TEST(one_handshake)
{
    world_begin(1);
    world_run(0);
    expect(sent(0, MESSAGE_INITIATION) == 0, "a handshake of which nobody has need");
    world_offer_mark(0, 1, PACKET);
    world_run(0);
    expect(sent(0, MESSAGE_INITIATION) == 1 && sent(0, MESSAGE_DATA) == 0, "the beginning");
    expect(world.end[0].last_length == 148, "%zu", world.end[0].last_length);
    expect(world.end[0].sent.item[0].traffic_class == 0x88, "class");
    world_let(0, 0);
    world_run(1);
    expect(sent(1, MESSAGE_RESPONSE) == 1 && world.end[1].last_length == 92, "the response");
    expect(tunnel1->handshaken == 0, "handshaken before it's confirmed");
    /* the responder may not use it yet, nor begin another */
    world_offer_mark(1, 2, PACKET);
    world_run(1);
    expect(sent(1, MESSAGE_DATA) == 0 && sent(1, MESSAGE_INITIATION) == 0, "too early");
    world_pass();
    expect(world_delivered(1, 1) == 1 && world_delivered(0, 2) == 1, "what waited");
    expect(sent(0, MESSAGE_DATA) == 1 && sent(1, MESSAGE_DATA) == 1, "one each");
    expect(tunnel0->handshaken == world.now && tunnel1->handshaken == world.now, "handshaken");
    expect(sent(0, MESSAGE_INITIATION) + sent(1, MESSAGE_INITIATION) == 1, "a second one");
    expect(keys(tunnel0) == 1 && keys(tunnel1) == 1, "%u, %u", keys(tunnel0), keys(tunnel1));
    expect(noise_state(tunnel0->noise) == NOISE_NOTHING &&
               noise_state(tunnel1->noise) == NOISE_NOTHING,
           "a handshake that is still under way");
}

/* An initiator with nothing to send says so, and that isn't delivered. */
TEST(confirmation)
{
    world_begin(2);
    handshake_initiate(tunnel0, false);
    world_pass();
    expect(sent(0, MESSAGE_DATA) == 1 && world.end[0].last_length == KEEPALIVE_SIZE, "keepalive");
    expect(world.end[1].writes == 0, "a keepalive was delivered");
    expect(comes_through(1, 5), "the responder has no session");
    expect(sent(1, MESSAGE_INITIATION) == 0, "a handshake");
}

/* Staged is a frame that can't be cut, so that it confirms nothing. */
TEST(confirmation_in_place_of_nonsense)
{
    uint8_t frame[HANDOVER_VNET_SIZE + PACKET] = {0};
    struct virtio_net_hdr vnet = {.gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 10};

    world_begin(3);
    memcpy(frame, &vnet, HANDOVER_VNET_SIZE);
    (void)world_packet(0, 1, PACKET, frame + HANDOVER_VNET_SIZE);
    world_offer_frame(0, frame, sizeof(frame));
    world_pass();
    expect(sent(0, MESSAGE_INITIATION) == 1 && sent(1, MESSAGE_RESPONSE) == 1, "handshake");
    expect(sent(0, MESSAGE_DATA) == 1 && world.end[0].last_length == KEEPALIVE_SIZE,
           "%u data messages, %zu bytes", sent(0, MESSAGE_DATA), world.end[0].last_length);
    expect(comes_through(1, 5), "the responder has no session");
    /* nor is such a frame a reason to expect an answer */
    world_offer_frame(0, frame, sizeof(frame));
    world_run(0);
    expect(tunnel0->timers.at[TIMER_SILENCE] == 0, "an answer to nothing is waited for");
}

TEST(rekey_by_initiator)
{
    uint8_t old[256];
    size_t length;

    connected(4);
    talk(119);
    expect(sent(0, MESSAGE_INITIATION) == 1, "rekey before 120 s");
    talk(3);
    expect(sent(0, MESSAGE_INITIATION) == 2, "%u initiations", sent(0, MESSAGE_INITIATION));
    expect(sent(1, MESSAGE_INITIATION) == 0, "rekey by the responder");
    expect(keys(tunnel0) == 2 && keys(tunnel1) == 2, "%u, %u", keys(tunnel0), keys(tunnel1));
    talk(118);
    expect(sent(0, MESSAGE_INITIATION) == 2, "a third one too early");
    talk(1200);
    expect(sent(0, MESSAGE_INITIATION) == 12, "%u in 1440 s", sent(0, MESSAGE_INITIATION));
    expect(world_delivered(0, 1001) + world_delivered(1, 1000) > 0, "nothing");
    expect(sent(1, MESSAGE_INITIATION) == 0, "rekey by the responder");
    /* what was sealed by the session before still arrives after the change */
    world_offer_mark(1, 77, PACKET);
    world_run(1);
    length = record(1, 0, old);
    world_lose_all(1);
    world_advance(6 * SECONDS);
    handshake_initiate(tunnel0, false);
    world_pass();
    expect(sent(0, MESSAGE_INITIATION) == 13, "no handshake");
    world_arrive(0, &world.end[1].address, old, length, 0);
    world_pass();
    expect(world_delivered(0, 77) == 1, "the session before is gone");
}

/* The next session of a responder: the old one is used until the initiator has used the new one. */
TEST(responders_next)
{
    connected(5);
    world_advance(121 * SECONDS);
    world_lose_all(0);
    world_offer_mark(0, 3, PACKET);
    world_run(0);
    expect(world.end[0].sent.count == 2, "%zu on their way", world.end[0].sent.count);
    world_let(0, 1); /* the initiation alone */
    world_run(1);
    expect(tunnel1->sessions.next->there && tunnel1->sessions.current->there, "slots");
    world_offer_mark(1, 4, PACKET);
    world_run(1);
    expect(world.end[1].sent.count == 2, "response and data: %zu", world.end[1].sent.count);
    world_let(1, 1);
    world_run(0);
    expect(world_delivered(0, 4) == 1, "sealed by a session that isn't confirmed");
    world_let(0, 0); /* the old session's data confirms nothing */
    world_run(1);
    expect(world_delivered(1, 3) == 1 && tunnel1->sessions.next->there, "confirmed by the old");
    world_let(1, 0);
    world_run(0);
    world_let(0, 0);
    world_run(1);
    expect(!tunnel1->sessions.next->there && tunnel1->sessions.previous->there, "not confirmed");
    expect(comes_through(0, 6) && comes_through(1, 7), "under the new one");
}

/* One who has only received begins in the last fifteen seconds; the responder doesn't. */
TEST(last_minute)
{
    connected(6);
    world_advance(100 * SECONDS);
    expect(sent(0, MESSAGE_INITIATION) == 1, "early");
    world_advance(64 * SECONDS);
    world.end[0].cut = true;
    world_offer_mark(1, 3, PACKET);
    world_pass();
    expect(sent(0, MESSAGE_INITIATION) == 1, "before 165 s");
    world_advance(3 * SECONDS);
    world_offer_mark(1, 4, PACKET);
    world_pass();
    expect(world_delivered(0, 4) == 1 && sent(0, MESSAGE_INITIATION) == 2, "at 167 s: %u",
           sent(0, MESSAGE_INITIATION));
    /* once */
    world_offer_mark(1, 5, PACKET);
    world_pass();
    expect(sent(0, MESSAGE_INITIATION) == 2, "again");
    world.end[0].cut = false;
    world_offer_mark(0, 6, PACKET);
    world_pass();
    expect(world_delivered(1, 6) == 1 && sent(1, MESSAGE_INITIATION) == 0, "the responder");
}

/* Seconds after the handshake at which a datagram arrives, or is sent. */
static const struct {
    int64_t age;
    bool accepted;
} ages[] = {
    {0, true},
    {179 * SECONDS, true},
    {180 * SECONDS - 1, true},
    {180 * SECONDS, false},
    {181 * SECONDS, false},
    {400 * SECONDS, false},
};

TEST(reject_received)
{
    for (size_t i = 0; i < COUNT(ages); i++) {
        uint8_t bytes[256];
        size_t length;
        int64_t birth;

        connected(7);
        birth = tunnel0->sessions.current->birth;
        world_offer_mark(1, 3, PACKET);
        world_run(1);
        length = record(1, 0, bytes);
        world_lose_all(1);
        world.end[0].cut = world.end[1].cut = true;
        if (ages[i].age > 0)
            world_advance_to(birth + ages[i].age);
        world_arrive(0, &world.end[1].address, bytes, length, 0);
        world_run(0);
        expect(world_delivered(0, 3) == ages[i].accepted, "case %zu", i);
    }
}

TEST(reject_sent)
{
    for (size_t i = 0; i < COUNT(ages); i++) {
        unsigned int before;

        connected(8);
        world.end[0].cut = world.end[1].cut = true;
        if (ages[i].age > 0)
            world_advance_to(tunnel0->sessions.current->birth + ages[i].age);
        before = sent(0, MESSAGE_DATA);
        world_offer_mark(0, 3, PACKET);
        world_run(0);
        expect(sent(0, MESSAGE_DATA) == before + ages[i].accepted, "case %zu", i);
        expect(tunnel0->staging.frames == !ages[i].accepted, "case %zu: staging", i);
        world.end[0].cut = world.end[1].cut = false;
        if (!ages[i].accepted) {
            world_advance(6 * SECONDS);
            expect(world_delivered(1, 3) == 1, "case %zu: what waited is lost", i);
        }
    }
}

/* So many messages: a new session well before, and not one more at the end. */
TEST(messages)
{
    connected(9);
    world_advance(6 * SECONDS);
    tunnel0->sessions.current->counter = REKEY_AFTER_MESSAGES - 1;
    expect(comes_through(0, 3), "just before the limit");
    expect(sent(0, MESSAGE_INITIATION) == 2, "%u initiations", sent(0, MESSAGE_INITIATION));
    world_advance(6 * SECONDS);
    tunnel0->sessions.current->counter = REJECT_AFTER_MESSAGES - 2;
    world.end[1].cut = true;
    expect(comes_through(0, 4), "the last but one");
    expect(comes_through(0, 5), "the last");
    expect(!comes_through(0, 6), "one more");
    expect(tunnel0->sessions.current->counter == REJECT_AFTER_MESSAGES, "the counter");
    world.end[1].cut = false;
    world_advance(6 * SECONDS);
    expect(world_delivered(1, 6) == 1 && tunnel0->sessions.current->counter < 10, "a new one");
    /* nor in the midst of many */
    tunnel0->sessions.current->counter = REJECT_AFTER_MESSAGES - 2;
    for (int i = 0; i < 5; i++)
        world_offer_mark(0, 8, PACKET);
    world_run(0);
    expect(tunnel0->sessions.current->counter == REJECT_AFTER_MESSAGES, "one too many");
    world_pass();
    expect(world_delivered(1, 8) == 2, "%u", world_delivered(1, 8));
    /* the responder, too, begins for that reason */
    world_advance(6 * SECONDS);
    tunnel1->sessions.current->counter = REKEY_AFTER_MESSAGES;
    expect(comes_through(1, 7) && sent(1, MESSAGE_INITIATION) == 1, "the responder");
}

TEST(retry)
{
    int64_t last, gave_up = 0;
    unsigned int count = 1;

    world_begin(10);
    world.end[0].cut = true;
    world_offer_mark(0, 1, PACKET);
    world_run(0);
    last = world.now;
    expect(sent(0, MESSAGE_INITIATION) == 1 && tunnel0->staging.frames == 1, "the first");
    for (int i = 0; i < 2000; i++) {
        world_advance(SECONDS / 10);
        if (tunnel0->staging.frames == 0 && !gave_up)
            gave_up = world.now;
        if (sent(0, MESSAGE_INITIATION) == count)
            continue;
        expect(sent(0, MESSAGE_INITIATION) == ++count, "two at once");
        expect(world.now - last >= 5 * SECONDS - SECONDS / 10 &&
                   world.now - last <= 5 * SECONDS + JITTER_MAX + SECONDS / 10,
               "number %u after %lld ms", count, (long long)((world.now - last) / 1000000));
        last = world.now;
    }
    expect(count >= 18 && count <= 20, "%u attempts", count);
    expect(gave_up >= 1090 * SECONDS && gave_up < 1108 * SECONDS, "gave up at %lld s",
           (long long)(gave_up / SECONDS));
    expect(last < gave_up, "an attempt after that");
    /* begun anew by the next packet; what was dropped doesn't come */
    world.end[0].cut = false;
    expect(comes_through(0, 2), "the next packet");
    expect(world_delivered(1, 1) == 0, "a packet of long ago");
}

/* Lost initiations and lost responses: what waits arrives in the end, all of it, once. */
TEST(lost_messages)
{
    world_begin(11);
    for (uint32_t i = 0; i < 10; i++)
        world_offer_mark(0, 1 + i, PACKET);
    world_run(0);
    world_lose_all(0);
    world_advance(5 * SECONDS + JITTER_MAX);
    expect(world_delivered(1, 10) == 1, "the second initiation");

    world_begin(12);
    world.end[1].cut = true;
    for (uint32_t i = 0; i < 10; i++)
        world_offer_mark(0, 1 + i, PACKET);
    world_advance(7 * SECONDS);
    expect(sent(1, MESSAGE_RESPONSE) == 2, "%u responses", sent(1, MESSAGE_RESPONSE));
    world.end[1].cut = false;
    world_advance(5 * SECONDS);
    for (uint32_t i = 0; i < 10; i++)
        expect(world_delivered(1, 1 + i) == 1, "mark %u", 1 + i);
}

/* Both begin before either has seen the other's initiation. Everything that was sent comes through,
 * by the first handshakes, and both ends then send by the same session. The numbers are
 * milliseconds. */
static void both_begin_case(uint64_t seed, int late, const int delays[4])
{
    int64_t start;

    world_begin(seed);
    for (unsigned int i = 0; i < WORLD_ENDS; i++) {
        world.end[i].delay_min = delays[2 * i] * MILLISECONDS;
        world.end[i].delay_max = delays[2 * i + 1] * MILLISECONDS;
    }
    start = world.now;
    world_offer_mark(0, 1, PACKET);
    world_run(0);
    world_advance(late * MILLISECONDS);
    world_offer_mark(1, 2, PACKET);
    world_run(1);
    while (!(world_delivered(1, 1) && world_delivered(0, 2)) && world.now < start + 30 * SECONDS)
        world_advance(10 * MILLISECONDS);
    expect(world.now - start < SECONDS, "%d ms apart, delays %d to %d and %d to %d: %lld ms", late,
           delays[0], delays[1], delays[2], delays[3], (long long)((world.now - start) / 1000000));
    world_advance(SECONDS);
    expect(comes_through_late(0, 3) && comes_through_late(1, 4), "afterwards");
    expect(tunnel0->sessions.current->remote == tunnel1->sessions.current->local &&
               tunnel1->sessions.current->remote == tunnel0->sessions.current->local,
           "%d ms apart, delays %d to %d and %d to %d: each sends by another session", late,
           delays[0], delays[1], delays[2], delays[3]);
    expect(sent(0, MESSAGE_INITIATION) + sent(1, MESSAGE_INITIATION) <= 2, "one was repeated");
}

TEST(both_begin)
{
    static const int delays[][4] = {
        {0, 0, 0, 0},     {1, 1, 1, 1},       {50, 50, 50, 50}, {100, 100, 100, 100},
        {0, 0, 100, 100}, {100, 100, 0, 0},   {10, 10, 90, 90}, {0, 100, 0, 100},
        {0, 60, 0, 60},   {90, 100, 90, 100}, {0, 100, 50, 50}, {1, 1, 0, 100},
    };

    for (size_t i = 0; i < COUNT(delays); i++) {
        for (int late = 0; late <= 200; late += 20) {
            for (uint64_t seed = 0; seed < 4; seed++)
                both_begin_case(1000 + seed, late, delays[i]);
        }
    }
    /* Where datagrams overtake each other there are more ways. */
    for (uint64_t seed = 0; seed < 100; seed++)
        both_begin_case(2000 + seed, (int)(seed % 5 * 20), delays[7]);
}

/* One message of the two handshakes is lost: the other handshake is enough. */
TEST(both_begin_lossy)
{
    for (unsigned int which = 0; which < WORLD_ENDS; which++) {
        for (int lost = 0; lost < 2; lost++) {
            world_begin(60);
            world.end[0].delay_min = world.end[1].delay_min = 50 * MILLISECONDS;
            world_offer_mark(0, 1, PACKET);
            world_offer_mark(1, 2, PACKET);
            world_run(0);
            world_run(1);
            if (lost > 0)
                world_advance(50 * MILLISECONDS);
            expect(world.end[which].sent.count == 1, "end %u: %zu on their way", which,
                   world.end[which].sent.count);
            world_lose_all(which);
            world_advance(SECONDS);
            expect(world_delivered(1, 1) == 1 && world_delivered(0, 2) == 1, "end %u, %d", which,
                   lost);
            expect(comes_through_late(0, 3) && comes_through_late(1, 4), "end %u, %d: later", which,
                   lost);
            expect(tunnel0->sessions.current->remote == tunnel1->sessions.current->local,
                   "end %u, %d: each sends by another session", which, lost);
            expect(noise_state(tunnel0->noise) == NOISE_NOTHING &&
                       noise_state(tunnel1->noise) == NOISE_NOTHING,
                   "end %u, %d: an ephemeral key is left", which, lost);
        }
    }
}

/* A peer that, as the kernel's driver, forgets its own initiation when it answers ours. */
TEST(both_begin_with_kernel)
{
    for (int late = -200; late <= 200; late += 20) {
        for (uint64_t seed = 0; seed < 4; seed++) {
            unsigned int first = late < 0;

            world_begin(64 + seed);
            world.end[0].delay_min = world.end[1].delay_min = 50 * MILLISECONDS;
            world_offer_mark(first, 1, PACKET);
            world_run(first);
            for (int i = 0; i < 1000; i++) {
                unsigned int before = sent(1, MESSAGE_RESPONSE);

                if (i == abs(late)) {
                    world_offer_mark(1 - first, 2, PACKET);
                    world_run(1 - first);
                }
                world_advance(MILLISECONDS);
                if (sent(1, MESSAGE_RESPONSE) > before)
                    noise_abandon_initiation(tunnel1->noise);
            }
            expect(world_delivered(1 - first, 1) == 1 && world_delivered(first, 2) == 1,
                   "%d ms apart", late);
            expect(comes_through_late(0, 3) && comes_through_late(1, 4), "%d ms apart: later",
                   late);
            expect(sent(0, MESSAGE_INITIATION) + sent(1, MESSAGE_INITIATION) <= 2,
                   "%d ms apart: one was repeated", late);
        }
    }
}

/* Both begin anew at once, in the midst of traffic: not a packet is lost, and both send by the same
 * session then, which one of them follows up in time. */
TEST(both_rekey)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        unsigned int before;

        connected(70 + seed);
        world_advance(10 * SECONDS);
        world.end[0].delay_min = 50 * MILLISECONDS;
        world.end[1].delay_min = (50 + 5 * (int64_t)seed) * MILLISECONDS;
        for (uint32_t i = 0; i < 100; i++) {
            if (i == 20)
                handshake_initiate(tunnel0, false);
            if (i == 20 + seed)
                handshake_initiate(tunnel1, false);
            world_offer_mark(0, 1000 + i, PACKET);
            world_offer_mark(1, 2000 + i, PACKET);
            world_advance(5 * MILLISECONDS);
        }
        world_advance(SECONDS);
        for (uint32_t i = 0; i < 100; i++) {
            expect(world_delivered(1, 1000 + i) == 1, "seed %d: mark %u to end 1", (int)seed, i);
            expect(world_delivered(0, 2000 + i) == 1, "seed %d: mark %u to end 0", (int)seed, i);
        }
        expect(sent(0, MESSAGE_INITIATION) == 2 && sent(1, MESSAGE_INITIATION) == 1, "begun");
        expect(tunnel0->sessions.current->remote == tunnel1->sessions.current->local,
               "seed %d: each sends by another session", (int)seed);
        before = sent(0, MESSAGE_INITIATION) + sent(1, MESSAGE_INITIATION);
        talk(130);
        expect(sent(0, MESSAGE_INITIATION) + sent(1, MESSAGE_INITIATION) == before + 1,
               "seed %d: %u followed", (int)seed,
               sent(0, MESSAGE_INITIATION) + sent(1, MESSAGE_INITIATION) - before);
    }
}

TEST(passive_keepalive)
{
    connected(20);
    world_advance(20 * SECONDS); /* the keepalive for mark 2 */
    world_offer_mark(0, 3, PACKET);
    world_pass();
    unsigned int before = sent(1, MESSAGE_DATA);
    world_advance(10 * SECONDS - 1);
    expect(sent(1, MESSAGE_DATA) == before, "early");
    world_advance(1);
    expect(sent(1, MESSAGE_DATA) == before + 1 && world.end[1].last_length == KEEPALIVE_SIZE,
           "no keepalive");
    /* which isn't answered */
    before = sent(0, MESSAGE_DATA);
    world_advance(90 * SECONDS);
    expect(sent(0, MESSAGE_DATA) == before && sent(1, MESSAGE_DATA) > 0, "an answer to it");
    expect(sent(0, MESSAGE_INITIATION) == 1, "a handshake");
    /* and none where something was said */
    world_offer_mark(0, 4, PACKET);
    world_pass();
    world_advance(5 * SECONDS);
    before = sent(1, MESSAGE_DATA);
    world_offer_mark(1, 5, PACKET);
    world_advance(9 * SECONDS);
    expect(sent(1, MESSAGE_DATA) == before + 1, "one that wasn't called for");
}

TEST(silence)
{
    int64_t start;

    connected(21);
    world_advance(20 * SECONDS);
    world.end[1].cut = true;
    start = world.now;
    world_offer_mark(0, 3, PACKET);
    world_advance(15 * SECONDS - 1);
    expect(sent(0, MESSAGE_INITIATION) == 1, "early");
    world_offer_mark(0, 4, PACKET); /* the first one counts */
    world_advance_to(start + 15 * SECONDS + JITTER_MAX);
    expect(sent(0, MESSAGE_INITIATION) == 2, "%u initiations", sent(0, MESSAGE_INITIATION));
    world.end[1].cut = false;
    world_advance(6 * SECONDS);
    expect(keys(tunnel0) >= 1 && comes_through(0, 5), "no session afterwards");
    /* an initiation is an answer, too */
    world_advance(20 * SECONDS);
    world_offer_mark(0, 6, PACKET);
    world_run(0);
    expect(tunnel0->timers.at[TIMER_SILENCE] != 0, "no answer is waited for");
    world_lose_all(0);
    world_advance(5 * SECONDS);
    handshake_initiate(tunnel1, false);
    world_let(1, 0);
    world_run(0);
    expect(tunnel0->timers.at[TIMER_SILENCE] == 0, "an initiation is no answer");
    world_pass();
    /* what is sent on keepalives alone needs no answer */
    world_advance(20 * SECONDS);
    unsigned int before = sent(0, MESSAGE_INITIATION);
    world.end[1].cut = true;
    outbound_keepalive(tunnel0);
    world_advance(30 * SECONDS);
    expect(sent(0, MESSAGE_INITIATION) == before, "an answer to a keepalive was waited for");
}

/* Nothing gets from end 0 to end 1 any more, which has lost its session and begins again and again:
 * that isn't what end 0 has asked for. */
TEST(begun_in_vain)
{
    int64_t heard, asked;

    connected(22);
    world_advance(20 * SECONDS);
    world.end[0].cut = true;
    world_restart(1);
    heard = tunnel0->timers.heard;
    asked = world.now;
    world_offer_mark(0, 3, PACKET);
    world_pass();
    for (int i = 0; i < 12; i++) {
        world_offer_mark(1, 4, PACKET);
        world_advance(5 * SECONDS);
    }
    expect(sent(1, MESSAGE_INITIATION) >= 8 && sent(0, MESSAGE_RESPONSE) >= 8, "%u, %u",
           sent(1, MESSAGE_INITIATION), sent(0, MESSAGE_RESPONSE));
    expect(tunnel0->timers.heard == heard, "heard %lld ms ago",
           (long long)((world.now - tunnel0->timers.heard) / MILLISECONDS));
    expect(tunnel0->timers.asked == asked, "asked %lld ms ago",
           (long long)((world.now - tunnel0->timers.asked) / MILLISECONDS));
    world.end[0].cut = false;
    expect(comes_through_within(1, 5, 10), "no session afterwards");
    expect(tunnel0->timers.heard > asked && !tunnel0->timers.asked, "a session isn't heard");
}

TEST(zeroed)
{
    int64_t birth;

    connected(22);
    birth = tunnel0->sessions.current->birth;
    world_advance_to(birth + 540 * SECONDS - 1);
    expect(keys(tunnel0) == 1 && keys(tunnel1) == 1, "%u, %u", keys(tunnel0), keys(tunnel1));
    world_advance(1);
    expect(keys(tunnel0) == 0 && keys(tunnel1) == 0, "%u, %u", keys(tunnel0), keys(tunnel1));
    expect(tunnel_next(tunnel0) == INT64_MAX, "a timer");
    expect(comes_through(0, 3), "afterwards");

    /* a handshake without end leaves nothing, either */
    world_begin(23);
    world.end[0].cut = true;
    world_offer_mark(0, 1, PACKET);
    world_advance(20 * SECONDS);
    expect(noise_state(tunnel0->noise) == NOISE_SENT_INITIATION, "state");
    world_advance(650 * SECONDS);
    expect(noise_state(tunnel0->noise) == NOISE_NOTHING, "an ephemeral key is left");
}

/* While there are keys it is looked every ten seconds whether their time has come, since poll()
 * doesn't count the time that the machine is suspended. */
TEST(looking_for_old_keys)
{
    world_begin(46);
    expect(tunnel_next(tunnel0) == INT64_MAX, "at first");
    connect_ends();
    world_advance(60 * SECONDS);
    expect(timers_next(&tunnel0->timers) > world.now + 100 * SECONDS, "a timer");
    expect(tunnel_next(tunnel0) == world.now + 180 * SECONDS, "with a session");
    world_advance_to(tunnel0->sessions.current->birth + 539 * SECONDS);
    expect(tunnel_next(tunnel0) == world.now + SECONDS, "just before their end");
    /* the machine sleeps, and nothing comes in */
    world.now += 3600 * SECONDS;
    world_run(0);
    expect(keys(tunnel0) == 0 && tunnel_next(tunnel0) == INT64_MAX, "after it");

    /* one that is to be confirmed yet; and an ephemeral key */
    world_begin(47);
    world_offer_mark(0, 1, PACKET);
    world_run(0);
    world_let(0, 0);
    world_run(1);
    expect(tunnel1->sessions.next->there && tunnel_next(tunnel1) == world.now + 180 * SECONDS,
           "a session that waits");
    world_lose_all(1);
    world.end[0].cut = true;
    world_advance(200 * SECONDS);
    expect(noise_state(tunnel0->noise) == NOISE_SENT_INITIATION && keys(tunnel0) == 0, "state");
    expect(tunnel_next(tunnel0) == world.now + 180 * SECONDS, "with an ephemeral key");
}

TEST(persistent_keepalive)
{
    world_begin(24);
    expect(tunnel0->timers.persistent == 0, "on from the start");
    timers_set_persistent(&tunnel0->timers, 25, tunnel0->now);
    world_pass();
    expect(sent(0, MESSAGE_INITIATION) == 1 && sent(0, MESSAGE_DATA) == 1, "at once");
    world_advance(25 * SECONDS - 1);
    expect(sent(0, MESSAGE_DATA) == 1, "early");
    world_advance(1);
    expect(sent(0, MESSAGE_DATA) == 2, "after 25 s");
    /* what is sent puts it off */
    world_advance(24 * SECONDS);
    expect(comes_through(0, 5), "data");
    world_advance(24 * SECONDS);
    expect(sent(0, MESSAGE_DATA) == 3, "not put off");
    world_advance(2 * SECONDS);
    expect(sent(0, MESSAGE_DATA) == 4, "put off for good");
    /* goes on when the peer is away for long */
    world.end[1].cut = true;
    world_advance(1000 * SECONDS);
    unsigned int before = sent(0, MESSAGE_INITIATION);
    world_advance(100 * SECONDS);
    expect(sent(0, MESSAGE_INITIATION) > before, "given up for good");
    world.end[1].cut = false;
    world_advance(30 * SECONDS);
    expect(tunnel1->sessions.current->there, "doesn't come back");
    timers_set_persistent(&tunnel0->timers, 0, tunnel0->now);
    world_advance(20 * SECONDS);
    before = sent(0, MESSAGE_DATA);
    world_advance(200 * SECONDS);
    expect(sent(0, MESSAGE_DATA) == before, "not switched off");
}

static const struct {
    uint8_t filled[WORLD_ENDS]; /* what each end's key consists of */
    bool connected;
} preshared[] = {
    {{0, 0}, true}, {{7, 7}, true}, {{7, 0}, false}, {{0, 7}, false}, {{7, 8}, false},
};

TEST(preshared_key)
{
    for (size_t i = 0; i < COUNT(preshared); i++) {
        world_begin(25);
        for (unsigned int end = 0; end < WORLD_ENDS; end++) {
            struct key key;

            memset(&key, preshared[i].filled[end], sizeof(key));
            noise_set_preshared_key(world.end[end].tunnel.noise, &key);
        }
        expect(comes_through_within(0, 3, 20) == preshared[i].connected, "case %zu", i);
        expect(comes_through_within(1, 4, 20) == preshared[i].connected, "case %zu: back", i);
        if (!preshared[i].connected) {
            expect(keys(tunnel0) == 0 || !tunnel0->sessions.current->there, "case %zu: keys", i);
            expect(tunnel0->handshaken == 0, "case %zu: handshaken", i);
        }
    }
}

static bool is_at(const struct tunnel *tunnel, const struct remote *remote)
{
    return remote_equal(&tunnel->remote, remote);
}

TEST(roaming)
{
    struct remote elsewhere = world_address(9, 999), far = world_address(10, 1);
    struct remote home;
    uint8_t bytes[256];
    size_t length;

    connected(26);
    home = world.end[0].address;
    world.end[0].address = elsewhere;
    expect(comes_through(0, 3) && is_at(tunnel1, &elsewhere), "didn't follow");
    expect(comes_through(1, 4), "and back");
    /* a keepalive moves it as well */
    world.end[0].address = home;
    outbound_keepalive(tunnel0);
    world_pass();
    expect(is_at(tunnel1, &home), "a keepalive");
    /* a forged one doesn't, nor one replayed */
    world_offer_mark(0, 5, PACKET);
    world_run(0);
    length = record(0, 0, bytes);
    world_pass();
    world_arrive(1, &far, bytes, length, 0);
    world_run(1);
    expect(is_at(tunnel1, &home), "by a replay");
    bytes[DATA_HEADER - 2]++; /* the counter */
    world_arrive(1, &far, bytes, length, 0);
    world_run(1);
    expect(is_at(tunnel1, &home), "by a forged packet");
}

/* Initiations and responses move it as well, but not their replays. */
TEST(roaming_handshakes)
{
    struct remote elsewhere = world_address(9, 999), far = world_address(10, 1);
    uint8_t initiation[256], response[256];
    size_t initiation_length, response_length;

    world_begin(27);
    world.end[0].address = elsewhere;
    world_offer_mark(0, 1, PACKET);
    world_run(0);
    initiation_length = record(0, 0, initiation);
    world_let(0, 0);
    world_run(1);
    expect(is_at(tunnel1, &elsewhere), "by an initiation");
    response_length = record(1, 0, response);
    world.end[1].address = world_address(11, 1100);
    world_lose_all(1);
    world_arrive(0, &world.end[1].address, response, response_length, 0);
    world_run(0);
    expect(is_at(tunnel0, &world.end[1].address), "by a response");
    world_arrive(1, &far, initiation, initiation_length, 0);
    world_run(1);
    expect(is_at(tunnel1, &elsewhere) && sent(1, MESSAGE_RESPONSE) == 1, "by a replay");
    world_arrive(0, &far, response, response_length, 0);
    world_run(0);
    expect(is_at(tunnel0, &world.end[1].address), "by a replayed response");
}

/* What waited at the responder goes to where the confirmation came from. */
TEST(roaming_confirmation)
{
    world_begin(28);
    world_offer_mark(0, 1, PACKET);
    world_run(0);
    world_let(0, 0);
    world_run(1);
    world_offer_mark(1, 2, PACKET);
    world_run(1);
    world.end[0].address = world_address(9, 999);
    world.end[1].sent.item[0].to = world.end[0].address; /* the response still gets there */
    world_pass();
    expect(world_delivered(1, 1) == 1 && world_delivered(0, 2) == 1, "%u, %u",
           world_delivered(1, 1), world_delivered(0, 2));
}

/* What the path takes is found out again when it may be another. */
static bool forgot_path(struct tunnel *tunnel)
{
    bool forgot = tunnel->udp.segment_max == UDP_PAYLOAD_MAX;

    tunnel->udp.segment_max = 100;
    return forgot;
}

TEST(path)
{
    connected(48);
    expect(forgot_path(tunnel0) && forgot_path(tunnel1), "at first");
    talk(100);
    expect(!forgot_path(tunnel0) && !forgot_path(tunnel1), "too soon");
    talk(40);
    expect(forgot_path(tunnel0) && forgot_path(tunnel1), "with a new session");
    world.end[0].address = world_address(9, 999);
    expect(comes_through(0, 3), "from elsewhere");
    expect(forgot_path(tunnel1) && !forgot_path(tunnel0), "by the peer's moving");
    world_introduce(0);
    expect(!forgot_path(tunnel0), "by the same endpoint");
    world.end[1].address = world_address(10, 999);
    world_introduce(0);
    expect(forgot_path(tunnel0), "by another endpoint");
    expect(tunnel_set_peer(tunnel0, &(struct key){{9}}) && forgot_path(tunnel0), "with the peer");
}

/* An address of ours by which datagrams don't leave is not taken again from what comes in, until
 * the path is forgotten. By which device they leave is asked for a new one, and twice a second. */
TEST(ways)
{
    struct remote from;

    connected(50);
    from = world.end[1].address;
    from.local.v4 = (struct in_pktinfo){.ipi_ifindex = 7, .ipi_spec_dst.s_addr = 1};
    tunnel0->udp.ask = false;
    tunnel_set_remote(tunnel0, &from);
    expect(tunnel0->udp.ask && remote_device(&tunnel0->remote) == 7, "a new one");
    tunnel0->udp.ask = false;
    tunnel_set_remote(tunnel0, &from);
    expect(!tunnel0->udp.ask, "the same");
    tunnel0->udp.refused = from;
    tunnel_set_remote(tunnel0, &from);
    expect(!tunnel0->udp.ask && remote_device(&tunnel0->remote) == 0, "a refused one");
    from.local.v4.ipi_spec_dst.s_addr = 2;
    tunnel_set_remote(tunnel0, &from);
    expect(tunnel0->udp.ask && remote_device(&tunnel0->remote) == 7, "another address");
    from.local.v4.ipi_spec_dst.s_addr = 1;
    from.local.v4.ipi_ifindex = 8;
    tunnel_set_remote(tunnel0, &from);
    expect(remote_device(&tunnel0->remote) == 8, "another device");
    from.local.v4.ipi_ifindex = 7;
    from.address.v4.sin_port++;
    tunnel_set_remote(tunnel0, &from);
    expect(remote_device(&tunnel0->remote) == 7, "the peer has moved");
    for (int i = 0; i < 6; i++) {
        int64_t pause = i < 3 ? SECONDS / 2 : SECONDS / 4;

        tunnel0->udp.waits = i >= 3; /* for an answer */
        world_run(0);
        tunnel0->udp.ask = false;
        world.now += pause - 1;
        world_run(0);
        expect(!tunnel0->udp.ask, "case %d: too soon", i);
        world.now++;
        world_run(0);
        expect(tunnel0->udp.ask, "case %d", i);
    }
}

TEST(replays)
{
    uint8_t bytes[3][256];
    size_t length[3];

    connected(29);
    for (uint32_t i = 0; i < 3; i++)
        world_offer_mark(0, 10 + i, PACKET);
    world_run(0);
    for (size_t i = 0; i < 3; i++)
        length[i] = record(0, i, bytes[i]);
    world_lose_all(0);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 3; i-- > 0;) /* backwards: late is not wrong */
            world_arrive(1, &world.end[0].address, bytes[i], length[i], 0);
        world_run(1);
    }
    for (uint32_t i = 0; i < 3; i++)
        expect(world_delivered(1, 10 + i) == 1, "mark %u: %u times", i, world_delivered(1, 10 + i));
}

/* Every byte matters. */
TEST(forgeries)
{
    uint8_t bytes[256];
    size_t length;
    uint64_t received;

    connected(30);
    world_offer_mark(0, 10, 40);
    world_run(0);
    length = record(0, 0, bytes);
    world_lose_all(0);
    received = tunnel1->received_bytes;
    for (size_t i = 0; i < length; i++) {
        bytes[i] ^= 0x10;
        world_arrive(1, &world.end[0].address, bytes, length, 0);
        world_run(1);
        bytes[i] ^= 0x10;
    }
    for (size_t i = 0; i < length; i++) {
        world_arrive(1, &world.end[0].address, bytes, i, 0);
        world_run(1);
    }
    expect(world_delivered(1, 10) == 0 && tunnel1->received_bytes == received, "taken in");
    world_arrive(1, &world.end[0].address, bytes, length, 0);
    world_run(1);
    expect(world_delivered(1, 10) == 1, "the right one");
}

/* Whichever end begins anew, with the same key: in time there is a session again. */
TEST(restarts)
{
    for (unsigned int which = 0; which < WORLD_ENDS; which++) {
        connected(31);
        world_advance(30 * SECONDS);
        world_restart(which);
        expect(comes_through(which, 5), "case %u: from the one", which);
        expect(comes_through(1 - which, 6), "case %u: from the other", which);
        world_advance(30 * SECONDS);
        world_restart(which);
        expect(!comes_through(1 - which, 7), "case %u: by a session that is gone", which);
        world_advance(16 * SECONDS);
        expect(comes_through(1 - which, 8), "case %u: after the silence", which);
        expect(comes_through(which, 9), "case %u: and back", which);
    }
}

TEST(wall_clock)
{
    connected(32);
    world.wall -= 1000000 * SECONDS;
    world_advance(121 * SECONDS);
    expect(comes_through(0, 3) && sent(0, MESSAGE_INITIATION) == 2, "rekey");
    expect(sent(1, MESSAGE_RESPONSE) == 2, "refused because the clock was set back");
}

/* What the peer may send: its own address, and no other. */
TEST(sources)
{
    static const uint8_t addresses[][4] = {
        {10, 0, 0, 1}, {10, 0, 0, 2}, {10, 0, 1, 0}, {127, 0, 0, 1}, {0, 0, 0, 0}, {192, 0, 2, 1},
    };
    uint8_t packet[PACKET];

    connected(33);
    for (size_t i = 0; i < COUNT(addresses); i++) {
        size_t before = world.end[1].delivered.count;

        (void)world_packet(0, 50, sizeof(packet), packet);
        memcpy(packet + 12, addresses[i], 4);
        world_offer(0, packet, sizeof(packet));
        world_pass();
        expect(world.end[1].delivered.count == before, "case %zu", i);
        expect(world.end[1].errors == i + 1, "case %zu: %u counted", i, world.end[1].errors);
    }
    expect(comes_through(0, 51), "the right one");
    expect(world.end[1].errors == COUNT(addresses), "the right one was counted");
}

/* A datagram of end 0's with any content, sealed as data is. */
static void send_sealed(const uint8_t *content, size_t length)
{
    struct session *session = tunnel0->sessions.current;
    uint8_t bytes[256];
    struct message_data header = {
        .type = htole32(MESSAGE_DATA),
        .receiver = htole32(session->remote),
        .counter = htole64(session->counter),
    };

    memcpy(bytes, &header, sizeof(header));
    aead_seal(session->send, session->counter++, content, length, bytes + sizeof(header));
    world_arrive(1, &world.end[0].address, bytes, length + OVERHEAD, 0);
    world_run(1);
}

/* Content that is no IP packet, or less than its header says. */
TEST(nonsense)
{
    uint8_t packet[PACKET];
    static const struct {
        size_t length;
        size_t at;
        uint8_t byte; /* in the place of the one that is there */
    } cases[] = {
        {1, 0, 0x45},  {19, 0, 0x45},     {PACKET, 0, 0x55},     {PACKET, 0, 0x00},
        {39, 0, 0x60}, {PACKET, 0, 0x44}, {PACKET - 1, 0, 0x45}, {PACKET, 3, 19},
    };

    connected(49);
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t before = world.end[1].delivered.count;

        (void)world_packet(0, 50, sizeof(packet), packet);
        packet[cases[i].at] = cases[i].byte;
        send_sealed(packet, cases[i].length);
        expect(world.end[1].delivered.count == before, "case %zu", i);
        expect(world.end[1].errors == i + 1, "case %zu: %u counted", i, world.end[1].errors);
    }
    send_sealed(packet, 0);
    expect(world.end[1].errors == COUNT(cases), "a keepalive was counted");
    (void)world_packet(0, 51, sizeof(packet), packet);
    send_sealed(packet, sizeof(packet));
    expect(world_delivered(1, 51) == 1 && world.end[1].errors == COUNT(cases), "the right one");
}

/* The container's packets for others are answered, and nothing goes out. */
TEST(destinations)
{
    uint8_t packet[PACKET];
    const struct world_packets *delivered = &world.end[0].delivered;

    world_begin(34);
    (void)world_packet(0, 50, sizeof(packet), packet);
    packet[19] = 77;
    world_offer(0, packet, sizeof(packet));
    world_pass();
    expect(sent(0, MESSAGE_INITIATION) == 0 && tunnel0->staging.frames == 0, "sent");
    expect(delivered->count == 1 && delivered->item[0].length > 28 &&
               delivered->item[0].bytes[9] == 1 && delivered->item[0].bytes[20] == 3 &&
               delivered->item[0].bytes[21] == 1,
           "no answer");
    expect(memcmp(delivered->item[0].bytes + 12, (const uint8_t[]){10, 0, 0, 1, 10, 0, 0, 0}, 8) ==
               0,
           "not from the peer's address, or not to the sender's");
    /* nor is anything said to a packet when there is no peer, or nobody knows where it is */
    tunnel0->remote = (struct remote){0};
    world_offer_mark(0, 1, PACKET);
    world_pass();
    expect(delivered->count == 2 && sent(0, MESSAGE_INITIATION) == 0, "without an endpoint");
    world_renew(0);
    world_offer_mark(0, 1, PACKET);
    world_pass();
    expect(delivered->count == 3 && sent(0, MESSAGE_INITIATION) == 0, "without a peer");
}

/* The site routes to the peer through the container: what we have sealed comes back. */
TEST(own_datagrams)
{
    enum {
        OWN = 1000, /* ports: of end 0, and of the peer */
        PEERS = 2000,
        OTHER = 3000,
    };
    static const struct {
        uint16_t from;
        uint16_t to;
        uint16_t fragment;
        bool sealed; /* the payload is a datagram of the session */
        bool goes;
    } cases[] = {
        {OWN, PEERS, 0, false, false},  {OWN, PEERS, 0, true, false},
        {OTHER, PEERS, 0, true, false}, {OTHER, PEERS, 0, false, true},
        {OWN, OTHER, 0, true, true},    {OTHER, OTHER, 0, false, true},
        {OWN, PEERS, MF, true, false},  {OWN, PEERS, 100, true, true},
        {PEERS, OWN, 0, true, true},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct sample sample = {.protocol = UDP,
                                .ttl = 64,
                                .port = cases[i].from,
                                .fragment = cases[i].fragment,
                                .payload = 100};
        struct message_data header = {.type = htole32(MESSAGE_DATA)};
        uint8_t packet[200];
        size_t length = packets_write(&sample, packet);
        unsigned int before;

        connected(51);
        header.receiver = htole32(tunnel0->sessions.current->remote);
        memcpy(packet + 12, (const uint8_t[]){10, 0, 0, 0, 10, 0, 0, 1}, 8);
        memcpy(packet + 22, (const uint8_t[]){(uint8_t)(cases[i].to >> 8), (uint8_t)cases[i].to},
               2);
        if (cases[i].sealed)
            memcpy(packet + 28, &header, sizeof(header));
        packets_repair(packet, length, 20);
        before = sent(0, MESSAGE_DATA);
        world_offer(0, packet, length);
        world_run(0);
        expect(sent(0, MESSAGE_DATA) == before + 1, "case %zu: the peer is elsewhere", i);
        (void)inet_pton(AF_INET, "10.0.0.1", &tunnel0->remote.address.v4.sin_addr);
        before = sent(0, MESSAGE_DATA);
        world_offer(0, packet, length);
        world_run(0);
        expect(sent(0, MESSAGE_DATA) == before + cases[i].goes, "case %zu", i);
    }
}

static const struct {
    size_t longest; /* that was sent before */
    size_t length;
    size_t padded;
} paddings[] = {
    {24, 24, 32},       {24, 32, 32},       {24, 33, 48},       {24, 1279, 1280},
    {24, 1280, 1280},   {24, 1281, 1281},   {1420, 1281, 1296}, {1420, 1405, 1408},
    {1420, 1409, 1420}, {1420, 1420, 1420}, {1420, 1419, 1420}, {1500, 1420, 1424},
};

TEST(padding)
{
    for (size_t i = 0; i < COUNT(paddings); i++) {
        connected(35);
        world_offer_mark(0, 3, paddings[i].longest);
        world_pass();
        world_offer_mark(0, 4, paddings[i].length);
        world_run(0);
        expect(world.end[0].last_length == paddings[i].padded + OVERHEAD, "case %zu: %zu", i,
               world.end[0].last_length - OVERHEAD);
        world_pass();
        expect(world_delivered(1, 4) == 1, "case %zu: delivered", i);
    }
}

/* Lengths of before the MTU was lowered don't count: not after two seconds, nor after the peer was
 * set again. The numbers are milliseconds, and whether it was set. */
TEST(padding_later)
{
    static const struct {
        int after;
        bool set;
        size_t padded;
    } cases[] = {
        {0, false, 1420},    {500, false, 1420},   {2000, false, 1412},
        {5000, false, 1412}, {60000, false, 1412}, {0, true, 1412},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        connected(35);
        world_offer_mark(0, 3, 1420);
        world_pass();
        if (cases[i].after > 0)
            world_advance(cases[i].after * MILLISECONDS);
        if (cases[i].set)
            world_introduce(0);
        world_offer_mark(0, 4, 1412);
        world_run(0);
        expect(world.end[0].last_length == cases[i].padded + OVERHEAD, "case %zu: %zu", i,
               world.end[0].last_length - OVERHEAD);
    }
    /* what goes on being sent goes on being known */
    connected(35);
    for (int second = 0; second < 10; second++) {
        world_offer_mark(0, 3, 1420);
        world_pass();
        world_advance(900 * MILLISECONDS);
        world_offer_mark(0, 4, 1405);
        world_run(0);
        expect(world.end[0].last_length == 1408 + OVERHEAD, "second %d: %zu", second,
               world.end[0].last_length - OVERHEAD);
        world_pass();
    }
}

/* Up to what UDP can carry; what is longer is dropped, and does no harm. */
TEST(long_packets)
{
    static const struct {
        size_t length;
        bool carried;
    } cases[] = {
        {9000, true},
        {65000, true},
        {UDP_PAYLOAD_MAX - OVERHEAD, true},
        {UDP_PAYLOAD_MAX - OVERHEAD + 1, false},
        {65500, false},
        {65520, false},
        {65535, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        connected(36);
        expect(comes_through(0, 3 + (uint32_t)i), "case %zu: before", i);
        world_offer_mark(0, 50, cases[i].length);
        world_pass();
        expect(world_delivered(1, 50) == cases[i].carried, "case %zu", i);
        world_offer_mark(0, 51, 1001);
        world_pass();
        expect(world_delivered(1, 51) == 1, "case %zu: after", i);
        expect(world.end[0].last_length <= 1008 + OVERHEAD, "case %zu: padded to %zu", i,
               world.end[0].last_length);
    }
}

/* A frame of 60 kB that is to be cut into packets of one byte. */
static size_t absurd_frame(uint8_t *ret_frame)
{
    struct sample sample = {.protocol = TCP,
                            .host = 0,
                            .ttl = 64,
                            .port = 1,
                            .flags = ACK,
                            .window = 1,
                            .payload = 60000};
    struct virtio_net_hdr vnet = {
        .gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1, .hdr_len = 40};
    uint8_t *packet = ret_frame + HANDOVER_VNET_SIZE;
    size_t length = packets_write(&sample, packet);

    memcpy(ret_frame, &vnet, HANDOVER_VNET_SIZE);
    memcpy(packet + 12, (const uint8_t[]){10, 0, 0, 0, 10, 0, 0, 1}, 8);
    packets_repair(packet, length, packets_transport(&sample));
    return HANDOVER_VNET_SIZE + length;
}

/* The other direction, timers and requests have their turn after one such frame, not after 32. */
TEST(absurd_frames)
{
    static uint8_t frame[TUN_FRAME_MAX];
    size_t length = absurd_frame(frame);
    unsigned int before;

    connected(37);
    world.end[0].cut = true;
    for (int i = 0; i < 8; i++)
        world_offer_frame(0, frame, length);
    before = sent(0, MESSAGE_DATA);
    expect(world_round(0), "nothing done");
    expect(sent(0, MESSAGE_DATA) > before && sent(0, MESSAGE_DATA) - before <= 65536, "%u packets",
           sent(0, MESSAGE_DATA) - before);
}

/* One of a flow whose packets can be merged. */
static size_t flow_packet(unsigned int from, uint8_t protocol, int number, uint8_t *packet)
{
    struct sample sample = {.protocol = protocol,
                            .ttl = 64,
                            .fragment = DF,
                            .port = protocol,
                            .sequence = 7 + 500 * (uint32_t)number,
                            .flags = ACK,
                            .window = 1,
                            .payload = 500};
    size_t length = packets_write(&sample, packet);

    memcpy(packet + 12, (const uint8_t[]){10, 0, 0, (uint8_t)from, 10, 0, 0, (uint8_t)(1 - from)},
           8);
    packets_repair(packet, length, packets_transport(&sample));
    return length;
}

static void send_burst(unsigned int from, uint8_t protocol, int count)
{
    uint8_t packet[1024];

    for (int i = 0; i < count; i++)
        world_offer(from, packet, flow_packet(from, protocol, i, packet));
    world_pass();
}

static const struct {
    int error;
    size_t delivered;  /* of a burst of ten */
    bool merged_after; /* whether the next burst is written at once */
} write_errors[] = {
    {0, 10, true},
    {-EINVAL, 10, false}, /* the kernel promised too much: one by one from now on */
    {-EIO, 0, true},      /* the device is down for now */
};

TEST(device_errors)
{
    for (size_t i = 0; i < COUNT(write_errors); i++) {
        size_t before;
        unsigned int writes;

        connected(38);
        before = world.end[1].delivered.count;
        world.end[1].write_error = write_errors[i].error;
        send_burst(0, UDP, 10);
        expect(world.end[1].delivered.count - before == write_errors[i].delivered, "case %zu: %zu",
               i, world.end[1].delivered.count - before);
        world.end[1].write_error = 0;
        writes = world.end[1].writes;
        send_burst(0, UDP, 10);
        writes = world.end[1].writes - writes;
        expect(writes == (write_errors[i].merged_after ? 1 : 10), "case %zu: %u writes", i, writes);
        expect(!tunnel1->device_gone, "case %zu: gone", i);
        world.end[1].gone = true;
        send_burst(0, UDP, 1);
        expect(tunnel1->device_gone, "case %zu: not gone", i);
    }
}

/* Which of the two the kernel refuses, and which it is. */
static const struct {
    uint8_t refused;
    uint8_t protocol;
} refusals[] = {
    {SPLIT_VNET_UDP, UDP},
    {VIRTIO_NET_HDR_GSO_TCPV4, TCP},
};

/* What is refused is not tried again; the other goes on, whatever comes first. */
TEST(merging_refused)
{
    for (size_t i = 0; i < COUNT(refusals); i++) {
        static const uint8_t orders[][3] = {{UDP, TCP, UDP}, {TCP, UDP, TCP}};

        for (size_t order = 0; order < COUNT(orders); order++) {
            connected(45);
            world.end[1].write_error = -EINVAL;
            world.end[1].write_refused = refusals[i].refused;
            for (size_t k = 0; k < COUNT(orders[order]); k++) {
                uint8_t protocol = orders[order][k];
                size_t before = world.end[1].delivered.count;
                unsigned int writes = world.end[1].writes;
                bool first = k < 2; /* of its protocol */

                send_burst(0, protocol, 10);
                writes = world.end[1].writes - writes;
                expect(world.end[1].delivered.count == before + 10, "case %zu, %zu, %zu: lost", i,
                       order, k);
                expect(writes == (protocol != refusals[i].protocol ? 1
                                  : first                          ? 11
                                                                   : 10),
                       "case %zu, %zu, %zu: %u writes", i, order, k, writes);
            }
        }
    }
}

/* An initiation that anybody can write who knows the public key: mac1 is right, all else is not. */
static void flood(unsigned int number, unsigned int count, uint8_t host)
{
    struct cookie_maker maker;

    cookie_maker_init(&maker, noise_public_key(world.end[number].tunnel.noise));
    for (unsigned int i = 0; i < count; i++) {
        struct message_initiation message = {.type = htole32(MESSAGE_INITIATION), .sender = 5};
        struct remote from = world_address(host, (uint16_t)(1 + i));

        for (size_t k = 0; k < KEY_SIZE; k++)
            message.ephemeral[k] = (uint8_t)unit_random();
        cookie_add_macs(&maker, (uint8_t *)&message, sizeof(message), world.now);
        world_arrive(number, &from, (const uint8_t *)&message, sizeof(message), 0);
    }
}

TEST(cookies)
{
    connected(39);
    world_advance(SECONDS);
    flood(1, RATELIMIT_PER_WINDOW, 50);
    world_pass();
    expect(sent(1, MESSAGE_COOKIE) == 0, "a cookie without load");
    flood(1, 100, 50);
    world_pass();
    expect(sent(1, MESSAGE_COOKIE) == 100 && world.end[1].last_length == 64, "%u cookies of %zu",
           sent(1, MESSAGE_COOKIE), world.end[1].last_length);
    expect(comes_through(0, 3) && comes_through(1, 4), "the session suffers");
    /* the peer is asked for a cookie, and is heard when it has one */
    world_advance(100 * SECONDS);
    world_restart(0);
    for (uint8_t i = 0; i < RATELIMIT_SOURCES; i++) /* others have the places of all who may come */
        tunnel1->ratelimit.source[i] =
            (struct ratelimit_source){.network = {1, i}, .since = world.now + 100 * SECONDS};
    flood(1, 17, 50);
    world_pass();
    world_offer_mark(0, 5, PACKET);
    world_pass();
    expect(sent(1, MESSAGE_RESPONSE) == 1 && world_delivered(1, 5) == 0, "heard without a cookie");
    expect(tunnel0->maker.has_cookie, "no cookie");
    for (int i = 0; i < 6; i++) {
        flood(1, 40, 50);
        world_advance(SECONDS);
    }
    expect(world_delivered(1, 5) == 1, "not heard with a cookie");
}

/* Of whom doesn't know the peer's public key. */
TEST(forged_cookies)
{
    struct message_cookie reply = {.type = htole32(MESSAGE_COOKIE)};

    world_begin(40);
    world.end[0].cut = true;
    world_offer_mark(0, 1, PACKET);
    world_run(0);
    reply.receiver = htole32(noise_local_index(tunnel0->noise));
    world_arrive(0, &world.end[1].address, (const uint8_t *)&reply, sizeof(reply), 0);
    world_run(0);
    expect(!tunnel0->maker.has_cookie && tunnel0->maker.sent_mac1, "a forged cookie");
}

/* A flood of all kinds from everywhere, for minutes, doesn't end what there is. */
TEST(flood_and_session)
{
    unsigned int lost = 0;

    connected(41);
    for (int i = 0; i < 300; i++) {
        flood(0, 60, 60);
        flood(1, 60, 61);
        world_offer_mark(0, 100 + (uint32_t)i, PACKET);
        world_offer_mark(1, 1000 + (uint32_t)i, PACKET);
        world_advance(SECONDS);
        lost += world_delivered(1, 100 + (uint32_t)i) != 1;
        lost += world_delivered(0, 1000 + (uint32_t)i) != 1;
    }
    expect(lost == 0, "%u lost", lost);
    expect(sent(0, MESSAGE_INITIATION) > 2, "no rekey");
}

/* What waits for a session: the newest, within limits. */
TEST(staging_limits)
{
    world_begin(42);
    world.end[0].cut = true;
    for (uint32_t i = 0; i < 300; i++)
        world_offer_mark(0, 1 + i, PACKET);
    world_run(0);
    expect(tunnel0->staging.frames == STAGING_FRAMES, "%u frames", tunnel0->staging.frames);
    world.end[0].cut = false;
    world_advance(6 * SECONDS);
    for (uint32_t i = 0; i < 300; i++)
        expect(world_delivered(1, 1 + i) == (i >= 300 - STAGING_FRAMES), "mark %u", 1 + i);
}

/* Another peer: nothing of the one before is left; the same one: all of it. */
TEST(other_peer)
{
    struct key key = {{9}};

    connected(43);
    world_introduce(0);
    expect(keys(tunnel0) == 1, "the same peer, and the session is gone");
    expect(comes_through(0, 3) && sent(0, MESSAGE_INITIATION) == 1, "a new handshake");
    expect(tunnel_set_peer(tunnel0, &key), "another peer");
    expect(keys(tunnel0) == 0 && !remote_known(&tunnel0->remote) && tunnel0->allowed_address == 0 &&
               tunnel0->received_bytes == 0 && tunnel0->handshaken == 0,
           "something is left");
    expect(timers_next(&tunnel0->timers) == INT64_MAX, "a timer is left");
    world_advance(SECONDS);
    world_introduce(0);
    expect(comes_through(0, 4) && comes_through(1, 5), "the first one again");
}
