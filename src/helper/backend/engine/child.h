/* Turns the child process into the engine. */
#pragma once

#include <stdint.h>

#include "handover/handover.h"

/* The child's message on the start socket, in the place of a key, if it fails before it is the
 * engine. */
enum child_step {
    CHILD_STEP_DESCRIPTORS,
    CHILD_STEP_ROOT,
    CHILD_STEP_PRIVILEGES,
    CHILD_STEP_PROGRAM,
    CHILD_STEPS,
};

struct child_report {
    uint32_t step;
    int32_t error; /* a negative errno */
};

/* Becomes the engine; or sends a child_report on the start socket, and ends. `handover` has the
 * descriptors by their enum handover_descriptor; -1: none. */
_Noreturn void child_become_engine(const int handover[static HANDOVER_DESCRIPTORS]);
