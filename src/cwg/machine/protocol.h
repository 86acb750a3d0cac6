/* What both ends of a session say first: {"cwg":1,...}. */
#pragma once

#define PROTOCOL_MEMBER "cwg"

enum {
    PROTOCOL_VERSION = 1,
};
