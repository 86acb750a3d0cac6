#include "report.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/utsname.h>

/* The aims for cwg_create, and for the memory of each task. */
#define AIM_CHILDREN 6.0
#define AIM_FLOOR    1.5
enum {
    AIM_MEMORY = 2048, /* KiB, and less than that */
};

const char *const task_names[TASKS] = {"cwg_create", "cwg_connect", "cwg_destroy"};

static const char *const contender_names[CONTENDERS] = {"net-admin-helper", "ip and wg", "floor"};

struct summary {
    double median;
    double min;
    double max;
    double cpu_median;
};

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median_of_sorted(const double *values, int count)
{
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static struct summary summarize(const struct report *report, int task, int contender)
{
    static double ms[ROUNDS_MAX];
    static double cpu_ms[ROUNDS_MAX];
    const struct sample *samples = report->measurements[task][contender].samples;

    for (int i = 0; i < report->rounds; i++) {
        ms[i] = samples[i].ms;
        cpu_ms[i] = samples[i].cpu_ms;
    }
    qsort(ms, (size_t)report->rounds, sizeof(ms[0]), compare);
    qsort(cpu_ms, (size_t)report->rounds, sizeof(cpu_ms[0]), compare);
    return (struct summary){
        .median = median_of_sorted(ms, report->rounds),
        .min = ms[0],
        .max = ms[report->rounds - 1],
        .cpu_median = median_of_sorted(cpu_ms, report->rounds),
    };
}

static void print_rows(const struct report *report, int task, FILE *file)
{
    struct summary rows[CONTENDERS];

    for (int i = 0; i < CONTENDERS; i++)
        rows[i] = summarize(report, task, i);
    for (int i = 0; i < CONTENDERS; i++) {
        const struct inspection *inspection = &report->measurements[task][i].inspection;

        (void)fprintf(file, "%-12s %-17s %8.2f %8.2f %8.2f %8.2f %8.2f %8.2f %6ld %6ld %9ld %8ld\n",
                      i == 0 ? task_names[task] : "", contender_names[i], rows[i].median,
                      rows[i].min, rows[i].max, rows[i].median / rows[FLOOR].median,
                      rows[i].median / rows[OURS].median, rows[i].cpu_median, inspection->calls,
                      inspection->own, inspection->programs, inspection->memory);
    }
}

static void print_table(const struct report *report, FILE *file)
{
    struct utsname system = {0};

    uname(&system);
    (void)fprintf(file, "Linux %s, %d rounds\n\n", system.release, report->rounds);
    (void)fprintf(file, "%-12s %-17s %26s %17s %8s %13s %9s %8s\n", "", "", "time, ms",
                  "of medians", "CPU ms", "system calls", "", "peak RSS");
    (void)fprintf(file, "%-12s %-17s %8s %8s %8s %8s %8s %8s %6s %6s %9s %8s\n", "task", "by",
                  "median", "min", "max", "/ floor", "/ ours", "median", "all", "own", "programs",
                  "KiB");
    for (int task = 0; task < TASKS; task++)
        print_rows(report, task, file);
    (void)fputs("\nown: without those of the dynamic loader. RSS: of the largest process.\n\n",
                file);
}

static void print_aim(FILE *file, const char *what, const char *found, bool met)
{
    (void)fprintf(file, "aim: %-56s %s: %s\n", what, found, met ? "met" : "MISSED");
}

/* The medians decide. On a busy machine the minima say more of the work, and less of the rest. */
static void print_ratio_aim(const struct report *report, FILE *file, const char *what, int above,
                            int below, double least, double most)
{
    struct summary a = summarize(report, CREATE, above);
    struct summary b = summarize(report, CREATE, below);
    double ratio = a.median / b.median;
    char found[64];

    (void)snprintf(found, sizeof(found), "%5.2f times (minima: %.2f)", ratio, a.min / b.min);
    print_aim(file, what, found, ratio >= least && ratio <= most);
}

static void print_memory_aim(const struct report *report, FILE *file)
{
    char found[64];
    long memory = 0;

    for (int task = 0; task < TASKS; task++) {
        if (report->measurements[task][OURS].inspection.memory > memory)
            memory = report->measurements[task][OURS].inspection.memory;
    }
    (void)snprintf(found, sizeof(found), "%5.2f MiB", (double)memory / 1024);
    print_aim(file, "each task in less than 2 MiB of memory", found, memory < AIM_MEMORY);
}

static void print_aims(const struct report *report, FILE *file)
{
    print_ratio_aim(report, file, "cwg_create at least 6 times as fast as `ip` and `wg`", CHILDREN,
                    OURS, AIM_CHILDREN, INFINITY);
    print_ratio_aim(report, file, "cwg_create in at most 1.5 times the time of the floor", OURS,
                    FLOOR, 0, AIM_FLOOR);
    print_memory_aim(report, file);
}

void report_print(const struct report *report, FILE *file)
{
    print_table(report, file);
    print_aims(report, file);
}

static void json_samples(const struct report *report, const struct measurement *measurement,
                         FILE *file)
{
    (void)fputs("\"ms\": [", file);
    for (int i = 0; i < report->rounds; i++)
        (void)fprintf(file, "%s%.4f", i ? ", " : "", measurement->samples[i].ms);
    (void)fputs("],\n     \"cpu_ms\": [", file);
    for (int i = 0; i < report->rounds; i++)
        (void)fprintf(file, "%s%.4f", i ? ", " : "", measurement->samples[i].cpu_ms);
    (void)fputs("]}", file);
}

static void json_result(const struct report *report, int task, int contender, FILE *file)
{
    const struct measurement *measurement = &report->measurements[task][contender];
    const struct inspection *inspection = &measurement->inspection;
    struct summary summary = summarize(report, task, contender);

    (void)fprintf(file,
                  "    {\"task\": \"%s\", \"by\": \"%s\", \"median_ms\": %.4f, \"min_ms\": %.4f, "
                  "\"max_ms\": %.4f, \"median_cpu_ms\": %.4f,\n"
                  "     \"system_calls\": %ld, \"own_system_calls\": %ld, \"processes\": %ld, "
                  "\"programs\": %ld, \"peak_rss_kib\": %ld,\n     ",
                  task_names[task], contender_names[contender], summary.median, summary.min,
                  summary.max, summary.cpu_median, inspection->calls, inspection->own,
                  inspection->processes, inspection->programs, inspection->memory);
    json_samples(report, measurement, file);
}

void report_json(const struct report *report, FILE *file)
{
    struct utsname system = {0};

    uname(&system);
    (void)fprintf(file, "{\"kernel\": \"%s\", \"rounds\": %d, \"results\": [\n", system.release,
                  report->rounds);
    for (int i = 0; i < TASKS * CONTENDERS; i++) {
        json_result(report, i / CONTENDERS, i % CONTENDERS, file);
        (void)fputs(i + 1 < TASKS * CONTENDERS ? ",\n" : "\n", file);
    }
    (void)fputs("]}\n", file);
}
