/* The command line that all contenders understand alike, as net-admin-helper(8) has it. */
#pragma once

#include <arpa/inet.h>

#include "link/endpoint.h"
#include "link/key.h"
#include "link/link.h"

struct command {
    const char *task;
    const char *pid;
    struct link_end end; /* of the link that is at hand: cwg_connect is told the other one */
    char name[LINK_NAME_SIZE];
    char address[INET_ADDRSTRLEN];
    char peer_address[INET_ADDRSTRLEN];
    const char *port; /* cwg_create */
    const char *endpoint_text;
    const char *key_text;
    struct endpoint endpoint; /* cwg_connect */
    struct key key;
};

/* Reads the command line, or gives up. */
void command_parse(int argc, char *argv[], struct command *ret_command);

/* The network namespace of the process, or gives up. */
int command_netns(const struct command *command);
