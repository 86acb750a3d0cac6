#include "cwg/store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cwg/base/directory.h"
#include "cwg/name/end.h"
#include "cwg/store/owner.h"

enum {
    MODE_DIRECTORY = 0700,
    MODE_FILE = 0600,
    TEMPORARY_SIZE = STORE_PATH_SIZE + 16,
    LEFT_SECONDS = 60, /* after this time nobody writes to a temporary file any more */
};

static int fail_store(int error, const char *doing, const char *path, struct failure *failure)
{
    return fail(failure, "store", "can't %s %.300s: %s", doing, path, strerror(error));
}

/* Is each part of a path a name? Then it leads to no other place than below the directory. */
static int check_path(const char *path, struct failure *failure)
{
    char parts[STORE_PATH_SIZE];
    char *rest = parts;

    if (strlen(path) >= sizeof(parts))
        return fail(failure, "store", "%.100s...: too long for the store", path);
    memcpy(parts, path, strlen(path) + 1);
    while (rest) {
        if (!end_is_name(strsep(&rest, "/")))
            return fail(failure, "store", "%.300s is no path of the store", path);
    }
    return 0;
}

int store_open(struct store *store, const char *path, struct failure *failure)
{
    int error;

    store->directory = -1;
    if (owner_check(path, "...", failure))
        return -1;
    error = directory_make(path);
    if (error)
        return fail_store(-error, "make", path, failure);
    store->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return store->directory < 0 ? fail_store(errno, "open", path, failure) : 0;
}

void store_close(struct store *store)
{
    if (store->directory >= 0)
        close(store->directory);
    store->directory = -1;
}

int store_read(const struct store *store, const char *path, char ret_line[static STORE_LINE_SIZE],
               struct failure *failure)
{
    struct stat status;
    ssize_t length = -1;
    int file;

    if (check_path(path, failure))
        return -1;
    file = openat(store->directory, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (file < 0)
        return errno == ENOENT ? 1 : fail_store(errno, "read", path, failure);
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode))
        length = read(file, ret_line, STORE_LINE_SIZE);
    close(file);
    if (length < 0 || length == STORE_LINE_SIZE || memchr(ret_line, '\0', (size_t)length))
        return fail(failure, "store", "%.300s isn't a file of cwg's: remove it", path);
    ret_line[length] = '\0';
    ret_line[strcspn(ret_line, "\n")] = '\0';
    return 0;
}

