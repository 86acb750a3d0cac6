#include "unit.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    TESTS_MAX = 64,
    SHOWN_MAX = 20, /* of the wrong cases of one test; all are counted */
    TEXT_SIZE = SHOWN_MAX * 1024,
    CHILD_SECONDS = 20,
};

/* In memory that is shared with children, so that they can report, too. */
static struct report {
    size_t looked_at;
    size_t wrong;
    size_t used;
    char text[TEXT_SIZE];
} * report;

void unit_count(size_t cases)
{
    report->looked_at += cases;
}

static void add(const char *format, va_list values) __attribute__((format(printf, 1, 0)));

static void add(const char *format, va_list values)
{
    size_t left = TEXT_SIZE - report->used;
    int length = vsnprintf(report->text + report->used, left, format, values);

    report->used += length < 0 ? 0 : (size_t)length < left ? (size_t)length : left - 1;
}

static void add_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void add_text(const char *format, ...)
{
    va_list values;

    va_start(values, format);
    add(format, values);
    va_end(values);
}

void unit_unexpected(const char *file, int line, const char *format, ...)
{
    va_list values;

    if (report->wrong++ >= SHOWN_MAX)
        return;
    add_text("# %s:%d: ", file, line);
    va_start(values, format);
    add(format, values);
    va_end(values);
    add_text("\n");
}

void unit_trouble(const char *doing)
{
    perror(doing);
    _exit(99);
}

static bool is_root(void)
{
    char line[128];
    unsigned long long permitted = 0;
    FILE *status = fopen("/proc/self/status", "re");

    if (!status)
        unit_trouble("/proc/self/status");
    while (fgets(line, sizeof(line), status)) {
        if (strncmp(line, "CapPrm:", 7) == 0)
            permitted = strtoull(line + 7, NULL, 16);
    }
    (void)fclose(status);
    /* CAP_NET_ADMIN, CAP_SYS_PTRACE, CAP_SYS_ADMIN */
    return geteuid() == 0 && (permitted >> 12 & permitted >> 19 & permitted >> 21 & 1);
}

static struct test {
    const char *name;
    void (*run)(void);
    bool root;
} tests[TESTS_MAX];
static size_t count;

void unit_add(const char *name, void (*run)(void), bool root)
{
    if (count == TESTS_MAX)
        unit_trouble("too many tests");
    tests[count++] = (struct test){name, run, root};
}

static void run_one(void **state)
{
    const struct test *test = *state;

    if (test->root && !is_root())
        skip();
    report->wrong = 0;
    report->used = 0;
    report->text[0] = '\0';
    test->run();
    if (report->wrong == 0)
        return;
    printf("%s# %s: %zu unexpected\n", report->text, test->name, report->wrong);
    fail();
}

int unit_run(const char *noun)
{
    struct CMUnitTest list[TESTS_MAX];
    int failed;

    if (setvbuf(stdout, NULL, _IOLBF, 0))
        unit_trouble("unit_run");
    report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED)
        unit_trouble("mmap");
    for (size_t i = 0; i < count; i++)
        list[i] = (struct CMUnitTest){
            .name = tests[i].name,
            .test_func = run_one,
            .initial_state = &tests[i],
        };
    failed = _cmocka_run_group_tests(noun, list, count, NULL, NULL);
    printf("# %s: %zu cases\n", noun, report->looked_at);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Signals end a child, with no core: cmocka has handlers for some. */
static void reset_signals(void)
{
    static const int signals[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGSYS};
    struct rlimit limit;

    for (size_t i = 0; i < COUNT(signals); i++) {
        if (signal(signals[i], SIG_DFL) == SIG_ERR)
            unit_trouble("signal");
    }
    if (getrlimit(RLIMIT_CORE, &limit))
        unit_trouble("getrlimit");
    limit.rlim_cur = 0;
    if (setrlimit(RLIMIT_CORE, &limit))
        unit_trouble("setrlimit");
    alarm(CHILD_SECONDS);
}

int unit_fork(void (*body)(void *context), void *context)
{
    int status;
    pid_t child = fork();

    if (child < 0)
        unit_trouble("fork");
    if (child == 0) {
        reset_signals();
        body(context);
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child)
        unit_trouble("waitpid");
    return status;
}

void unit_in_child(void (*body)(void *context), void *context)
{
    int status = unit_fork(body, context);

    expect(status == 0, "the child's wait status is 0x%x", (unsigned int)status);
}

void *unit_copy(const void *bytes, size_t size)
{
    void *copy = malloc(size);

    if (!copy)
        unit_trouble("malloc");
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}

uint64_t unit_random(void)
{
    static uint64_t state = 1;
    uint64_t value;

    state += UINT64_C(0x9e3779b97f4a7c15);
    value = state;
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

uint32_t unit_random_below(uint32_t bound)
{
    return (uint32_t)(unit_random() >> 32) % bound;
}

bool unit_is_printable(const char *text)
{
    const char *next = text;

    while (*next >= ' ' && *next <= '~')
        next++;
    return next > text && *next == '\0';
}

int unit_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int number = 0;

    while (directory && readdir(directory))
        number++;
    if (!directory || closedir(directory) < 0)
        unit_trouble("/proc/self/fd");
    return number;
}
