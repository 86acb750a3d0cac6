#include "cwg/agent/agent.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg/agent/carrier/carrier.h"
#include "cwg/agent/carrier/courier.h"
#include "cwg/agent/end/telling.h"
#include "cwg/agent/ends/ends.h"
#include "cwg/agent/ends/labels.h"
#include "cwg/agent/ends/signs.h"
#include "cwg/agent/house/rekey.h"
#include "cwg/agent/settings/self.h"
#include "cwg/agent/voice/manager.h"
#include "cwg/agent/voice/voice.h"
#include "cwg/base/clock.h"
#include "cwg/base/notify.h"
#include "cwg/base/signal_fd.h"
#include "cwg/store/folders.h"
#include "cwg/store/hold.h"
#include "cwg/store/rotation.h"
#include "cwg/store/wanted.h"

enum {
    SOON_MS = 1000,    /* for what others may have this site do */
    RELOAD_MS = 60000, /* a full look at the store: inotify is only an accelerator */
};

struct agent {
    struct household house;
    struct config_options options;
    struct manager manager; /* systemd */
    struct ends ends;
    struct carriers carriers;
    struct courier courier;
    struct watch signals, changes;
    struct folders folders; /* of the store */
    struct signs signs;
    struct labels labels;
    struct voice voice;
    bool reload; /* the store may have changed */
    bool retry;  /* and what was refused is to be tried at once */
    int64_t reload_due;
};

