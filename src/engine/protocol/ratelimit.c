#include "engine/protocol/ratelimit.h"

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

bool ratelimit_note(struct ratelimit *limit, int64_t now)
{
    if (now - limit->window >= WINDOW) {
        limit->window = now;
        limit->messages = 0;
    }
    if (++limit->messages > RATELIMIT_PER_WINDOW)
        limit->under_until = now + HOLD;
    return now < limit->under_until;
}

static void to_network(const uint8_t source[static REMOTE_SOURCE_SIZE], uint8_t ret_network[16])
{
    memset(ret_network, 0, 16);
    memcpy(ret_network, source, address_is_mapped(source) ? 16 : 8);
}

/* Returns the place of a network. If the network has none, it takes a place whose allowance is
 * whole again, so that nothing is forgotten; NULL if there is no such place. */
static struct ratelimit_source *find(struct ratelimit *limit, const uint8_t network[static 16],
                                     int64_t start)
{
    struct ratelimit_source *restored = NULL;

    for (int i = 0; i < RATELIMIT_SOURCES; i++) {
        struct ratelimit_source *source = &limit->source[i];

        if (memcmp(source->network, network, 16) == 0)
            return source;
        if (source->since <= start)
            restored = source;
    }
    if (restored)
        memcpy(restored->network, network, 16);
    return restored;
}

/* Returns the place that is kept for the peer. */
static struct ratelimit_source *of_peer(struct ratelimit *limit, const uint8_t network[static 16])
{
    if (memcmp(limit->peer.network, network, 16) != 0) {
        memcpy(limit->peer.network, network, 16);
        limit->peer.since = 0;
    }
    return &limit->peer;
}

bool ratelimit_allow(struct ratelimit *limit, const uint8_t source[static REMOTE_SOURCE_SIZE],
                     const uint8_t peer[static REMOTE_SOURCE_SIZE], int64_t now)
{
    int64_t start = now - VISITS_AT_ONCE * PER_VISIT;
    uint8_t network[16], peers[16];
    struct ratelimit_source *entry;

    to_network(source, network);
    to_network(peer, peers);
    if (memcmp(network, peers, 16) == 0)
        entry = of_peer(limit, network);
    else
        entry = find(limit, network, start);
    if (!entry)
        return false;
    if (entry->since < start)
        entry->since = start;
    if (entry->since + PER_VISIT > now)
        return false;
    entry->since += PER_VISIT;
    return true;
}
