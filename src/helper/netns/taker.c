#include "helper/netns/taker.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/confine/deadline.h"
#include "helper/confine/privilege.h"
#include "helper/confine/startup.h"
#include "helper/netns/census.h"

struct answer {
    int32_t error; /* a negative errno, with `failure`; or 0 */
    struct failure failure;
    int hidden; /* as in struct census */
    bool more;
    size_t count; /* messages that follow, one entry each */
};

static bool say(const void *bytes, size_t size)
{
    return send(STDIN_FILENO, bytes, size, MSG_NOSIGNAL) == (ssize_t)size;
}

static bool answer_question(void)
{
    static struct census census;
    struct answer answer = {.error = 0};
    bool said;

    answer.error = census_take(&census, &answer.failure);
    answer.failure.usage = NULL;
    answer.hidden = census.hidden;
    answer.more = census.more;
    for (size_t i = 0; i < census.count && !answer.error; i++)
        answer.count += census.entries[i].may_have_links;
    said = say(&answer, sizeof(answer));
    for (size_t i = 0; i < census.count && !answer.error && said; i++) {
        if (census.entries[i].may_have_links)
            said = say(&census.entries[i], sizeof(census.entries[i]));
    }
    return said;
}

/* Runs the process: standard input is the socket, and nothing else is open. A census that takes too
 * long ends the process (deadline.h), and the batch sees the socket's end. */
_Noreturn static void run(int fd)
{
    struct failure ignored;
    char question;

    if (startup_detach() || dup2(fd, STDIN_FILENO) < 0)
        _exit(EXIT_FAILURE);
    startup_close_all();
    privilege_keep(PRIVILEGE_PTRACE);
    if (deadline_make(&ignored))
        _exit(EXIT_FAILURE);
    while (recv(STDIN_FILENO, &question, sizeof(question), 0) == sizeof(question) &&
           answer_question())
        ;
    _exit(EXIT_SUCCESS);
}

int taker_start(int *ret_taker, struct failure *failure)
{
    int ends[2];
    pid_t process;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return fail_unexpected(failure, -errno,
                               "can't open a socket to the process that looks for containers");
    process = startup_split_off();
    if (process < 0)
        return fail_unexpected(failure, -errno, "can't start a process that looks for containers");
    if (process == 0)
        run(ends[1]);
    close(ends[1]);
    *ret_taker = ends[0];
    return 0;
}

static bool hear(int taker, void *ret_bytes, size_t size)
{
    struct iovec buffer = {.iov_base = ret_bytes, .iov_len = size};
    struct msghdr header = {.msg_iov = &buffer, .msg_iovlen = 1};

    return recvmsg(taker, &header, 0) == (ssize_t)size;
}

static int fail_ended(struct failure *failure)
{
    return fail_as(failure, FAILURE_BATCH, -EPIPE,
                   "the process that looks for the batch's containers has ended: begin a new "
                   "batch");
}

int taker_ask(int taker, struct census *ret_census, struct failure *failure)
{
    const char question = 0;
    struct answer answer = {.error = 0};

    if (send(taker, &question, sizeof(question), MSG_NOSIGNAL) != sizeof(question) ||
        !hear(taker, &answer, sizeof(answer)) || answer.count > CENSUS_MAX)
        return fail_ended(failure);
    if (answer.error) {
        *failure = answer.failure;
        return answer.error;
    }
    for (size_t i = 0; i < answer.count; i++) {
        if (!hear(taker, &ret_census->entries[i], sizeof(ret_census->entries[i])))
            return fail_ended(failure);
    }
    ret_census->count = answer.count;
    ret_census->more = answer.more;
    ret_census->hidden = answer.hidden;
    return 0;
}
