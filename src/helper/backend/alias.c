#include "helper/backend/alias.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "link/decimal.h"

enum {
    PID_MAX = 4194304, /* PID_MAX_LIMIT, include/linux/threads.h */
    PID_DIGITS = 7,
};

static const char alias_start[] = "net-admin-helper: engine, process ";

_Static_assert(sizeof(alias_start) + PID_DIGITS <= ALIAS_SIZE, "an alias is cut off");

void alias_write(int process, char ret_alias[static ALIAS_SIZE])
{
    (void)snprintf(ret_alias, ALIAS_SIZE, "%s%d", alias_start, process);
}

int alias_parse(const char *alias, int *ret_process)
{
    const size_t length = sizeof(alias_start) - 1;
    uint32_t process;

    if (strncmp(alias, alias_start, length) != 0 ||
        decimal_parse(alias + length, PID_MAX, &process) || process == 0)
        return -EBADMSG;
    *ret_process = (int)process;
    return 0;
}
