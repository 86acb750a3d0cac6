#include "cwg/state/joined.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg/base/directory.h"
#include "cwg/base/json.h"
#include "link/decimal.h"
#include "link/link.h"

enum {
    FILE_MAX = 65536, /* bytes; cwg writes less than 2000 */
    NAME_SIZE = 24,   /* of a file's name, "NET.json" */
};

/* The XDG Base Directory Specification: a relative path is ignored. */
static int find_directory(char path[static PATH_MAX], struct failure *failure)
{
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int length;

    if (state && state[0] == '/')
        length = snprintf(path, PATH_MAX, "%s/cwg", state);
    else if (home && home[0] == '/')
        length = snprintf(path, PATH_MAX, "%s/.local/state/cwg", home);
    else
        return fail(failure, "state",
                    "neither XDG_STATE_HOME nor HOME is set, and cwg remembers links there: set "
                    "one, to a whole path");
    return length < PATH_MAX ? 0 : fail(failure, "state", "XDG_STATE_HOME or HOME is too long");
}

#define ELSEWHERE "; set XDG_STATE_HOME to a folder that you may write, or make room there"

/* Opens the directory, and makes it if `make` is set. Returns a descriptor, -1 with a failure, or
 * -2 if there is none. */
static int open_directory(bool make, struct failure *failure)
{
    char path[PATH_MAX];
    int fd;

    if (find_directory(path, failure))
        return -1;
    if (make && directory_make(path))
        return fail(failure, "state", "can't make %.400s, where cwg remembers links: %s" ELSEWHERE,
                    path, strerror(errno));
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return -2;
    return fd < 0 ? fail(failure, "state", "can't open %s: %s", path, strerror(errno)) : fd;
}

static int fail_write(const char *name, struct failure *failure)
{
    const int error = errno;
    char path[PATH_MAX];

    if (find_directory(path, failure))
        return -1;
    return fail(failure, "state", "can't write %.400s/%s: %s" ELSEWHERE, path, name,
                strerror(error));
}

int joined_open_locks(struct failure *failure)
{
    static const char name[] = "lock";
    const int directory = open_directory(true, failure);
    int file;

    if (directory < 0)
        return -1;
    file = openat(directory, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (file < 0)
        (void)fail_write(name, failure);
    close(directory);
    return file;
}

static void file_name(uint32_t net, char ret_name[static NAME_SIZE])
{
    (void)snprintf(ret_name, NAME_SIZE, "%u.json", net);
}

static json_t *pack_end(const struct joined_end *end)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s}", "host", end->end.host, "engine", end->end.engine,
                     "name", end->end.name, "device", end->device, "public_key", end->key);
}

/* In one write(2): json_dumpfd(3) does one for each word and each comma. */
static bool write_file(int file, const json_t *packed)
{
    char *text = packed ? json_dumps(packed, JSON_COMPACT) : NULL;
    const size_t length = text ? strlen(text) : 0;
    bool done;

    errno = ENOSPC; /* of a short write(2) */
    done = text && write(file, text, length) == (ssize_t)length && fsync(file) == 0;

    free(text);
    return done;
}

int joined_write(const struct joined *joined, struct failure *failure)
{
    json_t *packed =
        json_pack("{s:i,s:I,s:I,s:[o,o],s:s*}", "version", 1, "net", (json_int_t)joined->net,
                  "joined", (json_int_t)joined->when, "ends", pack_end(&joined->end[0]),
                  pack_end(&joined->end[1]), "link", joined->link[0] ? joined->link : NULL);
    int directory = open_directory(true, failure);
    char name[NAME_SIZE], temporary[2 * NAME_SIZE];
    int file = -1;
    int error = -1;

    file_name(joined->net, name);
    (void)snprintf(temporary, sizeof(temporary), ".%s.%d", name, (int)getpid());
    if (directory >= 0)
        file = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                      0600);
    if (file >= 0 && write_file(file, packed) &&
        renameat(directory, temporary, directory, name) == 0)
        error = 0;
    else if (directory >= 0)
        (void)fail_write(name, failure);
    json_decref(packed);
    if (file >= 0)
        close(file);
    if (error && directory >= 0)
        (void)unlinkat(directory, temporary, 0);
    if (directory >= 0)
        close(directory);
    return error;
}

