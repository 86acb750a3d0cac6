/* Splits off a second process, for work that the sandbox forbids a batch. */
#pragma once

#include <sys/types.h>

/* Forks without libc's handlers. Returns 0 in the new process, its number in this one, or -1 with
 * errno. */
pid_t process_split_off(void);
