/* A preshared key, from files and descriptors of all kinds. */
#include "helper/command/preshared.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/netlink/secret.h"
#include "unit.h"

#define NAME "--preshared-key-file: "
/* RFC 7748 section 6.1, Alice's public key. */
#define TEXT "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="

static const struct key a_key = {{0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d,
                                  0xdc, 0xb4, 0x3e, 0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38,
                                  0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a}};

/* What a file holds, and whether that is a key. */
static const struct {
    const char *bytes;
    size_t size;
    bool good;
} contents[] = {
    {TEXT, 44, true},
    {TEXT "\n", 45, true},
    {"", 0, false},
    {"h", 1, false},
    {TEXT, 43, false},
    {TEXT "\n\n", 46, false},
    {TEXT "\r\n", 46, false},
    {TEXT " ", 45, false},
    {TEXT "\0\n", 46, false},
    {TEXT TEXT, 88, false},
    {" " TEXT, 45, false},
    {"hSDwCYkwp1R0i33ctD73Wg2/\0g0mOBr066SpjqqbTmo=", 44, false},
    {"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo\n", 44, false},
    {"[Interface]\nPresharedKey = " TEXT "\n", 73, false},
};

/* What was read before must not matter. */
static void soil(void)
{
    memset(secret.text, 'x', sizeof(secret.text));
    memset(&secret.preshared_key, 0xa5, sizeof(secret.preshared_key));
}

static bool text_is_wiped(void)
{
    for (size_t i = 0; i < KEY_TEXT_LENGTH + 2; i++) {
        if (secret.text[i] != '\0')
            return false;
    }
    return true;
}

static int read_from(const struct preshared_source *source, struct failure *failure)
{
    const struct request request = {.preshared_key = *source};

    return preshared_read(&request, failure);
}

static void check(const char *what, size_t number, const struct preshared_source *source, bool good)
{
    struct failure failure = {.text = ""};
    int result;

    soil();
    result = read_from(source, &failure);
    expect(result == (good ? 0 : -EINVAL), "%s %zu: %d", what, number, result);
    if (good) {
        expect(failure.text[0] == '\0', "%s %zu: %s", what, number, failure.text);
        expect(key_equal(&secret.preshared_key, &a_key), "%s %zu: another key", what, number);
        expect(text_is_wiped(), "%s %zu: the text is still there", what, number);
        return;
    }
    expect(strncmp(failure.text, NAME "must hold 44 characters of base64", 55) == 0 ||
               strncmp(failure.text, NAME "is empty, or was read", 43) == 0,
           "%s %zu: %s", what, number, failure.text);
    expect(unit_is_printable(failure.text) && !strstr(failure.text, "hSDw"), "%s %zu: %s", what,
           number, failure.text);
    /* as main() does at the end, whatever went wrong */
    secret_wipe();
    expect(text_is_wiped() && key_is_zero(&secret.preshared_key), "%s %zu: not wiped", what,
           number);
}

/* A file of its own, with these bytes, at its start. Its name goes to `ret_path`. */
static int make_file(const void *bytes, size_t size, char ret_path[static 32])
{
    int fd;

    (void)snprintf(ret_path, 32, "/tmp/preshared_test.XXXXXX");
    fd = mkstemp(ret_path);
    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size || lseek(fd, 0, SEEK_SET) != 0)
        unit_trouble("a file");
    return fd;
}

