/* Whether a network namespace has devices with names of ours, by the list of its devices
 * (/proc/PID/net/dev), which costs less than to enter it. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Looks through a piece of that list: lines that begin with a name and a colon. The last line may
 * be cut off, and is then left: *ret_seen says how much was looked at. */
bool netdev_has_link(const char *text, size_t length, size_t *ret_seen);
