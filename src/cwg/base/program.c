#include "cwg/base/program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Looks into one folder of PATH. Returns as program_find() does. */
static int look_into(const char *folder, int length, const char *name,
                     char ret_path[static PROGRAM_PATH_SIZE])
{
    const int needed = snprintf(ret_path, PROGRAM_PATH_SIZE, "%.*s/%s", length, folder, name);
    struct stat status;

    if (needed >= PROGRAM_PATH_SIZE || stat(ret_path, &status) < 0 || !S_ISREG(status.st_mode))
        return -ENOENT;
    return euidaccess(ret_path, X_OK) == 0 ? 0 : -EACCES;
}

int program_find(const char *name, char ret_path[static PROGRAM_PATH_SIZE])
{
    const char *folders = getenv("PATH");
    int error = -ENOENT;

    for (const char *at = folders ? folders : "/bin:/usr/bin"; at && error;) {
        const char *end = strchrnul(at, ':');
        char path[PROGRAM_PATH_SIZE];
        /* An empty word is the working directory. */
        const int found =
            look_into(end > at ? at : ".", end > at ? (int)(end - at) : 1, name, path);

        if (found == 0 || (found == -EACCES && error == -ENOENT)) {
            (void)snprintf(ret_path, PROGRAM_PATH_SIZE, "%s", path);
            error = found;
        }
        at = *end ? end + 1 : NULL;
    }
    return error;
}
