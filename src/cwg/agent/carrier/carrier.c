#include "cwg/agent/carrier/carrier.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/site/ssh.h"

enum {
    AGAIN_FIRST_MS = 1000, /* after a session has ended; twice as long each time, up to ... */
    AGAIN_MAX_MS = 60000,
    END_MS = 500,
    READ_SIZE = 4096,
    READS_MAX = PROCESS_PIPE_MAX / READ_SIZE, /* of what ssh has said: as much as a pipe holds */
};

static struct carrier *make_carrier(struct loop *loop, const struct store *store, const char *own,
                                    const char *site, const char *host)
{
    struct carrier *carrier = calloc(1, sizeof(*carrier));

    if (!carrier)
        return NULL;
    carrier->loop = loop;
    carrier->store = store;
    carrier->ssh.pid = -1;
    carrier->watch.fd = carrier->room.fd = -1;
    (void)snprintf(carrier->own, sizeof(carrier->own), "%s", own);
    (void)snprintf(carrier->site, sizeof(carrier->site), "%s", site);
    (void)snprintf(carrier->host, sizeof(carrier->host), "%s", host);
    return carrier;
}

/* Why a session has ended: what this agent found wrong with it, or ssh's last words. */
static void explain(struct carrier *carrier, const char *last)
{
    const struct failure *trouble = &carrier->trouble;
    /* ssh says of a connection that was lost why, and of a signal of this agent's that it came. */
    const bool lost = !trouble->text[0] || failure_is(trouble, "unreachable");
    const bool says = last[0] && strncmp(last, "Killed by", 9) != 0;

    if (trouble->text[0] && (!lost || !says)) {
        carrier->failure = *trouble;
        /* Its words are older than the silence, and may tell of something else. */
        if (says && failure_is(trouble, "silent"))
            failure_add(&carrier->failure, "; before, ssh has said: %.300s", last);
    } else if (last[0])
        fail(&carrier->failure, "unreachable", "%s: %.300s", carrier->site, last);
    else if (!carrier->post.greeted)
        fail(&carrier->failure, "unreachable",
             "%s: nobody answers as cwg does: try `ssh %s cwg inbox %s` by hand", carrier->site,
             carrier->host, carrier->own);
    else
        fail(&carrier->failure, "unreachable", "%s: the session has ended", carrier->site);
}

/* The session has ended, or has to. */
static void end(struct carrier *carrier)
{
    char said[1024] = "", text[READ_SIZE];
    int64_t wait = AGAIN_FIRST_MS;

    loop_remove(carrier->loop, &carrier->watch);
    loop_remove(carrier->loop, &carrier->room);
    close(carrier->ssh.in);
    carrier->ssh.in = -1;
    (void)kill(carrier->ssh.pid, SIGTERM); /* it may wait for a site that doesn't answer */
    (void)process_end(&carrier->ssh, clock_now() + END_MS);
    for (int i = 0; i < READS_MAX; i++) {
        const ssize_t length = read(carrier->ssh.err, text, sizeof(text));

        if (length <= 0)
            break;
        process_keep_last(said, sizeof(said), text, (size_t)length);
    }
    process_close(&carrier->ssh);
    carrier->ssh.pid = -1;
    explain(carrier, ssh_last_line(said));
    carrier->sent += carrier->post.sent;
    carrier->post.sent = 0;
    /* A site that greets and goes, or a full disk here, is no reason to call each second. */
    carrier->misses = clock_now() - carrier->begun >= AGAIN_MAX_MS ? 0 : carrier->misses + 1;
    for (int i = 0; i < carrier->misses && wait < AGAIN_MAX_MS; i++)
        wait *= 2;
    wait = wait < AGAIN_MAX_MS ? wait : AGAIN_MAX_MS;
    carrier->due = clock_now() + wait / 2 + random() % wait;
    post_end(&carrier->post);
}

/* Waits for room as long as something is to be sent. */
static void await_room(struct carrier *carrier);

static void see_room(struct watch *watch, uint32_t events)
{
    struct carrier *carrier = watch->owner;

    (void)events;
    if (post_flush(&carrier->post, &carrier->trouble))
        end(carrier);
    else
        await_room(carrier);
}

static void await_room(struct carrier *carrier)
{
    if (!post_waits(&carrier->post)) {
        loop_remove(carrier->loop, &carrier->room);
    } else if (carrier->room.fd < 0) {
        carrier->room = (struct watch){.fd = carrier->ssh.in, .ready = see_room, .owner = carrier};
        (void)loop_add(carrier->loop, &carrier->room, EPOLLOUT);
    }
}

static void hear(struct watch *watch, uint32_t events)
{
    struct carrier *carrier = watch->owner;
    enum lines_found found = lines_fill(&carrier->input);
    int result = 0;
    char *line;

    (void)events;
    while (result >= 0 && found == LINES_MORE &&
           (found = lines_take(&carrier->input, &line)) == LINES_LINE) {
        result = post_take(&carrier->post, line, &carrier->trouble);
        carrier->news |= result > 0;
        carrier->taken += result > 0;
        found = LINES_MORE;
    }
    if (result < 0 || found == LINES_END || found == LINES_TOO_LONG)
        end(carrier);
    else if (carrier->post.greeted)
        carrier->failure.text[0] = '\0';
}

