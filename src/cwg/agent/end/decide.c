#include "cwg/agent/end/decide.h"

static struct verdict verdict(enum decision decision, enum end_state state)
{
    return (struct verdict){.decision = decision, .state = state};
}

/* The other site learns what has changed here before this end waits for anything of the other's. */
static bool has_news(const struct facts *facts)
{
    const bool up = facts->device == DEVICE_SOUND;

    if (up != facts->told_up)
        return true;
    return up && (facts->told_moved || !key_equal(&facts->key, &facts->told_key) ||
                  !key_equal(&facts->peer, &facts->told_peer));
}

/* Of an end that isn't to be there, or can't. */
static struct verdict decide_down(const struct facts *facts, enum end_state state)
{
    return verdict(facts->told_up || facts->told_lost ? DO_TELL : DO_NOTHING, state);
}

static struct verdict decide_device(const struct facts *facts)
{
    if (facts->refused)
        return decide_down(facts, END_REFUSED);
    return verdict(facts->device == DEVICE_NONE ? DO_CREATE : DO_REMAKE, END_CREATING);
}

/* Of an end with which no packet passes, as far as is known. One that was connected isn't called
 * stale before a probe had time to tell, unless the other site has told that its end is gone. */
static enum end_state silent_state(const struct facts *facts)
{
    if (facts->heard && !facts->heard_up)
        return END_PEER_DOWN;
    if (facts->health == HEALTH_NONE)
        return END_CONNECTING;
    return facts->health == HEALTH_IDLE && facts->in_doubt ? END_CONNECTED : END_STALE;
}

/* Of an end that is being connected. What passes by the last keys goes on meanwhile, if it is still
 * the same peer. */
static enum end_state connecting_state(const struct facts *facts)
{
    if (!key_equal(&facts->heard_key, &facts->peer))
        return END_CONNECTING;
    if (facts->health == HEALTH_GOOD)
        return END_CONNECTED;
    return facts->health == HEALTH_SESSION ? END_IN_SESSION : silent_state(facts);
}

/* May packets pass to the right peer? They do so, too, while the helper refuses a new preshared
 * key, or the key's file can't be read. */
static bool may_work(const struct facts *facts)
{
    const bool to_be_seen = facts->in_doubt || facts->may_probe;

    return key_equal(&facts->heard_key, &facts->peer) &&
           (facts->health >= HEALTH_SESSION || (facts->health == HEALTH_IDLE && to_be_seen));
}

/* Of a sound device. */
static struct verdict decide_peer(const struct facts *facts)
{
    const bool can_connect = facts->heard && facts->heard_up;
    const bool same_peer =
        facts->heard && key_equal(&facts->heard_key, &facts->peer) && !facts->secret_due;

    if (can_connect && (!same_peer || (facts->may_move && facts->health < HEALTH_SESSION))) {
        if (!facts->refused)
            return verdict(DO_CONNECT, connecting_state(facts));
        if (!may_work(facts))
            return verdict(DO_NOTHING, END_REFUSED);
    }
    if (facts->health == HEALTH_GOOD)
        return verdict(DO_NOTHING, END_CONNECTED);
    /* A session is no packet: the last keys may be older than the other end's end. */
    if (facts->health == HEALTH_SESSION)
        return verdict(DO_NOTHING,
                       facts->heard && !facts->heard_up ? END_PEER_DOWN : END_IN_SESSION);
    if (key_is_zero(&facts->peer))
        return verdict(DO_NOTHING, facts->heard ? END_PEER_DOWN : END_UNHEARD);
    /* It has a peer, and nothing passes. Packets tell more than the other site: it may be late. */
    return verdict(facts->may_probe ? DO_PROBE : DO_NOTHING, silent_state(facts));
}

bool decide_is_blind(const struct facts *facts)
{
    return facts->blind && (facts->wanted || !facts->no_engine);
}

struct verdict decide(const struct facts *facts)
{
    /* What isn't known isn't changed, and nothing is told of it. */
    if (decide_is_blind(facts))
        return verdict(DO_NOTHING, facts->wanted ? END_REFUSED : END_OFF);
    if (!facts->wanted && facts->running && facts->device != DEVICE_NONE)
        return verdict(facts->refused ? DO_NOTHING : DO_DESTROY, END_OFF);
    if (!facts->wanted)
        return decide_down(facts, END_OFF);
    if (!facts->running)
        return decide_down(facts, END_NO_CONTAINER);
    if (facts->device == DEVICE_UNSEEN)
        return verdict(DO_NOTHING, END_REFUSED);
    if (facts->device != DEVICE_SOUND)
        return decide_device(facts);
    if (has_news(facts)) {
        struct verdict rest = decide_peer(facts);

        return verdict(DO_TELL, rest.state);
    }
    return decide_peer(facts);
}

const char *end_state_text(enum end_state state)
{
    static const char *const texts[] = {
        [END_OFF] = "off",
        [END_NO_CONTAINER] = "waiting for its container",
        [END_REFUSED] = "refused",
        [END_CREATING] = "creating",
        [END_UNHEARD] = "waiting for the other site",
        [END_PEER_DOWN] = "the other end is down",
        [END_CONNECTING] = "connecting",
        [END_IN_SESSION] = "in session",
        [END_CONNECTED] = "connected",
        [END_STALE] = "stale",
    };

    return texts[state];
}
