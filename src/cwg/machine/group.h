/* The group of the helper's file, whose members may run it. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

enum {
    GROUP_TEXT_SIZE = 512,
};

/* Tells whether this session is in a group, or `runs` the file without it; and if neither, what to
 * do, with the names of the group and the user. Returns whether all is well. */
bool group_tell(gid_t group, bool runs, char ret_text[static GROUP_TEXT_SIZE]);

/* Is this session's user the one of the machine's agent? The agent calls the helper by a socket, so
 * that its user is in no group, and may not run the file. */
bool group_is_spared(void);
