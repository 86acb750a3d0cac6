#include "cwg_programs.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

static char folder[64];

void programs_begin(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/cwg-unit.XXXXXX");
    if (!mkdtemp(folder) || setenv("PATH", folder, 1) < 0)
        unit_trouble("mkdtemp");
}

void programs_write(const char *name, const char *script)
{
    char path[PATH_MAX];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    (void)unlink(path); /* it may run */
    file = fopen(path, "we");
    if (!file || fprintf(file, "#!/bin/sh\nPATH=/usr/bin:/bin\n%s\n", script) < 0 ||
        fchmod(fileno(file), 0700) < 0 || fclose(file) != 0)
        unit_trouble("fopen");
}

const char *programs_folder(void)
{
    return folder;
}

void programs_end(void)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;

    while (directory && (entry = readdir(directory))) {
        if (unlinkat(dirfd(directory), entry->d_name, 0) < 0 && entry->d_name[0] != '.')
            (void)unlinkat(dirfd(directory), entry->d_name, AT_REMOVEDIR);
    }
    if (directory)
        (void)closedir(directory);
    (void)rmdir(folder);
}
