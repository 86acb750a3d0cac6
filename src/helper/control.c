#include "helper/control.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "helper/failure.h"
#include "helper/privilege.h"
#include "helper/report.h"
#include "helper/secret.h"
#include "helper/settings.h"

#ifdef ENABLE_CWG_ENGINE

enum {
    SECOND = 1000 * 1000 * 1000, /* nanoseconds */
    /* That any engine is given to answer, on a machine that is busy. */
    MOMENT = 10 * 1000 * 1000,
};

/* As long as any of this may take. */
#define WAIT (2 * (int64_t)SECOND)

/* Waits for an event, or for the hang-up of a socket, of which one is told without asking. */
static int wait_for(int fd, short events, int64_t nanoseconds)
{
    struct pollfd polled = {.fd = fd, .events = events};
    struct timespec time = {.tv_sec = nanoseconds / SECOND, .tv_nsec = nanoseconds % SECOND};
    int ready = ppoll(&polled, 1, &time, NULL);

    if (ready < 0)
        return -errno;
    return ready == 0 ? -ETIMEDOUT : 0;
}

int control_await_end(int pidfd)
{
    return wait_for(pidfd, POLLIN, WAIT);
}

int control_kill(int pidfd)
{
    return syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 ? -errno : 0;
}

/* A socket that takes nothing: who is at its other end can't send, from the first moment on, since
 * it isn't connected yet (unix_dgram_sendmsg(), net/unix/af_unix.c). */
static int open_mute(int *ret_socket)
{
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    if (shutdown(fd, SHUT_RD) < 0) {
        int error = -errno;

        close(fd);
        return error;
    }
    *ret_socket = fd;
    return 0;
}

/* A socket that takes messages of the engine's port alone. */
static int open_netlink(int *ret_socket)
{
    static const struct sockaddr_nl engine = {.nl_family = AF_NETLINK, .nl_pid = CTLMSG_PORT};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_USERSOCK);

    if (fd < 0)
        return -errno;
    if (connect(fd, (const void *)&engine, sizeof(engine)) < 0) {
        int error = -errno;

        close(fd);
        return error;
    }
    *ret_socket = fd;
    return 0;
}

static int open_sockets(struct control *control, bool look)
{
    int error = open_mute(&control->socket);

    if (!error && look)
        error = open_netlink(&control->netlink);
    return error;
}

/* The sockets belong to the network namespace of a process: the name that the first connects to is
 * looked for there (unix_find_socket_byname(), net/unix/af_unix.c). */
static int open_inside(const struct home *home, bool look, struct control *control)
{
    struct failure failure = {.text = ""};
    int error = netns_enter(control->pidfd, PRIVILEGE_PTRACE | PRIVILEGE_ADMIN);

    if (error)
        return error;
    error = open_sockets(control, look);
    if (home_return(home, &failure))
        _exit(1); /* it worked when the target was visited: nothing would be right from here */
    return error;
}

/* An engine is in a namespace of its own. In the container others could listen, and a process of
 * theirs be meant that has got the number of one that did. */
static int check_place(const struct target *target, int fd)
{
    struct netns netns = {0};
    int there;
    int error;

    privilege_raise(PRIVILEGE_NET);
    there = ioctl(fd, SIOCGSKNS);
    privilege_lower();
    if (there < 0)
        return -errno;
    error = netns_identify(there, &netns);
    close(there);
    if (error)
        return error;
    return netns_same(&netns, &target->netns) || netns_same(&netns, &target->home->netns) ? -ESRCH
                                                                                          : 0;
}

/* By the name of an engine of this container's, whatever the alias says: no other can be reached.
 * And who listens has to be the process that was meant, and not another in its namespace. */
static int connect_to(const struct target *target, const struct ctlmsg_engine *engine, int fd)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + CTLMSG_NAME_SIZE;
    uint8_t place[CTLMSG_PLACE_SIZE];
    struct ucred peer;
    socklen_t peer_size = sizeof(peer);

    /* An abstract name has a NUL at its start, and none at its end. */
    ctlmsg_place(engine, target->netns.inode, place);
    ctlmsg_name(place, address.sun_path + 1);
    if (connect(fd, (const void *)&address, size) < 0)
        return errno == EAGAIN ? -ETIMEDOUT : -errno;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) < 0)
        return -errno;
    return peer.pid == engine->process ? 0 : -ESRCH;
}

