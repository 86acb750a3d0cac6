/* Does the tasks as a script would, with `ip` and `wg` as child processes, and without a shell.
 *
 * It takes the shortest way there is: no look at what is there already, and no nsenter, since each
 * child is put into the container's namespace before it becomes `ip` or `wg`.
 */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "link/key.h"
#include "spawn.h"

#define IP "/usr/sbin/ip"
#define WG "/usr/bin/wg"

enum {
    HERE = -1, /* for a namespace */
};

#define RUN(netns, ...)                                                                            \
    spawn_and_read((const char *const[]){__VA_ARGS__, NULL}, netns, NULL, NULL, 0)

/* Born here and moved there, it keeps its UDP socket here. */
static void create(struct command *command)
{
    char private_key[KEY_TEXT_LENGTH + 2];
    char public_key[KEY_TEXT_LENGTH + 2];
    char address[sizeof(command->address) + 4];
    int netns = command_netns(command);

    (void)snprintf(address, sizeof(address), "%s/%d", command->address, LINK_PREFIX_LENGTH);
    RUN(HERE, IP, "link", "add", command->name, "type", "wireguard");
    RUN(HERE, IP, "link", "set", command->name, "netns", command->pid);
    spawn_and_read((const char *const[]){WG, "genkey", NULL}, HERE, NULL, private_key,
                   sizeof(private_key));
    spawn_and_read((const char *const[]){WG, "pubkey", NULL}, HERE, private_key, public_key,
                   sizeof(public_key));
    spawn_and_read((const char *const[]){WG, "set", command->name, "listen-port", command->port,
                                         "private-key", "/proc/self/fd/0", NULL},
                   netns, private_key, NULL, 0);
    RUN(netns, IP, "address", "add", address, "dev", command->name);
    RUN(netns, IP, "link", "set", command->name, "up");
    puts(public_key);
}

static void connect_peer(struct command *command)
{
    RUN(command_netns(command), WG, "set", command->name, "peer", command->key_text, "endpoint",
        command->endpoint_text, "allowed-ips", command->peer_address);
}

static void destroy(struct command *command)
{
    RUN(command_netns(command), IP, "link", "delete", command->name);
}

int main(int argc, char *argv[])
{
    struct command command;

    command_parse(argc, argv, &command);
    if (strcmp(command.task, "cwg_create") == 0)
        create(&command);
    else if (strcmp(command.task, "cwg_connect") == 0)
        connect_peer(&command);
    else
        destroy(&command);
    return 0;
}