static void hear_signal(struct watch *watch, uint32_t events)
{
    struct agent *agent = watch->owner;
    struct config_signer before[CONFIG_SIGNERS_MAX];
    struct signalfd_siginfo info;

    (void)events;
    if (read(watch->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    if (info.ssi_signo != SIGHUP) {
        agent->house.ending = true;
        return;
    }
    manager_reload(&agent->manager);
    memcpy(before, agent->house.config.signer, sizeof(before));
    household_reread(&agent->house, &agent->options);
    if (memcmp(before, agent->house.config.signer, sizeof(before)) != 0)
        courier_renew(&agent->courier);
    else
        courier_retry(&agent->courier);
    voice_hurry(&agent->voice);
    labels_reread(&agent->labels);
    agent->reload = agent->retry = true;
    journal_forget(&agent->house.journal);
}

/* Looks at all of the store after a time at the latest. */
static void look_by(struct agent *agent, int milliseconds)
{
    const int64_t due = clock_now() + milliseconds;

    if (due < agent->reload_due)
        agent->reload_due = due;
}

/* A site has told of its end: that is news for the other end of the link. */
static void hear_end(struct agent *agent, const char *site, const char *path)
{
    const char *dot = strrchr(path, '.');
    struct agent_end *end;
    char own[END_PATH_SIZE];

    if (strcmp(path, ROTATION_NAME) == 0)
        look_by(agent, SOON_MS); /* rekey_others() hears it: at this site's pace */
    if (!dot || (strcmp(dot, ".0") != 0 && strcmp(dot, ".1") != 0) || strlen(path) >= sizeof(own))
        return;
    (void)snprintf(own, sizeof(own), "%.*s.%c", (int)(dot - path), path, dot[1] == '0' ? '1' : '0');
    end = ends_find(&agent->ends, own);
    if (!end)
        end = ends_find(&agent->ends, path); /* both sites declare the same end */
    if (!end) {
        own[dot - path] = '\0';
        telling_forget(&agent->house, site, own, dot[1] == '0');
    }
    if (end && strcmp(end->want.site, site) == 0)
        telling_hear(end);
}

static void load_want(struct agent *agent, const char *name, bool changed);

/* A site may tell of thousands of ends, and tell again as often as it likes: only the end that is
 * told of is looked at. So it is with thousands that are declared at once. */
static void see_change(void *owner, const char *folder, const char *name)
{
    struct agent *agent = owner;

    if (folder && strncmp(folder, "in/", 3) == 0)
        hear_end(agent, folder + 3, name);
    else if (!folder || strcmp(folder, "want") != 0)
        agent->reload = true; /* of a site, or changes were lost */
    else if (!agent->reload && end_is_name(name))
        load_want(agent, name, true);
}

static void see_changes(struct watch *watch, uint32_t events)
{
    struct agent *agent = watch->owner;

    (void)events;
    folders_read(&agent->folders, see_change, agent);
}

static void carry(struct household *house, const char *site, const char *path)
{
    struct agent *agent = house->owner;

    carriers_send(&agent->carriers, site, path);
}

/* Watches what a site tells. One that can't be watched is found by the full look. */
static void watch_site(struct agent *agent, const char *site)
{
    char folder[STORE_PATH_SIZE];

    (void)snprintf(folder, sizeof(folder), "in/%.63s", site);
    (void)folders_watch(&agent->folders, folder, IN_MOVED_TO);
}

static void add_carrier(struct agent *agent, const char *site)
{
    const struct household *house = &agent->house;

    if (strcmp(site, house->site) != 0)
        carriers_add(&agent->carriers, &agent->house.loop, &house->store, house->site,
                     trust_find(&house->trust, site));
}

/* Its want is there, or isn't. */
static void miss(struct agent *agent, struct agent_end *end, bool there)
{
    end_miss(end, there);
    if (end->missing && !end->forgotten)
        look_by(agent, END_GRACE_MS);
}

static void take_want(struct agent *agent, const char *name, const struct want *want, bool labelled)
{
    struct agent_end *end = ends_find(&agent->ends, name);

    if (end) {
        miss(agent, end, true);
        end->labelled = labelled;
    }
    if (end && !end->forgotten && want_equal(&end->want, want))
        return;
    if (end && end_is_elsewhere(end, want)) { /* it goes first, and is made anew by the next look */
        end->forgotten = true;
        end->want.forget = false;
        end_wake(end);
        look_by(agent, SOON_MS);
        return;
    }
    if (end) {
        end->forgotten = false;
        end_want(end, want);
    } else {
        end = ends_add(&agent->ends, name, want);
        if (end)
            end->labelled = labelled;
    }
    watch_site(agent, want->site);
    add_carrier(agent, want->site);
}

/* Reads one declared end, if it has changed, or is said to have. */
static void load_want(struct agent *agent, const char *name, bool changed)
{
    struct agent_end *end = ends_find(&agent->ends, name);
    struct failure failure = {.text = ""};
    char path[STORE_PATH_SIZE];
    struct want want;
    bool labelled;
    int found;

    (void)snprintf(path, sizeof(path), "want/%.400s", name);
    if (end && !end->forgotten && !store_changed(&agent->house.store, path, &end->want_stamp) &&
        !changed)
        return;
    found = wanted_read(&agent->house.store, name, &want, &labelled, &failure);
    if (found > 0 && end)
        miss(agent, end, false);
    else if (found < 0)
        journal_complain(&agent->house.journal, failure.text);
    else if (found == 0)
        take_want(agent, name, &want, labelled);
}

static void see_label(void *owner, const char *name)
{
    load_want(owner, name, true);
}

static void see_attached(void *owner)
{
    labels_hurry(owner);
}

/* The names of what is declared, sorted. A directory that has gone says nothing of the links. */
static char **list_wants(const struct agent *agent, struct failure *failure)
{
    if (faccessat(agent->house.store.directory, "want", F_OK, 0) < 0) {
        fail_errno(failure, errno, "can't read what is declared");
        return NULL;
    }
    return wanted_list(&agent->house.store, failure);
}

/* Takes over the sites, and keys that have changed. */
static void load_trust(struct agent *agent)
{
    struct household *house = &agent->house;
    struct failure failure = {.text = ""};
    int error = trust_load(&house->trust, &house->store, &failure);

    if (rekey_others(house))
        error = trust_load(&house->trust, &house->store, &failure);
    if (error)
        journal_complain(&house->journal, failure.text);
    if (!rekey_own(house))
        return;
    for (size_t i = 0; i < agent->ends.count; i++) {
        telling_remember(agent->ends.end[i]);
        end_wake(agent->ends.end[i]);
    }
}

/* A site without a link here may have to hear that it has none. */
static void call_untold(struct agent *agent)
{
    const struct trust *trust = &agent->house.trust;

    for (size_t i = 0; i < trust->count; i++) {
        if (carriers_lack(&agent->carriers, &agent->house.store, &trust->sites[i])) {
            watch_site(agent, trust->sites[i].name);
            add_carrier(agent, trust->sites[i].name);
        }
    }
}

/* Takes over what the store has now. */
static void reload(struct agent *agent)
{
    struct failure failure = {.text = ""};
    const bool kept = labels_are_kept(&agent->labels);
    char **names, **name;

    agent->reload = false;
    agent->reload_due = clock_now() + RELOAD_MS;
    household_take_addresses(&agent->house);
    load_trust(agent);
    carriers_match(&agent->carriers, &agent->house.trust);
    names = list_wants(agent, &failure);
    signs_watch(&agent->signs, &agent->house.loop);
    if (!names) {
        journal_complain(&agent->house.journal, failure.text);
        return;
    }
    for (name = names; *name; name++)
        load_want(agent, *name, false);
    name = names; /* both are sorted */
    for (size_t i = 0; i < agent->ends.count; i++) {
        struct agent_end *end = agent->ends.end[i];

        while (*name && strcmp(*name, end->path) < 0)
            name++;
        miss(agent, end, (*name && strcmp(*name, end->path) == 0) || (end->labelled && !kept));
        telling_hear(end);
        if (agent->retry)
            end_retry(end);
        add_carrier(agent, end->want.site);
    }
    call_untold(agent);
    agent->retry = false;
    free(names);
}

static int open_signals(struct agent *agent)
{
    agent->signals = (struct watch){.fd = signal_fd_open(), .ready = hear_signal, .owner = agent};
    return agent->signals.fd < 0 ? -errno : loop_add(&agent->house.loop, &agent->signals, EPOLLIN);
}

static int open_changes(struct agent *agent)
{
    static const char *const folders[] = {"want", "site"};

    agent->changes = (struct watch){.fd = agent->folders.fd, .ready = see_changes, .owner = agent};
    (void)mkdirat(agent->house.store.directory, "in", 0700);
    (void)mkdirat(agent->house.store.directory, "out", 0700);
    for (size_t i = 0; i < 2; i++) {
        if (folders_watch(&agent->folders, folders[i], IN_MOVED_TO | IN_DELETE))
            return -errno;
    }
    /* Of the key: cwg keys --new. */
    (void)folders_watch_other(&agent->folders, agent->house.config.state, IN_MOVED_TO);
    return loop_add(&agent->house.loop, &agent->changes, EPOLLIN);
}

/* Tells systemd. Returns when it wants to be told again. */
static int64_t tell_manager(struct agent *agent)
{
    if (manager_wants_count(&agent->manager)) {
        size_t connected = 0, in_session = 0;

        for (size_t i = 0; i < agent->ends.count; i++) {
            connected += agent->ends.end[i]->verdict.state == END_CONNECTED;
            in_session += agent->ends.end[i]->verdict.state == END_IN_SESSION;
        }
        manager_count(&agent->manager, agent->ends.count, connected, in_session);
    }
    return manager_run(&agent->manager);
}

static void turn(struct agent *agent)
{
    struct household *house = &agent->house;
    int64_t due[7 + PROBES_AT_ONCE], next;
    size_t count = 0;

    if (agent->reload || clock_now() >= agent->reload_due)
        reload(agent);
    next = agent->reload_due;
    due[count++] = ends_run(&agent->ends);
    due[count++] = tasks_run(&house->work);
    for (size_t i = 0; i < PROBES_AT_ONCE; i++)
        due[count++] = tasks_run(&house->probes[i]);
    due[count++] = lookups_run(&house->lookups);
    due[count++] = labels_run(&agent->labels);
    for (size_t i = 0; i < agent->carriers.count; i++) {
        const int64_t one = carrier_run(agent->carriers.one[i]);

        next = one < next ? one : next;
    }
    due[count++] = courier_run(&agent->courier);
    due[count++] = tell_manager(agent);
    due[count++] = voice_run(&agent->voice, agent->ends.end, agent->ends.count, agent->carriers.one,
                             agent->carriers.count);
    for (size_t i = 0; i < count; i++)
        next = due[i] < next ? due[i] : next;
    loop_turn(&house->loop, next);
}

static int open_house(struct agent *agent, struct failure *failure)
{
    struct household *house = &agent->house;
    struct failure unwritten = {.text = ""};
    char path[PATH_MAX];
    int error;

    household_raise_limit();
    agent->ends.house = house;
    house->carry = carry;
    house->owner = agent;
    signs_open(&agent->signs, &agent->ends.end, &agent->ends.count);
    house->sockets = &agent->signs.sockets;
    /* Before the first failure: agent_run() closes them in any case. */
    tasks_open(&house->work, &house->loop, house->config.helper);
    for (size_t i = 0; i < PROBES_AT_ONCE; i++)
        tasks_open(&house->probes[i], &house->loop, house->config.helper);
    lookups_open(&house->lookups, &house->loop);
    labels_open(&agent->labels, house, &agent->ends);
    agent->signs.attached = see_attached;
    agent->signs.owner = &agent->labels;
    agent->labels.changed = see_label;
    agent->labels.owner = agent;
    courier_open(&agent->courier, &house->loop, &house->store, &house->config, agent->options.file);
    if (household_read(house, &agent->options, failure))
        return -1;
    house->site = house->config.site;
    house->lookups.by_process = house->config.helper[0] != '\0';
    (void)snprintf(path, sizeof(path), "%.3500s/store", house->config.state);
    if (store_open(&house->store, path, failure) || rekey_open(house, failure) ||
        hold_take(&house->store, failure) ||
        folders_open(&agent->folders, &house->store, path, failure))
        return -1;
    /* A full disk is no reason not to start. */
    if (self_note(&house->store, house->site, &unwritten))
        (void)fprintf(stderr, "cwg: %s\n", unwritten.text);
    error = loop_open(&house->loop);
    if (error)
        return fail_errno(failure, -error, "can't wait for events");
    error = open_signals(agent);
    if (!error)
        error = open_changes(agent);
    return error ? fail_errno(failure, -error, "can't wait for events")
                 : voice_open(&agent->voice, house, agent->options.file, failure);
}

int agent_run(const struct config_options *options, struct failure *failure)
{
    struct agent *agent = calloc(1, sizeof(*agent));
    int error;

    if (!agent)
        return fail_errno(failure, ENOMEM, "can't start");
    agent->options = *options;
    manager_open(&agent->manager);
    error = open_house(agent, failure);
    if (error)
        notify_status(failure->text); /* the journal's last lines may be of another start */
    agent->reload = true;
    while (!error && !agent->house.ending)
        turn(agent);
    voice_close(&agent->voice);
    courier_close(&agent->courier);
    labels_close(&agent->labels);
    lookups_close(&agent->house.lookups);
    signs_close(&agent->signs);
    tasks_close(&agent->house.work);
    for (size_t i = 0; i < PROBES_AT_ONCE; i++)
        tasks_close(&agent->house.probes[i]);
    ends_close(&agent->ends);
    folders_close(&agent->folders);
    carriers_free(&agent->carriers);
    trust_close(&agent->house.trust);
    sitekey_close(&agent->house.key);
    store_close(&agent->house.store);
    free(agent);
    return error;
}
