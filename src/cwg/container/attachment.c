#include "cwg/container/attachment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg/base/json.h"
#include "cwg/container/reading.h"

#define USER_DIRECTORY "cwg-attached"

enum {
    FILE_SIZE = 4096,
    FILE_NAME_SIZE = CONTAINER_ID_SIZE + ATTACHMENT_NETWORK_SIZE + 16,
};

/* This user, whatever a user namespace calls it: outside, its root is another. */
static unsigned long user_outside(void)
{
    const unsigned long own = geteuid();
    unsigned long user = own;
    char line[128];
    FILE *map = fopen("/proc/self/uid_map", "re");

    while (map && fgets(line, sizeof(line), map)) {
        char *rest = line;
        const unsigned long first = strtoul(rest, &rest, 10);
        const unsigned long outside = strtoul(rest, &rest, 10);
        const unsigned long count = strtoul(rest, &rest, 10);

        if (own >= first && own - first < count)
            user = outside + (own - first);
    }
    if (map)
        (void)fclose(map);
    return user;
}

/* Is this user root of a machine, and not of a user namespace of podman's alone? In a container of
 * LXC a machine's root has another number outside, too. The root of its files is its own. */
static bool is_machines_root(unsigned long outside)
{
    struct stat status;

    return geteuid() == 0 && (outside == 0 || (stat("/", &status) == 0 && status.st_uid == 0));
}

int attachment_directory(char ret_path[static PATH_MAX])
{
    const unsigned long user = user_outside();
    const bool of_machine = is_machines_root(user);
    const char *runtime = of_machine ? NULL : getenv("XDG_RUNTIME_DIR");
    int length;

    if (runtime && runtime[0] == '/')
        length = snprintf(ret_path, PATH_MAX, "%s/" USER_DIRECTORY, runtime);
    else if (!of_machine && geteuid() == 0)
        length = snprintf(ret_path, PATH_MAX, "/run/user/%lu/" USER_DIRECTORY, user);
    else
        length = snprintf(ret_path, PATH_MAX, ATTACHMENT_SYSTEM_DIRECTORY);
    return length >= PATH_MAX ? -ENAMETOOLONG : 0;
}

