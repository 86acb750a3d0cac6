/* A request as plain values: one command line, or one line of a batch. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "link/link.h"
#include "link/peer.h"

enum argument {
    ARGUMENT_PID = 1,
    ARGUMENT_NET,
    ARGUMENT_HOST,
    ARGUMENT_PORT,
    ARGUMENT_ENDPOINT,
    ARGUMENT_KEY,
    ARGUMENT_SECONDS,
    ARGUMENT_FILE,
    ARGUMENT_POLICY,
};

enum option {
    OPTION_PRESHARED_KEY_FILE = 1,
    OPTION_PERSISTENT_KEEPALIVE,
    OPTION_MTU,
    OPTION_JSON,
    OPTION_ALIVE,
    OPTION_ADOPT,
    OPTION_REPLACE,
    OPTION_ALLOW_OVERLAP,
    OPTION_IF_EXISTS,
    OPTION_NETS,
    OPTION_UNDO,
    OPTION_ANSWERED,
    OPTIONS,
};

/* A caller's name for a target: a process in the target, or the caller's descriptor of the
 * target. */
struct target_name {
    enum {
        TARGET_PID,
        TARGET_DESCRIPTOR,
    } kind;
    int number;
};

/* The source of a preshared key. */
struct preshared_source {
    enum {
        PRESHARED_NONE,
        PRESHARED_PATH,
        PRESHARED_DESCRIPTOR,
    } kind;
    const char *path;
    int descriptor;
};

/* The arguments of a task, parsed and in range. Arguments that the task doesn't take are 0. */
struct request {
    struct target_name target;
    struct link_end
        end; /* as the caller gave it: cwg_connect means the other end (task_connect.c) */
    bool has_end;
    struct link_nets nets; /* which links to show; all by default */
    uint16_t port;
    struct peer peer; /* without its allowed address and preshared key, which the task sets */
    struct preshared_source preshared_key;
    uint32_t mtu;     /* 0: the MTU of the path to the peer */
    uint32_t seconds; /* how long cwg_wait waits */
    const char *file; /* NULL: standard input */
    bool given[OPTIONS];
};
