/* A container whose device has counters as a link's: lo of a network namespace of its own. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Starts one. Returns its process, which is to be ended by stop_container() or a signal. */
pid_t beating_start(void);

/* Its device receives a packet of so many bytes, 28 or more. */
void beating_receive(size_t bytes);
