/* Reads files of /proc/PID, which costs less than to enter a process's namespaces. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Looks for links through a part of a namespace's list of devices (net/dev): each line begins with
 * a name and a colon. A last line that is cut off is left: *ret_seen is the number of bytes looked
 * at. */
bool procfs_has_link(const char *text, size_t length, size_t *ret_seen);

/* Tells if a process is the first of a pid namespace, as a container's first process is, by the
 * line "NSpid:" of its status: the process's number in each of its pid namespaces, from that of
 * /proc inwards. Returns how many numbers there are if the last is 1. Returns 0 otherwise, and if
 * the text doesn't have the whole line. */
unsigned int procfs_first_at(const char *text, size_t length);
