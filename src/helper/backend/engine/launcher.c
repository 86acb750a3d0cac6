#include "helper/backend/engine/launcher.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/confine/startup.h"

struct answer {
    int32_t error; /* a negative errno, with `failure`; or 0 */
    struct failure failure;
    struct launch launch; /* its descriptors go beside the message */
};

/* Room for an answer's descriptors. */
union room {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(((struct launch *)NULL)->descriptors))];
};

static int send_answer(int fd, const struct answer *answer)
{
    const struct launch *launch = &answer->launch;
    const size_t size = sizeof(launch->descriptors) - (launch->udp6 < 0 ? sizeof(launch->udp6) : 0);
    struct iovec buffer = {.iov_base = (void *)answer, .iov_len = sizeof(*answer)};
    union room room = {.header = {.cmsg_len = (socklen_t)CMSG_LEN(size),
                                  .cmsg_level = SOL_SOCKET,
                                  .cmsg_type = SCM_RIGHTS}};
    struct msghdr header = {.msg_iov = &buffer, .msg_iovlen = 1};

    if (!answer->error) {
        memcpy(CMSG_DATA(&room.header), launch->descriptors, size);
        header.msg_control = &room;
        header.msg_controllen = (socklen_t)CMSG_SPACE(size);
    }
    return sendmsg(fd, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Answers one question. The batch waits without end, so it needs an answer, or the socket's end.
 * Descriptors can't be sent if this user, perhaps in a container, has too many of them on their way
 * (too_many_unix_fds(), net/unix/scm.c). */
static int serve(const struct home *home, int fd, struct link_end end)
{
    struct answer answer = {.launch = LAUNCH_NONE};
    int error;

    if (end.net > LINK_NET_MAX || end.host > LINK_HOST_MAX)
        return -EINVAL;
    answer.error = launch_engine(home, end, &answer.launch, &answer.failure);
    answer.failure.usage = NULL;
    error = send_answer(fd, &answer);
    if (error && !answer.error) {
        answer.error = fail_unexpected(&answer.failure, error, "can't hand over the new engine");
        error = send_answer(fd, &answer);
    }
    return error;
}

/* Answers that no process could be started. */
static bool refuse(int fd, int error)
{
    struct answer answer = {.error = error, .launch = LAUNCH_NONE};

    (void)launch_fail_process(error, &answer.failure);
    return send_answer(fd, &answer) == 0;
}

/* Runs the process. Each question gets a process of its own, which begins at home with nothing open
 * but the socket. If that process is killed the batch would wait for ever, so this process ends,
 * and the batch sees the socket's end. SIGCHLD: if the caller had it ignored, waitpid() would tell
 * nothing. child.c resets an engine's signals. */
_Noreturn static void run(const struct home *home, int fd)
{
    struct link_end end;
    int status = 0;

    if (startup_detach() || signal(SIGCHLD, SIG_DFL) == SIG_ERR)
        _exit(EXIT_FAILURE);
    while (status == 0 && recv(fd, &end, sizeof(end), MSG_TRUNC) == sizeof(end)) {
        pid_t process = startup_split_off();

        if (process == 0) {
            _exit(serve(home, fd, end) ? EXIT_FAILURE : EXIT_SUCCESS);
        }
        if (process < 0 ? !refuse(fd, -errno) : waitpid(process, &status, 0) != process)
            _exit(EXIT_FAILURE);
    }
    _exit(status == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}

int launcher_start(const struct home *home, int *ret_launcher, struct failure *failure)
{
    int ends[2];
    pid_t process;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return fail_unexpected(failure, -errno,
                               "can't open a socket to the process that starts engines");
    process = startup_split_off();
    if (process < 0)
        return fail_unexpected(failure, -errno, "can't start a process that starts engines");
    if (process == 0) {
        close(ends[0]);
        run(home, ends[1]);
    }
    close(ends[1]);
    *ret_launcher = ends[0];
    return 0;
}

/* Takes an answer's descriptors. Returns false if they aren't the expected ones. */
static bool take_descriptors(struct msghdr *header, struct launch *launch)
{
    const struct cmsghdr *control = CMSG_FIRSTHDR(header);
    size_t size;

    if (!control || control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
        return false;
    size = control->cmsg_len - CMSG_LEN(0);
    if (size > sizeof(launch->descriptors))
        return false;
    memcpy(launch->descriptors, CMSG_DATA(control), size);
    return launch->udp4 >= 0 && !(header->msg_flags & MSG_CTRUNC);
}

static int fail_ended(struct failure *failure)
{
    return fail_as(failure, FAILURE_BATCH, -EPIPE,
                   "the process that starts the batch's engines has ended: begin a new batch");
}

int launcher_ask(int launcher, struct link_end end, struct launch *ret_launch,
                 struct failure *failure)
{
    struct launch launch = LAUNCH_NONE;
    struct answer answer = {.error = 0};
    struct iovec buffer = {.iov_base = &answer, .iov_len = sizeof(answer)};
    union room room = {.bytes = {0}};
    struct msghdr header = {
        .msg_iov = &buffer, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof(room)};

    if (send(launcher, &end, sizeof(end), MSG_NOSIGNAL) != sizeof(end) ||
        recvmsg(launcher, &header, MSG_CMSG_CLOEXEC) != sizeof(answer))
        return fail_ended(failure);
    if (answer.error) {
        *failure = answer.failure;
        return answer.error;
    }
    if (!take_descriptors(&header, &launch)) {
        launch_close(&launch);
        return (header.msg_flags & MSG_CTRUNC)
                   ? fail_unexpected(failure, -EMFILE, "can't receive the new engine's descriptors")
                   : fail_ended(failure);
    }
    launch.process = answer.launch.process;
    *ret_launch = launch;
    return 0;
}
