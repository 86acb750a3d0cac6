#include "helper/admin/audit.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdint.h>
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
#include "helper/base/text.h"

enum {
    MAP_SIZE = 128, /* longer than the one line of the machine's own user namespace */
    PROC_ROOT = 1,  /* inode of /proc (include/linux/proc_ns.h) */
};

/* Opens a file of the kernel's own /proc. In a user namespace the caller may have mounted another
 * file over this file, or another file system over /proc. So /proc has to be the root of a proc
 * file system, and the file has to be in the same mount. */
static int open_in_proc(const char *name)
{
    struct statfs system;
    struct stat root;
    uint64_t mount, own_mount;
    int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd = -1;

    if (proc >= 0 && fstatfs(proc, &system) == 0 && system.f_type == PROC_SUPER_MAGIC &&
        fstat(proc, &root) == 0 && root.st_ino == PROC_ROOT &&
        !file_find_mount(proc, "", AT_EMPTY_PATH, &mount))
        fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
    file_close(&proc);
    if (fd >= 0 && (file_find_mount(fd, "", AT_EMPTY_PATH, &own_mount) || own_mount != mount))
        file_close(&fd);
    return fd;
}

/* Finds out if the caller's number is the machine's. In the machine's own user namespace each
 * number stands for itself. The kernel writes the map for the process that opens it. The caller
 * might have mounted another process's map there; even that shows identity only to processes of the
 * same namespace (uid_m_show(), kernel/user_namespace.c). */
static void find_caller(struct audit *audit)
{
    static const char identity[] = "         0          0 4294967295\n";
    char map[MAP_SIZE];
    int fd = open_in_proc("self/uid_map");
    ssize_t length = fd < 0 ? 0 : file_read(fd, map, sizeof(map));

    file_close(&fd);
    if (length > 0)
        audit->caller =
            length == sizeof(identity) - 1 && memcmp(map, identity, sizeof(identity) - 1) == 0
                ? CALLER_BY_NUMBER
                : CALLER_ELSEWHERE;
}

/* The sandbox forbids socket(AF_UNIX, SOCK_DGRAM) and getpid(). */
void audit_open(struct audit *audit)
{
    if (audit->opened)
        return;
    audit->opened = true;
    audit->self = getpid();
    find_caller(audit);
    audit->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* Sends without connecting, since the listener may have been restarted after the last line.
 * sendmsg() fails at once if nobody listens, if the listener's queue is full, or if the path isn't
 * a datagram socket (unix_dgram_sendmsg(), net/unix/af_unix.c). */
static void send_line(const struct audit *audit, const struct text *line)
{
    static const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = AUDIT_PATH};
    struct iovec buffer = {.iov_base = (void *)line->bytes, .iov_len = line->length};
    const struct msghdr header = {.msg_name = (void *)&address,
                                  .msg_namelen = sizeof(address),
                                  .msg_iov = &buffer,
                                  .msg_iovlen = 1};

    if (audit->socket >= 0)
        (void)sendmsg(audit->socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void add_key(struct text *line, const char *name, const struct key *public_key)
{
    char text[KEY_TEXT_LENGTH + 1];

    key_to_text(public_key, text);
    text_print(line, "%s %s", name, text);
}

static void add_argument(struct text *line, enum argument argument, const struct request *request)
{
    char peer[ENDPOINT_TEXT_SIZE] = "-";

    switch (argument) {
    case ARGUMENT_NET:
        if (request->has_end)
            text_print(line, " net %u", request->end.net);
        break;
    case ARGUMENT_HOST:
        if (request->has_end)
            text_print(line, " host %u", request->end.host);
        break;
    case ARGUMENT_PORT:
        text_print(line, " port %u", request->port);
        break;
    case ARGUMENT_ENDPOINT:
        if (request->peer.endpoint.port)
            endpoint_to_text(&request->peer.endpoint, peer);
        text_print(line, " peer %s", peer);
        break;
    case ARGUMENT_KEY:
        add_key(line, " key", &request->peer.public_key);
        break;
    default:
        break;
    }
}

static void add_options(struct text *line, const struct request *request)
{
    if (request->preshared_key.kind != PRESHARED_NONE)
        text_print(line, " with a preshared key");
    if (request->peer.keepalive != PEER_KEEPALIVE_KEPT)
        text_print(line, " persistent-keepalive %d", request->peer.keepalive);
    if (request->mtu)
        text_print(line, " mtu %u", request->mtu);
    if (request->given[OPTION_ADOPT])
        text_print(line, " adopt");
    if (request->given[OPTION_REPLACE])
        text_print(line, " replace");
    if (request->given[OPTION_ALLOW_OVERLAP])
        text_print(line, " allow-overlap");
}

static void add_target(struct text *line, const struct request *request, ino_t netns)
{
    if (netns)
        text_print(line, " in net:[%ju]", (uintmax_t)netns);
    text_print(line, " (%s%d)",
               request->target.kind == TARGET_PID ? "pid " : "fd:", request->target.number);
}

/* Writes no time: the journal and syslog add their own, since they needn't believe a program's. */
static void begin(const struct audit *audit, struct text *line, int error)
{
    text_print(line, "<%d>net-admin-helper[%d]: ", LOG_AUTHPRIV | (error ? LOG_WARNING : LOG_INFO),
               audit->self);
    if (audit->caller == CALLER_BY_NUMBER)
        text_print(line, "user %u: ", getuid());
    else
        text_print(line, "%s: ",
                   audit->caller == CALLER_ELSEWHERE ? "a user of another user namespace"
                                                     : "an unknown user");
}

void audit_send(struct audit *audit, const struct audit_line *told, int error,
                const struct failure *failure)
{
    struct text line = {.length = 0};

    audit_open(audit);
    begin(audit, &line, error);
    text_add(&line, told->task);
    for (const enum argument *argument = told->arguments; *argument; argument++)
        add_argument(&line, *argument, told->request);
    add_options(&line, told->request);
    add_target(&line, told->request, told->netns);
    text_print(&line, ": %s%s", error ? "failed: " : "ok", error ? failure->text : "");
    if (!error && told->public_key)
        add_key(&line, ", public key", told->public_key);
    send_line(audit, &line);
}
