#include "cwg/agent/end/device.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cwg/agent/end/secret.h"
#include "cwg/base/clock.h"
#include "cwg/base/json.h"

enum {
    KEEPALIVE_SECONDS = 25, /* shorter than the memory of most NATs */
    SESSION_SECONDS = 180,  /* after a handshake: REJECT_AFTER_TIME of WireGuard */
    SECOND_MS = 1000,
};

static enum decide_device device_of(const char *state)
{
    static const char *const spoiled[] = {"unfinished", "port lost"};

    for (size_t i = 0; i < sizeof(spoiled) / sizeof(spoiled[0]); i++) {
        if (strcmp(state, spoiled[i]) == 0)
            return DEVICE_SPOILED;
    }
    return strcmp(state, "engine lost") == 0 ? DEVICE_UNSEEN : DEVICE_SOUND;
}

static enum decide_health health_of(const char *state)
{
    if (strcmp(state, "connected") == 0)
        return HEALTH_GOOD;
    if (strcmp(state, "in session") == 0)
        return HEALTH_SESSION;
    if (strcmp(state, "no handshake yet") == 0 || strcmp(state, "waiting for connect") == 0)
        return HEALTH_NONE;
    return strcmp(state, "idle") == 0 ? HEALTH_IDLE : HEALTH_STALE;
}

static void take_key(const json_t *object, struct key *ret_key)
{
    const char *text = json_text(object, "public_key", KEY_TEXT_LENGTH);

    if (!text || key_from_text(text, ret_key))
        *ret_key = (struct key){.bytes = {0}};
}

static void take_endpoint(const json_t *object, struct endpoint *ret_endpoint)
{
    const char *text = json_text(object, "endpoint", ENDPOINT_TEXT_SIZE - 1);

    if (!text || endpoint_parse(text, ret_endpoint) != ENDPOINT_GOOD)
        *ret_endpoint = (struct endpoint){.port = 0};
}

static void note_port(const struct agent_end *end)
{
    if (end->house->sockets)
        sockets_note(end->house->sockets, end->port);
}

/* From now on the kernel's counters tell that the peer lives. */
static void begin_pulse(struct agent_end *end, const json_t *link)
{
    const char *device = json_text(link, "name", PULSE_DEVICE_SIZE - 1);
    const bool kernel = strcmp(json_words(link, "backend"), "kernel") == 0;
    int64_t age;

    end->session_end = 0;
    if (json_whole(json_object_get(link, "peer"), "latest_handshake_age", 0, SESSION_SECONDS,
                   &age) == 0)
        end->session_end = clock_now() + (SESSION_SECONDS - age) * SECOND_MS + SECOND_MS;
    if (kernel && device && end->container.pid > 0)
        pulse_begin(&end->pulse, end->container.pid, device);
    else
        end->pulse.there = false;
}

/* Takes what cwg_show tells of the net's links in the container. */
static void take_device(struct agent_end *end, const json_t *links)
{
    const json_t *link;
    size_t i;

    end->facts.device = DEVICE_NONE;
    end->facts.health = HEALTH_NONE;
    end->facts.key = end->facts.peer = (struct key){.bytes = {0}};
    end->at = (struct endpoint){.port = 0};
    end->has_secret = false;
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
        take_endpoint(json_object_get(link, "peer"), &end->at);
        if (end->facts.device == DEVICE_UNSEEN)
            end_set_reason(end, "its engine can't be asked, and is left alone: cwg_show says more");
        end->has_secret =
            json_is_true(json_object_get(json_object_get(link, "peer"), "has_preshared_key"));
        end->port = json_whole(link, "listen_port", 1, UINT16_MAX, &port) ? 0 : (uint16_t)port;
        if (end->port == 0 && end->facts.device == DEVICE_SOUND)
            end->facts.device = DEVICE_SPOILED;
        note_port(end);
        begin_pulse(end, link);
    }
    end->shown = clock_now();
}

/* The container may have ended while a task was at work on it. Then its answer counts no more. */
static bool start_over(struct agent_end *end)
{
    if (end->facts.running && container_is_current(&end->container))
        return false;
    end_lose_container(end);
    end_wake(end);
    end_rest(end, 0);
    return true;
}

/* A process that is ending loses its namespaces before its pidfd tells of the end. The helper finds
 * no process then, and a moment later the agent knows. After that the failure is a refusal. */
