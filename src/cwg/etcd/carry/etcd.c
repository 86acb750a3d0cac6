#include "cwg/etcd/carry/etcd.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/signal_fd.h"
#include "cwg/etcd/carry/changes.h"
#include "cwg/etcd/carry/hearing.h"
#include "cwg/etcd/carry/tale.h"
#include "cwg/etcd/gateway/watcher.h"

enum {
    AGAIN_NEXT_MS = 100,   /* until the next server is tried, */
    AGAIN_FIRST_MS = 1000, /* after all have been tried; twice as long each time, up to ... */
    AGAIN_MAX_MS = 60000,
    STEADY_MS = 60000, /* a connection that lasts so long was a good one */
    LIST_MS = 600000,  /* between two lists: the watch is only an accelerator */
    LIST_MISSED_MS = 60000,
    FAREWELL_MS = 1000,
};

struct etcd {
    struct client client;
    struct store store;
    struct presence presence;
    struct telling telling;
    struct hearing hearing;
    struct orders orders;
    struct watcher watcher;
    struct folders folders;
    struct tale tale;
    char own[GATEWAY_KEY_SIZE]; /* the prefix of this site's keys */
    int signals;
    bool connected, ending;
    int misses;       /* attempts in vain, one after the other */
    int64_t due;      /* the next attempt */
    int64_t begun;    /* the connection */
    int64_t list_due; /* the next list */
};

static void hear_signals(struct etcd *etcd)
{
    struct signalfd_siginfo info;

    while (read(etcd->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo != SIGHUP)
            etcd->ending = true;
        etcd->due = 0;
        telling_retry(&etcd->telling);
        presence_retry(&etcd->presence);
    }
}

/* What couldn't be stored is read again soon. */
static void read_missed(struct etcd *etcd)
{
    const int64_t soon = clock_now() + LIST_MISSED_MS;

    if (etcd->hearing.missed && soon < etcd->list_due)
        etcd->list_due = soon;
    etcd->hearing.missed = false;
}

/* Lists all, and takes it. */
static int list(struct etcd *etcd, int64_t *ret_revision, struct failure *failure)
{
    struct hearing *hearing = &etcd->hearing;
    bool is_new = false;

    hearing->listing = true;
    hearing->missed = false;
    hearing->refusal[0] = '\0';
    telling_begin_list(&etcd->telling);
    *ret_revision = client_list(&etcd->client, etcd->own, hearing_take, hearing, &is_new, failure);
    hearing->listing = false;
    if (*ret_revision < 0)
        return -1;
    telling_end_list(&etcd->telling, *ret_revision);
    if (is_new) {
        (void)fprintf(stderr, "cwg etcd: the store is another one, or was restored: all is told "
                              "again\n");
        telling_again(&etcd->telling);
    }
    etcd->list_due = clock_now() + LIST_MS / 2 + random() % LIST_MS;
    read_missed(etcd);
    return 0;
}

static int connect_now(struct etcd *etcd, struct failure *failure)
{
    int64_t revision;

    etcd->begun = clock_now();
    presence_say(&etcd->presence, telling_is_behind(&etcd->telling, etcd->begun));
    if ((!etcd->client.token[0] && client_authenticate(&etcd->client, failure)) ||
        presence_claim(&etcd->presence, failure) || list(etcd, &revision, failure) ||
        watcher_open(&etcd->watcher, &etcd->client, etcd->own, revision + 1, failure))
        return -1;
    etcd->connected = true;
    return 0;
}

/* The connection is lost, or wasn't had. */
static void disconnect(struct etcd *etcd, const struct failure *failure)
{
    const int64_t now = clock_now();
    int64_t wait = AGAIN_NEXT_MS;
    const bool steady = etcd->connected && now - etcd->begun >= STEADY_MS;

    watcher_close(&etcd->watcher);
    etcd->connected = false;
    if (failure_is(failure, "interrupted"))
        return; /* by a signal: at once again, unless it is the end */
    etcd->misses = steady ? 1 : etcd->misses + 1;
    if (etcd->misses >= etcd->client.settings->urls) {
        wait = AGAIN_FIRST_MS;
        for (int i = etcd->client.settings->urls; i < etcd->misses && wait < AGAIN_MAX_MS; i++)
            wait *= 2;
    }
    wait = wait < AGAIN_MAX_MS ? wait : AGAIN_MAX_MS;
    tale_tell(&etcd->tale, "unreachable", client_url(&etcd->client), failure->text, 0);
    client_next(&etcd->client);
    etcd->due = now + wait / 2 + random() % (wait / 2) + client_spread(&etcd->client);
}

/* What is due while there is a connection. Returns 0, or -1: there is none any more. */
static int go_on(struct etcd *etcd, struct failure *failure)
{
    const int64_t now = clock_now();
    const int error = watcher_take(&etcd->watcher, hearing_take, &etcd->hearing, failure);
    int64_t beat, revision;
    int told = 0;

    read_missed(etcd);
    if (error || presence_run(&etcd->presence, &beat, failure))
        return -1;
    if (etcd->presence.lost)
        telling_again(&etcd->telling);
    etcd->presence.lost = false;
    if (beat)
        watcher_expect(&etcd->watcher, beat);
    if (etcd->presence.revision)
        told = telling_run(&etcd->telling, etcd->presence.revision, failure);
    if (etcd->telling.had_room)
        etcd->presence.full[0] = '\0';
    etcd->telling.had_room = false;
    if (told > 0)
        told = presence_claim(&etcd->presence, failure);
    if (told < 0)
        return -1;
    presence_say(&etcd->presence, telling_is_behind(&etcd->telling, now));
    if (clock_now() < etcd->list_due)
        return 0;
    etcd->hearing.quiet = true; /* the watch has told of it all */
    told = list(etcd, &revision, failure);
    etcd->hearing.quiet = false;
    return told;
}

