/* Netlink attributes of a received message, checked before they are believed: lengths, types and
 * nothing left over. libmnl walks them, but stops without a word where they stop making sense. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

/* Calls `take` for each attribute in `length` bytes at `payload`, until one call returns other than
 * 0, which is then returned. Returns 0, or -EBADMSG if an attribute's length is wrong or bytes are
 * left over; what came before has been taken then. */
typedef int attribute_take(const struct nlattr *attribute, void *context);
int attributes_each(const void *payload, size_t length, attribute_take *take, void *context);

/* Finds the attributes of types 0..count-1 in `length` bytes at `payload`; NULL stands for one that
 * is not there; types from count on are skipped; the last of several counts, as in the kernel. The
 * pointers point into the payload. Returns 0, or -EBADMSG as above. */
int attributes_find(const void *payload, size_t length, size_t count,
                    const struct nlattr *ret_table[]);

/* The same inside an attribute, and in a message behind its family's header of `header` bytes. */
int attributes_find_nested(const struct nlattr *nest, size_t count,
                           const struct nlattr *ret_table[]);
int attributes_find_message(const struct nlmsghdr *message, size_t header, size_t count,
                            const struct nlattr *ret_table[]);

/* The value of an attribute, in the byte order it was sent in. Return 0, -ENODATA if `attribute` is
 * NULL, -EBADMSG if its length isn't the value's; a string has to end in a NUL and fit `size`. */
int attribute_u16(const struct nlattr *attribute, uint16_t *ret_value);
int attribute_u32(const struct nlattr *attribute, uint32_t *ret_value);
int attribute_bytes(const struct nlattr *attribute, size_t size, void *ret_value);
int attribute_string(const struct nlattr *attribute, size_t size, char *ret_value);
