/* Turns the child process into the engine. */
#pragma once

#include <stdint.h>

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

struct handover {
    int program; /* open with O_PATH */
    int tun;
    int udp4;
    int udp6;  /* or -1 */
    int start; /* the engine's end of the start socket */
};

/* Becomes the engine; or sends a child_report on the start socket, and ends. */
_Noreturn void child_become_engine(const struct handover *handover);
