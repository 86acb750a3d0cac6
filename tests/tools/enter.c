// Runs a command in a network namespace, and as another user if one is given, by one exec:
//
//     enter [--net FILE] [--user UID GID] [--] COMMAND...
//
// FILE is that of a namespace (/run/netns/NAME, /proc/PID/ns/net). PATH says where the command is.
// A user given here has no further groups and no capability. This program is static: under
// emulation it costs a fifth of ip, setpriv and env in a row. Exit status: the command's; 126 or
// 127 if it can't be started, 2 for wrong arguments or trouble.
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"

static _Noreturn void usage(void)
{
    fputs("usage: enter [--net FILE] [--user UID GID] [--] COMMAND...\n", stderr);
    exit(TROUBLE);
}

static void enter_net(const char *file)
{
    int net = open(file, O_RDONLY | O_CLOEXEC);

    if (net < 0 || setns(net, CLONE_NEWNET) != 0)
        fail(TROUBLE, "%s", file);
    close(net);
}

// When the user changes, the kernel takes root's capabilities away, except for inheritable ones.
// This function removes those.
static void become(uid_t uid, gid_t gid)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}};

    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
        fail(TROUBLE, "user %u, group %u", uid, gid);
    if (syscall(SYS_capset, &header, none) != 0 ||
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
        fail(TROUBLE, "capabilities");
}

int main(int argc, char **argv)
{
    char **word = argv + 1;
    const char *net = NULL;
    long uid = -1, gid = -1;

    for (; *word && strncmp(*word, "--", 2) == 0; word++) {
        if (strcmp(*word, "--") == 0) {
            word++;
            break;
        }
        if (strcmp(*word, "--net") == 0 && word[1]) {
            net = *++word;
        } else if (strcmp(*word, "--user") == 0 && word + 2 < argv + argc) {
            if (!parse_number(*++word, 0, INT32_MAX, &uid) ||
                !parse_number(*++word, 0, INT32_MAX, &gid))
                usage();
        } else {
            usage();
        }
    }
    if (!*word)
        usage();
    if (net)
        enter_net(net);
    if (uid >= 0)
        become((uid_t)uid, (gid_t)gid);
    // A shell's background jobs ignore these, and tests send them.
    signal(SIGINT, SIG_DFL);
    signal(SIGQUIT, SIG_DFL);
    execvp(*word, word);
    fprintf(stderr, "enter: %s: %s\n", *word, strerror(errno));
    return errno == ENOENT ? 127 : 126;
}
