#include "helper/census.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/failure.h"
#include "helper/netdev.h"
#include "helper/privilege.h"
#include "helper/settings.h"
#include "link/decimal.h"

enum {
    DIRECTORY_SIZE = 32768,
    LENGTH_AT = 16,      /* of a directory's entry, in itself, and */
    NAME_AT = 19,        /* its name, with a NUL: as getdents64(2) has them */
    PATH_SIZE = 32,      /* of "<pid>/ns/net" */
    CGROUP_SIZE = 16384, /* a line has 4096 characters at most; what is beyond isn't looked at */
    DEVICES_SIZE = 8192,
    DEVICES_READS = 64, /* some thousands of devices: who has more is visited in any case */
    SLOTS = 2 * CENSUS_MAX,
};

/* Which entry a namespace has: its place, plus 1, in the first slot from that of its inode on.
 * There are always free ones. */
static uint16_t slots[SLOTS];

_Static_assert(CENSUS_MAX < UINT16_MAX, "a slot holds a place");

static uint16_t *find_slot(const struct census *census, const struct netns *netns)
{
    size_t slot = (size_t)(netns->inode % SLOTS);

    while (slots[slot] && !netns_same(&census->entries[slots[slot] - 1].netns, netns))
        slot = (slot + 1) % SLOTS;
    return &slots[slot];
}

/* The namespace of a process. Returns 0, or -1 if it has ended, or is none of ours to look at. */
static int look_at(int proc, const char *pid, struct netns *ret_netns)
{
    char path[PATH_SIZE];
    struct stat status;
    int result;

    (void)snprintf(path, sizeof(path), "%s/ns/net", pid);
    privilege_raise(PRIVILEGE_PTRACE);
    result = fstatat(proc, path, &status, 0);
    privilege_lower();
    if (result < 0)
        return -1;
    *ret_netns = (struct netns){.fd = -1, .device = status.st_dev, .inode = status.st_ino};
    return 0;
}

/* A file of a process. Where /proc is mounted with hidepid it is found by PTRACE alone. */
static int open_of(int proc, const char *pid, const char *name)
{
    char path[PATH_SIZE];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", pid, name);
    privilege_raise(PRIVILEGE_PTRACE);
    fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    privilege_lower();
    return fd;
}

static void read_container(int proc, const char *pid, char ret_id[static CONTAINER_ID_LENGTH + 1])
{
    static char text[CGROUP_SIZE];
    int fd = open_of(proc, pid, "cgroup");
    ssize_t length;

    ret_id[0] = '\0';
    if (fd < 0)
        return;
    length = read(fd, text, sizeof(text));
    close(fd);
    if (length > 0)
        (void)cgroup_container(text, (size_t)length, ret_id);
}

/* Whether it is worth a visit. */
static bool may_have_links(int proc, const char *pid)
{
    static char text[DEVICES_SIZE];
    int fd = open_of(proc, pid, "net/dev");
    size_t kept = 0;
    bool found = false;
    int reads;

    if (fd < 0)
        return true; /* a visit will show */
    for (reads = 0; reads < DEVICES_READS && !found; reads++) {
        ssize_t length = read(fd, text + kept, sizeof(text) - kept);
        size_t seen;

        if (length <= 0)
            break;
        kept += (size_t)length;
        found = netdev_has_link(text, kept, &seen);
        kept -= seen;
        memmove(text, text + seen, kept);
    }
    close(fd);
    return found || reads == DEVICES_READS;
}

static void note_process(int proc, const char *name, uint32_t pid, struct census *census)
{
    struct census_entry *entry;
    struct netns netns;
    uint16_t *slot;

    if (look_at(proc, name, &netns))
        return;
    slot = find_slot(census, &netns);
    if (*slot)
        return;
    if (census->count == CENSUS_MAX) {
        census->more = true;
        return;
    }
    entry = &census->entries[census->count++];
    *slot = (uint16_t)census->count;
    entry->netns = netns;
    entry->pid = (int)pid;
    entry->may_have_links = may_have_links(proc, name);
    if (entry->may_have_links)
        read_container(proc, name, entry->container);
}

/* They come in the order of their numbers (proc_pid_readdir(), fs/proc/base.c). */
static int walk(int proc, struct census *census)
{
    static char bytes[DIRECTORY_SIZE];

    for (;;) {
        long size;

        privilege_raise(PRIVILEGE_PTRACE);
        size = syscall(SYS_getdents64, proc, bytes, sizeof(bytes));
        privilege_lower();
        if (size <= 0)
            return size < 0 ? -errno : 0;
        for (long offset = 0; offset < size;) {
            const char *name = bytes + offset + NAME_AT;
            uint16_t length;
            uint32_t pid;

            memcpy(&length, bytes + offset + LENGTH_AT, sizeof(length));
            if (decimal_parse(name, INT32_MAX, &pid) == 0 && pid > 0)
                note_process(proc, name, pid, census);
            offset += length;
        }
    }
}

int census_take(struct census *ret_census, struct failure *failure)
{
    int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error;

    if (proc < 0)
        return fail_unexpected(failure, -errno, "can't open /proc (is it mounted?)");
    ret_census->count = 0;
    ret_census->more = false;
    memset(slots, 0, sizeof(slots));
    error = walk(proc, ret_census);
    close(proc);
    return error ? fail_unexpected(failure, error, "can't read /proc") : 0;
}
