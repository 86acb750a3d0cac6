// Names of system calls, for reports.
#ifndef TESTS_TOOLS_CALLNAME_H
#define TESTS_TOOLS_CALLNAME_H

#include <stdint.h>

// The name of a system call of this machine's own architecture, or its number where the table has
// no name for it. The text is valid until the next call.
const char *call_name(uint64_t number);

#endif
