#include "helper/view/moment.h"

#include <string.h>

#include "unit.h"

TEST(ages)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {
        {0, "0 seconds"},
        {1, "1 second"},
        {59, "59 seconds"},
        {60, "1 minute 0 seconds"},
        {61, "1 minute 1 second"},
        {3599, "59 minutes 59 seconds"},
        {3600, "1 hour 0 minutes"},
        {3660, "1 hour 1 minute"},
        {86399, "23 hours 59 minutes"},
        {86400, "1 day 0 hours"},
        {90000, "1 day 1 hour"},
        {INT64_MAX / 1000, "106751991167 days 7 hours"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[MOMENT_AGE_SIZE];

        moment_age(cases[i].seconds * 1000 + (i % 2 ? 0 : 807), text);
        expect(strcmp(text, cases[i].text) == 0, "%lld: %s", (long long)cases[i].seconds, text);
    }
}

TEST(brief_ages)
{
    static const struct {
        int64_t age;
        const char *text;
    } cases[] = {
        {0, "0s"},         {999, "0s"},      {59999, "59s"},
        {60000, "1m"},     {3599999, "59m"}, {3600000, "1h"},
        {86399999, "23h"}, {86400000, "1d"}, {INT64_MAX, "106751991167d"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[MOMENT_AGE_SIZE];

        moment_age_briefly(cases[i].age, text);
        expect(strcmp(text, cases[i].text) == 0, "%lld: %s", (long long)cases[i].age, text);
    }
}
