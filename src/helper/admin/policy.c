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

/* Opens the policy's directory, to which no symbolic link may lead. -ENOENT means that it is
 * missing, never that a link leads nowhere. Walks the path step by step: openat2() with
 * RESOLVE_NO_SYMLINKS would do, but services under systemd's RestrictSUIDSGID= or DynamicUser= lack
 * that call. O_PATH opens a symbolic link itself, not its target. Returns 0 or a negative errno,
 * and in any case a descriptor to close, or -1. */
static int open_directory(struct stat *ret_status, int *ret_directory)
{
    char names[sizeof(path)];
    char *rest = names;
    const char *name;
    int directory = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int error = directory < 0 || fstat(directory, ret_status) < 0 ? -errno : 0;

    memcpy(names, path, sizeof(path));
    *strrchr(names, '/') = '\0';
    while (!error && (name = strsep(&rest, "/"))) {
        int above = directory;

        if (!*name)
            continue;
        directory = openat(above, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (directory < 0 || fstat(directory, ret_status) < 0)
            error = -errno;
        else if (S_ISLNK(ret_status->st_mode))
            error = -ELOOP;
        else if (!S_ISDIR(ret_status->st_mode))
            error = -ENOTDIR;
        close(above);
    }
    *ret_directory = directory;
    return error;
}

/* Is only root able to write it? An access list for others shows in the group's bits (acl(5)). */
static bool is_roots_alone(const struct stat *status, mode_t type)
{
    return (status->st_mode & S_IFMT) == type && status->st_uid == 0 &&
           !(status->st_mode & (S_IWGRP | S_IWOTH));
}

/* Opens the file. O_NONBLOCK: a pipe or a device is opened without waiting, and then refused.
 * Whoever can write to the directory can remove the file, so the directory is checked first, and
 * counts even without a file. */
static int open_file(struct policy *policy, int *ret_file)
{
    struct stat status = {.st_mode = 0};
    int directory;
    int error = open_directory(&status, &directory);

    if (!error && !is_roots_alone(&status, S_IFDIR))
        error = -ENOTDIR;
    if (!error) {
        policy->directory = status;
        *ret_file = openat(directory, strrchr(path, '/') + 1,
                           O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        error = *ret_file < 0 ? -errno : 0;
    }
    file_close(&directory);
    if (!error && (fstat(*ret_file, &policy->file) < 0 || !is_roots_alone(&policy->file, S_IFREG)))
        return -EPERM;
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

/* Finds the rule for the caller, who has at most NGROUPS_MAX supplementary groups
 * (include/uapi/linux/limits.h). */
static int find_rule(struct policy *policy, char *text, size_t length, struct failure *failure)
{
    static gid_t groups[NGROUPS_MAX];
    const int count = getgroups(NGROUPS_MAX, groups);
    const struct caller caller = {
        .user = getuid(), .group = getgid(), .groups = groups, .group_count = (size_t)count};
    struct mistake mistake = {0};

    if (count < 0)
        return fail_unexpected(failure, -errno, "can't tell the caller's groups");
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
    length = error ? error : file_read(file, text, POLICY_FILE_MAX + 1);
    file_close(&file);
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

static int check_argument(const struct rule *rule, enum argument argument,
                          const struct request *request, struct failure *failure)
{
    const struct endpoint *endpoint = &request->peer.endpoint;
    char text[ENDPOINT_TEXT_SIZE] = "-, for an unknown endpoint,";

    if (argument == ARGUMENT_NET && request->has_end && !rule_allows_net(rule, request->end.net))
        return fail_as(failure, FAILURE_POLICY, -EPERM,
                       "policy line %u: net %u isn't among the nets" OF_WHOM ONE_OF_THEM,
                       rule->line, request->end.net, whose(rule), rule->id);
    if (argument == ARGUMENT_PORT && !rule_allows_port(rule, request->port))
        return fail_as(failure, FAILURE_POLICY, -EPERM,
                       "policy line %u: port %u%s isn't among the ports" OF_WHOM ONE_OF_THEM,
                       rule->line, request->port,
                       request->port ? "" : ", which lets the kernel choose,", whose(rule),
                       rule->id);
    if (argument != ARGUMENT_ENDPOINT || rule_allows_peer(rule, endpoint))
        return 0;
    if (endpoint->port)
        endpoint_to_text(endpoint, text);
    return fail_as(failure, FAILURE_POLICY, -EPERM,
                   "policy line %u: peer_endpoint: %s isn't in the peer networks" OF_WHOM
                   "connect to a machine in them, or ask the administrator",
                   rule->line, text, whose(rule), rule->id);
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

/* Is the same file or directory at a path as when the policy was read, or still nothing? Of a
 * directory the time doesn't count, which changes when other files come and go. newfstatat is the
 * one such call that the sandbox allows, whatever libc would use. */
static bool is_same(const char *at, const struct stat *seen)
{
    struct stat now;

    if (syscall(SYS_newfstatat, AT_FDCWD, at, &now, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT && !seen->st_mode;
    if (now.st_dev != seen->st_dev || now.st_ino != seen->st_ino || !seen->st_mode)
        return false;
    return S_ISDIR(seen->st_mode) ? is_roots_alone(&now, S_IFDIR)
                                  : now.st_ctim.tv_sec == seen->st_ctim.tv_sec &&
                                        now.st_ctim.tv_nsec == seen->st_ctim.tv_nsec;
}

int policy_check_unchanged(const struct policy *policy, struct failure *failure)
{
    char directory[sizeof(path)];

    memcpy(directory, path, sizeof(path));
    strrchr(directory, '/')[1] = '\0';
    if (!policy->asked || (is_same(directory, &policy->directory) && is_same(path, &policy->file)))
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
