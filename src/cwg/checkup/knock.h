/* Whether a machine is to be reached by ssh, as far as that shows without a login. */
#pragma once

#include "cwg/base/failure.h"

enum {
    KNOCK_PORT = 22,
    KNOCK_TEXT_SIZE = 256, /* a server's line of identification is shorter (RFC 4253, 4.2) */
};

/* Connects to an address's port of ssh and reads who answers, as "SSH-2.0-OpenSSH_9.2p1", for three
 * seconds at most. Sends nothing. Returns 0, or -1: "silent" if no answer came in time, "refused"
 * if none will come, and "not-ssh" for another answer. */
int knock(const char *address, char ret_text[static KNOCK_TEXT_SIZE], struct failure *failure);
