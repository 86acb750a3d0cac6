/* What the machine's administrator lets a caller do, by the policy file: a rule a line (rule.h), of
 * which the first one for the caller's real user, its real group or one of its supplementary groups
 * holds. Where there is no file nothing is limited by it, and root never is. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "helper/admin/rule.h"
#include "helper/base/request.h"

enum {
    POLICY_FILE_MAX = 65536, /* bytes */
};

struct failure;

/* A file or directory, as it was when the policy was read. */
struct policy_seen {
    bool there;
    dev_t device;
    ino_t inode;
    struct timespec changed; /* contents or attributes */
};

/* What holds for the caller. {0} is no limit. */
struct policy {
    bool asked; /* the file was looked for: it isn't for root */
    bool limited;
    struct rule rule;
    struct policy_seen directory;
    struct policy_seen file;
};

/* Reads the file, once, before the sandbox is entered: all that follows only asks the rule. The
 * file is opened with the caller's own rights. It has to be root's, and so has its directory, and
 * nobody else's to write; one that isn't, that can't be read, or that has a mistake anywhere
 * refuses all. Returns 0, or a negative errno. */
int policy_read(struct policy *ret_policy, struct failure *failure);

/* Whether the caller may do that, as far as the arguments tell: net, port and endpoint, each if it
 * is among `arguments`, those that the task takes (0 ends them), and was given. Asked before
 * anything else is done for a request. Returns 0, or -EPERM with the line of the rule. */
int policy_check(const struct policy *policy, const enum argument *arguments,
                 const struct request *request, struct failure *failure);

/* Whether the file that was read is still the one at that path, in the same directory, and not
 * changed since; or whether there is still none. Asked where a caller can't hold up what follows:
 * the container is open, and the deadline runs. And by a batch for each line. Returns 0, or
 * -ESTALE. */
int policy_check_unchanged(const struct policy *policy, struct failure *failure);

/* For tasks about more links than their arguments name. */
bool policy_allows_net(const struct policy *policy, uint32_t net);

/* Whether the caller is limited to containers with a user namespace of his own (target.c). */
bool policy_own_containers(const struct policy *policy);

/* Whether a container may have that many links, the new one included. Returns 0, or -EDQUOT. */
int policy_check_links(const struct policy *policy, unsigned int links, struct failure *failure);
