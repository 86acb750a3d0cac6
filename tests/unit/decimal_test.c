#include "link/decimal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

enum {
    REFUSED = -1,
};

static const struct {
    const char *text;
    uint32_t max;
    int64_t value; /* or REFUSED */
} cases[] = {
    {"0", 0, 0},
    {"1", 1, 1},
    {"1", 0, REFUSED},
    {"2", 1, REFUSED},
    {"9", 9, 9},
    {"10", 9, REFUSED},
    {"10", 10, 10},
    {"100", 99, REFUSED},
    {"2147483647", INT32_MAX, INT32_MAX},
    {"2147483648", INT32_MAX, REFUSED},
    {"2147483648", UINT32_MAX, INT64_C(2147483648)},
    {"4294967294", UINT32_MAX, INT64_C(4294967294)},
    {"4294967295", UINT32_MAX, UINT32_MAX},
    {"4294967295", UINT32_MAX - 1, REFUSED},
    /* beyond 32 and 64 bits, and what they would wrap round to */
    {"4294967296", 0, REFUSED},
    {"4294967297", 1, REFUSED},
    {"4303355903", 8388607, REFUSED},
    {"18446744073709551616", 0, REFUSED},
    {"18446744073709551617", 1, REFUSED},
    {"", 0, REFUSED},
    {"", UINT32_MAX, REFUSED},
    /* the end is where the first NUL is */
    {"1\0x", UINT32_MAX, 1},
    {"12\0"
     "3",
     UINT32_MAX, 12},
    {"\0"
     "1",
     UINT32_MAX, REFUSED},
};

/* Refused whatever the limit is. */
static const char *const *const refused[] = {
    /* beyond 32 and 64 bits, and what they would wrap round to */
    TEXTS("4294967296", "4294967297", "42949672960", "9223372036854775808", "18446744073709551616",
          "18446744073709551617", "340282366920938463463374607431768211457"),
    /* leading zeros, signs, spaces, other bases and notations; every_byte has each character */
    TEXTS("00", "001", "08", "0000000000", "+0", "-1", "--1", "1+1", "-4294967295", " 1", "1 2",
          "1\n", "0x1", "0b1", "1e1", "1.0", "1,000", "1_000", "nan"),
    /* digits that are not ASCII: Arabic-Indic, fullwidth, superscript, as UTF-8 and Latin-1 */
    TEXTS("\xd9\xa1", "1\xef\xbc\x91", "\xc2\xb9", "\xb9"),
};

static void check(const char *text, uint32_t max, int64_t wanted)
{
    char *copy = unit_copy(text, strlen(text) + 1);
    uint32_t value = 0xdeadbeef;
    int result = decimal_parse(copy, max, &value);

    free(copy);
    expect(result == (wanted == REFUSED ? -1 : 0), "\"%s\" up to %" PRIu32 ": %d", text, max,
           result);
    expect(value == (wanted == REFUSED ? 0xdeadbeef : (uint32_t)wanted),
           "\"%s\" up to %" PRIu32 ": wrote %" PRIu32, text, max, value);
}

TEST(table)
{
    for (size_t i = 0; i < COUNT(cases); i++)
        check(cases[i].text, cases[i].max, cases[i].value);
    for (size_t i = 0; i < COUNT(refused); i++) {
        for (const char *const *text = refused[i]; *text; text++)
            check(*text, UINT32_MAX, REFUSED);
    }
}

/* Numbers around each power of 2 and of 10, against limits around each: strtoull() is the judge. */
TEST(around_powers)
{
    uint64_t numbers[512];
    size_t count = 0;

    for (uint64_t power = 1; power != 0 && power < UINT64_C(1) << 40; power *= 2) {
        for (uint64_t near = power - 1; near <= power + 1; near++)
            numbers[count++] = near;
    }
    for (uint64_t power = 10; power < UINT64_C(1000000000000); power *= 10) {
        for (uint64_t near = power - 1; near <= power + 1; near++)
            numbers[count++] = near;
    }
    for (size_t m = 0; m < count; m++) {
        if (numbers[m] > UINT32_MAX)
            continue;
        for (size_t n = 0; n < count; n++) {
            char text[32];

            (void)snprintf(text, sizeof(text), "%" PRIu64, numbers[n]);
            check(text, (uint32_t)numbers[m],
                  numbers[n] <= numbers[m] ? (int64_t)strtoull(text, NULL, 10) : REFUSED);
        }
    }
}

/* Every byte alone, and behind and before a digit. */
TEST(every_byte)
{
    for (int byte = 1; byte < 256; byte++) {
        char alone[] = {(char)byte, '\0'};
        char behind[] = {'1', (char)byte, '\0'};
        char before[] = {(char)byte, '1', '\0'};
        int digit = byte >= '0' && byte <= '9' ? byte - '0' : REFUSED;

        check(alone, 99, digit);
        check(behind, 99, digit == REFUSED ? REFUSED : 10 + digit);
        check(before, 99, digit <= 0 ? REFUSED : 10 * digit + 1);
    }
}

/* However long it is, it is refused, and at its first digit too much. */
TEST(long_texts)
{
    static char text[100001];

    memset(text, '9', sizeof(text) - 1);
    check(text, UINT32_MAX, REFUSED);
    memset(text, '0', sizeof(text) - 1);
    check(text, UINT32_MAX, REFUSED);
    text[0] = '1';
    check(text, UINT32_MAX, REFUSED);
}
