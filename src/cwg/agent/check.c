#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/agent/agent.h"
#include "cwg/record/sitekey.h"
#include "cwg/store/owner.h"
#include "cwg/store/store.h"

static int tell(const struct failure *failure)
{
    (void)fprintf(stderr, "cwg: %s\n", failure->text);
    return 1;
}

/* The agent isn't another user: what that one can read says nothing of it. */
static int check_user(const char *state, struct failure *failure)
{
    char path[CONFIG_PATH_SIZE + 8];

    (void)snprintf(path, sizeof(path), "%s/store", state);
    return owner_check(path, "agent --check", failure);
}

/* Can the agent read this file? Returns how much is wrong. */
static int check_file(const char *word, const char *path)
{
    struct failure failure = {.text = ""};

    if (!path[0] || access(path, R_OK) == 0)
        return 0;
    fail(&failure, "config", "%s: can't read %.400s: %s", word, path, strerror(errno));
    return tell(&failure);
}

static int check_want(const struct store *store, const char *name)
{
    struct failure failure = {.text = ""};
    char line[STORE_LINE_SIZE], path[STORE_PATH_SIZE];
    struct want want;

    (void)snprintf(path, sizeof(path), "want/%.400s", name);
    if (store_read(store, path, line, &failure) == 0 && want_read(line, &want, &failure) == 0)
        return 0;
    failure_add(&failure, " (%.300s: declare the link anew, or forget it)", path);
    return tell(&failure);
}

/* Without a key the agent makes one. */
static int check_key(const char *state)
{
    struct failure failure = {.text = ""};
    char path[CONFIG_PATH_SIZE + 16];
    struct sitekey key;
    int found;

    (void)snprintf(path, sizeof(path), "%s/site.key", state);
    found = sitekey_read(path, &key, &failure);
    sitekey_close(&key);
    return found < 0 ? tell(&failure) : 0;
}

/* Looks at each declared end. A directory that isn't there declares nothing. */
static int check_store(const char *state)
{
    struct failure failure = {.text = ""};
    char path[CONFIG_PATH_SIZE + 8];
    struct store store;
    char **names;
    int wrong = 0;

    (void)snprintf(path, sizeof(path), "%s/store", state);
    if (access(path, F_OK) < 0 && errno == ENOENT)
        return 0;
    if (store_open(&store, path, &failure))
        return tell(&failure);
    names = store_list(&store, "want", &failure);
    wrong += names ? 0 : tell(&failure);
    for (char **name = names; name && *name; name++)
        wrong += check_want(&store, *name);
    free(names);
    store_close(&store);
    return wrong;
}

int agent_check(const struct config_options *options)
{
    struct failure failure = {.text = ""};
    struct config config;
    int wrong = 0;

    if (config_load(options, &config, &failure) || config_need_site(&config, &failure) ||
        check_user(config.state, &failure)) {
        (void)tell(&failure);
        return -1;
    }
    wrong += check_file("etcd-ca", config.etcd_ca);
    wrong += check_file("etcd-cert", config.etcd_cert);
    wrong += check_file("etcd-key", config.etcd_key);
    wrong += check_file("etcd-password", config.etcd_password);
    wrong += check_key(config.state);
    wrong += check_store(config.state);
    return wrong > 0 ? -1 : 0;
}
