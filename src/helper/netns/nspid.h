/* Whether a process is the first of a pid namespace, as a container's first process is, by what
 * /proc/PID/status says. Pure. */
#pragma once

#include <stddef.h>

/* Reads the line "NSpid:" of that file: the process's number in each pid namespace that it is in,
 * from that of /proc on inwards. Returns how many these are if the last number is 1, and else 0;
 * and 0 if the line isn't whole in the text, or not there. */
unsigned int nspid_first_at(const char *text, size_t length);
