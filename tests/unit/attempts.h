/* System calls that are attempted in a sandbox, each in a child of its own: it is allowed, or the
 * child dies by SIGSYS. attempts.c has the tests that both sandboxes share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Of the sandbox that is tested. */
extern const long allowed[]; /* calls that are allowed whatever their arguments are */
extern const size_t allowed_count;
int enter(void); /* returns 0 */

/* A call that a child makes in the sandbox. */
struct attempt {
    long call;
    unsigned long arguments[6];
};

/* All arguments are invalid. */
extern const struct attempt invalid;

void check_attempt(const struct attempt *attempt, bool lives, const char *what);
