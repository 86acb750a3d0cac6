// Lists the links of its network namespace again and again, each time in a new process, and counts
// how these processes ended. It has a few lines only, so that a crash is the kernel's fault.
//
//     linkdump SECONDS
//
// Ends after SECONDS or at SIGTERM with the line "dumps N killed M": M processes were ended by
// SIGSEGV. Nothing in them can be: they send one request from the stack and read the answers away.
// Exit status: 0; 1 if a process ended in another way; 2 wrong arguments or trouble.
#define _GNU_SOURCE 1
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

static volatile sig_atomic_t over;

static void finish(int signal)
{
    (void)signal;
    over = 1;
}

// True at the end of a dump, and at an error, which means that something disturbed the dump.
static bool is_last(const struct nlmsghdr *header, ssize_t size)
{
    while (NLMSG_OK(header, size)) {
        if (header->nlmsg_type == NLMSG_DONE || header->nlmsg_type == NLMSG_ERROR)
            return true;
        size -= NLMSG_ALIGN(header->nlmsg_len);
        header = (const void *)((const char *)header + NLMSG_ALIGN(header->nlmsg_len));
    }
    return false;
}

static _Noreturn void dump(void)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
    } request = {.header = {.nlmsg_len = sizeof(request),
                            .nlmsg_type = RTM_GETLINK,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    static union {
        struct nlmsghdr header;
        char bytes[1 << 16];
    } answer;
    int route = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);

    if (route < 0 || send(route, &request, sizeof(request), 0) < 0)
        _exit(TROUBLE);
    for (;;) {
        ssize_t size = recv(route, answer.bytes, sizeof(answer.bytes), 0);

        if (size <= 0)
            _exit(TROUBLE);
        if (is_last(&answer.header, size))
            _exit(0);
    }
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = finish};
    long seconds, dumps = 0, killed = 0, others = 0;

    if (argc != 2 || !parse_number(argv[1], 1, 3600, &seconds)) {
        fputs("usage: linkdump SECONDS\n", stderr);
        return TROUBLE;
    }
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    for (int64_t end = now_ms() + seconds * 1000; !over && now_ms() < end; dumps++) {
        pid_t child = fork();
        int status;

        if (child < 0)
            fail(TROUBLE, "fork");
        if (child == 0)
            dump();
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
            ;
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV)
            killed++;
        else if (status != 0)
            others++;
    }
    printf("dumps %ld killed %ld\n", dumps, killed);
    return others > 0 ? 1 : 0;
}