/* What others may write tells nothing. */
static bool is_trusted(int file, mode_t type, struct stat *ret_status)
{
    return fstat(file, ret_status) == 0 && (ret_status->st_mode & S_IFMT) == type &&
           (ret_status->st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
           (ret_status->st_uid == 0 || ret_status->st_uid == geteuid());
}

/* Nobody but the machine's root, or the user whose it is, may say what containers there are. */
static void fail_untrusted(const char *path, struct failure *failure)
{
    const bool of_machine = strcmp(path, ATTACHMENT_SYSTEM_DIRECTORY) == 0;

    fail(failure, "system",
         "%s tells nothing: others may write to it, or it is another user's; %s%s%schmod 0755 %s%s",
         path, of_machine ? "as root, chown root: " : "", of_machine ? path : "",
         of_machine ? " && " : "", path, of_machine ? "" : ", if it is yours");
}

/* Opens a directory; NULL means this user's. Returns a descriptor; -1 if there is none; or -2 with
 * a failure. */
static int open_directory(const char *path, bool make, struct failure *failure)
{
    struct stat status;
    char own[PATH_MAX];
    int fd, error = path ? 0 : attachment_directory(own);

    path = path ? path : own;
    if (!error && make && mkdir(path, 0755) < 0 && errno != EEXIST)
        error = -errno;
    fd = error ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (!error && fd < 0)
        error = -errno;
    if (error == -ENOENT && !make)
        return -1;
    if (error) {
        fail(failure, "system", "can't open %s: %s", path, strerror(-error));
        return -2;
    }
    if (!is_trusted(fd, S_IFDIR, &status)) {
        fail_untrusted(path, failure);
        close(fd);
        return -2;
    }
    if (make)
        (void)fchmod(fd, 0755); /* whatever the umask is: the agent is another user */
    return fd;
}

static bool is_word(const char *text, size_t size)
{
    return end_is_name(text) && strlen(text) < size;
}

/* Writes the name of a file. Returns 0, or -1. */
static int name_file(const char *id, const char *network, char ret_name[static FILE_NAME_SIZE],
                     struct failure *failure)
{
    if (!is_word(id, CONTAINER_ID_SIZE))
        return fail(failure, "usage", "a container's id can't be \"%.100s\"", id);
    if (!is_word(network, ATTACHMENT_NETWORK_SIZE))
        return fail(failure, "usage",
                    "a network's name has up to %d letters, digits, '_', '.' and '-', and can't be "
                    "\"%.140s\"",
                    ATTACHMENT_NETWORK_SIZE - 1, network);
    (void)snprintf(ret_name, FILE_NAME_SIZE, "%s+%s", id, network);
    return 0;
}

/* Writes a file under another name, and renames it: a reader finds a whole one. */
static int write_file(int directory, const char *name, const char *text)
{
    char temporary[FILE_NAME_SIZE + 16];
    const size_t length = strlen(text);
    ssize_t written;
    int fd, error = 0;

    (void)snprintf(temporary, sizeof(temporary), ".%s.%d", name, (int)getpid());
    fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    written = fchmod(fd, 0644) < 0 ? -1 : write(fd, text, length);
    if (written != (ssize_t)length)
        error = written < 0 ? -errno : -EIO;
    close(fd);
    if (!error && renameat(directory, temporary, directory, name) < 0)
        error = -errno;
    if (error)
        (void)unlinkat(directory, temporary, 0);
    return error;
}

int attachment_write(const struct attachment *attachment, struct failure *failure)
{
    char name[FILE_NAME_SIZE];
    json_t *object;
    char *text;
    int directory, error;

    if (name_file(attachment->id, attachment->network, name, failure))
        return -1;
    if (!end_is_name(attachment->name))
        return fail(failure, "usage", "a container's name can't be \"%.260s\"", attachment->name);
    directory = open_directory(NULL, true, failure);
    if (directory < 0)
        return -1;
    object = json_pack("{s:s, s:s, s:s, s:s}", "engine", attachment->engine, "name",
                       attachment->name, "netns", attachment->netns, "link", attachment->link);
    text = object ? json_dumps(object, JSON_COMPACT) : NULL;
    error = text ? write_file(directory, name, text) : -ENOMEM;
    free(text);
    json_decref(object);
    close(directory);
    return error ? fail_errno(failure, -error, "can't tell the agent of the container") : 0;
}

int attachment_remove(const char *id, const char *network, struct failure *failure)
{
    char name[FILE_NAME_SIZE];
    int directory, error = 0;

    if (name_file(id, network, name, failure))
        return -1;
    directory = open_directory(NULL, false, failure);
    if (directory < 0)
        return directory == -1 ? 0 : -1;
    if (unlinkat(directory, name, 0) < 0 && errno != ENOENT)
        error = errno;
    close(directory);
    return error ? fail_errno(failure, error, "can't tell the agent that the container is gone")
                 : 0;
}

/* Copies a member that is a text, if there is room for it. Returns false if it has no such text. */
static bool copy_member(const json_t *object, const char *name, char *to, size_t size)
{
    const char *text = json_text(object, name, size - 1);

    if (text)
        reading_keep(to, size, text);
    return text != NULL;
}

static bool parse(const char *file, const char *text, struct attachment *ret)
{
    const char *network = strchr(file, '+');
    json_t *object;
    bool whole;

    *ret = (struct attachment){.engine = ""};
    if (!network || (size_t)(network - file) >= sizeof(ret->id))
        return false;
    (void)snprintf(ret->id, sizeof(ret->id), "%.*s", (int)(network - file), file);
    reading_keep(ret->network, sizeof(ret->network), network + 1);
    object = json_read_line(text);
    whole = object && copy_member(object, "engine", ret->engine, sizeof(ret->engine)) &&
            copy_member(object, "name", ret->name, sizeof(ret->name)) &&
            copy_member(object, "netns", ret->netns, sizeof(ret->netns)) &&
            copy_member(object, "link", ret->link, sizeof(ret->link));
    json_decref(object);
    return whole && end_is_name(ret->id) && is_word(network + 1, sizeof(ret->network)) &&
           end_is_name(ret->engine) && end_is_name(ret->name) &&
           (!ret->netns[0] || end_is_name(ret->netns));
}

/* Reads one file. Returns 1; 0 if it is no attachment; or a negative errno, if there are too few
 * descriptors to know. */
static int read_file(int directory, const char *name, struct attachment *ret_attachment)
{
    char text[FILE_SIZE];
    const int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    ssize_t length = -1;

    if (fd < 0)
        return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : 0;
    if (is_trusted(fd, S_IFREG, &status))
        length = read(fd, text, sizeof(text) - 1);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    if (length <= 0 || !parse(name, text, ret_attachment))
        return 0;
    ret_attachment->told = status.st_mtim;
    return 1;
}

int attachment_read(const char *file, struct attachment *ret_attachment)
{
    struct failure failure = {.text = ""};
    const int directory = open_directory(NULL, false, &failure);
    int found;

    if (directory < 0)
        return -1;
    found = read_file(directory, file, ret_attachment);
    close(directory);
    return found > 0 ? 0 : -1;
}

int attachments_check(struct failure *failure)
{
    const int directory = open_directory(NULL, false, failure);

    if (directory >= 0)
        close(directory);
    return directory == -2 ? -1 : 0;
}

/* Gives all attachments of a directory to a function, until it returns something else than 0.
 * Returns 0, what the function has returned, or a negative errno. */
static int read_each(DIR *directory,
                     int (*take)(void *context, const struct attachment *attachment), void *context)
{
    const struct dirent *entry;
    int error = 0;

    errno = 0;
    while (!error && (entry = readdir(directory)) != NULL) {
        struct attachment one;

        error = read_file(dirfd(directory), entry->d_name, &one);
        if (error > 0)
            error = take(context, &one);
        errno = 0; /* readdir() says nothing at the end */
    }
    return error ? error : -errno;
}

int attachments_each(const char *path,
                     int (*take)(void *context, const struct attachment *attachment), void *context,
                     struct failure *failure)
{
    const int fd = open_directory(path, false, failure);
    DIR *directory;
    int error;

    if (fd < 0)
        return fd == -1 ? 0 : -1;
    directory = fdopendir(fd);
    if (!directory) {
        close(fd);
        return fail_errno(failure, ENOMEM, "can't read what plugins of networks tell");
    }
    error = read_each(directory, take, context);
    (void)closedir(directory);
    if (error < 0)
        return fail_errno(failure, -error, "can't read what plugins of networks tell");
    return error;
}

struct attachments {
    struct attachment *all;
    size_t count;
};

/* Returns 0; 1 if there is no room for more; or a negative errno. */
static int keep(void *context, const struct attachment *attachment)
{
    struct attachments *kept = context;

    if (kept->count == ATTACHMENTS_MAX)
        return 1;
    if (kept->count % 64 == 0) {
        struct attachment *more = reallocarray(kept->all, kept->count + 64, sizeof(*kept->all));

        if (!more)
            return -ENOMEM;
        kept->all = more;
    }
    kept->all[kept->count++] = *attachment;
    return 0;
}

int attachments_read(const char *path, struct attachment **ret_attachments, size_t *ret_count,
                     struct failure *failure)
{
    struct attachments kept = {.all = NULL};
    int error = attachments_each(path, keep, &kept, failure);
    char own[PATH_MAX] = "";

    if (error > 0 && !path)
        (void)attachment_directory(own);
    if (error > 0)
        (void)fail(failure, "limit", "more than %d files in %s", ATTACHMENTS_MAX,
                   path ? path : own);
    if (error) { /* a part of them would pass for all */
        free(kept.all);
        kept = (struct attachments){.all = NULL};
    }
    *ret_attachments = kept.all;
    *ret_count = kept.count;
    return error ? -1 : 0;
}
