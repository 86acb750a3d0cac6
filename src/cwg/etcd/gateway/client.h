/* Calls to etcd: which server, with which token, and what its answer means. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cwg/etcd/gateway/gateway.h"
#include "cwg/etcd/gateway/http.h"
#include "cwg/etcd/gateway/patience.h"

enum {
    CLIENT_URLS_MAX = 16,
    CLIENT_URL_SIZE = 256,
    CLIENT_PREFIX_SIZE = 128,
    CLIENT_USER_SIZE = 128,
    CLIENT_TOKEN_SIZE = 512,
    CLIENT_CALL_MS = 10000,
    CLIENT_PAGE = 500,       /* keys that one answer has at most */
    CLIENT_OPERATIONS = 100, /* of a transaction; etcd's own limit is 128 */
};

struct client_settings {
    char url[CLIENT_URLS_MAX][CLIENT_URL_SIZE]; /* http[s]://HOST[:PORT] */
    int urls;
    char prefix[CLIENT_PREFIX_SIZE]; /* of all keys: it begins with '/', and ends with none */
    char user[CLIENT_USER_SIZE];     /* "": none */
    const char *password_file;       /* of the user's; NULL: none. It is read at each login */
    struct http_settings http;
};

struct client {
    const struct client_settings *settings;
    struct http http;
    int server;                                /* the one of url[] that is in use */
    char token[CLIENT_TOKEN_SIZE];             /* "": none */
    struct patience patience[CLIENT_URLS_MAX]; /* with each server's logins */
    int call_ms;                               /* how long a call may take */
    enum gateway_code code; /* of the last call that failed; GATEWAY_FINE: no answer came */
    uint64_t cluster;       /* the store's name, as the last list had it; 0: there was none */
    int64_t revision;       /* the highest that any answer had */
};

/* Adds a server. Returns 0, or -1: it is no URL for it. */
int client_add_url(struct client_settings *settings, const char *url, struct failure *failure);
/* Sets the prefix. */
int client_set_prefix(struct client_settings *settings, const char *prefix,
                      struct failure *failure);
/* Reads the password in a file, which not everybody may read. Returns 0, or -1. */
int client_read_password(const char *path, char ret_password[static CLIENT_USER_SIZE],
                         struct failure *failure);
/* Are the settings fit for each other? */
int client_check(const struct client_settings *settings, struct failure *failure);

/* Returns 0, or -1. The settings have to stay. `interrupt` is a descriptor that ends each call when
 * it can be read, or -1. */
int client_open(struct client *client, const struct client_settings *settings, int interrupt,
                struct failure *failure);
void client_close(struct client *client);

const char *client_url(const struct client *client);
/* Takes the next server. The token may be good there, too: etcd tells all members of it. */
void client_next(struct client *client);
/* Returns a random wait in milliseconds before a login at this server; 0 if there is a token, or no
 * user. */
int64_t client_spread(const struct client *client);

/* Gets a token, if there is a user. Returns 0, or -1. */
int client_authenticate(struct client *client, struct failure *failure);

/* Calls "/v3/NAME" with a request, which it frees; authenticates once if the token is no longer
 * good. *ret_answer is the caller's. Returns 0, or -1 with client->code. */
int client_call(struct client *client, const char *name, json_t *request, json_t **ret_answer,
                struct failure *failure);

/* Notes a revision that came by another way: by the watch. */
void client_see(struct client *client, int64_t revision);

/* Writes "PREFIX/" and a path as printf(3) does. */
void client_key(const struct client *client, char ret_key[static GATEWAY_KEY_SIZE],
                const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Lists all keys that begin with a prefix, of one revision, and calls take() for each. Returns that
 * revision, or -1. *ret_new tells that the store isn't the one of the last list, or an older state
 * of it: what was written may be lost. */
int64_t client_list(struct client *client, const char *prefix,
                    int (*take)(void *owner, const struct gateway_entry *entry,
                                struct failure *failure),
                    void *owner, bool *ret_new, struct failure *failure);
