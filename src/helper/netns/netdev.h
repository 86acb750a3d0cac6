/* Looks for links in a namespace's list of devices (/proc/PID/net/dev), which costs less than to
 * enter it. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Looks through a part of the list: each line begins with a name and a colon. A last line that is
 * cut off is left: *ret_seen is the number of bytes looked at. */
bool netdev_has_link(const char *text, size_t length, size_t *ret_seen);
