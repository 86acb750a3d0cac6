#include "cwg/serve/keep_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/agent/settings/self.h"
#include "cwg/base/json.h"
#include "cwg/record/sitekey.h"
#include "cwg/serve/request.h"
#include "cwg/store/declare.h"
#include "cwg/store/trust.h"
#include "cwg/store/want.h"
#include "cwg/store/wanted.h"

/* Tells whether an end is kept already. */
static int tell_kept(const struct store *store, uint32_t net, uint32_t host, json_t *answer,
                     struct failure *failure)
{
    char **names = wanted_list(store, failure);
    bool kept = false;

    for (char **name = names; name && *name; name++) {
        struct failure unreadable = {.text = ""};
        struct want want;
        bool labelled;

        kept |= wanted_read(store, *name, &want, &labelled, &unreadable) == 0 && !want.forget &&
                want.net == net && want.host == host;
    }
    (void)json_object_set_new(answer, "kept", json_boolean(kept));
    free(names);
    return names ? 0 : -1;
}

int keep_who(struct session *session, const json_t *request, json_t *answer,
             struct failure *failure)
{
    char key[KEY_TEXT_LENGTH + 1];
    struct self self;
    int64_t net, host;
    int error;

    (void)session;
    if (self_open(NULL, &self, failure))
        return -1;
    error = self_need_agent(&self, failure);
    if (!error && json_whole(request, "net", 0, INT32_MAX, &net) == 0 &&
        json_whole(request, "host", 0, 1, &host) == 0)
        error = tell_kept(&self.store, (uint32_t)net, (uint32_t)host, answer, failure);
    if (!error && key_is_zero(&self.key))
        error = fail(failure, "no-agent", "the agent here has no key yet: try again");
    key_to_text(&self.key, key);
    (void)json_object_set_new(answer, "site", json_string(self.site));
    (void)json_object_set_new(answer, "key", json_string(key));
    self_close(&self);
    return error;
}

/* Writes a line, and notes what was there before. */
static int write_noted(struct session *session, const struct store *store, const char *path,
                       const char *line, struct failure *failure)
{
    struct session_kept *kept = &session->kept[session->kept_count];
    int found;

    if (session->kept_count == SESSION_KEPT_MAX)
        return fail(failure, "limit", "too many links to be kept in one session");
    found = store_read(store, path, kept->before, failure);
    if (found < 0)
        return -1;
    if (found == 0 && strcmp(kept->before, line) == 0)
        return 0;
    kept->was_there = found == 0;
    (void)snprintf(kept->path, sizeof(kept->path), "%s", path);
    if (store_write(store, path, line, failure))
        return -1;
    session->kept_count++;
    return 0;
}

/* Takes the other site: what is known of it has to be the same key. */
static int take_site(struct session *session, const struct self *self, const json_t *request,
                     struct want *want, struct failure *failure)
{
    struct site_record site, known;
    char path[STORE_PATH_SIZE];
    char *line;
    int found;

    if (trust_parse(json_object_get(request, "peer"), &site, failure))
        return -1;
    (void)snprintf(want->site, sizeof(want->site), "%s", site.name);
    if (strcmp(site.name, self->site) == 0)
        return key_equal(&site.key, &self->key)
                   ? 0
                   : fail(failure, "trust",
                          "both machines' agents call their site %s: give one of them another name "
                          "(site NAME in cwg.conf)",
                          site.name);
    site.serial = 0;
    found = trust_read(&self->store, site.name, &known, failure);
    if (found < 0)
        return -1;
    if (found == 0 && !key_equal(&site.key, &known.key)) {
        char id[SITEKEY_ID_SIZE];

        sitekey_id(&known.key, id);
        return fail(failure, "trust",
                    "site %s is known here by another key, %s: if its key was made anew, declare "
                    "the site with the new one (cwg declare); if not, somebody else has its name",
                    site.name, id);
    }
    if (found == 0) { /* a way that is there works, for all that is known */
        if (!known.ssh[0])
            (void)snprintf(known.ssh, sizeof(known.ssh), "%s", site.ssh);
        site = known;
    }
    (void)snprintf(path, sizeof(path), "site/%s", site.name);
    line = trust_line(&site);
    found = line ? write_noted(session, &self->store, path, line, failure) : -1;
    free(line);
    return found;
}

static int take_want(const struct session *session, const json_t *request, struct want *want,
                     struct failure *failure)
{
    const char *link = json_text(request, "link", WANT_LINK_SIZE - 1);
    const struct container *container;
    int64_t index, net, host, port, keepalive, mtu;

