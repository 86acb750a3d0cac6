/* Attributes of received messages, against a reader of our own that is as plain as can be. */
#include "helper/netlink/attribute.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"
#include "wire.h"

enum {
    TYPES = 8,
    NONE = -1,
};

/* What attributes_find() should say: for each type the offset of its last attribute. */
struct found {
    bool good;
    long offset[TYPES];
};

static struct found judge(const uint8_t *bytes, size_t length)
{
    struct found found = {.good = true};
    size_t at = 0;

    for (size_t type = 0; type < TYPES; type++)
        found.offset[type] = NONE;
    while (at < length) {
        size_t size;
        size_t type;

        found.good = false;
        if (length - at < 4)
            break;
        size = bytes[at] + bytes[at + 1] * 256U;
        type = (bytes[at + 2] + bytes[at + 3] * 256U) & 0x3fff;
        if (size < 4 || size > length - at)
            break;
        found.good = true;
        if (type < TYPES)
            found.offset[type] = (long)at;
        at += (size + 3) / 4 * 4;
    }
    return found;
}

static void check_find(const char *what, const uint8_t *bytes, size_t length)
{
    uint8_t *copy = unit_copy(bytes, length);
    const struct nlattr *table[TYPES + 1];
    struct found wanted = judge(bytes, length);
    int result;

    table[TYPES] = (const void *)what;
    result = attributes_find(copy, length, TYPES, table);
    expect(result == (wanted.good ? 0 : -EBADMSG), "%s, length %zu: %d", what, length, result);
    expect(table[TYPES] == (const void *)what, "%s, length %zu: wrote behind", what, length);
    for (size_t type = 0; type < TYPES; type++) {
        long offset = table[type] ? (const uint8_t *)table[type] - copy : NONE;

        expect(offset == wanted.offset[type], "%s, length %zu: type %zu at %ld, not %ld", what,
               length, type, offset, wanted.offset[type]);
    }
    free(copy);
}

/* Numbered payloads. */
static const struct {
    size_t length;
    uint8_t bytes[40];
} payloads[] = {
    {3, {4, 0, 1}},
    {4, {0, 0, 1, 0}},                           /* length 0: would never end */
    {5, {5, 0, 1, 0, 9}},                        /* the last one's padding is missing */
    {6, {5, 0, 1, 0, 9, 0}},                     /* a part of it */
    {8, {5, 0, 1, 0, 9, 7, 7, 7}},               /* it is there, whatever is in it */
    {8, {4, 0, 1, 0, 4, 0, 1, 0}},               /* two of one type: the last counts */
    {8, {4, 0, 1, 0, 3, 0, 2, 0}},               /* the second is too short */
    {8, {4, 0, 1, 0, 5, 0, 2, 0}},               /* the second is too long */
    {5, {4, 0, 1, 0, 0}},                        /* one byte left over */
    {4, {4, 0, 7, 0}},                           /* the last that is looked for */
    {4, {4, 0, 8, 0}},                           /* one more: skipped */
    {4, {4, 0, 0xff, 0x3f}},                     /* the largest type: skipped */
    {4, {4, 0, 1, 0xc0}},                        /* NLA_F_NESTED and another are no part of it */
    {12, {12, 0, 1, 0, 8, 0, 2, 0, 9, 9, 9, 9}}, /* inside another: not seen */
};

TEST(table)
{
    for (size_t i = 0; i < COUNT(payloads); i++) {
        char what[] = {'c', 'a', 's', 'e', ' ', (char)('0' + i / 10), (char)('0' + i % 10), '\0'};

        check_find(what, payloads[i].bytes, payloads[i].length);
    }
}

/* Every length of an attribute, in every length of payload that small. */
TEST(every_length)
{
    for (size_t length = 0; length <= 40; length++) {
        for (unsigned int lie = 0; lie <= 0xffff; lie += lie < 64 || lie > 0xfff0 ? 1 : 251) {
            uint8_t bytes[40] = {0};

            bytes[0] = (uint8_t)(lie & 255);
            bytes[1] = (uint8_t)(lie >> 8);
            bytes[2] = 1;
            check_find("first", bytes, length);
            memset(bytes, 0, sizeof(bytes));
            bytes[0] = 6;
            bytes[8] = (uint8_t)(lie & 255);
            bytes[9] = (uint8_t)(lie >> 8);
            bytes[10] = 2;
            check_find("second", bytes, length);
        }
    }
}

/* Random bytes, small so that some make sense. */
TEST(random_payloads)
{
    for (unsigned int i = 0; i < 200000; i++) {
        uint8_t bytes[64];
        size_t length = unit_random_below(sizeof(bytes) + 1);

        for (size_t at = 0; at < sizeof(bytes); at++)
            bytes[at] = (uint8_t)(at % 2 ? unit_random_below(40) == 0 : unit_random_below(12));
        check_find("random", bytes, length);
    }
}

static int count_to(const struct nlattr *attribute, void *context)
{
    int *left = context;

    (void)attribute;
    return --*left == 0 ? -E2BIG : 0;
}

