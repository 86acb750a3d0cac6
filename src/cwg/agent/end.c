#include "cwg/agent/end.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg/record/record.h"

enum {
    DOWN_MS = 3000,
    LOOK_MS = 30000,     /* between two looks at an end to which nothing happens */
    MISS_FIRST_MS = 100, /* after a container's end; twice as long each time, up to ... */
    MISS_MAX_MS = 5000,
    REFUSED_MS = 60000,    /* until what the helper refused is tried again */
    PROBE_SECONDS = 5,     /* WireGuard sends its second handshake after 5 s */
    PATIENCE_MS = 10000,   /* the other end's time to begin, or to tell that it is connected */
    ROUND_FIRST_MS = 5000, /* after all endpoints were tried in vain; twice as long, up to ... */
    ROUND_MAX_MS = 300000,
};

/* Between half and one and a half of a time: so that many ends, and many sites, don't act at the
 * same moment. */
static int64_t about(int64_t milliseconds)
{
    return milliseconds / 2 + random() % (milliseconds + 1);
}

static int64_t doubled(int64_t first, int times, int64_t max)
{
    for (int i = 0; i < times && first < max; i++)
        first *= 2;
    return first < max ? first : max;
}

static void set_reason(struct agent_end *end, const char *text)
{
    (void)snprintf(end->reason, sizeof(end->reason), "%.255s", text);
}

static void rest(struct agent_end *end, int64_t milliseconds)
{
    end->phase = PHASE_REST;
    end->due = clock_now() + milliseconds;
}

/* The container */

static void lose_container(struct agent_end *end)
{
    loop_remove(&end->house->loop, &end->death);
    if (end->facts.running)
        container_close(&end->container);
    end->facts.running = end->facts.refused = false;
    end->facts.device = DEVICE_NONE;
    end->facts.health = HEALTH_NONE;
    end->facts.key = end->facts.peer = (struct key){.bytes = {0}};
    end->misses = 0;
}

static void see_death(struct watch *watch, uint32_t events)
{
    struct agent_end *end = watch->owner;

    (void)events;
    lose_container(end);
    end_wake(end);
}

static void decide_and_do(struct agent_end *end);

static void take_container(struct lookup *lookup, const struct container *container,
                           const struct failure *failure)
{
    struct agent_end *end = lookup->owner;

    if (!container) {
        set_reason(end, failure->text);
        end->misses++;
        decide_and_do(end);
        return;
    }
    end->container = *container;
    end->facts.running = true;
    end->misses = 0;
    end->death = (struct watch){.fd = container->pidfd, .ready = see_death, .owner = end};
    if (end->death.fd >= 0)
        (void)loop_add(&end->house->loop, &end->death, EPOLLIN);
    end->again = true;
    rest(end, 0);
}

static void look_up(struct agent_end *end)
{
    struct lookup *lookup = &end->lookup;

    *lookup = (struct lookup){.done = take_container, .owner = end};
    (void)snprintf(lookup->engine, sizeof(lookup->engine), "%s", end->want.engine);
    (void)snprintf(lookup->name, sizeof(lookup->name), "%s", end->want.name);
    end->phase = PHASE_LOOKING;
    lookups_add(&end->house->lookups, lookup);
}

/* The device */

static enum decide_device device_of(const char *state)
{
    static const char *const spoiled[] = {"unfinished", "port lost", "engine lost"};

    for (size_t i = 0; i < sizeof(spoiled) / sizeof(spoiled[0]); i++) {
        if (strcmp(state, spoiled[i]) == 0)
            return DEVICE_SPOILED;
    }
    return DEVICE_SOUND;
}

static enum decide_health health_of(const char *state)
{
    if (strcmp(state, "connected") == 0 || strcmp(state, "in session") == 0)
        return HEALTH_GOOD;
    if (strcmp(state, "no handshake yet") == 0 || strcmp(state, "waiting for connect") == 0)
        return HEALTH_NONE;
    return HEALTH_STALE;
}

static void take_key(const json_t *object, struct key *ret_key)
{
    const char *text = json_text(object, "public_key", KEY_TEXT_LENGTH);

    if (!text || key_from_text(text, ret_key))
        *ret_key = (struct key){.bytes = {0}};
}

