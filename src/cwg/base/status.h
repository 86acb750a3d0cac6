/* The exit status of a command. */
#pragma once

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1, /* and nothing is left */
    EXIT_USAGE = 2,
    EXIT_LEFT = 3, /* failed, and something may be left */
};
