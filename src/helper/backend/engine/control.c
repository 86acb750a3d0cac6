#include "helper/backend/engine/control.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "handover/handover.h"
#include "helper/backend/engine/ctlmsg.h"
#include "helper/netlink/secret.h"

enum {              /* milliseconds */
       WAIT = 2000, /* for any step */
       MOMENT = 10, /* each engine gets at least this, on a busy machine */
};

static int wait_for(int fd, int64_t milliseconds)
{
    int ready = clock_await(fd, POLLIN, milliseconds);

    if (ready < 0)
        return -errno;
    return ready == 0 ? -ETIMEDOUT : 0;
}

int control_await_end(int pidfd)
{
    return wait_for(pidfd, WAIT);
}

int control_kill(int pidfd)
{
    return syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 ? -errno : 0;
}

/* Is a name abstract (unix(7))? Any other is a path, which would be resolved here. */
static bool is_abstract(const struct sockaddr_un *address, socklen_t size)
{
    return size > offsetof(struct sockaddr_un, sun_path) && size <= sizeof(*address) &&
           address->sun_family == AF_UNIX && address->sun_path[0] == '\0';
}

/* Connects by the name of the engine's listener, in the engine's namespace, where nobody else can
 * have that name. */
int control_connect(const struct proof *engine)
{
    struct sockaddr_un address = {.sun_family = AF_UNSPEC};
    socklen_t size = sizeof(address);
    int listener;
    int error = proof_take_listener(engine, &listener);

    if (error)
        return error;
    if (getsockname(listener, (void *)&address, &size) < 0)
        error = -errno;
    else if (!is_abstract(&address, size))
        error = -EPROTO;
    else if (connect(engine->socket, (const void *)&address, size) < 0)
        error = errno == EAGAIN ? -ETIMEDOUT : -errno;
    close(listener);
    return error;
}

/* A connection that ends without an answer counts as no answer: an engine with too many clients
 * hangs up on the oldest. */
static int no_answer(int error)
{
    return error == -EPIPE || error == -ECONNRESET || error == -EAGAIN ? -ETIMEDOUT : error;
}

static int ask(const struct proof *engine, const char *text, size_t length)
{
    return send(engine->socket, text, length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? no_answer(-errno)
                                                                               : 0;
}

/* Receives an answer. Returns its length, more than 0, or a negative errno. */
static int take_answer(const struct proof *engine, int64_t milliseconds,
                       char ret_text[static HANDOVER_MESSAGE_MAX])
{
    struct iovec buffer = {.iov_base = ret_text, .iov_len = HANDOVER_MESSAGE_MAX};
    struct msghdr header = {.msg_iov = &buffer, .msg_iovlen = 1};
    int error = wait_for(engine->socket, milliseconds);
    ssize_t size;

    if (error)
        return error;
    size = recvmsg(engine->socket, &header, MSG_DONTWAIT);
    if (size < 0)
        return no_answer(-errno);
    if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
        return -EBADMSG;
    return size > 0 ? (int)size : -ETIMEDOUT;
}

_Static_assert((int)CTLMSG_SIZE <= (int)SECRET_TEXT_SIZE, "a request is cut off");

int control_set_peer(const struct proof *engine, const struct peer *peer)
{
    char answer[HANDOVER_MESSAGE_MAX];
    size_t length = ctlmsg_set_peer(secret.text, peer);
    int size = ask(engine, secret.text, length);

    secret_wipe();
    if (size == 0)
        size = take_answer(engine, WAIT, answer);
    return size < 0 ? size : ctlmsg_parse_errno(answer, (size_t)size);
}

int control_look(const struct proof *engine, struct patience *patience,
                 struct link_status *ret_status)
{
    const int64_t start = clock_now();
    int64_t left;
    char answer[HANDOVER_MESSAGE_MAX];
    int size = ask(engine, HANDOVER_GET, sizeof(HANDOVER_GET) - 1);

    if (size == 0)
        size = take_answer(engine, MOMENT + patience->milliseconds, answer);
    /* The wait is taken off, beyond the moment that each engine gets. */
    left = MOMENT + patience->milliseconds - (clock_now() - start);
    if (left < patience->milliseconds)
        patience->milliseconds = left > 0 ? left : 0;
    return size < 0 ? size : ctlmsg_parse(answer, (size_t)size, ret_status);
}
