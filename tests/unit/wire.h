/* Netlink messages put together byte by byte, without libmnl, so that they are a second opinion.
 * All integers are in the byte order of the machine but where the protocol says otherwise. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct message;
struct nlmsghdr;

enum {
    WIRE_SIZE = 2048,
};

struct wire {
    uint8_t bytes[WIRE_SIZE];
    size_t length;
};

/* A message's header of 16 bytes, with a length that wire_end() sets. */
void wire_start(struct wire *wire, uint16_t type, uint16_t flags);
void wire_put(struct wire *wire, const void *bytes, size_t size);
void wire_u8(struct wire *wire, uint8_t value);
void wire_u16(struct wire *wire, uint16_t value);
void wire_u32(struct wire *wire, uint32_t value);
/* An attribute, with its padding. */
void wire_attribute(struct wire *wire, uint16_t type, const void *bytes, size_t size);
void wire_attribute_u16(struct wire *wire, uint16_t type, uint16_t value);
void wire_attribute_u32(struct wire *wire, uint16_t type, uint32_t value);
void wire_attribute_string(struct wire *wire, uint16_t type, const char *text);
/* An attribute that holds what is put before wire_unnest(). Returns its offset. */
size_t wire_nest(struct wire *wire, uint16_t type);
void wire_unnest(struct wire *wire, size_t nest);
void wire_end(struct wire *wire);

/* Compares a message with the bytes it should be, and says where they differ. */
void wire_expect(const char *what, const void *message, const void *bytes, size_t size);

/* How a request is made by what is tested, and how it should be. */
struct wire_request {
    const char *name;
    void (*make)(struct message *message, struct wire *wire);
};

void wire_expect_requests(const struct wire_request *requests, size_t count);

/* A reader of messages, for what all of them have to withstand. On success it must have written
 * something sensible to the `size` bytes at `ret`, which sane() tells; on failure, nothing. */
struct reader {
    const char *name;
    int (*parse)(const struct nlmsghdr *message, void *ret);
    size_t size;
    void (*sane)(const char *what, const void *ret);
};

/* Has a message read, which this ends, in memory of exactly its size. It has to be taken, or else
 * to be refused, with nothing written to `ret`. Returns whether it was taken. */
bool wire_read(const struct reader *reader, const char *what, struct wire *wire, void *ret,
               bool good);

/* What a reader has to withstand: the message cut off after each byte; each two bytes of it, which
 * may be a length, replaced by many lies; and so many times random bytes changed, put in, taken
 * out. Each time the message is in memory of exactly its size. */
void wire_attack(const struct reader *reader, const struct wire *wire, unsigned int times);