/* Takes what cwg_show tells of the net's links in the container. */
static void take_device(struct agent_end *end, const json_t *links)
{
    const json_t *link;
    size_t i;

    end->facts.device = DEVICE_NONE;
    end->facts.health = HEALTH_NONE;
    end->facts.key = end->facts.peer = (struct key){.bytes = {0}};
    json_array_foreach(links, i, link)
    {
        const char *state = json_words(link, "state");
        int64_t port;

        if (json_whole(link, "host", end->want.host, end->want.host, &port))
            continue;
        end->facts.device = device_of(state);
        end->facts.health = health_of(state);
        take_key(link, &end->facts.key);
        take_key(json_object_get(link, "peer"), &end->facts.peer);
        end->port = json_whole(link, "listen_port", 1, UINT16_MAX, &port) ? 0 : (uint16_t)port;
        if (end->port == 0 && end->facts.device == DEVICE_SOUND)
            end->facts.device = DEVICE_SPOILED;
    }
}

/* The container may have ended while a task was at work on it. Then its answer counts no more. */
static bool start_over(struct agent_end *end)
{
    if (end->facts.running && container_lives(&end->container))
        return false;
    lose_container(end);
    end->again = true;
    rest(end, 0);
    return true;
}

/* The helper refuses a task. */
static void fail_task(struct agent_end *end, const struct failure *failure)
{
    if (start_over(end))
        return;
    set_reason(end, failure->text);
    end->facts.refused = true;
    end->retry_due = clock_now() + about(REFUSED_MS);
    rest(end, about(REFUSED_MS));
    decide_and_do(end);
}

static void take_show(struct task *task, const json_t *result, const struct failure *failure)
{
    struct agent_end *end = task->owner;

    if (failure) {
        fail_task(end, failure);
        return;
    }
    if (start_over(end))
        return;
    take_device(end, result);
    decide_and_do(end);
}

static void show(struct agent_end *end)
{
    end->phase = PHASE_SHOWING;
    end->task.done = take_show;
    (void)task_write(&end->task, "cwg_show %d --nets %u --json", end->container.pid, end->want.net);
    tasks_add(&end->house->work, &end->task);
}

/* What was decided */

static void take_done(struct task *task, const json_t *result, const struct failure *failure)
{
    struct agent_end *end = task->owner;

    (void)result;
    if (failure) {
        fail_task(end, failure);
        return;
    }
    if (start_over(end))
        return;
    end->facts.refused = false;
    end->again = true;
    rest(end, 0);
}

static void run_task(struct agent_end *end)
{
    end->phase = PHASE_DOING;
    end->task.done = take_done;
    tasks_add(&end->house->work, &end->task);
}

static void create(struct agent_end *end)
{
    (void)task_write(&end->task, "cwg_create %d %u %u %u --json", end->container.pid, end->want.net,
                     end->want.host, end->want.port);
    run_task(end);
}

static void destroy(struct agent_end *end)
{
    (void)task_write(&end->task, "cwg_destroy %d %u %u --if-exists", end->container.pid,
                     end->want.net, end->want.host);
    run_task(end);
}

static void connect_end(struct agent_end *end)
{
    const struct news *heard = &end->heard;
    char endpoint[ENDPOINT_TEXT_SIZE] = "-", key[KEY_TEXT_LENGTH + 1], mtu[24] = "";

    if (heard->endpoints > 0)
        endpoint_to_text(&heard->endpoint[end->tried % heard->endpoints], endpoint);
    key_to_text(&heard->key, key);
    if (end->want.mtu)
        (void)snprintf(mtu, sizeof(mtu), " --mtu %u", end->want.mtu);
    (void)task_write(&end->task, "cwg_connect %d %u %u %s %s --persistent-keepalive %u%s",
                     end->container.pid, end->want.net, 1 - end->want.host, endpoint, key,
                     end->want.keepalive, mtu);
    end->probe_due = 0;
    end->moving = false;
    run_task(end);
}

/* A serial is a time, too: if records are lost, by a loss of power or with the store, the next one
 * is above all that the other site has heard. */
static int64_t next_serial(const struct agent_end *end)
{
    const int64_t today = clock_today();

    return today > end->told.serial ? today : end->told.serial + 1;
}

