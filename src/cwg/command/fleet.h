/* Commands that speak with etcd. */
#pragma once

#include <stdbool.h>

#include "cwg/agent/settings/config.h"
#include "cwg/etcd/gateway/client.h"

/* Takes over what the configuration says of etcd. The texts stay those of `config`. Returns 0, or
 * -1. */
int client_settings_of(const struct config *config, struct client_settings *client,
                       struct failure *failure);

/* Is `cwg declare` or `cwg forget` an operator's, for many sites? */
bool is_for_fleet(int argc, char *argv[]);

/* Does it. */
int run_fleet(int argc, char *argv[]);

/* Reads a whole file, "-" for standard input. The caller frees it. */
char *read_whole(const char *path, struct failure *failure);
