#include "helper/view/moment.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

enum {
    MINUTE = 60,
    HOUR = 60 * MINUTE,
    DAY = 24 * HOUR,
};

#define YEAR_10000 INT64_C(253402300800)

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

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_of_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month] + (month == 1 && is_leap(year));
}

void moment_date(int64_t seconds, char ret_text[static MOMENT_DATE_SIZE])
{
    int year = 1970, month = 0;
    int64_t day, second;

    if (seconds < 0 || seconds >= YEAR_10000) {
        (void)snprintf(ret_text, MOMENT_DATE_SIZE, "%" PRId64 " seconds after 1970", seconds);
        return;
    }
    day = seconds / DAY;
    second = seconds % DAY;
    for (; day >= 365 + is_leap(year); year++)
        day -= 365 + is_leap(year);
    for (; day >= days_of_month(year, month); month++)
        day -= days_of_month(year, month);
    (void)snprintf(ret_text, MOMENT_DATE_SIZE, "%04d-%02d-%02d %02d:%02d:%02d UTC", year, month + 1,
                   (int)day + 1, (int)(second / HOUR), (int)(second % HOUR / MINUTE),
                   (int)(second % MINUTE));
}