/* Tells the other site of this end: in the store, from where it is carried. */
static void tell(struct agent_end *end)
{
    struct household *house = end->house;
    const bool up = end->facts.device == DEVICE_SOUND;
    struct news news = {
        .serial = next_serial(end), .net = end->want.net, .host = end->want.host, .up = up};
    const bool home = strcmp(house->site, end->want.site) == 0;
    struct failure failure = {.text = ""};
    char path[STORE_PATH_SIZE];
    json_t *body;
    char *line;

    if (up) {
        news.key = end->facts.key;
        news.peer = end->facts.peer;
        for (; news.endpoints < house->addresses; news.endpoints++) {
            news.endpoint[news.endpoints] = house->address[news.endpoints];
            news.endpoint[news.endpoints].port = end->port;
        }
    }
    body = news_pack(&news);
    line = record_sign(&house->key, end->want.site, end->path, body, &failure);
    /* A site needs nobody to carry what it tells itself. */
    (void)snprintf(path, sizeof(path), "%s/%s/%s", home ? "in" : "out", end->want.site, end->path);
    if (line && store_write_lazily(&house->store, path, line, &failure) == 0) {
        end->told = news;
        end->again = true;
        if (!home)
            house->carry(house, end->want.site, end->path);
        rest(end, 0);
    } else {
        set_reason(end, failure.text);
        rest(end, about(REFUSED_MS));
    }
    json_decref(body);
    free(line);
}

/* A probe */

static void take_probe(struct task *task, const json_t *result, const struct failure *failure)
{
    struct agent_end *end = task->owner;

    (void)result;
    end->probing = false;
    end->again = true;
    if (!failure) {
        end->tried = end->rounds = 0;
        end->reason[0] = '\0';
        end->probe_due = clock_now() + about(LOOK_MS);
        return;
    }
    set_reason(end, failure->text);
    end->tried++;
    end->probe_due = 0;
    if (end->tried >= end->heard.endpoints) {
        end->tried = 0;
        end->probe_due = clock_now() + about(doubled(ROUND_FIRST_MS, end->rounds++, ROUND_MAX_MS));
    } else if (end->heard.up) {
        end->moving = true;
    }
}

static void probe(struct agent_end *end)
{
    end->probing = true;
    end->probe.done = take_probe;
    end->probe.owner = end;
    (void)task_write(&end->probe, "cwg_wait %d %u %u %d --json", end->container.pid, end->want.net,
                     end->want.host, PROBE_SECONDS);
    tasks_add(&end->house->probes, &end->probe);
    rest(end, about(LOOK_MS));
}

/* Two ends that begin at once are in each other's way for seconds. So host 0 begins when host 1 has
 * told that it is connected to it; and host 1 only if nothing came of that. */
static bool may_probe(struct agent_end *end)
{
    const bool known = end->heard.up && key_equal(&end->heard.peer, &end->facts.key);

    if (end->probing || end->house->ending)
        return false;
    if (end->probe_due == 0)
        end->probe_due =
            known && end->want.host == 0 ? clock_now() : clock_now() + about(PATIENCE_MS);
    else if (known && end->want.host == 0 && end->rounds == 0 && end->tried == 0)
        end->probe_due = clock_now();
    return clock_now() >= end->probe_due;
}

/* Facts that are in other places. */
static void gather(struct agent_end *end)
{
    struct facts *facts = &end->facts;

    facts->wanted = !end->want.off && !end->forgotten;
    if (facts->refused && clock_now() >= end->retry_due)
        facts->refused = false;
    facts->told_up = end->told.up;
    facts->told_key = end->told.key;
    facts->told_peer = end->told.peer;
    facts->told_moved = end->told.up && end->told.endpoints != end->house->addresses;
    for (int i = 0; i < end->told.endpoints && !facts->told_moved; i++) {
        struct endpoint now = end->house->address[i];

        now.port = end->port;
        facts->told_moved = !news_same_place(&now, &end->told.endpoint[i]);
    }
    facts->heard = end->heard.serial > 0;
    facts->heard_up = end->heard.up;
    facts->heard_key = end->heard.key;
    facts->may_move = end->moving;
    facts->may_probe = facts->device == DEVICE_SOUND && may_probe(end);
}

/* How long nothing is to be done, if nothing happens. */
static int64_t pause_of(const struct agent_end *end)
{
    /* The other end is said to be gone: this one will notice it soon. */
    int64_t pause = about(end->heard.serial > 0 && !end->heard.up ? DOWN_MS : LOOK_MS);

    if (end->verdict.state == END_NO_CONTAINER)
        return doubled(MISS_FIRST_MS, end->misses, MISS_MAX_MS);
    if ((end->verdict.state == END_CONNECTING || end->verdict.state == END_STALE) &&
        !end->probing && end->probe_due > clock_now() && end->probe_due - clock_now() < pause)
        pause = end->probe_due - clock_now();
    return pause;
}

