#include "helper/netlink/message.h"

#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "wire.h"

/* All that can be appended, in one message. */
TEST(layout)
{
    static const uint8_t wanted[] = {
        0x48, 0,    0,    0,    /* length: 72 */
        0x34, 0x12, 0x01, 0x45, /* type, flags: those given, and NLM_F_REQUEST */
        0,    0,    0,    0,    /* sequence: netlink.c's */
        0,    0,    0,    0,    /* port */
        0,    0,    0,    0,    /* the family's header */
        6,    0,    1,    0,    0xcd, 0xab, 0,    0,                /* u16, padded */
        8,    0,    2,    0,    0x78, 0x56, 0x34, 0x12,             /* u32 */
        7,    0,    3,    0,    'w',  'g',  0,    0,                /* string with its NUL */
        5,    0,    4,    0,    0xee, 0,    0,    0,                /* one byte */
        4,    0,    5,    0,                                        /* nothing */
        16,   0,    6,    0x80, 12,   0,    7,    0x80, 8, 0, 8, 0, /* in each other */
        1,    0,    0,    0,
    };
    static const uint8_t byte = 0xee;
    struct message *message = malloc(sizeof(*message));
    struct nlattr *outer;
    struct nlattr *inner;
    uint8_t *header;

    memset(message, 0xa5, sizeof(*message));
    header = message_start(message, 0x1234, 0x4500, 4);
    expect(header == message->bytes + 16, "header");
    message_put_u16(message, 1, 0xabcd);
    message_put_u32(message, 2, 0x12345678);
    message_put_string(message, 3, "wg");
    message_put(message, 4, 1, &byte);
    message_put(message, 5, 0, "");
    outer = message_nest(message, 6);
    inner = message_nest(message, 7);
    message_put_u32(message, 8, 1);
    message_unnest(message, inner);
    message_unnest(message, outer);
    wire_expect("layout", message->bytes, wanted, sizeof(wanted));
    expect(!message->overflowed, "overflowed");
    free(message);
}

/* A message starts anew, whatever was there. */
TEST(start_again)
{
    for (size_t size = 0; size <= 64; size++) {
        struct message message;

        memset(&message, 0xff, sizeof(message));
        message.overflowed = true;
        (void)message_start(&message, 7, 0, size);
        expect(!message.overflowed, "header of %zu", size);
        expect(message.header.nlmsg_len == 16 + (size + 3) / 4 * 4, "header of %zu: %u", size,
               message.header.nlmsg_len);
        expect(message.header.nlmsg_flags == 1 && message.header.nlmsg_seq == 0 &&
                   message.header.nlmsg_pid == 0,
               "header of %zu", size);
        for (size_t i = 16; i < message.header.nlmsg_len; i++)
            expect(message.bytes[i] == 0, "header of %zu: byte %zu", size, i);
    }
}

/* A message with room for exactly `room` bytes, of which those behind are watched. */
struct watched {
    struct message message;
    uint8_t behind[64];
};

static struct watched *with_room(size_t room)
{
    static const uint8_t bytes[MESSAGE_SIZE];
    struct watched *watched = malloc(sizeof(*watched));

    memset(watched, 0xa5, sizeof(*watched));
    (void)message_start(&watched->message, 1, 0, 0);
    message_put(&watched->message, 1, MESSAGE_SIZE - 16 - room - 4, bytes);
    expect(!watched->message.overflowed && watched->message.header.nlmsg_len == MESSAGE_SIZE - room,
           "room for %zu", room);
    return watched;
}

static void check_behind(const char *what, size_t size, size_t room, const struct watched *watched)
{
    for (size_t i = 0; i < sizeof(watched->behind); i++)
        expect(watched->behind[i] == 0xa5, "%s of %zu in %zu: wrote behind", what, size, room);
    expect(watched->message.header.nlmsg_len <= MESSAGE_SIZE, "%s of %zu in %zu: length %u", what,
           size, room, watched->message.header.nlmsg_len);
}

/* Attributes of every size, where there is room for this many bytes and no more. */
TEST(overflow)
{
    static const uint8_t bytes[2 * MESSAGE_SIZE];

    for (size_t room = 0; room <= 48; room += 4) {
        for (size_t size = 0; size < sizeof(bytes); size += size < 64 ? 1 : 61) {
            struct watched *watched = with_room(room);
            bool fits = 4 + (size + 3) / 4 * 4 <= room;
            uint32_t length = watched->message.header.nlmsg_len;

            message_put(&watched->message, 2, size, bytes);
            expect(watched->message.overflowed == !fits, "%zu bytes in %zu", size, room);
            expect(fits || watched->message.header.nlmsg_len == length,
                   "%zu bytes in %zu: length changed", size, room);
            check_behind("attribute", size, room, watched);
            /* a smaller one that fits doesn't make it good again */
            message_put(&watched->message, 3, 0, bytes);
            expect(fits || watched->message.overflowed, "%zu bytes in %zu: forgotten", size, room);
            check_behind("attribute", size, room, watched);
            free(watched);
        }
    }
}

/* Each of the other appends, with too little room and with enough. */
TEST(overflow_of_each_kind)
{
    static const size_t needed[] = {8, 8, 12, 4};

    for (size_t kind = 0; kind < COUNT(needed); kind++) {
        for (size_t room = 0; room <= 16; room += 4) {
            struct watched *watched = with_room(room);
            struct nlattr *nest = NULL;

            if (kind == 0)
                message_put_u16(&watched->message, 2, 1);
            else if (kind == 1)
                message_put_u32(&watched->message, 2, 1);
            else if (kind == 2)
                message_put_string(&watched->message, 2, "seven77");
            else
                nest = message_nest(&watched->message, 2);
            expect(watched->message.overflowed == (room < needed[kind]), "kind %zu in %zu", kind,
                   room);
            expect(kind < 3 || (nest == NULL) == (room < 4), "nest in %zu", room);
            message_unnest(&watched->message, nest);
            check_behind("kind", kind, room, watched);
            free(watched);
        }
    }
}

/* Until it is full, and on: the bound holds, and the length stays that of whole attributes. */
TEST(fill)
{
    for (size_t size = 0; size <= 40; size++) {
        struct watched *watched = malloc(sizeof(*watched));
        uint8_t bytes[40] = {0};
        size_t fitting = (MESSAGE_SIZE - 20) / (4 + (size + 3) / 4 * 4);

        memset(watched, 0xa5, sizeof(*watched));
        (void)message_start(&watched->message, 1, 0, 4);
        for (size_t i = 0; i < 300; i++) {
            message_put(&watched->message, 1, size, bytes);
            expect(watched->message.overflowed == (i >= fitting), "attribute %zu of %zu", i, size);
        }
        expect(watched->message.header.nlmsg_len == 20 + fitting * (4 + (size + 3) / 4 * 4),
               "attributes of %zu: length %u", size, watched->message.header.nlmsg_len);
        check_behind("filled with", size, 0, watched);
        free(watched);
    }
}