static bool await_end(struct agent_end *end, const struct failure *failure)
{
    if (!failure_is(failure, "no-such-process"))
        return false;
    if (!end->ending_end)
        end->ending_end = clock_now() + SECOND_MS;
    if (clock_now() >= end->ending_end)
        return false;
    end->shown = 0;
    end_rest(end, SECOND_MS);
    return true;
}

/* The helper refuses a task. */
static void fail_task(struct agent_end *end, const struct failure *failure)
{
    char text[WANT_LINK_SIZE + END_REASON_SIZE + 8];

    if (start_over(end) || await_end(end, failure))
        return;
    end_set_reason(end, failure->text);
    end->shown = 0;
    end->facts.refused = true;
    end->retry_due = clock_now() + end_about(END_REFUSED_MS);
    end_rest(end, end_about(END_REFUSED_MS));
    end_decide(end);
    if (end->verdict.state != END_CONNECTED && end->verdict.state != END_IN_SESSION)
        return; /* report() says why */
    (void)snprintf(text, sizeof(text), "link %s: %.255s", end->want.link, failure->text);
    journal_complain(&end->house->journal, text);
}

static void take_show(struct task *task, const json_t *result, const struct failure *failure)
{
    struct agent_end *end = task->owner;

    /* This agent can't have made what it has no way to, unless it had the way once. */
    end->facts.blind = failure && (!failure_is(failure, "socket") || end->told.up);
    if (failure) {
        fail_task(end, failure);
        return;
    }
    if (start_over(end))
        return;
    take_device(end, result);
    end_decide(end);
}

void device_aim(const struct agent_end *end, struct task *task,
                char ret_target[static DEVICE_TARGET_SIZE])
{
    const struct container *container = &end->container;

    task->alone = container->pid == 0;
    task->passed[0] = task->passed[1] = -1;
    if (task->alone) {
        task->passed[0] = fcntl(container->netns, F_DUPFD_CLOEXEC, 3);
        (void)snprintf(ret_target, DEVICE_TARGET_SIZE, "fd:%d", task->passed[0]);
    } else {
        (void)snprintf(ret_target, DEVICE_TARGET_SIZE, "%d", container->pid);
    }
}

void device_show(struct agent_end *end)
{
    char target[DEVICE_TARGET_SIZE];

    end->phase = PHASE_SHOWING;
    end->task.done = take_show;
    device_aim(end, &end->task, target);
    (void)task_write(&end->task, "cwg_show %s --nets %u --json", target, end->want.net);
    tasks_add(&end->house->work, &end->task);
}

/* The helper has done a task. Returns whether that is so, and the container is still there. */
static bool is_done(struct agent_end *end, const struct failure *failure)
{
    if (failure) {
        fail_task(end, failure);
        return false;
    }
    if (start_over(end))
        return false;
    end->ending_end = 0;
    end->facts.refused = false;
    end_set_reason(end, end->fault);
    end_rest(end, 0);
    return true;
}

static void take_destroyed(struct task *task, const json_t *result, const struct failure *failure)
{
    struct agent_end *end = task->owner;

    (void)result;
    if (is_done(end, failure))
        end_wake(end);
}

/* What the helper tells of a new device is all that there is to know of it. An adopted one is
 * looked at. */
static void take_created(struct task *task, const json_t *result, const struct failure *failure)
{
    struct agent_end *end = task->owner;
    int64_t port;

    if (!is_done(end, failure))
        return;
    if (!json_is_true(json_object_get(result, "created")) ||
        json_whole(result, "listen_port", 1, UINT16_MAX, &port)) {
        end_wake(end);
        return;
    }
    take_key(result, &end->facts.key);
    end->facts.device = DEVICE_SOUND;
    end->facts.health = HEALTH_NONE;
    end->facts.peer = (struct key){.bytes = {0}};
    end->has_secret = false;
    end->port = (uint16_t)port;
    note_port(end);
    end->shown = clock_now();
    end_consider(end);
}

/* A new peer, with which there was no handshake yet. */
static void take_connected(struct task *task, const json_t *result, const struct failure *failure)
{
    struct agent_end *end = task->owner;

    (void)result;
    if (!is_done(end, failure))
        return;
    if (!key_equal(&end->facts.peer, &end->asked))
        end->facts.health = HEALTH_NONE;
    end->facts.peer = end->asked;
    if (end->asked_at.port)
        end->at = end->asked_at;
    end->has_secret = end->want.psk[0] != '\0';
    end->secret = end->asked_secret;
    end->early = 0;
    end->shown = clock_now();
    /* That packets passed is no word of what passes with a new preshared key or endpoint. */
    if (end->facts.health >= HEALTH_SESSION)
        end_wake(end);
    else
        end_consider(end);
}

