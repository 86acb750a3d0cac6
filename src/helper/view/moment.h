/* Writes ages, which are in milliseconds, for people. Pure. */
#pragma once

#include <stdint.h>

enum {
    MOMENT_AGE_SIZE = 48,
};

/* Writes "12 seconds", "5 minutes 1 second", "3 hours 0 minutes" or "2 days 7 hours"; briefly:
 * "12s", "5m", "3h" or "2d". */
void moment_age(int64_t age, char ret_text[static MOMENT_AGE_SIZE]);
void moment_age_briefly(int64_t age, char ret_text[static MOMENT_AGE_SIZE]);
