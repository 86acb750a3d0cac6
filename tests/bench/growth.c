/* What a link costs by single calls, and by a batch of many lines, with links present, and how that
 * grows with their number.
 *
 *     growth ROUNDS PER-CONTAINER HELPER LINKS...
 *
 * For each of the numbers LINKS, which must rise, as many links are made by batch, up to
 * PER-CONTAINER in one container. If that is less than all, what is measured is in a container of
 * its own; else in the one where all are. A round makes, connects and removes LINES links by single
 * calls, and as many by one batch, in turns. The helper is called by a user without privilege.
 *
 * Times are from before the first process is made until the last is gone, by the number of links.
 * Prints each row as soon as it is known. Exit status: 0, or 2 if something didn't work.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"
#include "container.h"
#include "report.h"
#include "spawn.h"

#define PEER_KEY "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
#define ENDPOINT "192.0.2.7:5107"

enum {
    LINES = 20,
    LINKS_MOST = 8000,
    CONTAINERS_MOST = 64,
    FIRST_PORT = 10000,
    FIRST_NET = 100000, /* of what is measured */
    FEW_FROM = 1000,    /* with as many present there are fewer rounds */
    FEW = 3,
};

enum way {
    SINGLE,
    BATCH,
    WAYS,
};

/* Some links of one container: the nets in a row. */
struct links {
    pid_t pid;
    long net;
    long port;
    long count;
};

struct world {
    const char *helper;
    long per_container;
    long present;
    int containers;
    struct container container[CONTAINERS_MOST];
    struct container apart; /* for what is measured, if that isn't where all are */
};

static double milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int memory_file(void)
{
    int fd = memfd_create("", MFD_CLOEXEC);

    if (fd < 0)
        fail(TROUBLE, "memfd_create");
    return fd;
}

/* The task's line for one of the links, without a newline. */
static void put_line(char *ret_line, size_t size, int task, const struct links *links, long i)
{
    int used = snprintf(ret_line, size, "%s %d %ld %d", task_names[task], (int)links->pid,
                        links->net + i, task == CONNECT ? 1 : 0);

    if (task == CREATE)
        (void)snprintf(ret_line + used, size - (size_t)used, " %ld", links->port + i);
    if (task == CONNECT)
        (void)snprintf(ret_line + used, size - (size_t)used, " %s %s", ENDPOINT, PEER_KEY);
}

/* Answers end in newlines: as many as there are lines in the output of what succeeded. */
static long count_lines(int fd)
{
    char bytes[4096];
    long lines = 0;
    ssize_t got;

    lseek(fd, 0, SEEK_SET);
    while ((got = read(fd, bytes, sizeof(bytes))) > 0) {
        for (ssize_t i = 0; i < got; i++)
            lines += bytes[i] == '\n';
    }
    return lines;
}

static void run(const char *const *argv, int input, int output)
{
    const struct spawn request = {
        .argv = argv,
        .input = input,
        .output = output,
        .netns = -1,
        .application = true,
        .gate = -1,
    };
    pid_t pid = spawn(&request);
    int status;

    if (waitpid(pid, &status, 0) != pid)
        fail(TROUBLE, "waitpid");
    errno = 0;
    if (status != 0)
        fail(TROUBLE, "%s %s failed: status %#x", argv[0], argv[1], (unsigned)status);
}

/* Returns milliseconds. */
static double run_batch(const struct world *world, int task, const struct links *links)
{
    int input = memory_file();
    int output = memory_file();
    char line[256];
    double start;

    for (long i = 0; i < links->count; i++) {
        put_line(line, sizeof(line), task, links, i);
        if (dprintf(input, "%s\n", line) < 0)
            fail(TROUBLE, "can't write the lines");
    }
    lseek(input, 0, SEEK_SET);
    start = milliseconds();
    run((const char *const[]){world->helper, "batch", NULL}, input, output);
    start = milliseconds() - start;
    errno = 0;
    if (count_lines(output) != links->count)
        fail(TROUBLE, "the batch didn't answer each line");
    close(input);
    close(output);
    return start;
}

static double run_single(const struct world *world, int task, const struct links *links)
{
    int output = memory_file();
    double sum = 0;

    for (long i = 0; i < links->count; i++) {
        const char *argv[16] = {world->helper};
        char line[256];
        double start;
        int words = 1;

        put_line(line, sizeof(line), task, links, i);
        for (char *rest = line, *word; (word = strsep(&rest, " "));)
            argv[words++] = word;
        start = milliseconds();
        run(argv, -1, output);
        sum += milliseconds() - start;
    }
    close(output);
    return sum;
}

