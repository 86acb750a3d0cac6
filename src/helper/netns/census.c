#include "helper/netns/census.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/base/file.h"
#include "helper/confine/deadline.h"
#include "helper/confine/privileged.h"
#include "helper/netns/procfs.h"
#include "link/decimal.h"

enum {
    DIRECTORY_SIZE = 32768,
    LENGTH_AT = 16, /* offset of an entry's length (getdents64(2)) */
    NAME_AT = 19,   /* offset of its name, with a NUL */
    PID_SIZE = 12,
    PATH_SIZE = 32,      /* "<pid>/ns/net" */
    CGROUP_SIZE = 16384, /* a line has at most 4096 characters; the rest isn't read */
    DEVICES_SIZE = 8192,
    DEVICES_READS =
        64, /* some thousands of devices; a namespace with more is visited in any case */
    HIDDEN_MAX = 64,
    SLOTS = 2 * CENSUS_MAX,
    STATUS_SIZE = 4096, /* a process with thousands of groups hides only its own numbers */
    LOOKS_MAX = 32,     /* processes of a namespace to look at, for its container's first process */
    OUTERMOST = 2,      /* pid namespaces of a container's first process: ours and its own */
};

/* A process that we may not look at, in a namespace with links: some machines hide even their
 * process 1 from root. Everybody can read its list of devices, whose inode is different in each
 * namespace (proc_tgid_net_lookup(), fs/proc/proc_net.c). */
struct hidden {
    int pid;
    ino_t devices; /* inode of its list of devices; 0: not known */
};

/* A census in progress. */
struct walk {
    int proc;
    struct census *census;
    /* A hash table: a namespace's index in `entries`, plus 1, in the first slot from its inode's
     * on. Some slots are always free. */
    uint16_t slots[SLOTS];
    struct hidden hidden[HIDDEN_MAX];
    size_t hidden_count;
};

_Static_assert(CENSUS_MAX < UINT16_MAX, "a slot holds a place");

static uint16_t *find_slot(struct walk *walk, const struct netns *netns)
{
    size_t slot = (size_t)(netns->inode % SLOTS);

    while (walk->slots[slot] &&
           !netns_same(&walk->census->entries[walk->slots[slot] - 1].netns, netns))
        slot = (slot + 1) % SLOTS;
    return &walk->slots[slot];
}

/* Identifies the namespace of a process. Returns 0, -EACCES if we may not look at it, or another
 * negative errno if the process has ended. */
static int look_at(int proc, const char *pid, struct netns *ret_netns)
{
    char path[PATH_SIZE];
    struct file_status status;
    int error;

    (void)snprintf(path, sizeof(path), "%s/ns/net", pid);
    error = privileged_look_at(proc, path, &status);
    if (!error)
        *ret_netns = netns_of_file(&status);
    return error;
}

/* Opens a file of a process. Returns a descriptor, or a negative errno. */
static int open_of(int proc, const char *pid, const char *name)
{
    char path[PATH_SIZE];

    (void)snprintf(path, sizeof(path), "%s/%s", pid, name);
    return privileged_open_of(proc, path);
}

/* Reads the beginning of such a file. Returns its length, or a negative errno. */
static ssize_t read_of(int proc, const char *pid, const char *name, char *text, size_t size)
{
    int fd = open_of(proc, pid, name);
    ssize_t length;

    if (fd < 0)
        return fd;
    length = read(fd, text, size);
    close(fd);
    return length < 0 ? -EIO : length;
}

/* Does a list of devices have a link's name? */
static bool has_links(int fd)
{
    static char text[DEVICES_SIZE];
    size_t kept = 0;
    bool found = false;
    int reads;

    for (reads = 0; reads < DEVICES_READS && !found; reads++) {
        ssize_t length = read(fd, text + kept, sizeof(text) - kept);
        size_t seen;

        if (length <= 0)
            break;
        kept += (size_t)length;
        found = procfs_has_link(text, kept, &seen);
        kept -= seen;
        memmove(text, text + seen, kept);
    }
    return found || reads == DEVICES_READS;
}

/* Looks for links in the list of a process's devices. Returns 1 or 0, and the list's inode; or a
 * negative errno. */
static int look_for_links(int proc, const char *pid, ino_t *ret_devices)
{
    struct stat status = {.st_ino = 0};
    int fd = open_of(proc, pid, "net/dev");
    bool found;

    if (fd < 0)
        return fd;
    found = has_links(fd);
    (void)fstat(fd, &status);
    close(fd);
    *ret_devices = status.st_ino;
    return found;
}

static void note_hidden(struct walk *walk, const char *name, uint32_t pid)
{
    ino_t devices = 0;
    int found = look_for_links(walk->proc, name, &devices);

    if (found == 0 || found == -ENOENT || found == -ESRCH || found == -EINVAL)
        return; /* no links, or the process has ended */
    for (size_t i = 0; i < walk->hidden_count; i++) {
        if (walk->hidden[i].devices == devices)
            return;
    }
    if (walk->hidden_count < HIDDEN_MAX) {
        walk->hidden[walk->hidden_count].pid = (int)pid;
        walk->hidden[walk->hidden_count++].devices = devices;
    }
}

