/* What both ends of a session rely on; doc/cwg-protocol.md. */
#pragma once

/* Both say first: {"cwg":1,...}. */
#define PROTOCOL_MEMBER "cwg"

/* The server's line every PROTOCOL_BUSY_MS while it works on a request. It is no answer. */
#define PROTOCOL_BUSY_MEMBER "busy"
#define PROTOCOL_BUSY        "{\"" PROTOCOL_BUSY_MEMBER "\":true}"

enum {
    PROTOCOL_VERSION = 1,
    /* A server that gets no line for so long takes the client for gone, removes what wasn't
     * committed, and ends: a line that is cut off shows in no other way. */
    PROTOCOL_SILENCE_MS = 60000,
    PROTOCOL_BUSY_MS = 2000,
    /* A client that waits for an answer and hears nothing for so long takes the connection for
     * dead. */
    PROTOCOL_DEAD_MS = 5 * PROTOCOL_BUSY_MS,
};
