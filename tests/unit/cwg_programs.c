#include "cwg_programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg_folder.h"
#include "unit.h"

static char folder[FOLDER_SIZE];

void programs_begin(void)
{
    folder_make(folder);
    if (setenv("PATH", folder, 1) < 0)
        unit_trouble("setenv");
}

void programs_write(const char *name, const char *script)
{
    const char *path = folder_path(folder, name);
    FILE *file;

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

void programs_put(const char *name, const char *text)
{
    const char *path = folder_path(folder, name);
    FILE *file;

    if (!text) {
        (void)unlink(path);
        return;
    }
    file = fopen(path, "we");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        unit_trouble(path);
}

void programs_end(void)
{
    folder_remove(folder);
}