/* A file that is no second old may be replaced once more by one with the same time and inode. */
bool store_changed(const struct store *store, const char *path, struct store_stamp *stamp)
{
    struct store_stamp found = {.inode = 0};
    struct stat status;
    bool same;

    if (fstatat(store->directory, path, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        (time(NULL) > status.st_ctim.tv_sec + 1 || time(NULL) < status.st_ctim.tv_sec))
        found = (struct store_stamp){.inode = status.st_ino,
                                     .seconds = status.st_ctim.tv_sec,
                                     .nanoseconds = status.st_ctim.tv_nsec};
    same = found.inode != 0 && found.inode == stamp->inode && found.seconds == stamp->seconds &&
           found.nanoseconds == stamp->nanoseconds;
    *stamp = found;
    return !same;
}

/* Makes the directories above a path. */
static int make_above(const struct store *store, const char *path, struct failure *failure)
{
    char above[STORE_PATH_SIZE];

    for (const char *end = strchr(path, '/'); end; end = strchr(end + 1, '/')) {
        (void)snprintf(above, sizeof(above), "%.*s", (int)(end - path), path);
        if (mkdirat(store->directory, above, MODE_DIRECTORY) < 0 && errno != EEXIST)
            return fail_store(errno, "make", above, failure);
    }
    return 0;
}

/* Another name for each writer. It begins with a dot, which no name of a link does: store_list()
 * passes it over. */
static void temporary_of(const char *path, char ret_temporary[static TEMPORARY_SIZE])
{
    const char *slash = strrchr(path, '/');
    const int above = slash ? (int)(slash + 1 - path) : 0;

    (void)snprintf(ret_temporary, TEMPORARY_SIZE, "%.*s.%s.%d", above, path, path + above,
                   getpid());
}

static int write_line(const struct store *store, const char *path, const char *line, bool lazily,
                      struct failure *failure)
{
    char temporary[TEMPORARY_SIZE];
    const size_t length = strlen(line);
    int file, error = 0;

    if (check_path(path, failure))
        return -1;
    if (length + 1 >= STORE_LINE_SIZE || strchr(line, '\n'))
        return fail(failure, "store", "%.300s: it is no line for the store", path);
    if (make_above(store, path, failure))
        return -1;
    temporary_of(path, temporary);
    file = openat(store->directory, temporary,
                  O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, MODE_FILE);
    if (file < 0)
        return fail_store(errno, "write", path, failure);
    errno = ENOSPC; /* of a short write(2) */
    if (write(file, line, length) != (ssize_t)length || write(file, "\n", 1) != 1 ||
        (!lazily && fsync(file) < 0) ||
        renameat(store->directory, temporary, store->directory, path) < 0)
        error = errno;
    close(file);
    if (error)
        (void)unlinkat(store->directory, temporary, 0);
    return error ? fail_store(error, "write", path, failure) : 0;
}

int store_write(const struct store *store, const char *path, const char *line,
                struct failure *failure)
{
    return write_line(store, path, line, false, failure);
}

int store_write_lazily(const struct store *store, const char *path, const char *line,
                       struct failure *failure)
{
    return write_line(store, path, line, true, failure);
}

int store_remove(const struct store *store, const char *path, struct failure *failure)
{
    if (check_path(path, failure))
        return -1;
    if (unlinkat(store->directory, path, 0) < 0 && errno != ENOENT)
        return fail_store(errno, "remove", path, failure);
    return 0;
}

/* Removes a temporary file of a writer that was killed. */
static void sweep(DIR *directory, const char *name)
{
    struct stat status;

    if (name[0] == '.' && fstatat(dirfd(directory), name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(status.st_mode) && status.st_mtime + LEFT_SECONDS < time(NULL))
        (void)unlinkat(dirfd(directory), name, 0);
}

/* Reads all names of a directory, each with its NUL, into one piece of memory. Returns NULL with
 * errno: half a list would say that the other half has been removed. */
static char *read_names(DIR *directory, size_t *ret_size, size_t *ret_count)
{
    const struct dirent *entry;
    size_t size = 0, count = 0;
    char *names = NULL;
    FILE *stream = open_memstream(&names, &size);
    int error = stream ? 0 : ENOMEM;

    while (stream && (errno = 0, entry = readdir(directory))) {
        if (end_is_name(entry->d_name)) {
            (void)fputs(entry->d_name, stream);
            (void)fputc('\0', stream);
            count++;
        } else {
            sweep(directory, entry->d_name);
        }
    }
    error = stream ? errno : error;
    if (stream && fclose(stream) != 0)
        error = ENOMEM;
    if (error) {
        free(names);
        names = NULL;
    }
    errno = error;
    *ret_size = size;
    *ret_count = count;
    return names;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Makes an array of names, with the names behind it. */
static char **make_list(const char *names, size_t size, size_t count)
{
    char **list = malloc((count + 1) * sizeof(*list) + size);
    char *next = list ? (char *)(list + count + 1) : NULL;

    if (!list)
        return NULL;
    if (size > 0)
        memcpy(next, names, size);
    for (size_t i = 0; i < count; i++, next += strlen(next) + 1)
        list[i] = next;
    list[count] = NULL;
    qsort(list, count, sizeof(*list), compare);
    return list;
}

char **store_list(const struct store *store, const char *path, struct failure *failure)
{
    size_t size = 0, count = 0;
    DIR *directory = NULL;
    char **list = NULL;
    char *names;
    int fd;

    if (check_path(path, failure))
        return NULL;
    fd = openat(store->directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return make_list(NULL, 0, 0);
    if (fd >= 0)
        directory = fdopendir(fd);
    names = directory ? read_names(directory, &size, &count) : NULL;
    if (names)
        list = make_list(names, size, count);
    if (!list)
        fail_store(errno, "list", path, failure);
    free(names);
    if (directory)
        (void)closedir(directory);
    else if (fd >= 0)
        close(fd);
    return list;
}