static void tell_state(struct etcd *etcd)
{
    const size_t waiting = telling_waiting(&etcd->telling);
    const char *url = client_url(&etcd->client);

    if (etcd->presence.full[0]) {
        tale_tell(&etcd->tale, "full", url, etcd->presence.full, waiting);
    } else if (!etcd->presence.revision) {
        char text[FAILURE_TEXT_SIZE];

        (void)snprintf(text, sizeof(text),
                       "%s is site %s as well: nothing is published from here; `cwg etcd "
                       "--takeover` makes this machine the site",
                       etcd->presence.other[0] ? etcd->presence.other : "another machine",
                       etcd->presence.site);
        tale_tell(&etcd->tale, "another-machine", url, text, waiting);
    } else if (etcd->telling.refusal[0]) {
        tale_tell(&etcd->tale, etcd->telling.full ? "full" : "refused", url, etcd->telling.refusal,
                  waiting);
    } else {
        tale_tell(&etcd->tale, "connected", url, etcd->hearing.refusal, 0);
    }
}

/* When something is due. */
static int64_t due_of(const struct etcd *etcd)
{
    int64_t due[] = {etcd->list_due, presence_due(&etcd->presence),
                     etcd->presence.revision ? telling_due(&etcd->telling) : etcd->list_due,
                     etcd->watcher.beat_due ? etcd->watcher.beat_due : etcd->list_due};

    if (!etcd->connected)
        return etcd->due;
    for (size_t i = 1; i < sizeof(due) / sizeof(due[0]); i++)
        due[0] = due[i] < due[0] ? due[i] : due[0];
    return due[0];
}

static int turn(struct etcd *etcd, struct failure *failure)
{
    struct failure reason = {.text = ""};
    const int fds[] = {etcd->signals, etcd->folders.fd};
    int error = 0;

    if (!etcd->connected && clock_now() >= etcd->due)
        error = connect_now(etcd, &reason);
    if (!error && etcd->connected)
        error = go_on(etcd, &reason);
    if (error)
        disconnect(etcd, &reason);
    else if (etcd->connected)
        tell_state(etcd);
    if (http_wait(&etcd->client.http, fds, 2, due_of(etcd), failure))
        return -1;
    hear_signals(etcd);
    if (changes_read(&etcd->folders, &etcd->telling))
        etcd->list_due = 0; /* a site may be listened to that wasn't before */
    return 0;
}

static int open_all(struct etcd *etcd, const struct etcd_options *options, struct failure *failure)
{
    char path[PATH_MAX];

    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); /* it starts no program */
    (void)snprintf(path, sizeof(path), "%.3500s/store", options->state);
    etcd->signals = signal_fd_open();
    if (etcd->signals < 0)
        return fail_errno(failure, errno, "can't wait for signals");
    if (store_open(&etcd->store, path, failure) ||
        client_open(&etcd->client, &options->client, etcd->signals, failure) ||
        presence_open(&etcd->presence, &etcd->client, &etcd->store, options->site, options->state,
                      failure) ||
        changes_open(&etcd->folders, &etcd->store, path, failure))
        return -1;
    etcd->presence.takeover = options->takeover;
    etcd->orders = options->orders;
    etcd->orders.store = &etcd->store;
    etcd->orders.site = options->site;
    etcd->telling = (struct telling){
        .client = &etcd->client, .store = &etcd->store, .site = options->site, .all = true};
    etcd->hearing = (struct hearing){.site = options->site,
                                     .store = &etcd->store,
                                     .client = &etcd->client,
                                     .orders = &etcd->orders,
                                     .presence = &etcd->presence,
                                     .telling = &etcd->telling};
    etcd->tale.store = &etcd->store;
    client_key(&etcd->client, etcd->own, "site/%s/", options->site);
    return 0;
}

int etcd_run(const struct etcd_options *options, struct failure *failure)
{
    struct etcd *etcd = calloc(1, sizeof(*etcd));
    int error;

    if (!etcd)
        return fail_errno(failure, ENOMEM, "can't start");
    srandom((unsigned)clock_today() ^ (unsigned)getpid());
    etcd->store.directory = -1;
    error = open_all(etcd, options, failure);
    etcd->due = error ? 0 : clock_now() + client_spread(&etcd->client);
    while (!error && !etcd->ending)
        error = turn(etcd, failure);
    etcd->client.http.interrupt = -1;
    etcd->client.call_ms = FAREWELL_MS;
    if (!error && !options->takeover) /* the agent's own `cwg etcd` takes the place on */
        presence_end(&etcd->presence);
    watcher_close(&etcd->watcher);
    folders_close(&etcd->folders);
    telling_end(&etcd->telling);
    hearing_end(&etcd->hearing);
    client_close(&etcd->client);
    store_close(&etcd->store);
    free(etcd);
    return error;
}
