#include "helper/backend/alias.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define ALIAS "net-admin-helper: engine, process "

static const struct {
    const char *alias;
    int process; /* 0: it is none */
} aliases[] = {
    {ALIAS "1", 1},
    {ALIAS "4194304", 4194304},
    {ALIAS "4194305", 0},
    {ALIAS "0", 0},
    {ALIAS "-1", 0},
    {ALIAS "+1", 0},
    {ALIAS "01", 0},
    {ALIAS "00000001", 0},
    {ALIAS "12345678", 0},
    {ALIAS "4294967297", 0},
    {ALIAS "111111111111111111111111111111111111111111111111", 0},
    {ALIAS " 1", 0},
    {ALIAS "1 ", 0},
    {ALIAS "1x", 0},
    {ALIAS "1\n", 0},
    {ALIAS "1, 000102030405060708090a0b0c0d0eff", 0}, /* of before */
    {ALIAS, 0},
    {"net-admin-helper: engine, process", 0},
    {"net-admin-helper: engine; process 1", 0},
    {" " ALIAS "1", 0},
    {"net-admin-helper: kernel", 0},
    {"1", 0},
    {"", 0},
};

TEST(read_aliases)
{
    for (size_t i = 0; i < COUNT(aliases); i++) {
        char *alias = unit_copy(aliases[i].alias, strlen(aliases[i].alias) + 1);
        int process = 77;
        int result = alias_parse(alias, &process);

        expect(result == (aliases[i].process ? 0 : -EBADMSG), "alias %zu: %d", i, result);
        expect(process == (aliases[i].process ? aliases[i].process : 77), "alias %zu: process %d",
               i, process);
        free(alias);
    }
}

/* A good alias with any one byte replaced by any other: no other is taken but those with another
 * digit, or that end there. */
TEST(changed_aliases)
{
    static const char good[] = ALIAS "17";
    const size_t number = sizeof(ALIAS) - 1;
    int process;

    for (size_t at = 0; at < sizeof(good) - 1; at++) {
        for (unsigned int byte = 0; byte < 256; byte++) {
            char *alias = unit_copy(good, sizeof(good));
            bool digit = byte >= '0' && byte <= '9';
            bool taken = (at == number && digit && byte != '0') ||
                         (at == number + 1 && (digit || byte == '\0'));

            alias[at] = (char)byte;
            expect((alias_parse(alias, &process) == 0) == (taken || (char)byte == good[at]),
                   "byte %zu: %02x", at, byte);
            free(alias);
        }
    }
}

TEST(written_aliases)
{
    for (int process = 1; process <= 4194304; process = process * 3 + 1) {
        char *alias = malloc(ALIAS_SIZE);
        int same = 0;

        memset(alias, 'x', ALIAS_SIZE);
        alias_write(process, alias);
        expect(alias_parse(alias, &same) == 0 && same == process, "%d: %s", process, alias);
        expect(unit_is_printable(alias), "%d: %s", process, alias);
        free(alias);
    }
}

TEST(longest_alias)
{
    char alias[ALIAS_SIZE];

    alias_write(4194304, alias);
    expect(strcmp(alias, ALIAS "4194304") == 0, "%s", alias);
}