/* The function that is called can end the walk, with a result of its own. */
TEST(walk_ends)
{
    static const uint8_t bytes[] = {4, 0, 1, 0, 4, 0, 2, 0, 4, 0, 3, 0, 3, 0, 0, 0};

    for (int stop = 1; stop <= 5; stop++) {
        void *copy = unit_copy(bytes, sizeof(bytes));
        int left = stop;
        int result = attributes_each(copy, sizeof(bytes), count_to, &left);

        free(copy);
        expect(result == (stop <= 3 ? -E2BIG : -EBADMSG), "stop at %d: %d", stop, result);
        expect(left == (stop <= 3 ? 0 : stop - 3), "stop at %d: %d left", stop, left);
    }
}

/* Behind a family's header of each size, in a message of each length. */
TEST(messages)
{
    for (size_t header = 0; header <= 24; header++) {
        for (uint32_t length = 16; length <= 64; length++) {
            const struct nlattr *found[TYPES];
            struct nlmsghdr *message = calloc(1, length);
            uint8_t *bytes = (uint8_t *)message;
            size_t start = 16 + (header + 3) / 4 * 4;
            struct found wanted = {.good = false};
            int result;

            message->nlmsg_len = length;
            for (size_t at = start; at + 4 <= length; at += 4) {
                bytes[at] = 4;
                bytes[at + 2] = 3;
            }
            if (start <= length)
                wanted = judge(bytes + start, length - start);
            result = attributes_find_message(message, header, TYPES, found);
            expect(result == (wanted.good ? 0 : -EBADMSG), "header %zu, length %u: %d", header,
                   length, result);
            if (!result && length >= start + 4)
                expect((const uint8_t *)found[3] == bytes + start + wanted.offset[3],
                       "header %zu, length %u: not the last", header, length);
            free(message);
        }
    }
}

/* Inside an attribute: what it says of its length is the bound. */
TEST(nests)
{
    for (uint16_t length = 4; length <= 24; length++) {
        const struct nlattr *found[TYPES];
        struct nlattr *nest = calloc(1, 24);
        uint8_t *bytes = (uint8_t *)nest;
        struct found wanted;
        int result;

        nest->nla_len = length;
        nest->nla_type = 5 | NLA_F_NESTED;
        for (size_t at = 4; at < 24; at += 4) {
            bytes[at] = 4;
            bytes[at + 2] = (uint8_t)(at / 4);
        }
        wanted = judge(bytes + 4, length - 4U);
        result = attributes_find_nested(nest, TYPES, found);
        expect(result == (wanted.good ? 0 : -EBADMSG), "length %u: %d", length, result);
        for (size_t type = 0; type < TYPES; type++)
            expect(!found[type] == (wanted.offset[type] == NONE), "length %u: type %zu", length,
                   type);
        free(nest);
    }
}

/* Values: each size of payload for each that is read, and none at all. */
TEST(values)
{
    for (uint16_t size = 0; size <= 70; size++) {
        struct nlattr *attribute = malloc(4U + size);
        uint8_t *payload = (uint8_t *)attribute + 4;
        uint32_t optional = 0xa5a5a5a5;
        uint8_t bytes[33];
        int result;

        attribute->nla_len = (uint16_t)(4 + size);
        attribute->nla_type = 1;
        for (uint16_t i = 0; i < size; i++)
            payload[i] = (uint8_t)(i + 1);
        result = attribute_optional(attribute, 4, &optional);
        expect(result == (size == 4 ? 0 : -EBADMSG) &&
                   optional == (size == 4 ? 0x04030201 : 0xa5a5a5a5),
               "optional of %u: %d, %x", size, result, optional);
        memset(bytes, 0xa5, sizeof(bytes));
        result = attribute_bytes(attribute, 32, bytes);
        expect(result == (size == 32 ? 0 : -EBADMSG), "bytes of %u: %d", size, result);
        expect(bytes[0] == (size == 32 ? 1 : 0xa5) && bytes[31] == (size == 32 ? 32 : 0xa5) &&
                   bytes[32] == 0xa5,
               "bytes of %u", size);
        free(attribute);
    }
}

TEST(absent_values)
{
    char text[4] = "abc";

    expect(attribute_bytes(NULL, 4, text) == -ENODATA && text[0] == 'a', "bytes");
    expect(attribute_string(NULL, 4, text) == -ENODATA && text[0] == 'a', "string");
    expect(attribute_optional(NULL, 4, text) == 0 && text[0] == 'a', "optional");
}

/* Strings of each length with their first NUL at each place, for room of each size. */
TEST(strings)
{
    for (uint16_t length = 0; length <= 20; length++) {
        for (uint16_t nul = 0; nul <= 20; nul++) {
            for (size_t room = 1; room <= 20; room++) {
                struct nlattr *attribute = malloc(4U + length);
                char *payload = (char *)attribute + 4;
                char *text = malloc(room);
                bool good = length > 0 && nul == length - 1 && length <= room;
                int result;

                attribute->nla_len = (uint16_t)(4 + length);
                attribute->nla_type = 1;
                memset(payload, 'x', length);
                if (nul < length)
                    payload[nul] = '\0';
                memset(text, 'o', room);
                result = attribute_string(attribute, room, text);
                expect(result == (good ? 0 : -EBADMSG), "%u bytes, NUL at %u, room %zu: %d", length,
                       nul, room, result);
                expect(good ? strlen(text) == nul && (nul == 0 || text[0] == 'x')
                            : text[0] == 'o' && text[room - 1] == 'o',
                       "%u bytes, NUL at %u, room %zu: text", length, nul, room);
                free(text);
                free(attribute);
            }
        }
    }
}
