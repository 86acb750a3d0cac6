#include "helper/admin/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/base/file.h"
#include "helper/base/settings.h"

/* The policy's directory and name. */
static const char path[] = CWG_POLICY_PATH;

/* Opens one directory of the path. O_PATH opens a symbolic link itself, not its target. */
static int open_step(int directory, const char *name, int *ret_fd)
{
    struct stat status = {.st_mode = 0};
    int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    int error = fd < 0 || fstat(fd, &status) < 0 ? -errno : 0;

    if (!error && S_ISLNK(status.st_mode))
        error = -ELOOP;
    if (!error && !S_ISDIR(status.st_mode))
        error = -ENOTDIR;
    if (!error)
        *ret_fd = fd;
    else if (fd >= 0)
        close(fd);
    return error;
}

/* Opens the policy's directory, to which no symbolic link may lead. -ENOENT means that it is
 * missing, never that a link leads nowhere. Walks the path step by step: openat2() with
 * RESOLVE_NO_SYMLINKS would do, but services under systemd's RestrictSUIDSGID= or DynamicUser= lack
 * that call. */
static int open_directory(int *ret_directory)
{
    char names[sizeof(path)];
    char *name = names;
    int directory = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int error = directory < 0 ? -errno : 0;

    memcpy(names, path, sizeof(path));
    *strrchr(names, '/') = '\0';
    while (!error && name) {
        char *slash = strchr(name, '/');
        int next = -1;

        if (slash)
            *slash = '\0';
        if (*name) {
            error = open_step(directory, name, &next);
            close(directory);
            directory = next;
        }
        name = slash ? slash + 1 : NULL;
    }
    if (!error)
        *ret_directory = directory;
    return error;
}

/* Is only root able to write it? An access list for others shows in the group's bits (acl(5)). */
static bool is_roots_alone(const struct stat *status, mode_t type)
{
    return (status->st_mode & S_IFMT) == type && status->st_uid == 0 &&
           !(status->st_mode & (S_IWGRP | S_IWOTH));
}

static struct policy_seen see(const struct stat *status)
{
    return (struct policy_seen){.there = true,
                                .device = status->st_dev,
                                .inode = status->st_ino,
                                .changed = status->st_ctim};
}

