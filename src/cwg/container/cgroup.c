#include "cwg/container/cgroup.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOUNT "/sys/fs/cgroup"
#define LINE  "0::" /* of version 2, in /proc/PID/cgroup: cgroups(7) */

enum {
    ID_LENGTH = 64,
    TEXT_SIZE = CGROUP_TEXT_SIZE,
    STARTED_FIELD = 22, /* of /proc/PID/stat: starttime, proc(5) */
};

/* Returns the number of hexadecimal digits that a text begins with. */
static size_t digits(const char *text)
{
    return strspn(text, "0123456789abcdef");
}

/* Does a text end with a word, up to `end`? */
static bool ends_with(const char *text, const char *end, const char *word)
{
    const size_t length = strlen(word);

    return (size_t)(end - text) >= length && strncmp(end - length, word, length) == 0;
}

/* Is it the path of a container whose engine gives names and no ids: of LXC, or of systemd-nspawn?
 * Below it, whoever is in the container chooses the names. */
static bool is_named(const char *path)
{
    static const char machines[] = "/machine.slice/machine-";
    const char *machine = strstr(path, machines);

    return strstr(path, "/lxc/") || strstr(path, "/lxc.payload") ||
           strstr(path, "/systemd-nspawn@") ||
           (machine && strncmp(machine + strlen(machines), "libpod_pod_", 11) != 0);
}

/* Does an engine name its containers' cgroups so: ID, or WORDS-ID, and perhaps ".scope" behind?
 * Other units' names end otherwise, or have others' words before: Nomad's have the name of a task.
 */
static bool is_engines(const char *path, const char *id)
{
    const char *end = id + ID_LENGTH;
    const char *begin = id;

    while (begin > path && (islower((unsigned char)begin[-1]) || begin[-1] == '-'))
        begin--;
    if (begin[-1] != '/' || (begin < id && id[-1] != '-'))
        return false;
    if (strncmp(end, ".scope", 6) == 0)
        end += 6;
    return *end == '/' || *end == '\n' || *end == '\0';
}

/* Finds the first id in a path. Returns NULL if there is none, or it is that of a watcher. */
static const char *find_id(const char *path)
{
    for (const char *at = path; *at && *at != '\n'; at++) {
        const size_t length = digits(at);

        if (length == 0)
            continue;
        /* "libpod-conmon-ID.scope" has conmon alone. */
        if (length == ID_LENGTH && ends_with(path, at, "-conmon-"))
            return NULL;
        if (length == ID_LENGTH && is_engines(path, at))
            return at;
        at += length - 1;
    }
    return NULL;
}

void cgroup_container(const char *text, char ret_id[static CONTAINER_ID_SIZE],
                      char ret_parent[static CGROUP_TEXT_SIZE])
{
    const char *line = strncmp(text, LINE, strlen(LINE)) == 0 ? text : strstr(text, "\n" LINE);
    const char *path = line ? strchr(line, '/') : NULL;
    const char *id = path ? find_id(path) : NULL;

    ret_id[0] = ret_parent[0] = '\0';
    if (!id)
        return;
    (void)snprintf(ret_parent, CGROUP_TEXT_SIZE, "%.*s", (int)(id - path), path);
    if (is_named(ret_parent)) {
        ret_parent[0] = '\0';
        return;
    }
    *(strrchr(ret_parent, '/') + 1) = '\0';
    (void)snprintf(ret_id, CONTAINER_ID_SIZE, "%.*s", ID_LENGTH, id);
}

/* Can root or this user alone make cgroups in a directory? */
static bool is_trusted(const char *parent)
{
    char path[sizeof(MOUNT) + CGROUP_TEXT_SIZE];
    struct stat status;

    (void)snprintf(path, sizeof(path), MOUNT "%s", parent);
    return lstat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
           (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
           (status.st_uid == 0 || status.st_uid == geteuid());
}

/* Reads a file of a process's. Returns false if it isn't there. */
static bool read_file(int proc, const char *pid, const char *file, char ret_text[static TEXT_SIZE])
{
    char path[64];
    int fd;
    ssize_t length;

    (void)snprintf(path, sizeof(path), "%.20s/%s", pid, file);
    fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    length = fd >= 0 ? read(fd, ret_text, TEXT_SIZE - 1) : -1;
    if (fd >= 0)
        close(fd);
    ret_text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* Is it a runtime that is still making the container? Its namespaces may not be its own yet. */
static bool is_runtime(int proc, const char *pid)
{
    static const char *const names[] = {"crun\n", "runc\n", "runc:[", "youki"};
    char name[TEXT_SIZE];

    if (!read_file(proc, pid, "comm", name))
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    }
    return false;
}

/* When the process began; 0 if it has ended, though its parent hasn't taken notice yet. Its name,
 * in brackets, may have any characters. */
static unsigned long long begin_of(int proc, const char *pid)
{
    char text[TEXT_SIZE];
    const char *at = read_file(proc, pid, "stat", text) ? strrchr(text, ')') : NULL;

    if (at && at[1] == ' ' && (at[2] == 'Z' || at[2] == 'X'))
        return 0;
    for (int field = 2; at && field < STARTED_FIELD; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at ? strtoull(at, NULL, 10) : 0;
}

/* Writes the id of the container whose process it is, or "". */
static void read_id(int proc, const char *pid, char ret_id[static CONTAINER_ID_SIZE])
{
    char text[TEXT_SIZE], parent[TEXT_SIZE];

    ret_id[0] = '\0';
    if (!read_file(proc, pid, "cgroup", text))
        return;
    cgroup_container(text, ret_id, parent);
    if (ret_id[0] && !is_trusted(parent))
        ret_id[0] = '\0';
}

static void take(int proc, const char *pid, struct cgroup_member *member)
{
    const unsigned long long begun = begin_of(proc, pid);
    const pid_t number = (pid_t)strtol(pid, NULL, 10);

    if (begun == 0 || is_runtime(proc, pid))
        return;
    if (member->pid != 0 &&
        (begun > member->begun || (begun == member->begun && number > member->pid)))
        return;
    member->pid = number;
    member->begun = begun;
}

void cgroup_find(struct cgroup_member *members, size_t count)
{
    DIR *directory = opendir("/proc");
    const struct dirent *entry;
    char id[CONTAINER_ID_SIZE];

    for (size_t i = 0; i < count; i++)
        members[i].pid = 0;
    while (directory && (entry = readdir(directory)) != NULL) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        read_id(dirfd(directory), entry->d_name, id);
        for (size_t i = 0; id[0] && i < count; i++) {
            if (strcmp(members[i].id, id) == 0)
                take(dirfd(directory), entry->d_name, &members[i]);
        }
    }
    if (directory)
        (void)closedir(directory);
}

bool cgroup_has(const char *id, pid_t pid)
{
    const int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char number[16], found[CONTAINER_ID_SIZE];
    bool has;

    if (proc < 0)
        return false;
    (void)snprintf(number, sizeof(number), "%d", (int)pid);
    read_id(proc, number, found);
    has = strcmp(found, id) == 0 && begin_of(proc, number) != 0 && !is_runtime(proc, number);
    close(proc);
    return has;
}
