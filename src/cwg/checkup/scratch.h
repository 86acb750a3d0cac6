/* A container to try things in: a process in a network namespace of its own, which needs no root
 * where the machine lets users make user namespaces. */
#pragma once

#include <sys/types.h>

#include "cwg/base/failure.h"

struct scratch {
    pid_t pid;
    int hold; /* it ends when this descriptor is closed, and so with this process */
};

/* Starts one. Returns 0; or -1, with the code "no-namespaces" where the machine forbids it. */
int scratch_start(struct scratch *ret_scratch, struct failure *failure);

/* Ends it, and waits until it has ended. */
void scratch_end(struct scratch *scratch);
