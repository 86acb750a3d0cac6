// Runs a program, and all that it starts, on a kernel that refuses certain things, as older kernels
// or other devices do; for the engine, whose descriptors have known numbers (src/handover), and
// the last three for the helper.
//
//     refuse [--log FILE] WHAT... -- CMD...
//
//     udp-gro      setsockopt(UDP_GRO) on 4 and 5 fails with ENOPROTOOPT: Linux before 5.0
//     udp-segment  setsockopt(UDP_SEGMENT) does: Linux before 4.18
//     batches      sendmsg() on 4 and 5 with UDP_SEGMENT fails with EIO: a device without checksums
//     uso          ioctl(TUNSETOFFLOAD) on 3 with USO fails with EINVAL: Linux before 6.2
//     tso          ioctl(TUNSETOFFLOAD) on 3 with TSO or USO does
//     write-udp    writev() to 3 of UDP that is still to be cut fails with EINVAL: some 6.6 kernels
//     write-tcp    of TCP that is
//     write-eio    every tenth writev() to 3 fails with EIO: a device that goes down
//     pidfd-getfd  pidfd_getfd() fails with EPERM: kernel.yama.ptrace_scope is 3
//     way-home     the third setns() fails with EPERM: by the first the helper shows that there is
//                  a way back, and by the second it is in the container
//     ipv6-routes  sendto() of a question for an IPv6 route fails with EOPNOTSUPP, on any
//     descriptor:
//                  what a kernel without IPv6 answers to it
//
// CMD takes the place of this process; a child of it answers for the kernel as long as there is
// anybody to ask, and writes a line to FILE for each refusal: what, and the process. It is done
// with a seccomp filter that leaves the decision to another process (seccomp_unotify(2)). As root
// needs no no_new_privs for a filter, file capabilities are in force in CMD.
//
// Exit status: CMD's own; 125 for wrong arguments and other trouble.
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common.h"

enum {
    CANNOT = 125,
    FD_TUN = 3,
    FD_UDP4,
    FD_UDP6,
    TSO = TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN,
    USO = 0x20 | 0x40, // TUN_F_USO4 and 6, of Linux 6.2
    GSO_NONE = 0,      // virtio_net.h: how a frame is to be cut
    GSO_TCP4 = 1,
    GSO_TCP6 = 4,
    GSO_UDP = 5,
    GSO_ECN = 0x80,
    ONE_IN = 10,
};

typedef struct seccomp_notif request_t;

struct refusal {
    const char *name;
    int call;
    int error;
    bool (*applies)(const request_t *request);
    bool wanted;
};

static bool on_udp(const request_t *request)
{
    return request->data.args[0] == FD_UDP4 || request->data.args[0] == FD_UDP6;
}

static bool on_tun(const request_t *request)
{
    return request->data.args[0] == FD_TUN;
}

static bool sets_udp_gro(const request_t *request)
{
    return on_udp(request) && request->data.args[1] == IPPROTO_UDP &&
           request->data.args[2] == UDP_GRO;
}

static bool sets_udp_segment(const request_t *request)
{
    return on_udp(request) && request->data.args[1] == IPPROTO_UDP &&
           request->data.args[2] == UDP_SEGMENT;
}

static bool offloads(const request_t *request, unsigned long what)
{
    return on_tun(request) && (uint32_t)request->data.args[1] == TUNSETOFFLOAD &&
           request->data.args[2] & what;
}

static bool offloads_udp(const request_t *request)
{
    return offloads(request, USO);
}

static bool offloads_any(const request_t *request)
{
    return offloads(request, USO | TSO);
}

// Reads from the memory of the asking process. True if all of it could be read.
static bool peek(const request_t *request, uint64_t address, void *ret, size_t size)
{
    struct iovec here = {.iov_base = ret, .iov_len = size};
    struct iovec there = {.iov_base = (void *)(uintptr_t)address, .iov_len = size};

    return process_vm_readv((pid_t)request->pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

static bool sends_batch(const request_t *request)
{
    _Alignas(struct cmsghdr) char control[256] = {0};
    struct msghdr message;

    if (!on_udp(request) || !peek(request, request->data.args[1], &message, sizeof(message)) ||
        message.msg_controllen == 0 || message.msg_controllen > sizeof(control) ||
        !peek(request, (uintptr_t)message.msg_control, control, message.msg_controllen))
        return false;
    message.msg_control = control;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c != NULL; c = CMSG_NXTHDR(&message, c))
        if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_SEGMENT)
            return true;
    return false;
}

// Says how the kernel should cut a frame that is written to the device.
static int gso_of(const request_t *request)
{
    unsigned char header[2];
    struct iovec first;

    if (!on_tun(request) || !peek(request, request->data.args[1], &first, sizeof(first)) ||
        !peek(request, (uintptr_t)first.iov_base, header, sizeof(header)))
        return GSO_NONE;
    return header[1] & ~GSO_ECN;
}

static bool writes_udp(const request_t *request)
{
    return gso_of(request) == GSO_UDP;
}

static bool writes_tcp(const request_t *request)
{
    int gso = gso_of(request);
    return gso == GSO_TCP4 || gso == GSO_TCP6;
}

static bool writes_tenth(const request_t *request)
{
    static long written;
    return on_tun(request) && ++written % ONE_IN == 0;
}

static bool asks_ipv6_route(const request_t *request)
{
    struct {
        struct nlmsghdr header;
        struct rtmsg route;
    } message;

    return peek(request, request->data.args[1], &message, sizeof(message)) &&
           message.header.nlmsg_type == RTM_GETROUTE && message.route.rtm_family == AF_INET6;
}

static bool is_third(const request_t *request)
{
    static int seen;

    (void)request;
    return ++seen == 3;
}