static int unpack_end(const json_t *packed, struct joined_end *end)
{
    const char *host = json_text(packed, "host", END_HOST_SIZE - 1);
    const char *engine = json_text(packed, "engine", END_ENGINE_SIZE - 1);
    const char *name = json_text(packed, "name", END_NAME_SIZE - 1);
    const char *device = json_text(packed, "device", sizeof(end->device) - 1);
    const char *key = json_text(packed, "public_key", KEY_TEXT_LENGTH);
    struct key parsed;
    struct failure failure = {.text = ""};
    char checked[END_HOST_SIZE];

    if (!host || !engine || !name || !device || !end_is_name(engine) || !end_is_name(name) ||
        !end_is_name(device))
        return -1;
    /* ssh gets the host as one word: no file may smuggle an option in. */
    if (host[0] && end_parse_host(host, checked, &failure))
        return -1;
    (void)snprintf(end->end.host, sizeof(end->end.host), "%s", host);
    (void)snprintf(end->end.engine, sizeof(end->end.engine), "%s", engine);
    (void)snprintf(end->end.name, sizeof(end->end.name), "%s", name);
    (void)snprintf(end->device, sizeof(end->device), "%s", device);
    (void)snprintf(end->key, sizeof(end->key), "%s",
                   key && key_from_text(key, &parsed) == 0 ? key : "");
    return 0;
}

static int unpack(const json_t *packed, uint32_t net, struct joined *joined)
{
    const json_t *ends = json_object_get(packed, "ends");
    const char *link = json_text(packed, "link", sizeof(joined->link) - 1);
    int64_t found, version;

    if (json_whole(packed, "version", 1, 1, &version) ||
        json_whole(packed, "net", net, net, &found) ||
        json_whole(packed, "joined", 0, INT64_MAX, &joined->when) || json_array_size(ends) != 2)
        return -1;
    joined->net = net;
    (void)snprintf(joined->link, sizeof(joined->link), "%s", link && end_is_name(link) ? link : "");
    return unpack_end(json_array_get(ends, 0), &joined->end[0]) ||
                   unpack_end(json_array_get(ends, 1), &joined->end[1])
               ? -1
               : 0;
}

/* Reads a file that is no larger than cwg makes it. Returns NULL for anything else. */
static json_t *read_file(int file)
{
    struct stat status;

    if (fstat(file, &status) < 0 || !S_ISREG(status.st_mode) || status.st_size > FILE_MAX)
        return NULL;
    return json_loadfd(file, JSON_REJECT_DUPLICATES, NULL);
}

int joined_read(uint32_t net, struct joined *ret_joined, struct failure *failure)
{
    int directory = open_directory(false, failure);
    char name[NAME_SIZE], path[PATH_MAX];
    json_t *packed;
    int file, error;

    if (directory < 0)
        return directory == -2 ? 1 : -1;
    file_name(net, name);
    file = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    close(directory);
    if (file < 0 && errno == ENOENT)
        return 1;
    packed = file < 0 ? NULL : read_file(file);
    if (file >= 0)
        close(file);
    error = unpack(packed, net, ret_joined);
    json_decref(packed);
    if (error && find_directory(path, failure) == 0)
        return fail(failure, "state",
                    "what was remembered of net %u can't be read: remove %.500s/%s", net, path,
                    name);
    return error;
}

bool joined_is_same_end(const struct joined_end *a, const struct joined_end *b)
{
    return strcmp(a->end.host, b->end.host) == 0 && strcmp(a->end.engine, b->end.engine) == 0 &&
           strcmp(a->end.name, b->end.name) == 0;
}

static int compare_nets(const void *a, const void *b)
{
    const uint32_t *first = a, *second = b;

    return (*first > *second) - (*first < *second);
}

/* The net of a file "NET.json", or -1. */
static int64_t net_of(const char *name)
{
    const char *dot = strchr(name, '.');
    char digits[12];
    uint32_t net;

    if (!dot || strcmp(dot, ".json") != 0 || (size_t)(dot - name) >= sizeof(digits))
        return -1;
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)(dot - name), name);
    return decimal_parse(digits, LINK_NET_MAX, &net) ? -1 : (int64_t)net;
}

int joined_list(uint32_t **ret_nets, struct failure *failure)
{
    int fd = open_directory(false, failure);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *entry;
    uint32_t *nets = NULL;
    int count = 0;

    *ret_nets = NULL;
    if (fd == -2)
        return 0;
    if (fd >= 0 && !directory) {
        close(fd);
        return fail_errno(failure, ENOMEM, "can't list what was joined");
    }
    if (!directory)
        return -1;
    while ((entry = readdir(directory))) {
        const int64_t net = net_of(entry->d_name);
        uint32_t *more = net < 0 ? NULL : reallocarray(nets, (size_t)count + 1, sizeof(*nets));

        if (more) {
            nets = more;
            nets[count++] = (uint32_t)net;
        }
    }
    (void)closedir(directory);
    if (count > 0)
        qsort(nets, (size_t)count, sizeof(*nets), compare_nets);
    *ret_nets = nets;
    return count;
}

void joined_forget(uint32_t net)
{
    struct failure failure = {.text = ""};
    int directory = open_directory(false, &failure);
    char name[NAME_SIZE];

    file_name(net, name);
    if (directory < 0)
        return;
    (void)unlinkat(directory, name, 0);
    close(directory);
}
