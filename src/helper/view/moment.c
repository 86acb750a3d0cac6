#include "helper/view/moment.h"

#include <inttypes.h>
#include <stdio.h>

enum {
    SECOND = 1000,
};

/* The units, the largest first, in milliseconds. */
static const struct unit {
    int64_t length;
    const char *name;
} units[] = {{86400000, "day"}, {3600000, "hour"}, {60000, "minute"}, {SECOND, "second"}};

/* Finds the largest unit of which there is one, or seconds. */
static const struct unit *largest(int64_t age)
{
    const struct unit *unit = units;

    while (unit->length > SECOND && age < unit->length)
        unit++;
    return unit;
}

void moment_age(int64_t age, char ret_text[static MOMENT_AGE_SIZE])
{
    const struct unit *unit = largest(age);
    const int64_t count = age / unit->length;
    int length = snprintf(ret_text, MOMENT_AGE_SIZE, "%" PRId64 " %s%s", count, unit->name,
                          count == 1 ? "" : "s");
    int64_t rest;

    if (unit->length == SECOND)
        return;
    rest = age % unit->length / unit[1].length;
    (void)snprintf(ret_text + length, MOMENT_AGE_SIZE - (size_t)length, " %" PRId64 " %s%s", rest,
                   unit[1].name, rest == 1 ? "" : "s");
}

void moment_age_briefly(int64_t age, char ret_text[static MOMENT_AGE_SIZE])
{
    const struct unit *unit = largest(age);

    (void)snprintf(ret_text, MOMENT_AGE_SIZE, "%" PRId64 "%c", age / unit->length, unit->name[0]);
}
