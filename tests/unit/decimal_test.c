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
    {"0", 1, 0},
    {"0", UINT32_MAX, 0},
    {"1", 1, 1},
    {"1", 0, REFUSED},
    {"2", 1, REFUSED},
    {"9", 9, 9},
    {"10", 9, REFUSED},
    {"10", 10, 10},
    {"11", 10, REFUSED},
    {"100", 99, REFUSED},
    {"255", 255, 255},
    {"256", 255, REFUSED},
    {"65535", 65535, 65535},
    {"65536", 65535, REFUSED},
    {"8388607", 8388607, 8388607},
    {"8388608", 8388607, REFUSED},
    {"4194304", 4194304, 4194304},
    {"4194305", 4194304, REFUSED},
    {"2147483647", INT32_MAX, INT32_MAX},
    {"2147483648", INT32_MAX, REFUSED},
    {"2147483648", UINT32_MAX, INT64_C(2147483648)},
    {"4294967294", UINT32_MAX, INT64_C(4294967294)},
    {"4294967295", UINT32_MAX, UINT32_MAX},
    {"4294967295", UINT32_MAX - 1, REFUSED},
    {"1234567890", UINT32_MAX, 1234567890},
    /* beyond 32 bits, and what they would wrap round to */
    {"4294967296", UINT32_MAX, REFUSED},
    {"4294967296", 0, REFUSED},
    {"4294967297", UINT32_MAX, REFUSED},
    {"4294967297", 1, REFUSED},
    {"4303355903", 8388607, REFUSED},
    {"9999999999", UINT32_MAX, REFUSED},
    {"42949672960", UINT32_MAX, REFUSED},
    {"429496729600", UINT32_MAX, REFUSED},
    /* beyond 64 bits */
    {"9223372036854775807", UINT32_MAX, REFUSED},
    {"9223372036854775808", UINT32_MAX, REFUSED},
    {"18446744073709551615", UINT32_MAX, REFUSED},
    {"18446744073709551616", UINT32_MAX, REFUSED},
    {"18446744073709551616", 0, REFUSED},
    {"18446744073709551617", 1, REFUSED},
    {"18446744073709551617", UINT32_MAX, REFUSED},
    {"184467440737095516160", UINT32_MAX, REFUSED},
    {"340282366920938463463374607431768211456", UINT32_MAX, REFUSED},
    {"340282366920938463463374607431768211457", UINT32_MAX, REFUSED},
    {"99999999999999999999999999999999999999999999999999", UINT32_MAX, REFUSED},
    /* nothing */
    {"", 0, REFUSED},
    {"", UINT32_MAX, REFUSED},
    /* leading zeros */
    {"00", UINT32_MAX, REFUSED},
    {"01", UINT32_MAX, REFUSED},
    {"001", UINT32_MAX, REFUSED},
    {"007", UINT32_MAX, REFUSED},
    {"08", UINT32_MAX, REFUSED},
    {"0000000000", UINT32_MAX, REFUSED},
    {"010", UINT32_MAX, REFUSED},
    /* signs */
    {"+0", UINT32_MAX, REFUSED},
    {"-0", UINT32_MAX, REFUSED},
    {"+1", UINT32_MAX, REFUSED},
    {"-1", UINT32_MAX, REFUSED},
    {"--1", UINT32_MAX, REFUSED},
    {"1-", UINT32_MAX, REFUSED},
    {"1+1", UINT32_MAX, REFUSED},
    {"-4294967295", UINT32_MAX, REFUSED},
    {"-", UINT32_MAX, REFUSED},
    {"+", UINT32_MAX, REFUSED},
    /* spaces */
    {" ", UINT32_MAX, REFUSED},
    {" 1", UINT32_MAX, REFUSED},
    {"1 ", UINT32_MAX, REFUSED},
    {"1 2", UINT32_MAX, REFUSED},
    {"\t1", UINT32_MAX, REFUSED},
    {"1\t", UINT32_MAX, REFUSED},
    {"\n1", UINT32_MAX, REFUSED},
    {"1\n", UINT32_MAX, REFUSED},
    {"1\r", UINT32_MAX, REFUSED},
    {"\v1", UINT32_MAX, REFUSED},
    {"1\f", UINT32_MAX, REFUSED},
    /* other bases and notations */
    {"0x0", UINT32_MAX, REFUSED},
    {"0x1", UINT32_MAX, REFUSED},
    {"0X1", UINT32_MAX, REFUSED},
    {"0b1", UINT32_MAX, REFUSED},
    {"0o1", UINT32_MAX, REFUSED},
    {"1e1", UINT32_MAX, REFUSED},
    {"1.", UINT32_MAX, REFUSED},
    {".1", UINT32_MAX, REFUSED},
    {"1.0", UINT32_MAX, REFUSED},
    {"1,000", UINT32_MAX, REFUSED},
    {"1_000", UINT32_MAX, REFUSED},
    {"1'000", UINT32_MAX, REFUSED},
    {"1u", UINT32_MAX, REFUSED},
    {"1L", UINT32_MAX, REFUSED},
    {"1k", UINT32_MAX, REFUSED},
    {"a", UINT32_MAX, REFUSED},
    {"1a", UINT32_MAX, REFUSED},
    {"a1", UINT32_MAX, REFUSED},
    {"nan", UINT32_MAX, REFUSED},
    {"inf", UINT32_MAX, REFUSED},
    /* neighbours of the digits in ASCII */
    {"/", UINT32_MAX, REFUSED},
    {":", UINT32_MAX, REFUSED},
    {"1/", UINT32_MAX, REFUSED},
    {"1:", UINT32_MAX, REFUSED},
    /* digits that are not ASCII: Arabic-Indic, fullwidth, superscript, as UTF-8 and Latin-1 */
    {"\xd9\xa1", UINT32_MAX, REFUSED},
    {"\xef\xbc\x91", UINT32_MAX, REFUSED},
    {"1\xef\xbc\x91", UINT32_MAX, REFUSED},
    {"\xc2\xb9", UINT32_MAX, REFUSED},
    {"\xb9", UINT32_MAX, REFUSED},
    {"1\xa0", UINT32_MAX, REFUSED},
    {"\xc2\xa0"
     "1",
     UINT32_MAX, REFUSED},
    {"\xb1", UINT32_MAX, REFUSED},
    {"\xff", UINT32_MAX, REFUSED},
    /* controls */
    {"\x01", UINT32_MAX, REFUSED},
    {"1\x1b", UINT32_MAX, REFUSED},
    {"\x7f"
     "1",
     UINT32_MAX, REFUSED},
    /* a NUL ends the text, whatever comes behind it */
    {"1\0x", UINT32_MAX, 1},
    {"12\0"
     "3",
     UINT32_MAX, 12},
    {"\0"
     "1",
     UINT32_MAX, REFUSED},
};

