/* Writes bytes to the caller's descriptors, and failures to standard output and error. No
 * capability is effective then: a caller's descriptor may be anything, such as a netlink socket. */
#pragma once

#include <stddef.h>

#define PROGRAM "net-admin-helper"

struct failure;

/* Writes all bytes, and waits for room without limit. Returns 0, or a negative errno. */
int print_all(int fd, const char *text, size_t length);

/* Print a failure: as a JSON object to standard output; as text to standard error, with `more`
 * below it. An error of the write is ignored. */
void print_failure_json(const struct failure *failure);
void print_failure(const struct failure *failure, const char *more);