/* Returns the seconds that it took. */
static double make_present(struct world *world, long wanted)
{
    double start = milliseconds();

    while (world->present < wanted) {
        struct links links = {.net = world->present, .port = FIRST_PORT + world->present};
        long free = world->containers * world->per_container - world->present;

        if (free == 0) {
            if (world->containers == CONTAINERS_MOST)
                fail(TROUBLE, "too many containers");
            container_start(&world->container[world->containers++]);
            free = world->per_container;
        }
        links.pid = world->container[world->containers - 1].pid;
        links.count = wanted - world->present < free ? wanted - world->present : free;
        run_batch(world, CREATE, &links);
        world->present += links.count;
    }
    return (milliseconds() - start) / 1e3;
}

static void run_round(const struct world *world, int round, double ret_ms[static TASKS][WAYS])
{
    bool apart = world->apart.pid != 0;

    for (int task = 0; task < TASKS; task++) {
        for (int i = 0; i < WAYS; i++) {
            int way = (round + task + i) % WAYS;
            struct links links = {
                .pid = apart ? world->apart.pid : world->container[0].pid,
                .net = FIRST_NET + way * LINES,
                .port = FIRST_PORT + LINKS_MOST + way * LINES,
                .count = LINES,
            };
            double ms =
                way == BATCH ? run_batch(world, task, &links) : run_single(world, task, &links);

            ret_ms[task][way] = ms / LINES;
        }
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof(*values), compare);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void measure(const struct world *world, int rounds, double seconds)
{
    static double ms[ROUNDS_MAX][TASKS][WAYS];
    static double values[WAYS + 1][ROUNDS_MAX]; /* the last: ratios */

    for (int round = 0; round < rounds; round++)
        run_round(world, round, ms[round]);
    printf("%6ld %6d %8.1f", world->present, rounds, seconds);
    for (int task = 0; task < TASKS; task++) {
        for (int round = 0; round < rounds; round++) {
            for (int way = 0; way < WAYS; way++)
                values[way][round] = ms[round][task][way];
            values[WAYS][round] = ms[round][task][SINGLE] / ms[round][task][BATCH];
        }
        for (int i = 0; i <= WAYS; i++)
            printf(" %8.2f", median(values[i], rounds));
    }
    putchar('\n');
    (void)fflush(stdout);
}

static void print_head(const struct world *world)
{
    struct utsname system = {0};

    uname(&system);
    printf("Linux %s; %d links a round, by single calls and by one batch, ", system.release, LINES);
    if (world->apart.pid)
        printf("in a\ncontainer of their own; those present in others, %ld in each\n\n",
               world->per_container);
    else
        printf("in the\none container where all those present are\n\n");
    printf("%6s %6s %8s", "links", "", "made");
    for (int task = 0; task < TASKS; task++)
        printf(" %26s", task_names[task]);
    printf("\n%6s %6s %8s", "there", "rounds", "in s");
    for (int task = 0; task < TASKS; task++)
        printf(" %8s %8s %8s", "single", "batch", "ratio");
    putchar('\n');
    (void)fflush(stdout);
}

int main(int argc, char *argv[])
{
    static struct world world;
    long rounds, wanted, most = 0;

    errno = 0;
    if (argc < 5 || !parse_number(argv[1], 1, ROUNDS_MAX, &rounds) ||
        !parse_number(argv[2], 1, LINKS_MOST, &world.per_container))
        fail(TROUBLE, "usage: growth ROUNDS PER-CONTAINER HELPER LINKS...");
    world.helper = argv[3];
    for (int i = 4; i < argc; i++) {
        if (!parse_number(argv[i], most + 1, LINKS_MOST, &wanted))
            fail(TROUBLE, "LINKS: must rise, up to %d", LINKS_MOST);
        most = wanted;
    }
    if (most > world.per_container)
        container_start(&world.apart);
    print_head(&world);
    for (int i = 4; i < argc; i++) {
        double seconds;

        (void)parse_number(argv[i], 1, LINKS_MOST, &wanted);
        seconds = make_present(&world, wanted);
        measure(&world, (int)(wanted >= FEW_FROM && rounds > FEW ? FEW : rounds), seconds);
    }
    puts("\nms for a link, medians; the ratio single/batch is the median of the rounds' ratios");
    return 0;
}