static void run_task(struct agent_end *end, void (*done)(struct task *task, const json_t *result,
                                                         const struct failure *failure))
{
    end->phase = PHASE_DOING;
    end->task.done = done;
    tasks_add(&end->house->work, &end->task);
}

void device_create(struct agent_end *end)
{
    char target[DEVICE_TARGET_SIZE];

    device_aim(end, &end->task, target);
    (void)task_write(&end->task, "cwg_create %s %u %u %u --json", target, end->want.net,
                     end->want.host, end->want.port);
    run_task(end, take_created);
}

void device_destroy(struct agent_end *end)
{
    char target[DEVICE_TARGET_SIZE];

    device_aim(end, &end->task, target);
    (void)task_write(&end->task, "cwg_destroy %s %u %u --if-exists --json", target, end->want.net,
                     end->want.host);
    run_task(end, take_destroyed);
}

/* Gives the task the preshared key. Returns 0, or -1. */
static int add_secret(struct agent_end *end, struct task *task, char *ret_word, size_t size,
                      struct failure *failure)
{
    end->asked_secret = (struct store_stamp){.inode = 0};
    if (!end->want.psk[0])
        return 0;
    task->passed[1] = secret_open(end->want.psk, &end->asked_secret, failure);
    task->alone = true;
    (void)snprintf(ret_word, size, " --preshared-key-file=fd:%d", task->passed[1]);
    return task->passed[1] < 0 ? -1 : 0;
}

/* Which of the other site's endpoints has its turn. A new key has the first one. The same key has
 * the one at which its peer is, which may work; or the one behind it, if it is to move. */
static int next_endpoint(const struct agent_end *end)
{
    const struct news *heard = &end->heard;

    for (int i = 0; i < heard->endpoints && key_equal(&heard->key, &end->facts.peer); i++) {
        if (news_same_place(&heard->endpoint[i], &end->at))
            return (i + end->moving) % heard->endpoints;
    }
    return end->tried % heard->endpoints;
}

/* Writes the endpoint for a connect: "-" if the other site tells none. It begins, then. */
static void write_endpoint(struct agent_end *end, char ret_text[static ENDPOINT_TEXT_SIZE])
{
    (void)snprintf(ret_text, ENDPOINT_TEXT_SIZE, "-");
    end->asked_at = (struct endpoint){.port = 0};
    if (end->heard.endpoints == 0)
        return;
    end->asked_at = end->heard.endpoint[next_endpoint(end)];
    endpoint_to_text(&end->asked_at, ret_text);
}

void device_connect(struct agent_end *end)
{
    char endpoint[ENDPOINT_TEXT_SIZE], key[KEY_TEXT_LENGTH + 1], mtu[24] = "", secret[48] = "";
    char target[DEVICE_TARGET_SIZE];
    struct failure failure = {.text = ""};
    unsigned keepalive = end->want.keepalive;

    device_aim(end, &end->task, target);
    if (add_secret(end, &end->task, secret, sizeof(secret), &failure)) {
        if (end->task.passed[0] >= 0)
            close(end->task.passed[0]);
        fail_task(end, &failure);
        return;
    }
    /* This end isn't reached, but by the way back of its own packets. */
    if (keepalive == 0 && end->house->addresses == 0)
        keepalive = KEEPALIVE_SECONDS;
    /* A new key begins anew. Another address of the same key is one round's next. */
    if (!key_equal(&end->heard.key, &end->facts.peer))
        end->probe_due = end->tried = end->rounds = 0;
    else if (!end->moving)
        end->probe_due = 0;
    write_endpoint(end, endpoint);
    key_to_text(&end->heard.key, key);
    if (end->want.mtu)
        (void)snprintf(mtu, sizeof(mtu), " --mtu %u", end->want.mtu);
    (void)task_write(&end->task, "cwg_connect %s %u %u %s %s --persistent-keepalive %u%s%s --json",
                     target, end->want.net, 1 - end->want.host, endpoint, key, keepalive, mtu,
                     secret);
    end->moving = false;
    end->asked = end->heard.key;
    run_task(end, take_connected);
}
