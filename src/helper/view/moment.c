#include "helper/view/moment.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    MINUTE = 60,
    HOUR = 60 * MINUTE,
    DAY = 24 * HOUR,
};

static void print_two(char *ret_text, int64_t large, const char *large_unit, int64_t small,
                      const char *small_unit)
{
    (void)snprintf(ret_text, MOMENT_AGE_SIZE, "%" PRId64 " %s%s %" PRId64 " %s%s", large,
                   large_unit, large == 1 ? "" : "s", small, small_unit, small == 1 ? "" : "s");
}

void moment_age(int64_t seconds, char ret_text[static MOMENT_AGE_SIZE])
{
    if (seconds < MINUTE)
        (void)snprintf(ret_text, MOMENT_AGE_SIZE, "%" PRId64 " second%s", seconds,
                       seconds == 1 ? "" : "s");
    else if (seconds < HOUR)
        print_two(ret_text, seconds / MINUTE, "minute", seconds % MINUTE, "second");
    else if (seconds < DAY)
        print_two(ret_text, seconds / HOUR, "hour", seconds % HOUR / MINUTE, "minute");
    else
        print_two(ret_text, seconds / DAY, "day", seconds % DAY / HOUR, "hour");
}
