/* Points in time as people read them, in UTC: the sandbox has no table of time zones. Pure. */
#pragma once

#include <stdint.h>

enum {
    MOMENT_AGE_SIZE = 48,
    MOMENT_DATE_SIZE = 48,
};

/* "12 seconds", "5 minutes 1 second", "3 hours 0 minutes", "2 days 7 hours". */
void moment_age(int64_t seconds, char ret_text[static MOMENT_AGE_SIZE]);

/* "2026-11-24 10:50:57 UTC", of seconds since 1970; for a year that has more than four digits,
 * those seconds. */
void moment_date(int64_t seconds, char ret_text[static MOMENT_DATE_SIZE]);
