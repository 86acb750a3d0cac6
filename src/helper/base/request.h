/* A request as values: what a command line or a line of a batch asks for. Plain data. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "link/link.h"
#include "link/peer.h"

struct failure;

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

/* How a caller names a target: a process in it, or a descriptor of it that the caller opened. */
struct target_name {
    enum {
        TARGET_PID,
        TARGET_DESCRIPTOR,
    } kind;
    int number;
};

/* Where a preshared key comes from. */
struct preshared_source {
    enum {
        PRESHARED_NONE,
        PRESHARED_PATH,
        PRESHARED_DESCRIPTOR,
    } kind;
    const char *path;
    int descriptor;
};

/* The arguments of a task, read and found to be in range. Those it doesn't take are 0. */
struct request {
    struct target_name target;
    struct link_end end; /* as the caller gave it: for cwg_connect see task_connect.c */
    bool has_end;
    struct link_nets nets; /* of the links that are shown: all, unless told */
    uint16_t port;
    struct peer peer; /* but for the addresses behind it, and the preshared key */
    struct preshared_source preshared_key;
    uint32_t mtu;     /* 0: that of the path to the peer */
    uint32_t seconds; /* how long to wait */
    const char *file; /* NULL: standard input */
    bool given[OPTIONS];
};

/* Sets the text for a descriptor that is no network namespace's. Returns -EINVAL. */
int request_fail_descriptor(struct failure *failure);
