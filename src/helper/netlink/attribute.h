/* Reads netlink attributes of a received message, and checks lengths, types and leftover bytes
 * before any value is believed. libmnl walks attributes, but stops silently where they make no
 * sense. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

/* Calls `take` for each attribute in `length` bytes at `payload`, until a call returns other than
 * 0, and returns that value. Returns 0, or -EBADMSG for a wrong length or leftover bytes; the
 * attributes before these have been taken then. */
typedef int attribute_take(const struct nlattr *attribute, void *context);
int attributes_each(const void *payload, size_t length, attribute_take *take, void *context);

/* Finds the attributes of types 0..count-1 in `length` bytes at `payload`. A missing attribute is
 * NULL. Types from count on are skipped. The last of several equal types counts, as in the kernel.
 * The pointers point into the payload. Returns 0, or -EBADMSG as above. */
int attributes_find(const void *payload, size_t length, size_t count,
                    const struct nlattr *ret_table[]);

/* The same inside an attribute, and in a message after a family header of `header` bytes. */
int attributes_find_nested(const struct nlattr *nest, size_t count,
                           const struct nlattr *ret_table[]);
int attributes_find_message(const struct nlmsghdr *message, size_t header, size_t count,
                            const struct nlattr *ret_table[]);

/* Copy an attribute's value, in the byte order it was sent in. Return 0, -ENODATA if `attribute` is
 * NULL, or -EBADMSG if its length isn't the value's. A string has to end in a NUL and fit
 * `size`. */
int attribute_bytes(const struct nlattr *attribute, size_t size, void *ret_value);
int attribute_string(const struct nlattr *attribute, size_t size, char *ret_value);
/* As attribute_bytes(), but returns 0 if `attribute` is NULL, and then writes nothing. */
int attribute_optional(const struct nlattr *attribute, size_t size, void *ret_value);
