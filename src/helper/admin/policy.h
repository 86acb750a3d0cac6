/* The policy: the administrator's limits for callers, in a file with a rule a line (rule.h). The
 * first rule for the caller's real user, real group or one of its supplementary groups holds.
 * Without a file nobody is limited, and root never is. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "helper/admin/rule.h"
#include "helper/base/request.h"

enum {
    POLICY_FILE_MAX = 65536, /* bytes */
};

struct failure;

/* The caller's limits; {0} is no limit. */
struct policy {
    bool asked; /* the file was looked for, as for every caller but root */
    bool limited;
    struct rule rule;
    /* When the policy was read; st_mode is 0 if it wasn't there. */
    struct stat directory;
    struct stat file;
};

/* Reads the file once, before the sandbox is entered, with the caller's own rights. The functions
 * below use only the rule found. File and directory have to be root's, and writable by nobody else.
 * Everything is refused if they aren't, if the file can't be read, or if it has a mistake anywhere.
 * Returns 0, or a negative errno. */
int policy_read(struct policy *ret_policy, struct failure *failure);

/* Checks net, port and endpoint of a request, each if it is among `arguments`, the task's own (0
 * ends them), and was given. Options aren't limited by a policy. Comes before anything else is done
 * for the request. Returns 0, or -EPERM with the rule's line. */
int policy_check(const struct policy *policy, const enum argument *arguments,
                 const struct request *request, struct failure *failure);

/* Checks that the file is still the same and unchanged, in the same directory, or still missing.
 * Call it where the caller can't delay what follows: with the container open, and the deadline
 * running. A batch calls it for each line. Returns 0, or -ESTALE. */
int policy_check_unchanged(const struct policy *policy, struct failure *failure);

/* For tasks on several links: may the caller act on this net? */
bool policy_allows_net(const struct policy *policy, uint32_t net);

/* Is the caller limited to containers with a user namespace of his own (target.c)? */
bool policy_own_containers(const struct policy *policy);

/* Checks that a container may have that many links, the new one included. Returns 0, or -EDQUOT. */
int policy_check_links(const struct policy *policy, unsigned int links, struct failure *failure);