static int count_open(void)
{
    int count = 0;

    for (int fd = 0; fd < 400; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

TEST(files)
{
    for (size_t i = 0; i < COUNT(contents); i++) {
        char path[32];
        int fd = make_file(contents[i].bytes, contents[i].size, path);
        int open_before = count_open();

        check("file", i, &(struct preshared_source){.kind = PRESHARED_PATH, .path = path},
              contents[i].good);
        expect(count_open() == open_before, "file %zu: something is open", i);
        check("descriptor", i,
              &(struct preshared_source){.kind = PRESHARED_DESCRIPTOR, .descriptor = fd},
              contents[i].good);
        expect(fcntl(fd, F_GETFD) >= 0, "descriptor %zu: closed", i);
        unlink(path);
        close(fd);
    }
}

/* A relative path is the caller's. */
static void relative_body(void *context)
{
    char path[32];
    int fd = make_file(TEXT, KEY_TEXT_LENGTH, path);

    (void)context;
    if (chdir("/tmp"))
        unit_trouble("chdir");
    check("relative", 0,
          &(struct preshared_source){.kind = PRESHARED_PATH, .path = path + strlen("/tmp/")}, true);
    unlink(path);
    close(fd);
}

TEST(relative)
{
    unit_in_child(relative_body, NULL);
}

/* Writes in pieces of a size, with a pause before each, and hangs up. */
static pid_t start_writer(int fd, int other, const char *bytes, size_t size, size_t piece)
{
    pid_t child = fork();

    if (child < 0)
        unit_trouble("fork");
    if (child > 0) {
        close(fd);
        return child;
    }
    close(other);
    for (size_t done = 0; done < size; done += piece) {
        size_t length = size - done < piece ? size - done : piece;

        usleep(500);
        if (write(fd, bytes + done, length) != (ssize_t)length)
            _exit(1);
    }
    _exit(0);
}

TEST(pipes)
{
    for (size_t i = 0; i < COUNT(contents); i++) {
        for (size_t piece = 1; piece <= 100; piece *= 10) {
            int ends[2];
            pid_t writer;

            if (pipe2(ends, O_CLOEXEC))
                unit_trouble("pipe2");
            writer = start_writer(ends[1], ends[0], contents[i].bytes, contents[i].size, piece);
            check("pipe", i,
                  &(struct preshared_source){.kind = PRESHARED_DESCRIPTOR, .descriptor = ends[0]},
                  contents[i].good);
            close(ends[0]);
            waitpid(writer, NULL, 0);
        }
    }
}

TEST(named_pipe)
{
    char path[32];
    int fd = make_file("", 0, path);
    pid_t writer;

    close(fd);
    unlink(path);
    if (mkfifo(path, 0600))
        unit_trouble("mkfifo");
    writer = fork();
    if (writer == 0) {
        usleep(20000);
        fd = open(path, O_WRONLY | O_CLOEXEC);
        _exit(write(fd, TEXT "\n", 45) != 45);
    }
    check("named pipe", 0, &(struct preshared_source){.kind = PRESHARED_PATH, .path = path}, true);
    waitpid(writer, NULL, 0);
    unlink(path);
}

/* A signal that is handled doesn't cut it short. (The helper handles none, but may be stopped.) */
static void on_alarm(int number)
{
    (void)number;
}

static void interrupted_body(void *context)
{
    const struct sigaction action = {.sa_handler = on_alarm};
    int ends[2];
    pid_t writer;

    (void)context;
    if (sigaction(SIGUSR1, &action, NULL) || pipe2(ends, O_CLOEXEC))
        unit_trouble("a signal");
    writer = fork();
    if (writer == 0) {
        for (int i = 0; i < 10; i++) {
            usleep(2000);
            kill(getppid(), SIGUSR1);
        }
        _exit(write(ends[1], TEXT, 44) != 44);
    }
    close(ends[1]);
    check("interrupted", 0,
          &(struct preshared_source){.kind = PRESHARED_DESCRIPTOR, .descriptor = ends[0]}, true);
}

TEST(interrupted)
{
    unit_in_child(interrupted_body, NULL);
}

/* What can't be opened or read: the text says so, and doesn't name it. */
static void check_trouble(const char *what, const struct preshared_source *source, int error,
                          const char *begins)
{
    struct failure failure = {.text = ""};
    int result;

    soil();
    result = read_from(source, &failure);
    expect(result == error, "%s: %d", what, result);
    expect(strncmp(failure.text, begins, strlen(begins)) == 0, "%s: %s", what, failure.text);
    expect(unit_is_printable(failure.text) && !strstr(failure.text, "Zq7"), "%s: %s", what,
           failure.text);
}

static void check_path(const char *path, int error, const char *begins)
{
    check_trouble(path, &(struct preshared_source){.kind = PRESHARED_PATH, .path = path}, error,
                  begins);
}

static void check_descriptor(const char *what, int fd, int error)
{
    check_trouble(what, &(struct preshared_source){.kind = PRESHARED_DESCRIPTOR, .descriptor = fd},
                  error, NAME "can't read it: ");
}

TEST(trouble)
{
    char long_path[5000] = {0};
    int ends[2], network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    int place = open("/", O_PATH | O_CLOEXEC), sink = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (network < 0 || place < 0 || sink < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends))
        unit_trouble("descriptors");
    memset(long_path, 'Z', sizeof(long_path) - 1);
    check_path("", -ENOENT, NAME "can't open it: No such file or directory");
    check_path("/nowhere/Zq7", -ENOENT, NAME "can't open it: ");
    check_path("/dev/null/Zq7", -ENOTDIR, NAME "can't open it: ");
    check_path(long_path, -ENAMETOOLONG, NAME "can't open it: ");
    check_path("/tmp", -EISDIR, NAME "can't read it: Is a directory");
    check_descriptor("never open", 399, -EBADF);
    check_descriptor("the largest", 2147483647, -EBADF);
    check_descriptor("a directory, by O_PATH", place, -EBADF);
    check_descriptor("for writing", sink, -EBADF);
    check_descriptor("a namespace", network, -EINVAL);
    check_descriptor("nothing there yet", ends[0], -EAGAIN);
    close(ends[0]);
    close(ends[1]);
    close(network);
    close(place);
    close(sink);
    check_descriptor("closed", sink, -EBADF);
    check("empty device", 0, &(struct preshared_source){PRESHARED_PATH, "/dev/null", 0}, false);
    check("endless device", 0, &(struct preshared_source){PRESHARED_PATH, "/dev/zero", 0}, false);
}

/* What isn't asked for isn't read. */
TEST(none)
{
    struct failure failure = {.text = ""};
    struct preshared_source source = {.kind = PRESHARED_NONE, .path = "/dev/zero"};

    soil();
    expect(read_from(&source, &failure) == 0 && failure.text[0] == '\0', "none");
    expect(secret.text[0] == 'x' && secret.preshared_key.bytes[0] == 0xa5, "none: read");
}
