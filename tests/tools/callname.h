// Names of system calls, for reports.
#ifndef TESTS_TOOLS_CALLNAME_H
#define TESTS_TOOLS_CALLNAME_H

#include <stdint.h>

// Returns the name of a system call of this machine's architecture, or the number if the table has
// no name. The text is valid until the next call.
const char *call_name(uint64_t number);

#endif
