#include "cwg/join/dial.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/process.h"
#include "cwg/site/ssh.h"

enum {
    SSH_MS = 5000,
};

static void resolve(const char *name, struct addresses *addresses)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;

    if (getaddrinfo(name, NULL, &hints, &found) != 0)
        return;
    for (const struct addrinfo *one = found; one; one = one->ai_next) {
        char text[ADDRESS_SIZE], canonical[ADDRESS_SIZE];

        if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof(text), NULL, 0,
                        NI_NUMERICHOST) == 0 &&
            addresses_canonical(text, canonical) == 0)
            addresses_add(addresses, canonical);
    }
    freeaddrinfo(found);
}

/* "hostname NAME", "proxyjump NAME" and "proxycommand COMMAND" are lines of their own. */
static void read_configuration(char *output, struct dialled *dialled)
{
    for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, "hostname ", 9) == 0)
            resolve(line + 9, &dialled->addresses);
        else if ((strncmp(line, "proxyjump ", 10) == 0 && strcmp(line + 10, "none") != 0) ||
                 (strncmp(line, "proxycommand ", 13) == 0 && strcmp(line + 13, "none") != 0))
            dialled->proxied = true;
    }
}

void dial_look_up(const char *host, struct dialled *ret_dialled)
{
    const char *command[SSH_WORDS];
    char words[SSH_WORDS_SIZE];
    struct process_result *result = malloc(sizeof(*result));
    struct failure failure = {.text = ""};

    *ret_dialled = (struct dialled){.proxied = false};
    if (result &&
        ssh_command(words, command, (const char *const[]){"-G", "--", host, NULL}, &failure) == 0 &&
        process_run(command, NULL, SSH_MS, result) == 0 && result->status == 0)
        read_configuration(result->out, ret_dialled);
    free(result);
}
