#include "wire.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helper/netlink/message.h"
#include "unit.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the tables of bytes are little-endian");

void wire_put(struct wire *wire, const void *bytes, size_t size)
{
    if (size > WIRE_SIZE - wire->length)
        unit_trouble("WIRE_SIZE");
    if (size > 0)
        memcpy(wire->bytes + wire->length, bytes, size);
    wire->length += size;
}

void wire_u8(struct wire *wire, uint8_t value)
{
    wire_put(wire, &value, sizeof(value));
}

void wire_u16(struct wire *wire, uint16_t value)
{
    wire_put(wire, &value, sizeof(value));
}

void wire_u32(struct wire *wire, uint32_t value)
{
    wire_put(wire, &value, sizeof(value));
}

static void pad(struct wire *wire)
{
    while (wire->length % 4 != 0)
        wire_u8(wire, 0);
}

void wire_start(struct wire *wire, uint16_t type, uint16_t flags)
{
    *wire = (struct wire){.length = 0};
    wire_u32(wire, 0); /* length */
    wire_u16(wire, type);
    wire_u16(wire, flags);
    wire_u32(wire, 0); /* sequence */
    wire_u32(wire, 0); /* port */
}

void wire_attribute(struct wire *wire, uint16_t type, const void *bytes, size_t size)
{
    wire_u16(wire, (uint16_t)(4 + size));
    wire_u16(wire, type);
    wire_put(wire, bytes, size);
    pad(wire);
}

void wire_attribute_u16(struct wire *wire, uint16_t type, uint16_t value)
{
    wire_attribute(wire, type, &value, sizeof(value));
}

void wire_attribute_u32(struct wire *wire, uint16_t type, uint32_t value)
{
    wire_attribute(wire, type, &value, sizeof(value));
}

void wire_attribute_string(struct wire *wire, uint16_t type, const char *text)
{
    wire_attribute(wire, type, text, strlen(text) + 1);
}

size_t wire_nest(struct wire *wire, uint16_t type)
{
    size_t nest = wire->length;

    wire_u16(wire, 0);
    wire_u16(wire, type | 0x8000);
    return nest;
}

void wire_unnest(struct wire *wire, size_t nest)
{
    uint16_t length = (uint16_t)(wire->length - nest);

    memcpy(wire->bytes + nest, &length, sizeof(length));
}

void wire_end(struct wire *wire)
{
    uint32_t length = (uint32_t)wire->length;

    memcpy(wire->bytes, &length, sizeof(length));
}

void wire_expect(const char *what, const void *message, const void *bytes, size_t size)
{
    const uint8_t *found = message;
    const uint8_t *wanted = bytes;
    uint32_t length;

    memcpy(&length, message, sizeof(length));
    expect(length == size, "%s: length %u, not %zu", what, length, size);
    for (size_t i = 0; i < size && i < length; i++)
        expect(found[i] == wanted[i], "%s: byte %zu is 0x%02x, not 0x%02x", what, i, found[i],
               wanted[i]);
}

void wire_expect_requests(const struct wire_request *requests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct message *message = malloc(sizeof(*message));
        struct wire wire;

        memset(message, 0xa5, sizeof(*message));
        requests[i].make(message, &wire);
        wire_end(&wire);
        expect(!message->overflowed, "%s overflowed", requests[i].name);
        wire_expect(requests[i].name, message->bytes, wire.bytes, wire.length);
        free(message);
    }
}

bool wire_read(const struct reader *reader, const char *what, struct wire *wire, void *ret,
               bool good)
{
    uint8_t *before = unit_copy(ret, reader->size);
    struct nlmsghdr *message;
    int result;

    wire_end(wire);
    message = unit_copy(wire->bytes, wire->length);
    result = reader->parse(message, ret);
    free(message);
    expect(result == (good ? 0 : -EBADMSG), "%s, %s: %d", reader->name, what, result);
    expect(result == 0 || memcmp(ret, before, reader->size) == 0, "%s, %s: refused, but written",
           reader->name, what);
    free(before);
    return good && result == 0;
}