void control_hang_up(struct control *control)
{
    if (control->socket >= 0)
        close(control->socket);
    if (control->netlink >= 0)
        close(control->netlink);
    control->socket = control->netlink = -1;
}

int control_open(const struct target *target, const struct device *device, bool look,
                 struct control *ret_control)
{
    struct control control = {
        .process = device->engine.process, .pidfd = -1, .socket = -1, .netlink = -1};
    int error = control.process > 0 ? 0 : -ESRCH;

    if (!error) {
        control.pidfd = (int)syscall(SYS_pidfd_open, control.process, 0);
        error = control.pidfd < 0 ? -errno : 0;
    }
    if (!error)
        error = open_inside(target->home, look, &control);
    if (!error)
        error = check_place(target, control.socket);
    if (!error)
        error = connect_to(target, &device->engine, control.socket);
    if (error)
        control_hang_up(&control);
    *ret_control = control;
    return error;
}

void control_close(struct control *control)
{
    control_hang_up(control);
    if (control->pidfd >= 0)
        close(control->pidfd);
    control->pidfd = -1;
}

_Static_assert((int)CTLMSG_SIZE <= (int)SECRET_TEXT_SIZE, "a request is cut off");

int control_set_peer(const struct control *control, const struct peer *peer)
{
    size_t length = ctlmsg_set_peer(secret.text, peer);
    int result = 0;
    socklen_t size = sizeof(result);
    int error =
        send(control->socket, secret.text, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;

    secret_wipe();
    if (error)
        return error;
    error = wait_for(control->socket, 0, WAIT);
    if (error)
        return error;
    if (getsockopt(control->socket, SOL_SOCKET, SO_ERROR, &result, &size) < 0)
        return -errno;
    return -result;
}

static int64_t read_clock(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * (int64_t)SECOND + now.tv_nsec;
}

static int ask(const struct control *control, uint32_t sequence)
{
    static const char get[] = {'g', 'e', 't', '=', '1', '\n', '\n'};
    struct {
        struct nlmsghdr header;
        char text[sizeof(get)];
    } question = {.header = {.nlmsg_len = NLMSG_LENGTH(sizeof(get)),
                             .nlmsg_type = CTLMSG_TYPE,
                             .nlmsg_flags = NLM_F_REQUEST,
                             .nlmsg_seq = sequence}};

    memcpy(question.text, get, sizeof(get));
    if (send(control->netlink, &question, question.header.nlmsg_len, MSG_DONTWAIT) >= 0)
        return 0;
    if (errno == ECONNREFUSED)
        return -EPROTO;
    return errno == EAGAIN ? -ETIMEDOUT : -errno; /* it has more to read than there is room for */
}

/* Takes the answer, if it is there. Returns -EAGAIN if not: what comes first may be the answer to
 * another question, of a process that had our number before us. */
static int take_answer(const struct control *control, uint32_t sequence,
                       struct link_status *ret_status)
{
    union {
        struct nlmsghdr header;
        char bytes[NLMSG_HDRLEN + REPORT_SIZE];
    } answer;
    struct iovec buffer = {.iov_base = &answer, .iov_len = sizeof(answer)};
    struct msghdr header = {.msg_iov = &buffer, .msg_iovlen = 1};
    ssize_t size = recvmsg(control->netlink, &header, MSG_DONTWAIT);

    if (size < 0)
        return -errno;
    if ((header.msg_flags & MSG_TRUNC) || (size_t)size < sizeof(answer.header) ||
        answer.header.nlmsg_len != (size_t)size)
        return -EBADMSG;
    if (answer.header.nlmsg_seq != sequence)
        return -EAGAIN;
    return report_parse(answer.bytes + NLMSG_HDRLEN, (size_t)size - NLMSG_HDRLEN, ret_status);
}

int control_look(const struct control *control, struct patience *patience,
                 struct link_status *ret_status)
{
    const int64_t start = read_clock(), until = start + MOMENT + patience->nanoseconds;
    const uint32_t sequence = (uint32_t)start;
    int64_t now = start;
    int error = ask(control, sequence);

    if (error)
        return error;
    do {
        error = wait_for(control->netlink, POLLIN, until - now);
        if (!error)
            error = take_answer(control, sequence, ret_status);
        now = read_clock();
    } while (error == -EAGAIN && now < until);
    if (now - start > MOMENT)
        patience->nanoseconds -= now - start - MOMENT;
    if (patience->nanoseconds < 0)
        patience->nanoseconds = 0;
    return error == -EAGAIN ? -ETIMEDOUT : error;
}

#endif
