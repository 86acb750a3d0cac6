#include "cwg_folder.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"

enum {
    NOBODY = 65534,
};

void folder_make(char ret_folder[static FOLDER_SIZE])
{
    (void)snprintf(ret_folder, FOLDER_SIZE, "/tmp/cwg-unit.XXXXXX");
    if (!mkdtemp(ret_folder))
        unit_trouble("mkdtemp");
}

const char *folder_path(const char *folder, const char *name)
{
    static char path[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

void folder_remove(const char *folder)
{
    char command[FOLDER_SIZE + 16];

    /* PATH may be the test's. */
    (void)snprintf(command, sizeof(command), "/bin/rm -rf '%s'", folder);
    (void)!system(command); /* what a process of the test writes meanwhile is left */
}

void folder_enter(char ret_folder[static FOLDER_SIZE])
{
    folder_make(ret_folder);
    if ((geteuid() == 0 && (chown(ret_folder, NOBODY, NOBODY) < 0 || seteuid(NOBODY) < 0)) ||
        setenv("XDG_RUNTIME_DIR", ret_folder, 1) < 0)
        unit_trouble("another user");
}

void folder_leave(const char *folder)
{
    if (geteuid() != getuid() && seteuid(getuid()) < 0)
        unit_trouble("seteuid");
    folder_remove(folder);
}