static void check(size_t number, const char *text, uint32_t max, int64_t wanted)
{
    uint32_t value = 0xdeadbeef;
    int result = decimal_parse(text, max, &value);

    expect(result == (wanted == REFUSED ? -1 : 0), "case %zu, \"%s\" up to %" PRIu32 ": %d", number,
           text, max, result);
    expect(value == (wanted == REFUSED ? 0xdeadbeef : (uint32_t)wanted),
           "case %zu, \"%s\" up to %" PRIu32 ": wrote %" PRIu32, number, text, max, value);
}

TEST(table)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = unit_copy(cases[i].text, strlen(cases[i].text) + 1);

        check(i, text, cases[i].max, cases[i].value);
        free(text);
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
            check(n, text, (uint32_t)numbers[m],
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

        check((size_t)byte, alone, 99, digit);
        check((size_t)byte, behind, 99, digit == REFUSED ? REFUSED : 10 + digit);
        check((size_t)byte, before, 99, digit <= 0 ? REFUSED : 10 * digit + 1);
    }
}

/* However long it is, it is refused, and at its first digit too much. */
TEST(long_texts)
{
    static char text[100001];

    memset(text, '9', sizeof(text) - 1);
    check(0, text, UINT32_MAX, REFUSED);
    memset(text, '0', sizeof(text) - 1);
    check(1, text, UINT32_MAX, REFUSED);
    text[0] = '1';
    check(2, text, UINT32_MAX, REFUSED);
}