/* Returns a hidden process whose namespace no other process has shown; or 0. */
static int find_hidden(const struct walk *walk)
{
    const struct census *census = walk->census;

    for (size_t i = 0; i < walk->hidden_count; i++) {
        size_t entry = 0;

        while (entry < census->count && census->entries[entry].devices != walk->hidden[i].devices)
            entry++;
        if (entry == census->count || walk->hidden[i].devices == 0)
            return walk->hidden[i].pid;
    }
    return 0;
}

/* Takes another process of a namespace, which may be the container's first one. */
static void compare(int proc, const char *name, int pid, struct census_entry *entry)
{
    static char text[STATUS_SIZE];
    unsigned int first_at = 0;
    ssize_t length;

    if (!entry->spare && entry->pid != pid)
        entry->spare = pid;
    if ((entry->first_at && entry->first_at <= OUTERMOST) || entry->looks == LOOKS_MAX)
        return;
    entry->looks++;
    length = read_of(proc, name, "status", text, sizeof(text));
    if (length > 0)
        first_at = procfs_first_at(text, (size_t)length);
    if (!first_at || (entry->first_at && entry->first_at <= first_at))
        return;
    if (entry->pid != pid)
        entry->spare = entry->pid;
    entry->pid = pid;
    entry->first_at = (unsigned char)first_at; /* 32 at most (MAX_PID_NS_LEVEL) */
}

static void note_process(struct walk *walk, const char *name, uint32_t pid)
{
    struct census *census = walk->census;
    struct census_entry *entry;
    struct netns netns = {.fd = -1};
    uint16_t *slot;
    int error = look_at(walk->proc, name, &netns);

    if (error == -EACCES)
        note_hidden(walk, name, pid);
    if (error)
        return;
    slot = find_slot(walk, &netns);
    if (!*slot && census->count == CENSUS_MAX) {
        census->more = true;
        return;
    }
    if (!*slot) {
        *slot = (uint16_t)(census->count + 1);
        entry = &census->entries[census->count++];
        *entry = (struct census_entry){.netns = netns, .pid = (int)pid};
        /* After a failure a visit will show. */
        entry->may_have_links = look_for_links(walk->proc, name, &entry->devices) != 0;
    }
    entry = &census->entries[*slot - 1];
    if (entry->may_have_links)
        compare(walk->proc, name, (int)pid, entry);
}

/* Reads a process's container. Returns true if the process still is in that namespace afterwards:
 * else its number may be another process's by now. */
static bool read_container(int proc, const struct netns *netns, int pid,
                           char ret_id[static CONTAINER_ID_SIZE])
{
    static char text[CGROUP_SIZE];
    char name[PID_SIZE], id[CONTAINER_ID_SIZE] = "";
    struct netns now;
    ssize_t length;

    (void)snprintf(name, sizeof(name), "%d", pid);
    length = read_of(proc, name, "cgroup", text, sizeof(text));
    if (length > 0)
        (void)cgroup_container(text, (size_t)length, id);
    if (look_at(proc, name, &now) || !netns_same(&now, netns))
        return false;
    memcpy(ret_id, id, sizeof(id));
    return true;
}

static void read_containers(int proc, struct census *census)
{
    for (size_t i = 0; i < census->count; i++) {
        struct census_entry *entry = &census->entries[i];

        if (entry->may_have_links &&
            !read_container(proc, &entry->netns, entry->pid, entry->container) && entry->spare)
            (void)read_container(proc, &entry->netns, entry->spare, entry->container);
    }
}

/* Reads all processes, in the order of their numbers (proc_pid_readdir(), fs/proc/base.c). */
static int read_processes(struct walk *walk)
{
    static char bytes[DIRECTORY_SIZE];

    for (;;) {
        int size = privileged_list(walk->proc, bytes, sizeof(bytes));

        if (size <= 0)
            return size;
        for (int offset = 0; offset < size;) {
            const char *name = bytes + offset + NAME_AT;
            uint16_t length;
            uint32_t pid;

            memcpy(&length, bytes + offset + LENGTH_AT, sizeof(length));
            if (decimal_parse(name, INT32_MAX, &pid) == 0 && pid > 0)
                note_process(walk, name, pid);
            offset += length;
        }
    }
}

int census_take(struct census *ret_census, struct failure *failure)
{
    static struct walk walk; /* too large for a stack */
    int error;

    memset(&walk, 0, sizeof(walk));
    walk.proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    walk.census = ret_census;
    if (walk.proc < 0)
        return fail_unexpected(failure, -errno, "can't open /proc (is it mounted?)");
    ret_census->count = 0;
    ret_census->more = false;
    deadline_start(); /* an open /proc/PID/net/dev keeps its namespace in being */
    error = read_processes(&walk);
    if (!error)
        read_containers(walk.proc, ret_census);
    ret_census->hidden = find_hidden(&walk);
    close(walk.proc);
    deadline_stop();
    return error ? fail_unexpected(failure, error, "can't read /proc") : 0;
}
