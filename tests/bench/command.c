#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "common.h"
#include "link/decimal.h"

static void address_text(struct link_end end, char ret_text[static INET_ADDRSTRLEN])
{
    struct in_addr address = {.s_addr = htonl(link_address(end))};

    inet_ntop(AF_INET, &address, ret_text, INET_ADDRSTRLEN);
}

void command_parse(int argc, char *argv[], struct command *ret_command)
{
    struct command command = {0};
    bool connects = argc == 7 && strcmp(argv[1], "cwg_connect") == 0;
    bool creates = argc == 6 && strcmp(argv[1], "cwg_create") == 0;
    bool destroys = argc == 5 && strcmp(argv[1], "cwg_destroy") == 0;

    if (!(connects || creates || destroys) ||
        decimal_parse(argv[3], LINK_NET_MAX, &command.end.net) ||
        decimal_parse(argv[4], LINK_HOST_MAX, &command.end.host))
        fail(TROUBLE, "wrong arguments");
    command.task = argv[1];
    command.pid = argv[2];
    if (creates)
        command.port = argv[5];
    if (connects) {
        command.end = link_other_end(command.end);
        command.endpoint_text = argv[5];
        command.key_text = argv[6];
        if (endpoint_parse(argv[5], &command.endpoint) || key_from_text(argv[6], &command.key))
            fail(TROUBLE, "wrong arguments");
    }
    if (link_name("wg", command.end, command.name))
        fail(TROUBLE, "net: too long a name");
    address_text(command.end, command.address);
    address_text(link_other_end(command.end), command.peer_address);
    *ret_command = command;
}

int command_netns(const struct command *command)
{
    char path[64];
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%s/ns/net", command->pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail(TROUBLE, "%s", path);
    return fd;
}
