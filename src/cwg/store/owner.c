#include "cwg/store/owner.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int owner_check(const char *path, const char *command, struct failure *failure)
{
    const bool root = geteuid() == 0;
    const struct passwd *user;
    char found[PATH_MAX];
    struct stat status;

    (void)snprintf(found, sizeof(found), "%.4000s", path);
    if (stat(found, &status) < 0 && (errno != ENOENT || stat(dirname(found), &status) < 0))
        return 0;
    if (status.st_uid == geteuid() || status.st_uid == 0)
        return 0;
    user = getpwuid(status.st_uid);
    if (!user)
        return fail(failure, "config", "%.400s belongs to user %ld, who has no name", found,
                    (long)status.st_uid);
    return fail(failure, "config",
                "%.400s belongs to user %.64s: run it as that user: %s%.64s%s %s", found,
                user->pw_name, root ? "runuser -u " : "sudo -u ", user->pw_name,
                root ? " -- cwg" : " cwg", command);
}
