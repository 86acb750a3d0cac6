/* The settings of a site's agent: cwg.conf(5). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cwg/base/failure.h"
#include "cwg/record/news.h"
#include "cwg/store/want.h"

enum {
    CONFIG_FILE_MAX = 65536, /* bytes */
    CONFIG_PATH_SIZE = 512,
    CONFIG_SOCKET_SIZE = 108, /* of struct sockaddr_un */
    CONFIG_URL_SIZE = 256,
    CONFIG_URLS_MAX = 8,
    CONFIG_PREFIX_SIZE = 128,
    CONFIG_USER_SIZE = 64,
    CONFIG_SIGNERS_MAX = 16,
    CONFIG_LABELS_MAX = 4, /* engines that have labels */
};

/* An operator, whose signed wants are taken from etcd. */
struct config_signer {
    char name[WANT_SITE_SIZE];
    struct key key;
};

/* A text that wasn't given is "". */
struct config {
    char site[WANT_SITE_SIZE];
    char state[CONFIG_PATH_SIZE];
    char helper[CONFIG_SOCKET_SIZE];              /* "": the agent starts the helper itself */
    struct endpoint endpoint[NEWS_ENDPOINTS_MAX]; /* of this site, each with a port that says
                                                     nothing */
    int endpoints;                                /* 0: the machine's own addresses are told */
    bool endpoint_none;                           /* no address is told */
    char metrics[CONFIG_SOCKET_SIZE];             /* a socket's path, or 127.0.0.1:PORT */
    char etcd[CONFIG_URLS_MAX][CONFIG_URL_SIZE];
    int etcds;
    char etcd_prefix[CONFIG_PREFIX_SIZE]; /* it begins with '/', and doesn't end with one */
    char etcd_ca[CONFIG_PATH_SIZE], etcd_cert[CONFIG_PATH_SIZE], etcd_key[CONFIG_PATH_SIZE];
    char etcd_user[CONFIG_USER_SIZE];
    char etcd_password[CONFIG_PATH_SIZE]; /* the file with it */
    struct config_signer signer[CONFIG_SIGNERS_MAX];
    int signers;
    char label[CONFIG_LABELS_MAX][END_ENGINE_SIZE]; /* engines whose containers' labels count */
    int labels;
};

/* What the command line says. It wins over the file. NULL: not given. */
struct config_options {
    const char *file; /* NULL: where config_path() says; then it need not be there */
    const char *site, *state, *helper;
};

/* Reads the text of a file. `name` is the file's, for failures. Writes *ret_config on success only.
 * Returns 0, or -1 with what is wrong, "NAME:LINE: ...". */
int config_parse(const char *text, size_t length, const char *name, struct config *ret_config,
                 struct failure *failure);

/* Does this user look after the machine? So does root, whoever may write to /var/lib/cwg, and the
 * user whose home that is: before the agent's first start it isn't there. */
bool config_is_system(void);

/* Is there a directory of the machine's agent, /var/lib/cwg? */
bool config_machine_has_agent(void);

/* Where the settings are: /etc/cwg/cwg.conf for config_is_system(); else the user's own. */
void config_path(char ret_path[static CONFIG_PATH_SIZE]);

/* When a file of settings was changed last, in nanoseconds since 1970; 0 if it isn't there. NULL:
 * the file where config_path() says. */
int64_t config_stamp(const char *file);

/* Where an agent's key and store are if the file doesn't say so: the given directory; /var/lib/cwg;
 * or the user's own. */
void config_state(const char *given, char ret_path[static CONFIG_PATH_SIZE]);

/* Reads the file, sets what the command line says, and then site, state and etcd_prefix, if they
 * weren't given, to what cwg.conf(5) says: site is "" if the machine's name can't be one. Writes
 * *ret_config on success only. Returns 0, or -1. */
int config_load(const struct config_options *options, struct config *ret_config,
                struct failure *failure);

/* Returns 0, or -1 if the site has no name. */
int config_need_site(const struct config *config, struct failure *failure);

/* Takes from `fresh` all that an agent can change while it runs: addresses, operators and
 * labels.
 * Returns the word of a setting that is another one, and that an agent takes at its start only;
 * NULL if there is none. */
const char *config_take(struct config *config, const struct config *fresh);
