/* What the journal was told of a trouble: each text once. Reasons may take turns for hours. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SAID_MAX = 8, /* texts that are remembered; no more are new */
};

struct said {
    uint64_t text[SAID_MAX]; /* digests */
    size_t count;
};

/* The trouble is over, or begins. */
void said_clear(struct said *said);

/* Notes a text. Returns whether it is new. */
bool said_add(struct said *said, const char *text);
