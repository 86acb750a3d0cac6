/* A second process of the helper's, for what its sandbox doesn't let a batch do. */
#pragma once

#include <sys/types.h>

/* As fork() does, without what libc runs then. Returns 0 in the new process, its number in this
 * one, or -1 with errno. */
pid_t process_split_off(void);
