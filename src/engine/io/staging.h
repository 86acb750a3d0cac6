/* Frames that wait for a session: the newest that there is room for. The kernel's driver keeps 128
 * packets. Here bytes are limited as well, because a frame may have 64 KiB. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    STAGING_BYTES = 192 * 1024, /* at least two frames */
    STAGING_FRAMES = 128,
};

struct staging {
    size_t bytes;
    unsigned int frames;
    uint32_t length[STAGING_FRAMES];
    uint8_t room[STAGING_BYTES]; /* the frames, oldest first, one behind the other */
};

/* Keeps a copy of a frame, and drops the oldest frames until there is room. */
void staging_add(struct staging *staging, const uint8_t *frame, size_t length);

/* Moves the oldest frame to a buffer of at least TUN_FRAME_MAX bytes. Returns the frame's length; 0
 * if there is none. */
size_t staging_take(struct staging *staging, uint8_t *ret_frame);

void staging_clear(struct staging *staging);