static bool always(const request_t *request)
{
    (void)request;
    return true;
}

static struct refusal refusals[] = {
    {"udp-gro", SYS_setsockopt, ENOPROTOOPT, sets_udp_gro, false},
    {"udp-segment", SYS_setsockopt, ENOPROTOOPT, sets_udp_segment, false},
    {"batches", SYS_sendmsg, EIO, sends_batch, false},
    {"uso", SYS_ioctl, EINVAL, offloads_udp, false},
    {"tso", SYS_ioctl, EINVAL, offloads_any, false},
    {"write-udp", SYS_writev, EINVAL, writes_udp, false},
    {"write-tcp", SYS_writev, EINVAL, writes_tcp, false},
    {"write-eio", SYS_writev, EIO, writes_tenth, false},
    {"pidfd-getfd", SYS_pidfd_getfd, EPERM, always, false},
    {"way-home", SYS_setns, EPERM, is_third, false},
    {"ipv6-routes", SYS_sendto, EOPNOTSUPP, asks_ipv6_route, false},
};

enum { REFUSALS = sizeof(refusals) / sizeof(refusals[0]) };

static _Noreturn void usage(void)
{
    fputs("usage: refuse [--log FILE] WHAT... -- CMD...\n"
          "WHAT: udp-gro udp-segment batches uso tso write-udp write-tcp write-eio pidfd-getfd\n"
          "      way-home ipv6-routes\n",
          stderr);
    exit(CANNOT);
}

// Installs the filter. It asks about certain calls on descriptors 3 to 5, and about each sendto(),
// setns() and pidfd_getfd(). The kernel does all other calls without asking. Returns the descriptor
// on which the kernel asks.
static int install_filter(void)
{
    struct sock_filter filter[REFUSALS * 6 + 1];
    struct sock_fprog program = {.filter = filter};

    for (int i = 0; i < REFUSALS; i++) {
        bool any = refusals[i].call == SYS_sendto || refusals[i].call == SYS_setns ||
                   refusals[i].call == SYS_pidfd_getfd;
        const struct sock_filter rule[] = {
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)refusals[i].call, 0, 4),
            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
            BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, any ? 0 : FD_TUN, 0, 2),
            BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, any ? INT_MAX : FD_UDP6, 1, 0),
            BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        };
        if (!refusals[i].wanted)
            continue;
        memcpy(filter + program.len, rule, sizeof(rule));
        program.len = (unsigned short)(program.len + sizeof(rule) / sizeof(rule[0]));
    }
    filter[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
                        &program);
}

static const struct refusal *find_refusal(const request_t *request)
{
    for (int i = 0; i < REFUSALS; i++)
        if (refusals[i].wanted && refusals[i].call == request->data.nr &&
            refusals[i].applies(request))
            return &refusals[i];
    return NULL;
}

static void answer(int listener, int log, const request_t *request)
{
    struct seccomp_notif_resp response = {.id = request->id,
                                          .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    const struct refusal *refusal = find_refusal(request);

    if (refusal != NULL) {
        response.flags = 0;
        response.error = -refusal->error;
        dprintf(log, "%s %u\n", refusal->name, request->pid);
    }
    (void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

// Answers until no process with the filter is left.
static _Noreturn void serve(int listener, int log)
{
    for (;;) {
        struct pollfd polled = {.fd = listener, .events = POLLIN};
        request_t request;

        if (poll(&polled, 1, -1) < 0 || polled.revents & POLLHUP)
            _exit(0);
        memset(&request, 0, sizeof(request));
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request) == 0)
            answer(listener, log, &request);
    }
}

// Runs in the child. Takes over the listener that the parent has made, and nothing else of the
// parent's.
static _Noreturn void supervise(pid_t parent, int number_from, int ready_to, int log)
{
    int number, pidfd, listener;

    if (read(number_from, &number, sizeof(number)) != sizeof(number))
        _exit(CANNOT);
    pidfd = (int)syscall(SYS_pidfd_open, parent, 0);
    listener = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
    if (listener < 0 || write(ready_to, "", 1) != 1)
        _exit(CANNOT);
    setsid();
    if (dup2(log, 0) < 0 || dup2(listener, 1) < 0)
        _exit(CANNOT);
    syscall(SYS_close_range, 2, ~0U, 0);
    serve(1, 0);
}

int main(int argc, char **argv)
{
    int number_pipe[2], ready_pipe[2], log, at = 1, listener;
    const char *path = "/dev/null";
    pid_t parent = getpid(), child;
    char byte;

    if (at + 1 < argc && strcmp(argv[at], "--log") == 0) {
        path = argv[at + 1];
        at += 2;
    }
    for (; at < argc && strcmp(argv[at], "--") != 0; at++) {
        bool known = false;
        for (int i = 0; i < REFUSALS; i++)
            if (strcmp(refusals[i].name, argv[at]) == 0)
                known = refusals[i].wanted = true;
        if (!known)
            usage();
    }
    if (at + 1 >= argc)
        usage();
    log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0 || pipe2(number_pipe, O_CLOEXEC) != 0 || pipe2(ready_pipe, O_CLOEXEC) != 0)
        fail(CANNOT, "%s", path);
    child = fork();
    if (child < 0)
        fail(CANNOT, "fork");
    if (child == 0)
        supervise(parent, number_pipe[0], ready_pipe[1], log);
    close(ready_pipe[1]);
    listener = install_filter();
    if (listener < 0 || write(number_pipe[1], &listener, sizeof(listener)) != sizeof(listener) ||
        read(ready_pipe[0], &byte, 1) != 1)
        fail(CANNOT, "cannot have a filter with a listener");
    execvp(argv[at + 1], argv + at + 1);
    fail(CANNOT, "cannot run %s", argv[at + 1]);
}
