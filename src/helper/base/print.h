/* Bytes to a descriptor of the caller's, and failures to standard output and error. No capability
 * is effective then: a caller may have put anything there, a netlink socket for one. */
#pragma once

#include <stddef.h>

#define PROGRAM "net-admin-helper"

struct failure;

/* Writes all of it, and waits for room as long as it takes. Returns 0, or a negative errno. */
int print_all(int fd, const char *text, size_t length);

/* The failure as a JSON object, to standard output; and as text, to standard error, with `more`
 * below it. Nobody is told if that fails. */
void print_failure_json(const struct failure *failure);
void print_failure(const struct failure *failure, const char *more);
