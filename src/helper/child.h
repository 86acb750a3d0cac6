/* The child process on its way to be the engine: what it gives up, and what it keeps. */
#pragma once

struct handover {
    int program; /* open with O_PATH */
    int tun;
    int udp4;
    int udp6;  /* or -1 */
    int start; /* the engine's end of the start socket */
};

/* Becomes the engine; or says on the start socket why it can't (struct launch_report), and ends. */
_Noreturn void child_become_engine(const struct handover *handover);
