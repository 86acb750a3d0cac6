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
