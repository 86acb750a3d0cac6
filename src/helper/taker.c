#include "helper/taker.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/census.h"
#include "helper/deadline.h"
#include "helper/failure.h"
#include "helper/privilege.h"
#include "helper/process.h"
#include "helper/settings.h"
#include "helper/startup.h"

#ifdef ENABLE_CWG_BATCH

struct answer {
    int32_t error; /* a negative errno, with the reason in `failure`; or 0 */
    struct failure failure;
};

static int to_taker = -1;
static struct census *shared;

bool taker_is_there(void)
{
    return to_taker >= 0;
}

/* Nothing is ever read of what is shared. */
static void share(const struct census *census)
{
    memcpy(shared->entries, census->entries, census->count * sizeof(census->entries[0]));
    shared->more = census->more;
    shared->hidden = census->hidden;
    shared->count = census->count;
}

/* Standard input is the socket, and nothing else is open. A census that takes too long ends this
 * process (deadline.h), which is an answer, too. */
_Noreturn static void run(int fd)
{
    static struct census census;
    struct failure ignored;
    char question;

    if (startup_detach() || dup2(fd, STDIN_FILENO) < 0)
        _exit(EXIT_FAILURE);
    startup_close_all();
    privilege_keep(PRIVILEGE_PTRACE);
    if (deadline_make(&ignored))
        _exit(EXIT_FAILURE);
    while (recv(STDIN_FILENO, &question, sizeof(question), 0) == sizeof(question)) {
        struct answer answer = {.error = 0};

        answer.error = census_take(&census, &answer.failure);
        answer.failure.usage = NULL;
        if (!answer.error)
            share(&census);
        if (send(STDIN_FILENO, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer))
            break;
    }
    _exit(EXIT_SUCCESS);
}

static int start(struct failure *failure)
{
    int ends[2];
    pid_t process;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return fail_unexpected(failure, -errno, "can't open a socket to look for containers by");
    process = process_split_off();
    if (process < 0)
        return fail_unexpected(failure, -errno, "can't start a process that looks for containers");
    if (process == 0)
        run(ends[1]);
    close(ends[1]);
    to_taker = ends[0];
    return 0;
}

int taker_start(struct failure *failure)
{
    void *memory =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int error;

    if (memory == MAP_FAILED)
        return fail_unexpected(failure, -errno, "no memory for a list of containers");
    shared = memory;
    error = start(failure);
    if (!error && mprotect(memory, sizeof(*shared), PROT_READ) < 0)
        error = fail_unexpected(failure, -errno, "can't protect a list of containers");
    return error;
}

int taker_ask(const struct census **ret_census, struct failure *failure)
{
    const char question = 0;
    struct answer answer = {.error = 0};
    struct iovec buffer = {.iov_base = &answer, .iov_len = sizeof(answer)};
    struct msghdr header = {.msg_iov = &buffer, .msg_iovlen = 1};

    if (send(to_taker, &question, sizeof(question), MSG_NOSIGNAL) != sizeof(question) ||
        recvmsg(to_taker, &header, 0) != sizeof(answer))
        return fail_as(failure, FAILURE_BATCH, -EPIPE,
                       "the process that looks for the batch's containers has ended: begin a new "
                       "batch");
    *ret_census = shared;
    if (answer.error)
        *failure = answer.failure;
    return answer.error;
}

#endif
