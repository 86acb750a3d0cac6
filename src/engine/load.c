#include "engine/load.h"

#include <string.h>

#include "engine/session.h"

/* A handshake costs some 200 us: sixteen in 100 ms are 3 % of a processor. */
#define WINDOW    (SECONDS / 10)
#define HOLD      SECONDS
#define PER_VISIT (SECONDS / 20)

enum {
    VISITS_AT_ONCE = 5,
};

bool load_note(struct load *load, int64_t now)
{
    if (now - load->window >= WINDOW) {
        load->window = now;
        load->messages = 0;
    }
    if (++load->messages > LOAD_PER_WINDOW)
        load->under_until = now + HOLD;
    return now < load->under_until;
}

/* The place of a network, or, if it has none, that of the one that has been away longest. */
static struct load_source *find(struct load *load, const uint8_t network[static 16])
{
    struct load_source *oldest = &load->source[0];

    for (int i = 0; i < LOAD_SOURCES; i++) {
        struct load_source *source = &load->source[i];

        if (source->since && memcmp(source->network, network, 16) == 0)
            return source;
        if (source->since < oldest->since)
            oldest = source;
    }
    memcpy(oldest->network, network, 16);
    oldest->since = 0;
    return oldest;
}

bool load_allow(struct load *load, const uint8_t source[static REMOTE_SOURCE_SIZE], int64_t now)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint8_t network[16] = {0};
    struct load_source *entry;
    int64_t start;

    memcpy(network, source, memcmp(source, mapped, sizeof(mapped)) == 0 ? 16 : 8);
    entry = find(load, network);
    start = now - VISITS_AT_ONCE * PER_VISIT;
    if (entry->since < start)
        entry->since = start;
    if (entry->since + PER_VISIT > now)
        return false;
    entry->since += PER_VISIT;
    return true;
}
