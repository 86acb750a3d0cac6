#include "engine/protocol/load.h"

#include <string.h>

#include "engine/protocol/session.h"
#include "link/address.h"

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

static void to_network(const uint8_t source[static REMOTE_SOURCE_SIZE], uint8_t ret_network[16])
{
    memset(ret_network, 0, 16);
    memcpy(ret_network, source, address_is_mapped(source) ? 16 : 8);
}

/* The place of a network, or, if it has none, one whose allowance is all there again, so that
 * nothing is forgotten with it; NULL if there is none. */
static struct load_source *find(struct load *load, const uint8_t network[static 16], int64_t start)
{
    struct load_source *restored = NULL;

    for (int i = 0; i < LOAD_SOURCES; i++) {
        struct load_source *source = &load->source[i];

        if (memcmp(source->network, network, 16) == 0)
            return source;
        if (source->since <= start)
            restored = source;
    }
    if (restored)
        memcpy(restored->network, network, 16);
    return restored;
}

/* The one place that nobody else can take. */
static struct load_source *of_peer(struct load *load, const uint8_t network[static 16])
{
    if (memcmp(load->peer.network, network, 16) != 0) {
        memcpy(load->peer.network, network, 16);
        load->peer.since = 0;
    }
    return &load->peer;
}

bool load_allow(struct load *load, const uint8_t source[static REMOTE_SOURCE_SIZE],
                const uint8_t peer[static REMOTE_SOURCE_SIZE], int64_t now)
{
    int64_t start = now - VISITS_AT_ONCE * PER_VISIT;
    uint8_t network[16], peers[16];
    struct load_source *entry;

    to_network(source, network);
    to_network(peer, peers);
    if (memcmp(network, peers, 16) == 0)
        entry = of_peer(load, network);
    else
        entry = find(load, network, start);
    if (!entry)
        return false;
    if (entry->since < start)
        entry->since = start;
    if (entry->since + PER_VISIT > now)
        return false;
    entry->since += PER_VISIT;
    return true;
}
