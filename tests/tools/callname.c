#include "callname.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/syscall.h>

static const char *const names[] = {
#include "callnames.h" // made by tools.mk: [__NR_read] = "read", and so on
};

const char *call_name(uint64_t number)
{
    static char text[24];

    if (number < sizeof(names) / sizeof(names[0]) && names[number] != NULL)
        return names[number];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    return text;
}