/* Opens the file. O_NONBLOCK: a pipe or a device is opened without waiting, and then refused. */
static int open_in(struct policy *policy, int directory, int *ret_file)
{
    struct stat status;
    int file = openat(directory, strrchr(path, '/') + 1,
                      O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

    if (file < 0)
        return -errno;
    if (fstat(file, &status) < 0 || !is_roots_alone(&status, S_IFREG)) {
        close(file);
        return -EPERM;
    }
    policy->file = see(&status);
    *ret_file = file;
    return 0;
}

/* Opens the directory, and the file in it. Whoever can write to the directory can remove the file,
 * so the directory is checked first, and counts even without a file. */
static int open_file(struct policy *policy, int *ret_file)
{
    struct stat status;
    int directory = -1;
    int error = open_directory(&directory);

    if (error)
        return error;
    if (fstat(directory, &status) < 0)
        error = -errno;
    else if (!is_roots_alone(&status, S_IFDIR))
        error = -ENOTDIR;
    if (!error) {
        policy->directory = see(&status);
        error = open_in(policy, directory, ret_file);
    }
    close(directory);
    return error;
}

static int fail_file(int error, struct failure *failure)
{
    switch (error) {
    case -EPERM:
        return fail_as(
            failure, FAILURE_POLICY, error,
            "policy: %s must be a regular file that root owns and nobody else can write: as root, "
            "run chown root: and chmod 0644 on it; until then only root may do anything",
            path);
    case -ENOTDIR:
        return fail_as(failure, FAILURE_POLICY, error,
                       "policy: the directory of %s must be a directory that root owns and nobody "
                       "else can write: as root, run chown root: and chmod 0755 on it; until then "
                       "only root may do anything",
                       path);
    case -ELOOP:
        return fail_as(failure, FAILURE_POLICY, error,
                       "policy: %s is a symbolic link, or its path has one; put a file there, or "
                       "nothing; until then only root may do anything",
                       path);
    case -EACCES:
        return fail_as(failure, FAILURE_POLICY, error,
                       "policy: you can't read %s, and each caller of this program must: as root, "
                       "chmod 0644 the file, and 0755 its directory",
                       path);
    default:
        fail_unexpected(failure, error, "policy: can't read " CWG_POLICY_PATH);
        failure->code = FAILURE_POLICY;
        return error;
    }
}

/* Finds the caller's user and groups, at most NGROUPS_MAX supplementary ones
 * (include/uapi/linux/limits.h). */
static int find_caller(struct caller *ret_caller)
{
    static gid_t groups[NGROUPS_MAX];
    int count = getgroups(NGROUPS_MAX, groups);

    if (count < 0)
        return -errno;
    *ret_caller = (struct caller){
        .user = getuid(), .group = getgid(), .groups = groups, .group_count = (size_t)count};
    return 0;
}

static int find_rule(struct policy *policy, char *text, size_t length, struct failure *failure)
{
    struct caller caller = {0};
    struct mistake mistake = {0};
    int error = find_caller(&caller);

    if (error)
        return fail_unexpected(failure, error, "can't tell the caller's groups");
    switch (rule_search(text, length, &caller, &policy->rule, &mistake)) {
    case RULE_FOUND:
        policy->limited = true;
        return 0;
    case RULE_MISTAKE:
        return fail_as(failure, FAILURE_POLICY, -EINVAL,
                       "policy line %u: %s; correct %s; until then only root may do anything",
                       mistake.line, mistake.reason, path);
    case RULE_NONE:
    default:
        return fail_as(
            failure, FAILURE_POLICY, -EPERM,
            "the policy has no rule for user %u or its groups; ask the administrator for "
            "one, in %s",
            caller.user, path);
    }
}

int policy_read(struct policy *ret_policy, struct failure *failure)
{
    struct policy *policy = ret_policy;
    static char text[POLICY_FILE_MAX + 1];
    ssize_t length;
    int file = -1;
    int error;

    if (getuid() == 0)
        return 0;
    policy->asked = true;
    error = open_file(policy, &file);
    if (error == -ENOENT)
        return 0;
    if (error)
        return fail_file(error, failure);
    length = file_read(file, text, POLICY_FILE_MAX + 1);
    close(file);
    if (length < 0)
        return fail_file((int)length, failure);
    if (length > POLICY_FILE_MAX)
        return fail_as(failure, FAILURE_POLICY, -EFBIG,
                       "policy: %s has more than 65536 bytes; shorten it; until then only root may "
                       "do anything",
                       path);
    return find_rule(policy, text, (size_t)length, failure);
}

#define OF_WHOM     " of %s %u; "
#define ONE_OF_THEM "use one of those in " CWG_POLICY_PATH ", or ask the administrator"

static const char *whose(const struct rule *rule)
{
    return rule->group ? "group" : "user";
}

static int fail_net(const struct rule *rule, uint32_t net, struct failure *failure)
{
    return fail_as(failure, FAILURE_POLICY, -EPERM,
                   "policy line %u: net %u isn't among the nets" OF_WHOM ONE_OF_THEM, rule->line,
                   net, whose(rule), rule->id);
}

static int fail_port(const struct rule *rule, uint16_t port, struct failure *failure)
{
    return fail_as(failure, FAILURE_POLICY, -EPERM,
                   "policy line %u: port %u%s isn't among the ports" OF_WHOM ONE_OF_THEM,
                   rule->line, port, port ? "" : ", which lets the kernel choose,", whose(rule),
                   rule->id);
}

static int fail_peer(const struct rule *rule, const struct endpoint *endpoint,
                     struct failure *failure)
{
    char text[ENDPOINT_TEXT_SIZE] = "-, for an unknown endpoint,";

    if (endpoint->port)
        endpoint_to_text(endpoint, text);
    return fail_as(failure, FAILURE_POLICY, -EPERM,
                   "policy line %u: peer_endpoint: %s isn't in the peer networks" OF_WHOM
                   "connect to a machine in them, or ask the administrator",
                   rule->line, text, whose(rule), rule->id);
}

static int check_argument(const struct rule *rule, enum argument argument,
                          const struct request *request, struct failure *failure)
{
    const struct endpoint *endpoint = &request->peer.endpoint;

    if (argument == ARGUMENT_NET && request->has_end && !rule_allows_net(rule, request->end.net))
        return fail_net(rule, request->end.net, failure);
    if (argument == ARGUMENT_PORT && !rule_allows_port(rule, request->port))
        return fail_port(rule, request->port, failure);
    if (argument == ARGUMENT_ENDPOINT && !rule_allows_peer(rule, endpoint))
        return fail_peer(rule, endpoint, failure);
    return 0;
}

int policy_check(const struct policy *policy, const enum argument *arguments,
                 const struct request *request, struct failure *failure)
{
    int error = 0;

    if (!policy->limited)
        return 0;
    for (const enum argument *argument = arguments; *argument && !error; argument++)
        error = check_argument(&policy->rule, *argument, request, failure);
    return error;
}

/* Looks at a path. newfstatat is the one such call that the sandbox allows, whatever libc would
 * use. */
static int look_at(const char *at, struct stat *ret_status)
{
    return syscall(SYS_newfstatat, AT_FDCWD, at, ret_status, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* Compares the directory, but not its time, which changes when other files come and go. */
static bool is_same_directory(const struct policy *policy)
{
    char directory[sizeof(path) + 1];
    size_t length = (size_t)(strrchr(path, '/') - path);
    struct stat status;
    int error;

    memcpy(directory, path, length);
    memcpy(directory + length, "/", 2);
    error = look_at(directory, &status);
    if (!policy->directory.there)
        return error == -ENOENT;
    return !error && is_roots_alone(&status, S_IFDIR) &&
           status.st_dev == policy->directory.device && status.st_ino == policy->directory.inode;
}

static bool is_same_file(const struct policy *policy)
{
    struct stat status;
    int error = look_at(path, &status);

    if (!policy->file.there)
        return error == -ENOENT;
    return !error && status.st_dev == policy->file.device && status.st_ino == policy->file.inode &&
           status.st_ctim.tv_sec == policy->file.changed.tv_sec &&
           status.st_ctim.tv_nsec == policy->file.changed.tv_nsec;
}

int policy_check_unchanged(const struct policy *policy, struct failure *failure)
{
    if (!policy->asked || (is_same_directory(policy) && is_same_file(policy)))
        return 0;
    return fail_as(failure, FAILURE_POLICY, -ESTALE,
                   "policy: %s has changed since this command began; start the command again",
                   path);
}

bool policy_allows_net(const struct policy *policy, uint32_t net)
{
    return !policy->limited || rule_allows_net(&policy->rule, net);
}

bool policy_own_containers(const struct policy *policy)
{
    return policy->limited && policy->rule.own_containers;
}

int policy_check_links(const struct policy *policy, unsigned int links, struct failure *failure)
{
    const struct rule *rule = &policy->rule;

    if (!policy->limited || !rule->has_links || links <= rule->links)
        return 0;
    return fail_as(failure, FAILURE_POLICY, -EDQUOT,
                   "policy line %u: the container has %u links already, which is the limit" OF_WHOM
                   "remove one with cwg_destroy, or ask the administrator",
                   rule->line, links - 1, whose(rule), rule->id);
}
