/* What both ends of a session rely on; doc/cwg-protocol.md. */
#pragma once

/* Both say first: {"cwg":1,...}. */
#define PROTOCOL_MEMBER "cwg"

enum {
    PROTOCOL_VERSION = 1,
    /* A server that gets no line for so long takes the client for gone, removes what wasn't
     * committed, and ends: a line that is cut off shows in no other way. */
    PROTOCOL_SILENCE_MS = 60000,
};