    if (!link || !want_is_name(link))
        return request_fail(failure, "link");
    if (json_whole(request, "container", 0, (int64_t)session->container_count - 1, &index))
        return request_fail(failure, "container");
    if (json_whole(request, "net", 0, INT32_MAX, &net) ||
        json_whole(request, "host", 0, 1, &host) ||
        json_whole(request, "port", 0, UINT16_MAX, &port) ||
        json_whole(request, "keepalive", 0, UINT16_MAX, &keepalive) ||
        json_whole(request, "mtu", 0, UINT16_MAX, &mtu))
        return request_fail(failure, "net, host, port, keepalive or mtu");
    container = &session->containers[index];
    if (strcmp(container->engine, "pid") == 0)
        return fail(failure, "usage", "a pid ends with its process: keep a container by its name");
    (void)snprintf(want->link, sizeof(want->link), "%s", link);
    (void)snprintf(want->engine, sizeof(want->engine), "%s", container->engine);
    (void)snprintf(want->name, sizeof(want->name), "%s", container->name);
    want->net = (uint32_t)net;
    want->host = (uint32_t)host;
    want->port = (uint16_t)port;
    want->keepalive = (uint16_t)keepalive;
    want->mtu = (uint32_t)mtu;
    return 0;
}

static bool is_same_end(const struct want *a, const struct want *b)
{
    return a->net == b->net && a->host == b->host;
}

/* Fails if the link's name stands for another link, or this end is kept under another name. */
static int check_others(const struct store *store, const struct want *want, struct failure *failure)
{
    char **names = wanted_list(store, failure);
    int error = names ? 0 : -1;

    for (char **name = names; !error && *name; name++) {
        struct failure unreadable = {.text = ""};
        struct want other;
        bool labelled;

        if (wanted_read(store, *name, &other, &labelled, &unreadable) || other.forget)
            continue;
        if (strcmp(other.link, want->link) == 0 && other.net != want->net)
            error = fail(failure, "exists",
                         "a link is declared by the name %s already, of net %u: --keep=NAME gives "
                         "another name",
                         want->link, other.net);
        else if (strcmp(other.link, want->link) != 0 && is_same_end(&other, want))
            error = fail(failure, "exists", "this end is kept already, as link %s", other.link);
    }
    free(names);
    return error;
}

int keep_end(struct session *session, const json_t *request, json_t *answer,
             struct failure *failure)
{
    struct want want = {.off = false};
    char path[STORE_PATH_SIZE];
    struct self self;
    char *line = NULL;
    int error;

    (void)answer;
    if (take_want(session, request, &want, failure) || self_open(NULL, &self, failure))
        return -1;
    error = self_need_agent(&self, failure) || check_others(&self.store, &want, failure) ||
            take_site(session, &self, request, &want, failure);
    (void)snprintf(path, sizeof(path), "want/%s.%u", want.link, want.host);
    if (!error) {
        line = want_write(&want);
        error = line ? want_read(line, &want, failure) ||
                           write_noted(session, &self.store, path, line, failure)
                     : fail(failure, "system", "no memory");
    }
    free(line);
    self_close(&self);
    return error ? -1 : 0;
}

int keep_forget(struct session *session, const json_t *request, json_t *answer,
                struct failure *failure)
{
    json_t *forgotten = json_array();
    const bool release = json_is_true(json_object_get(request, "release"));
    struct want want = {.off = false};
    int64_t net, host;
    struct self self;
    char **names;
    int error = 0;

    (void)session;
    (void)json_object_set_new(answer, "forgotten", forgotten);
    if (json_whole(request, "net", 0, INT32_MAX, &net) || json_whole(request, "host", 0, 1, &host))
        return request_fail(failure, "net or host");
    want.net = (uint32_t)net;
    want.host = (uint32_t)host;
    if (self_open(NULL, &self, failure))
        return failure_is(failure, "no-agent") ? 0 : -1; /* so nothing is kept here */
    names = store_list(&self.store, "want", failure);
    error = names ? 0 : -1;
    for (char **name = names; !error && *name; name++) {
        char path[STORE_PATH_SIZE], line[STORE_LINE_SIZE];
        struct failure unreadable = {.text = ""};
        struct want other;

        (void)snprintf(path, sizeof(path), "want/%.400s", *name);
        if (store_read(&self.store, path, line, &unreadable) ||
            want_read(line, &other, &unreadable) || !is_same_end(&other, &want))
            continue;
        error = release ? declare_release_end(&self.store, path, line, failure)
                        : -(declare_forget(&self.store, other.link, failure) < 0);
        (void)json_array_append_new(forgotten, json_string(other.link));
    }
    free(names);
    self_close(&self);
    return error;
}

void keep_commit(struct session *session)
{
    session->kept_count = 0;
}
