#include "cwg/plugin/conmon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    PARENTS_MAX = 8,
    ARGUMENTS_SIZE = 16384, /* of conmon's arguments the first ones count */
};

/* The parent of a process; 0 if it has none, or can't be read. */
static int parent_of(int pid)
{
    static const char word[] = "PPid:";
    char path[32], line[128];
    long parent = 0;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
    file = fopen(path, "re");
    while (file && parent == 0 && fgets(line, sizeof(line), file)) {
        if (strncmp(line, word, sizeof(word) - 1) == 0)
            parent = strtol(line + sizeof(word) - 1, NULL, 10);
    }
    if (file)
        (void)fclose(file);
    return (int)parent;
}

/* Reads a process's arguments, each with its '\0'. Returns their length. */
static size_t read_arguments(int pid, char *bytes, size_t size)
{
    char path[32];
    size_t length = 0;
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    file = fopen(path, "re");
    if (file) {
        length = fread(bytes, 1, size - 1, file);
        (void)fclose(file);
    }
    bytes[length] = '\0';
    return length;
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* The value behind an option, or "". */
static const char *value_of(const char *option, const char *arguments, size_t length)
{
    const char *end = arguments + length;

    for (const char *word = arguments; word < end; word += strlen(word) + 1) {
        const char *next = word + strlen(word) + 1;

        if (strcmp(word, option) == 0)
            return next < end ? next : "";
    }
    return "";
}

int conmon_container_name(const char *id, char ret_name[static END_NAME_SIZE])
{
    int pid = getppid();

    for (int i = 0; i < PARENTS_MAX && pid > 1; i++, pid = parent_of(pid)) {
        char arguments[ARGUMENTS_SIZE];
        const size_t length = read_arguments(pid, arguments, sizeof(arguments));
        const char *name;

        if (strcmp(base_of(arguments), "conmon") != 0 ||
            strcmp(value_of("-c", arguments, length), id) != 0)
            continue;
        name = value_of("-n", arguments, length);
        if (!end_is_name(name))
            return -1;
        (void)snprintf(ret_name, END_NAME_SIZE, "%s", name);
        return 0;
    }
    return -1;
}
