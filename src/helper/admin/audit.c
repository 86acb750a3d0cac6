#include "helper/admin/audit.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <syslog.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/base/file.h"
#include "helper/base/settings.h"

enum {
    LINE_SIZE = 1024, /* more than the longest */
    MAP_SIZE = 128,   /* more than the one line of the map of the machine's own user namespace */
    PROC_ROOT =
        1, /* inode of the root directory of /proc (PROC_ROOT_INO, include/linux/proc_ns.h) */
    NOT_YET = -1,
    NOBODY = -2,
};

/* The sandbox has neither a socket nor getpid(). */
static int log_socket = NOT_YET;
static pid_t self;

/* Who calls, as far as that is known. */
static enum {
    CALLER_UNKNOWN,
    CALLER_BY_NUMBER, /* getuid() is the machine's number */
    CALLER_ELSEWHERE, /* getuid() is a number of another user namespace, where anybody can be 0 */
} caller;

static struct {
    bool known;
    struct key public_key;
} made;

struct line {
    char text[LINE_SIZE];
    size_t length;
};

static void add(struct line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct line *line, const char *format, ...)
{
    size_t room = sizeof(line->text) - line->length;
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(line->text + line->length, room, format, arguments);
    va_end(arguments);
    if (length > 0)
        line->length += (size_t)length < room ? (size_t)length : room - 1;
}

/* Opens a file of the /proc of the kernel's. In a user namespace the caller may have mounted what
 * he likes: another file over this one, or another file system over /proc. So it has to be a proc
 * file system from its root on, and the file has to be in that mount. */
static int open_in_proc(const char *name)
{
    struct statfs system;
    struct statx root, file;
    int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = -1;

    if (proc >= 0 && fstatfs(proc, &system) == 0 && system.f_type == PROC_SUPER_MAGIC &&
        statx(proc, "", AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID, &root) == 0 &&
        root.stx_ino == PROC_ROOT)
        fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
    if (proc >= 0)
        close(proc);
    if (fd < 0)
        return -1;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &file) == 0 &&
        file.stx_mask & root.stx_mask & STATX_MNT_ID && file.stx_mnt_id == root.stx_mnt_id)
        return fd;
    close(fd);
    return -1;
}

/* In the machine's own user namespace all numbers of users stand for themselves. The kernel writes
 * the map for the process that opens it: another process's, which the caller might have mounted
 * there, says so only to those for whom the same holds (uid_m_show(), kernel/user_namespace.c). */
static void find_caller(void)
{
    static const char identity[] = "         0          0 4294967295\n";
    char map[MAP_SIZE];
    int fd = open_in_proc("self/uid_map");
    ssize_t length;

    if (fd < 0)
        return;
    length = file_read(fd, map, sizeof(map));
    close(fd);
    if (length > 0)
        caller = length == sizeof(identity) - 1 && memcmp(map, identity, sizeof(identity) - 1) == 0
                     ? CALLER_BY_NUMBER
                     : CALLER_ELSEWHERE;
}

void audit_open(void)
{
    if (log_socket != NOT_YET)
        return;
    self = getpid();
    find_caller();
    log_socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (log_socket < 0)
        log_socket = NOBODY;
}

/* Not connected: who listens there may have been started again since the last line. Where nobody
 * does, where his queue is full, or where it is no socket for datagrams, that is told at once
 * (unix_dgram_sendmsg(), net/unix/af_unix.c). */
static void send_line(const struct line *line)
{
    static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = AUDIT_PATH};
    struct iovec buffer = {.iov_base = (void *)line->text, .iov_len = line->length};
    const struct msghdr header = {.msg_name = (void *)&address,
                                  .msg_namelen = sizeof(address),
                                  .msg_iov = &buffer,
                                  .msg_iovlen = 1};

    if (log_socket >= 0)
        (void)sendmsg(log_socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void audit_public_key(const struct key *public_key)
{
    made.known = true;
    made.public_key = *public_key;
}

static void add_key(struct line *line, const char *name, const struct key *public_key)
{
    char text[KEY_TEXT_LENGTH + 1];

    key_to_text(public_key, text);
    add(line, "%s %s", name, text);
}

static void add_peer(struct line *line, const struct request *request)
{
    char text[ENDPOINT_TEXT_SIZE] = "-";

    if (request->peer.endpoint.port)
        endpoint_to_text(&request->peer.endpoint, text);
    add(line, " peer %s", text);
}

static void add_argument(struct line *line, enum argument argument, const struct request *request)
{
    switch (argument) {
    case ARGUMENT_NET:
        if (request->has_end)
            add(line, " net %u", request->end.net);
        break;
    case ARGUMENT_HOST:
        if (request->has_end)
            add(line, " host %u", request->end.host);
        break;
    case ARGUMENT_PORT:
        add(line, " port %u", request->port);
        break;
    case ARGUMENT_ENDPOINT:
        add_peer(line, request);
        break;
    case ARGUMENT_KEY:
        add_key(line, " key", &request->peer.public_key);
        break;
    default:
        break;
    }
}

static void add_options(struct line *line, const struct request *request)
{
    if (request->preshared_key.kind != PRESHARED_NONE)
        add(line, " with a preshared key");
    if (request->peer.keepalive != PEER_KEEPALIVE_KEPT)
        add(line, " persistent-keepalive %d", request->peer.keepalive);
    if (request->mtu)
        add(line, " mtu %u", request->mtu);
    if (request->given[OPTION_ADOPT])
        add(line, " adopt");
    if (request->given[OPTION_REPLACE])
        add(line, " replace");
    if (request->given[OPTION_ALLOW_OVERLAP])
        add(line, " allow-overlap");
}

static void add_target(struct line *line, const struct request *request, ino_t netns)
{
    if (netns)
        add(line, " in net:[%ju]", (uintmax_t)netns);
    add(line, " (%s%d)",
        request->target.kind == TARGET_PID ? "pid " : "fd:", request->target.number);
}

/* The time is for whoever receives it to add, as it is with the journal and with syslog: what a
 * program says of the time they needn't believe. */
static void begin(struct line *line, int error)
{
    add(line, "<%d>net-admin-helper[%d]: ", LOG_AUTHPRIV | (error ? LOG_WARNING : LOG_INFO), self);
    if (caller == CALLER_BY_NUMBER)
        add(line, "user %u: ", getuid());
    else
        add(line, "%s: ",
            caller == CALLER_ELSEWHERE ? "a user of another user namespace" : "an unknown user");
}

static void end(struct line *line, int error, const struct failure *failure)
{
    if (error)
        add(line, ": failed: %s", failure->text);
    else
        add(line, ": ok");
}

void audit_undone(const struct request *request, ino_t netns, int error,
                  const struct failure *failure)
{
    struct line line = {.length = 0};

    begin(&line, error);
    add(&line, "batch --undo");
    add_argument(&line, ARGUMENT_NET, request);
    add_argument(&line, ARGUMENT_HOST, request);
    add_target(&line, request, netns);
    end(&line, error, failure);
    send_line(&line);
}

void audit_send(const char *task, const enum argument *arguments, const struct request *request,
                ino_t netns, int error, const struct failure *failure)
{
    struct line line = {.length = 0};

    audit_open();
    begin(&line, error);
    add(&line, "%s", task);
    for (const enum argument *argument = arguments; *argument; argument++)
        add_argument(&line, *argument, request);
    add_options(&line, request);
    add_target(&line, request, netns);
    end(&line, error, failure);
    if (!error && made.known)
        add_key(&line, ", public key", &made.public_key);
    made.known = false;
    send_line(&line);
}