/* Has a message of `size` bytes read, which are its header at least. */
static void try_message(const struct reader *reader, const char *what, const uint8_t *bytes,
                        size_t size)
{
    uint32_t length = (uint32_t)size;
    struct nlmsghdr *message = unit_copy(bytes, size);
    uint8_t *ret = malloc(reader->size);
    uint8_t *before = malloc(reader->size);
    int result;

    memcpy(message, &length, sizeof(length));
    memset(ret, 0, reader->size);
    memset(before, 0, reader->size);
    result = reader->parse(message, ret);
    expect(result == 0 || result == -EBADMSG, "%s, %s: %d", reader->name, what, result);
    if (result)
        expect(memcmp(ret, before, reader->size) == 0, "%s, %s: refused, but written", reader->name,
               what);
    else
        reader->sane(what, ret);
    free(before);
    free(ret);
    free(message);
}

static void cut(const struct reader *reader, const struct wire *wire)
{
    for (size_t size = sizeof(struct nlmsghdr); size <= wire->length; size++) {
        char what[64];

        (void)snprintf(what, sizeof(what), "cut to %zu of %zu", size, wire->length);
        try_message(reader, what, wire->bytes, size);
    }
}

static void lie(const struct reader *reader, const struct wire *wire)
{
    static const uint16_t lies[] = {0,   1,   2,    3,     4,      5,      6,      7,      8,
                                    9,   12,  15,   16,    17,     19,     20,     21,     31,
                                    32,  33,  35,   36,    37,     40,     63,     64,     65,
                                    127, 128, 0xff, 0x1ff, 0x7fff, 0x8000, 0xfff0, 0xfffc, 0xffff};

    for (size_t at = sizeof(struct nlmsghdr); at + 2 <= wire->length; at += 2) {
        for (size_t lie = 0; lie < COUNT(lies) + 8; lie++) {
            struct wire changed = *wire;
            /* and what is left of the message from there on, nearly */
            uint16_t value = lie < COUNT(lies)
                                 ? lies[lie]
                                 : (uint16_t)(wire->length - at + lie - COUNT(lies) - 4);
            char what[64];

            memcpy(changed.bytes + at, &value, sizeof(value));
            (void)snprintf(what, sizeof(what), "%u at %zu", value, at);
            try_message(reader, what, changed.bytes, wire->length);
        }
    }
}

static void change(struct wire *wire)
{
    size_t at = sizeof(struct nlmsghdr) +
                unit_random_below((uint32_t)(wire->length - sizeof(struct nlmsghdr)));
    uint32_t kind = unit_random_below(8);

    if (kind < 5) {
        static const uint8_t values[] = {0, 1, 2, 3, 4, 5, 8, 0x7f, 0x80, 0xff};

        if (kind < 2)
            wire->bytes[at] = (uint8_t)unit_random();
        else if (kind < 4)
            wire->bytes[at] = values[unit_random_below(COUNT(values))];
        else
            wire->bytes[at] ^= (uint8_t)(1U << unit_random_below(8));
    } else if (kind == 5 && wire->length + 8 < WIRE_SIZE) {
        memmove(wire->bytes + at + 4, wire->bytes + at, wire->length - at);
        wire->length += 4;
    } else if (kind == 6 && wire->length > at + 4) {
        memmove(wire->bytes + at, wire->bytes + at + 4, wire->length - at - 4);
        wire->length -= 4;
    } else {
        wire->length = at;
    }
}

static void mutate(const struct reader *reader, const struct wire *wire, unsigned int times)
{
    for (unsigned int i = 0; i < times; i++) {
        struct wire changed;
        char what[64];

        memcpy(changed.bytes, wire->bytes, wire->length + 64);
        changed.length = wire->length;
        for (uint32_t left = 1 + unit_random_below(5);
             left > 0 && changed.length > sizeof(struct nlmsghdr); left--)
            change(&changed);
        (void)snprintf(what, sizeof(what), "mutation %u", i);
        try_message(reader, what, changed.bytes, changed.length);
    }
}

void wire_attack(const struct reader *reader, const struct wire *wire, unsigned int times)
{
    cut(reader, wire);
    lie(reader, wire);
    mutate(reader, wire, times);
}
