/* Tells by /proc/PID/status if a process is the first of a pid namespace, as a container's first
 * process is. Pure. */
#pragma once

#include <stddef.h>

/* Reads the line "NSpid:": the process's number in each of its pid namespaces, from that of /proc
 * inwards. Returns how many numbers there are if the last is 1. Returns 0 otherwise, and if the
 * text doesn't have the whole line. */
unsigned int nspid_first_at(const char *text, size_t length);
