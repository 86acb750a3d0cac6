/* What a command costs: this helper, beside the same by `ip` and `wg` as child processes, and
 * beside the bare netlink messages.
 *
 *     commands ROUNDS HELPER CHILDREN FLOOR JSON
 *
 * The three are run in turns, in another order each time, on links of their own in containers of
 * their own, and whatever one makes is looked at before the next is run. A round makes, connects
 * and removes a link with each. The helper is called by a user without privilege; the other two are
 * root, who needs no file capabilities.
 *
 * Times are from before the process is made until it is gone. Exit status: 0, or 2 if something
 * didn't work.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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
    WARM_UP = 3,
    INSPECTIONS = 3,
    FIRST_PORT = 20000,
    PORTS = 10000,
    OUTPUT_SIZE = 256,
};

struct contender {
    const char *program;
    bool application;
    struct container container;
};

/* A link on its way from round to round: which, and what its owner said about it. */
struct trial {
    struct contender *contender;
    struct expectation expected;
    char public_key[OUTPUT_SIZE];
};

/* The words of a command line. */
struct words {
    char pid[16];
    char net[16];
    char host[16];
    char port[16];
    const char *argv[8];
};

typedef int runner(const struct spawn *request, void *ret);

static double milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double cpu_milliseconds(const struct rusage *usage)
{
    return (double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1e3 +
           (double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e3;
}

static int run_timed(const struct spawn *request, void *ret)
{
    struct sample *sample = ret;
    struct rusage usage;
    double start = milliseconds();
    pid_t pid = spawn(request);
    int status;

    if (wait4(pid, &status, 0, &usage) != pid)
        fail(TROUBLE, "wait4");
    sample->ms = milliseconds() - start;
    sample->cpu_ms = cpu_milliseconds(&usage);
    return status;
}

/* The most memory of all inspections, else the last of them. */
static int run_inspected(const struct spawn *request, void *ret)
{
    struct inspection *inspection = ret;
    long memory = inspection->memory;
    int status = inspect(request, inspection);

    if (memory > inspection->memory)
        inspection->memory = memory;
    return status;
}

static void put_words(const struct trial *trial, int task, struct words *words)
{
    struct link_end end = trial->expected.end;
    int used = 0;

    if (task == CONNECT)
        end = link_other_end(end);
    (void)snprintf(words->pid, sizeof(words->pid), "%d", trial->contender->container.pid);
    (void)snprintf(words->net, sizeof(words->net), "%u", end.net);
    (void)snprintf(words->host, sizeof(words->host), "%u", end.host);
    (void)snprintf(words->port, sizeof(words->port), "%u", (unsigned)trial->expected.port);
    words->argv[used++] = trial->contender->program;
    words->argv[used++] = task_names[task];
    words->argv[used++] = words->pid;
    words->argv[used++] = words->net;
    words->argv[used++] = words->host;
    if (task == CREATE)
        words->argv[used++] = words->port;
    if (task == CONNECT) {
        words->argv[used++] = ENDPOINT;
        words->argv[used++] = PEER_KEY;
    }
    words->argv[used] = NULL;
}

static void check(struct trial *trial, int task, const char *output)
{
    switch (task) {
    case CREATE:
        memcpy(trial->public_key, output, OUTPUT_SIZE);
        trial->expected.public_key = trial->public_key;
        break;
    case CONNECT:
        trial->expected.endpoint = ENDPOINT;
        trial->expected.peer_key = PEER_KEY;
        break;
    default:
        container_check_gone(&trial->contender->container, &trial->expected);
        return;
    }
    container_check_link(&trial->contender->container, &trial->expected);
}

static void run_task(struct trial *trial, int task, runner *run, void *ret)
{
    struct spawn request = {.input = -1, .netns = -1, .gate = -1};
    char output[OUTPUT_SIZE] = "";
    struct words words;
    int ends[2];
    int status;

    pipe_open(ends);
    put_words(trial, task, &words);
    request.argv = words.argv;
    request.application = trial->contender->application;
    request.output = ends[1];
    status = run(&request, ret);
    close(ends[1]);
    pipe_drain(ends[0], output, sizeof(output));
    errno = 0;
    if (status != 0)
        fail(TROUBLE, "%s %s failed: status %#x", words.argv[0], words.argv[1], (unsigned)status);
    check(trial, task, output);
}

static void shuffle(int order[static CONTENDERS])
{
    for (int i = CONTENDERS - 1; i > 0; i--) {
        int other = (int)(random() % (i + 1)); /* NOLINT: no secret depends on it */
        int taken = order[i];

        order[i] = order[other];
        order[other] = taken;
    }
}

/* Numbers that were not in use before, from all over the range. */
static void start_trial(struct contender *contender, struct trial *ret_trial)
{
    static uint32_t used;

    *ret_trial = (struct trial){.contender = contender};
    ret_trial->expected.end.net = used * 2741 % (LINK_NET_MAX + 1);
    ret_trial->expected.end.host = used % 2;
    ret_trial->expected.port = (uint16_t)(FIRST_PORT + used % PORTS);
    used++;
}

/* Where the results of a round go. */
typedef void *place(struct report *report, int task, int contender, int round);

static void *sample_place(struct report *report, int task, int contender, int round)
{
    return &report->measurements[task][contender].samples[round];
}

static void *inspection_place(struct report *report, int task, int contender, int round)
{
    (void)round;
    return &report->measurements[task][contender].inspection;
}

static void run_rounds(struct contender contenders[static CONTENDERS], int rounds, runner *run,
                       place *where, struct report *report)
{
    int order[CONTENDERS] = {OURS, CHILDREN, FLOOR};
    struct trial trials[CONTENDERS];

    for (int round = 0; round < rounds; round++) {
        for (int i = 0; i < CONTENDERS; i++)
            start_trial(&contenders[i], &trials[i]);
        for (int task = 0; task < TASKS; task++) {
            shuffle(order);
            for (int i = 0; i < CONTENDERS; i++)
                run_task(&trials[order[i]], task, run, where(report, task, order[i], round));
        }
    }
}

static void write_json(const struct report *report, const char *path)
{
    FILE *file = fopen(path, "we");

    if (!file)
        fail(TROUBLE, "%s", path);
    report_json(report, file);
    if (fclose(file) != 0)
        fail(TROUBLE, "%s", path);
}

int main(int argc, char *argv[])
{
    static struct report report;
    struct contender contenders[CONTENDERS] = {[OURS] = {.application = true}};
    long rounds;

    errno = 0;
    if (argc != 6 || !parse_number(argv[1], 1, ROUNDS_MAX, &rounds))
        fail(TROUBLE, "usage: commands ROUNDS HELPER CHILDREN FLOOR JSON");
    for (int i = 0; i < CONTENDERS; i++) {
        contenders[i].program = argv[2 + i];
        container_start(&contenders[i].container);
    }
    srandom((unsigned int)time(NULL)); /* NOLINT: no secret depends on it */
    run_rounds(contenders, WARM_UP, run_timed, sample_place, &report);
    report.rounds = (int)rounds;
    run_rounds(contenders, report.rounds, run_timed, sample_place, &report);
    run_rounds(contenders, INSPECTIONS, run_inspected, inspection_place, &report);
    report_print(&report, stdout);
    write_json(&report, argv[5]);
    return 0;
}