static void decide_and_do(struct agent_end *end)
{
    gather(end);
    end->verdict = decide(&end->facts);
    if (end->verdict.state == END_CONNECTED) {
        end->tried = end->rounds = 0;
        end->reason[0] = '\0';
    }
    if (end->house->ending) {
        rest(end, LOOK_MS);
        return;
    }
    switch (end->verdict.decision) {
    case DO_CREATE:
        create(end);
        return;
    case DO_REMAKE:
    case DO_DESTROY:
        destroy(end);
        return;
    case DO_TELL:
        tell(end);
        return;
    case DO_CONNECT:
        connect_end(end);
        return;
    case DO_PROBE:
        probe(end);
        return;
    case DO_NOTHING:
    default:
        rest(end, pause_of(end));
    }
}

/* Reads a record's line. Returns 0, or -1. */
static int open_news(const char *line, const char *receiver, const char *path,
                     const struct key *signer, struct news *ret_news, struct failure *failure)
{
    json_t *body = NULL;
    const int error = record_open(line, receiver, path, signer, &body, failure) ||
                      news_unpack(body, ret_news, failure);

    json_decref(body);
    return error ? -1 : 0;
}

/* What this site has told before: an agent that has just started goes on from there. A record that
 * can't be read is told anew. */
static void remember(struct agent_end *end)
{
    const bool home = strcmp(end->house->site, end->want.site) == 0;
    struct failure failure = {.text = ""};
    char line[STORE_LINE_SIZE], place[STORE_PATH_SIZE];

    end->told = (struct news){.serial = 0};
    (void)snprintf(place, sizeof(place), "%s/%s/%s", home ? "in" : "out", end->want.site,
                   end->path);
    if (store_read(&end->house->store, place, line, &failure) == 0)
        (void)open_news(line, end->want.site, end->path, &end->house->key.public, &end->told,
                        &failure);
}

void end_hear(struct agent_end *end)
{
    struct failure failure = {.text = ""};
    struct news news;
    char line[STORE_LINE_SIZE], path[END_PATH_SIZE], place[STORE_PATH_SIZE];
    int found;

    (void)snprintf(path, sizeof(path), "%.63s.%u", end->want.link, 1 - end->want.host);
    (void)snprintf(place, sizeof(place), "in/%s/%s", end->want.site, path);
    found = store_read(&end->house->store, place, line, &failure);
    /* A look at thousands of records that are the same must not check thousands of signatures. */
    if (found == 0 && end->heard_line && strcmp(line, end->heard_line) == 0)
        return;
    if (found == 0) {
        free(end->heard_line);
        end->heard_line = strdup(line);
        found = open_news(line, end->house->site, path, &end->want.key, &news, &failure);
    }
    if (found == 0 && (news.net != end->want.net || news.host != 1 - end->want.host))
        found = fail(&failure, "record", "the other site tells of another end");
    if (found < 0)
        set_reason(end, failure.text);
    if (found != 0 || news.serial <= end->heard.serial)
        return;
    if (!news_equal(&news, &end->heard))
        end_wake(end);
    end->heard = news;
}

struct agent_end *end_new(struct household *house, const char *path, const struct want *want)
{
    struct agent_end *end = calloc(1, sizeof(*end));

    if (!end)
        return NULL;
    end->house = house;
    end->want = *want;
    end->death.fd = -1;
    end->task.owner = end;
    (void)snprintf(end->path, sizeof(end->path), "%s", path);
    remember(end);
    end_hear(end);
    end_wake(end);
    return end;
}

void end_free(struct agent_end *end)
{
    lose_container(end);
    free(end->heard_line);
    free(end);
}

void end_wake(struct agent_end *end)
{
    end->again = true;
}

void end_want(struct agent_end *end, const struct want *want)
{
    const bool other_site = strcmp(want->site, end->want.site) != 0;

    if (other_site || !key_equal(&want->key, &end->want.key)) {
        end->heard = (struct news){.serial = 0}; /* by a key that counts no longer */
        free(end->heard_line);
        end->heard_line = NULL;
    }
    end->want = *want;
    if (other_site)
        remember(end);
    end->facts.refused = false;
    end_hear(end);
    end_wake(end);
}

bool end_is_over(const struct agent_end *end)
{
    return end->forgotten && end->phase == PHASE_REST && !end->again && !end->probing &&
           end->verdict.state == END_OFF && end->verdict.decision == DO_NOTHING &&
           end->facts.device == DEVICE_NONE;
}

int64_t end_run(struct agent_end *end)
{
    if (end->phase != PHASE_REST)
        return INT64_MAX;
    if (!end->again && clock_now() < end->due)
        return end->due;
    end->again = false;
    if (!end->facts.running && end->misses > 0 && clock_now() < end->due) {
        decide_and_do(end);
        return end->due;
    }
    if (end->facts.running)
        show(end);
    else
        look_up(end);
    return INT64_MAX;
}
