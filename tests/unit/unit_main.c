/* main() of each test program, which is called NAME_test. In an object of its own: some programs
 * are linked with the same archive, and have one. */
#include <errno.h>
#include <string.h>

#include "unit.h"

int main(void)
{
    char *end = strstr(program_invocation_short_name, "_test");

    if (end)
        *end = '\0';
    return unit_run(program_invocation_short_name);
}
