/* The child process on its way to be the engine: what it gives up, and what it keeps. */
#pragma once

#include <stdint.h>

/* What the child says on the start socket, in the place of a key, if it fails before it is the
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

/* Becomes the engine; or says on the start socket why it can't, and ends. */
_Noreturn void child_become_engine(const struct handover *handover);
