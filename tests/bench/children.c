/* Does the tasks as a script would, with `ip` and `wg` as child processes, and without a shell. In
 * C: an interpreter takes as long to start as all of the children together.
 *
 *     children cwg_create PID NAME PORT ADDRESS/31
 *     children cwg_connect PID NAME ENDPOINT KEY PEER-ADDRESS/32
 *     children cwg_destroy PID NAME
 *
 * It takes the shortest way there is: no look at what is there already, and no nsenter, since each
 * child is put into the container's namespace before it becomes `ip` or `wg`.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

#define IP "/usr/sbin/ip"
#define WG "/usr/bin/wg"

enum {
    HERE = -1, /* for a namespace */
};

/* Makes a pipe that contains a text. The text has to be short enough for that. */
static int pipe_with(const char *text)
{
    ssize_t length = (ssize_t)strlen(text);
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0 || write(ends[1], text, (size_t)length) != length)
        fail(TROUBLE, "can't write to a pipe");
    close(ends[1]);
    return ends[0];
}

static bool redirect(int fd, int target)
{
    return fd < 0 || dup2(fd, target) >= 0;
}

/* Runs a program in a namespace, with `input` as its standard input. Stores up to size - 1 bytes of
 * its output, without the last end of line. input and output may be NULL. */
static void run(const char *const *argv, int netns, const char *input, char *output, size_t size)
{
    static const char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    int given = input ? pipe_with(input) : -1;
    int taken[2] = {-1, -1}, status;
    pid_t pid;

    if (output && pipe2(taken, O_CLOEXEC) < 0)
        fail(TROUBLE, "pipe");
    pid = vfork(); /* NOLINT: as cheaply as it goes */
    if (pid == 0) {
        if (redirect(given, STDIN_FILENO) && redirect(taken[1], STDOUT_FILENO) &&
            (netns < 0 || setns(netns, CLONE_NEWNET) == 0))
            execve(argv[0], (char *const *)argv, (char *const *)environment);
        _exit(127);
    }
    if (input)
        close(given);
    if (output) {
        ssize_t got;

        close(taken[1]);
        got = read(taken[0], output, size - 1);
        output[got > 0 ? got - 1 : 0] = '\0';
        close(taken[0]);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        errno = 0;
        fail(TROUBLE, "%s %s failed", argv[0], argv[1]);
    }
}

#define RUN(netns, ...) run((const char *const[]){__VA_ARGS__, NULL}, netns, NULL, NULL, 0)

static int open_netns(const char *pid)
{
    char path[64];
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail(TROUBLE, "%s", path);
    return fd;
}

/* The device is made here and moved there, so its UDP socket stays here. */
static void create(const char *pid, int netns, const char *name, const char *port,
                   const char *address)
{
    char private_key[46], public_key[46];

    RUN(HERE, IP, "link", "add", name, "type", "wireguard");
    RUN(HERE, IP, "link", "set", name, "netns", pid);
    run((const char *const[]){WG, "genkey", NULL}, HERE, NULL, private_key, sizeof(private_key));
    run((const char *const[]){WG, "pubkey", NULL}, HERE, private_key, public_key,
        sizeof(public_key));
    run((const char *const[]){WG, "set", name, "listen-port", port, "private-key",
                              "/proc/self/fd/0", NULL},
        netns, private_key, NULL, 0);
    RUN(netns, IP, "address", "add", address, "dev", name);
    RUN(netns, IP, "link", "set", name, "up");
    puts(public_key);
}

int main(int argc, char *argv[])
{
    int netns;

    if (argc < 4)
        fail(TROUBLE, "wrong arguments");
    netns = open_netns(argv[2]);
    if (strcmp(argv[1], "cwg_create") == 0 && argc == 6)
        create(argv[2], netns, argv[3], argv[4], argv[5]);
    else if (strcmp(argv[1], "cwg_connect") == 0 && argc == 7)
        RUN(netns, WG, "set", argv[3], "peer", argv[5], "endpoint", argv[4], "allowed-ips",
            argv[6]);
    else if (strcmp(argv[1], "cwg_destroy") == 0 && argc == 4)
        RUN(netns, IP, "link", "delete", argv[3]);
    else
        fail(TROUBLE, "wrong arguments");
    return 0;
}
