#include "cwg/agent/loop/child.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The child needs no other descriptor of the agent's, and above all not the store's: its lock
 * would be the child's, too, and keep the next agent from starting. Returns the socket. */
static int keep_only(int socket)
{
    if (socket > 3 && dup2(socket, 3) == 3)
        socket = 3;
    if (syscall(SYS_close_range, socket + 1, ~0U, 0) < 0) { /* before Linux 5.9 */
        for (int fd = socket + 1; fd < sysconf(_SC_OPEN_MAX); fd++)
            close(fd);
    }
    return socket;
}

int child_start(struct child *child, struct loop *loop, void (*run)(void *context, int socket),
                void *context, void (*ready)(struct watch *watch, uint32_t events), void *owner)
{
    int pair[2];
    int error = 0;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    child->pid = fork();
    if (child->pid == 0) {
        run(context, keep_only(pair[1]));
        _exit(0);
    }
    if (child->pid < 0)
        error = -errno;
    close(pair[1]);
    child->watch = (struct watch){.fd = pair[0], .ready = ready, .owner = owner};
    if (error) {
        close(pair[0]);
        return error;
    }
    error = loop_add(loop, &child->watch, EPOLLIN);
    if (error)
        child_end(child, loop);
    return error;
}

void child_end(struct child *child, struct loop *loop)
{
    const int socket = child->watch.fd;

    loop_remove(loop, &child->watch);
    close(socket);
    (void)kill(child->pid, SIGKILL);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        ;
}
