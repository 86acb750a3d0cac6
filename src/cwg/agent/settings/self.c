#include "cwg/agent/settings/self.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/json.h"
#include "cwg/record/sitekey.h"
#include "cwg/store/hold.h"

/* In the store. */
#define SELF "self"

void self_find_site(const struct store *store, const struct config *config,
                    char ret_site[static WANT_SITE_SIZE])
{
    struct failure unreadable = {.text = ""};
    char line[STORE_LINE_SIZE];
    json_t *object = NULL;
    const char *site;

    if (store_read(store, SELF, line, &unreadable) == 0)
        object = json_read_line(line);
    site = json_text(object, "site", WANT_SITE_SIZE - 1);
    (void)snprintf(ret_site, WANT_SITE_SIZE, "%.63s", site ? site : config->site);
    json_decref(object);
}

static int find_key(struct self *self, struct failure *failure)
{
    char path[PATH_MAX];
    struct sitekey key;
    int found;

    (void)snprintf(path, sizeof(path), "%.3500s/site.key", self->state);
    found = sitekey_read(path, &key, failure);
    self->key = key.public;
    sitekey_close(&key);
    return found < 0 ? -1 : 0;
}

void self_identify(const struct store *store, const char *state, struct self *ret_self)
{
    const struct config_options options = {.state = state};
    struct failure unreadable = {.text = ""};
    struct config config;

    if (config_load(&options, &config, &unreadable))
        config.site[0] = '\0';
    *ret_self = (struct self){.store = {.directory = -1}};
    (void)snprintf(ret_self->state, sizeof(ret_self->state), "%s", state);
    self_find_site(store, &config, ret_self->site);
    (void)find_key(ret_self, &unreadable);
}

#define ENABLE_SYSTEM "systemctl enable --now cwg-helper.socket cwg-agent"

/* User cwg may start no unit of the machine's. */
const char *self_start(void)
{
    if (geteuid() == 0)
        return "start it by " ENABLE_SYSTEM;
    if (config_is_system())
        return "root starts it by " ENABLE_SYSTEM;
    return "start it by systemctl --user enable --now cwg-agent";
}

static int fail_absent(const char *state, struct failure *failure)
{
    return fail(failure, "no-agent", "no agent has run here yet (there is no %.300s): %s", state,
                self_start());
}

int self_make_store(const char *state, struct store *store, struct failure *failure)
{
    char path[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%.3500s/store", state);
    if (store_open(store, path, failure) == 0)
        return 0;
    return access(state, F_OK) < 0 && errno == ENOENT && geteuid() != 0 && config_is_system()
               ? fail_absent(state, failure)
               : -1;
}

int self_open(const char *state, struct self *ret_self, struct failure *failure)
{
    const struct config_options options = {.state = state};
    char path[PATH_MAX];
    struct config config;

    *ret_self = (struct self){.store = {.directory = -1}};
    if (config_load(&options, &config, failure))
        return -1;
    (void)snprintf(ret_self->state, sizeof(ret_self->state), "%s", config.state);
    (void)snprintf(path, sizeof(path), "%.3500s/store", config.state);
    if (faccessat(AT_FDCWD, config.state, F_OK, 0) < 0)
        return fail_absent(config.state, failure);
    if (store_open(&ret_self->store, path, failure))
        return -1;
    self_find_site(&ret_self->store, &config, ret_self->site);
    if (find_key(ret_self, failure) == 0)
        return 0;
    self_close(ret_self);
    return -1;
}

void self_close(struct self *self)
{
    store_close(&self->store);
}

int self_need_agent(const struct self *self, struct failure *failure)
{
    if (hold_is_taken(&self->store))
        return 0;
    return fail(failure, "no-agent", "no agent runs here (on %.300s): %s", self->state,
                self_start());
}

int self_note(const struct store *store, const char *site, struct failure *failure)
{
    json_t *object = json_pack("{s:s}", "site", site);
    char *line = object ? json_dumps(object, JSON_COMPACT) : NULL;
    const int error = line ? store_write_lazily(store, SELF, line, failure)
                           : fail_errno(failure, ENOMEM, "can't write down who this is");

    json_decref(object);
    free(line);
    return error;
}
