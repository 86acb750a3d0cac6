#include "engine/io/staging.h"

#include <string.h>

static void drop_oldest(struct staging *staging)
{
    size_t length = staging->length[0];

    staging->bytes -= length;
    staging->frames--;
    memmove(staging->room, staging->room + length, staging->bytes);
    memmove(staging->length, staging->length + 1, staging->frames * sizeof(staging->length[0]));
}

void staging_add(struct staging *staging, const uint8_t *frame, size_t length)
{
    if (length == 0 || length > STAGING_BYTES)
        return;
    while (staging->frames == STAGING_FRAMES || staging->bytes + length > STAGING_BYTES)
        drop_oldest(staging);
    memcpy(staging->room + staging->bytes, frame, length);
    staging->length[staging->frames++] = (uint32_t)length;
    staging->bytes += length;
}

size_t staging_take(struct staging *staging, uint8_t *ret_frame)
{
    size_t length;

    if (staging->frames == 0)
        return 0;
    length = staging->length[0];
    memcpy(ret_frame, staging->room, length);
    drop_oldest(staging);
    return length;
}

void staging_clear(struct staging *staging)
{
    staging->bytes = 0;
    staging->frames = 0;
}