static void begin(struct carrier *carrier)
{
    const char *command[SSH_WORDS];
    char words[SSH_WORDS_SIZE], remote[32 + WANT_SITE_SIZE];
    int error;

    carrier->trouble.text[0] = '\0';
    carrier->begun = clock_now();
    carrier->due = carrier->begun + AGAIN_MAX_MS;
    /* A forced command at the other site has the last word. */
    (void)snprintf(remote, sizeof(remote), "cwg inbox %s", carrier->own);
    if (ssh_command(words, command,
                    (const char *const[]){"-T", "-o", "BatchMode=yes", "-o",
                                          "ServerAliveInterval=5", "-o", "ServerAliveCountMax=3",
                                          "--", carrier->host, remote, NULL},
                    &carrier->failure))
        return;
    error = process_start(command, false, NULL, &carrier->ssh);
    if (error) {
        carrier->ssh.pid = -1;
        fail_errno(&carrier->failure, -error, "can't start ssh");
        return;
    }
    carrier->input = (struct lines){.fd = carrier->ssh.out};
    carrier->watch = (struct watch){.fd = carrier->ssh.out, .ready = hear, .owner = carrier};
    if (loop_add(carrier->loop, &carrier->watch, EPOLLIN) ||
        post_begin(&carrier->post, carrier->store, carrier->site, carrier->ssh.in,
                   &carrier->trouble))
        end(carrier);
    else
        carrier->post.own = carrier->own;
}

static void send_record(struct carrier *carrier, const char *path)
{
    if (carrier->ssh.pid < 0)
        return;
    if (post_send(&carrier->post, path, &carrier->trouble))
        end(carrier);
    else
        await_room(carrier);
}

int64_t carrier_run(struct carrier *carrier)
{
    if (carrier->ssh.pid < 0 && clock_now() >= carrier->due)
        begin(carrier);
    if (carrier->ssh.pid >= 0) {
        const int64_t due = post_run(&carrier->post, &carrier->trouble);

        if (due >= 0) {
            await_room(carrier);
            return due;
        }
        end(carrier);
    }
    return carrier->due;
}

bool carrier_tell(struct carrier *carrier)
{
    const bool up = carrier->ssh.pid >= 0 && carrier->post.greeted;
    const enum reach_state state = up                         ? REACH_UP
                                   : carrier->failure.text[0] ? REACH_DOWN
                                                              : REACH_CALLING;

    return reach_tell(&carrier->reach, carrier->store, carrier->site, "ssh", carrier->host, state,
                      up ? "" : carrier->failure.text);
}

static void free_carrier(struct carrier *carrier)
{
    if (carrier->ssh.pid >= 0)
        end(carrier);
    free(carrier);
}

/* The site is reached at a host, maybe another one than before. */
static void aim(struct carrier *carrier, const char *host)
{
    if (strcmp(carrier->host, host) == 0)
        return;
    (void)snprintf(carrier->host, sizeof(carrier->host), "%s", host);
    if (carrier->ssh.pid >= 0)
        end(carrier);
    carrier->failure.text[0] = '\0'; /* it was of the other host */
    carrier->misses = 0;
    carrier->due = 0;
}

void carriers_add(struct carriers *carriers, struct loop *loop, const struct store *store,
                  const char *own, const struct site_record *site)
{
    struct carrier **more;

    if (!site || !site->ssh[0])
        return;
    for (size_t i = 0; i < carriers->count; i++) {
        if (strcmp(carriers->one[i]->site, site->name) == 0) {
            aim(carriers->one[i], site->ssh);
            return;
        }
    }
    more = reallocarray(carriers->one, carriers->count + 1, sizeof(void *));
    if (!more)
        return;
    carriers->one = more;
    more[carriers->count] = make_carrier(loop, store, own, site->name, site->ssh);
    if (more[carriers->count])
        carriers->count++;
}

bool carriers_lack(const struct carriers *carriers, const struct store *store,
                   const struct site_record *site)
{
    struct failure failure = {.text = ""};
    char folder[STORE_PATH_SIZE];
    char **records;
    bool any;

    if (!site->ssh[0])
        return false;
    for (size_t i = 0; i < carriers->count; i++) {
        if (strcmp(carriers->one[i]->site, site->name) == 0)
            return false;
    }
    (void)snprintf(folder, sizeof(folder), "out/%.63s", site->name);
    records = store_list(store, folder, &failure);
    any = records && *records;
    free(records);
    return any;
}

void carriers_match(struct carriers *carriers, const struct trust *trust)
{
    size_t kept = 0;

    for (size_t i = 0; i < carriers->count; i++) {
        struct carrier *carrier = carriers->one[i];
        const struct site_record *site = trust_find(trust, carrier->site);

        if (site && site->ssh[0]) {
            aim(carrier, site->ssh);
            carriers->one[kept++] = carrier;
        } else {
            reach_forget(carrier->store, carrier->site);
            free_carrier(carrier);
        }
    }
    carriers->count = kept;
}

void carriers_send(struct carriers *carriers, const char *site, const char *path)
{
    for (size_t i = 0; i < carriers->count; i++) {
        if (strcmp(carriers->one[i]->site, site) == 0)
            send_record(carriers->one[i], path);
    }
}

void carriers_free(struct carriers *carriers)
{
    for (size_t i = 0; i < carriers->count; i++)
        free_carrier(carriers->one[i]);
    free(carriers->one);
    *carriers = (struct carriers){.one = NULL};
}
