#include "cwg/agent/loop/alone.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cwg/agent/loop/tasks.h"
#include "cwg/base/clock.h"
#include "cwg_programs.h"
#include "unit.h"

enum {
    TASKS = 12,
    LONG_MS = 20000, /* for a machine that is busy */
};

static struct loop loop;
static struct tasks *tasks;
static struct task task[TASKS];
static struct {
    int calls;
    bool failed;
    char text[FAILURE_TEXT_SIZE]; /* the failure's, or the result's JSON */
} answer[TASKS];
static int done;

static void take(struct task *one, const json_t *result, const struct failure *failure)
{
    const size_t i = (size_t)(one - task);
    char *text = json_dumps(result, JSON_COMPACT);

    answer[i].calls++;
    answer[i].failed = failure != NULL;
    (void)snprintf(answer[i].text, sizeof(answer[i].text), "%s",
                   failure ? failure->text
                   : text  ? text
                           : "");
    free(text);
    done++;
}

/* A task with a descriptor of a file that holds its number. */
static void add(int i, const char *name)
{
    const int fd = memfd_create("passed", MFD_CLOEXEC);

    if (fd < 0 || dprintf(fd, "%d", i) < 0 || lseek(fd, 0, SEEK_SET) < 0)
        unit_trouble("memfd_create");
    task[i] = (struct task){.alone = true, .passed = {fd, -1}, .done = take};
    if (task_write(&task[i], "%s fd:%d 7", name, fd))
        unit_trouble("task_write");
    tasks_add(tasks, &task[i]);
}

static char socket_path[16];

/* The script is the helper; NULL: there is none. */
static void begin(const char *script)
{
    (void)signal(SIGPIPE, SIG_IGN);
    programs_begin();
    if (script)
        programs_write("net-admin-helper", script);
    tasks = calloc(1, sizeof(*tasks));
    if (!tasks || loop_open(&loop))
        unit_trouble("loop_open");
    socket_path[0] = 0;
    tasks_open(tasks, &loop, socket_path);
    memset(answer, 0, sizeof(answer));
    done = 0;
}

static void go_on(int count)
{
    const int64_t deadline = clock_now() + LONG_MS;

    while (done < count && clock_now() < deadline) {
        const int64_t due = tasks_run(tasks);

        loop_turn(&loop, done >= count ? 0 : due < deadline ? due : deadline);
    }
}

static void end(void)
{
    tasks_close(tasks);
    loop_close(&loop);
    free(tasks);
    programs_end();
}

static int count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    while (directory && readdir(directory))
        count++;
    if (!directory || closedir(directory) < 0)
        unit_trouble("/proc/self/fd");
    return count;
}

#define READ_IT "n=$(cat /proc/self/fd/${2#fd:}); "

TEST(each_task_has_its_own_descriptor_and_none_is_left)
{
    char expected[16];
    int before;

    begin(READ_IT "echo \"[$n]\"");
    before = count_descriptors();
    for (int i = 0; i < TASKS; i++)
        add(i, "cwg_show");
    go_on(TASKS);
    for (int i = 0; i < TASKS; i++) {
        (void)snprintf(expected, sizeof(expected), "[%d]", i);
        expect(answer[i].calls == 1 && !answer[i].failed && strcmp(answer[i].text, expected) == 0,
               "%d: %d calls, %s", i, answer[i].calls, answer[i].text);
    }
    expect(count_descriptors() == before, "%d descriptors, %d before", count_descriptors(), before);
    end();
}

TEST(a_refusal_is_told_with_its_text)
{
    begin("echo '{\"code\":\"policy\",\"message\":\"not this net\"}'; exit 1");
    add(0, "cwg_create");
    go_on(1);
    expect(answer[0].failed && strcmp(answer[0].text, "not this net") == 0, "%s", answer[0].text);
    end();
}

TEST(words_on_standard_error_are_told_as_well)
{
    begin("echo 'no such option' >&2; exit 2");
    add(0, "cwg_create");
    go_on(1);
    expect(answer[0].failed && strcmp(answer[0].text, "no such option") == 0, "%s", answer[0].text);
    end();
}

TEST(without_the_helper_each_task_fails_with_the_reason)
{
    int before;

    begin(NULL);
    before = count_descriptors();
    for (int i = 0; i < TASKS; i++)
        add(i, "cwg_show");
    go_on(TASKS);
    expect(done == TASKS && answer[0].failed && strstr(answer[0].text, "isn't installed"), "%d, %s",
           done, answer[0].text);
    expect(count_descriptors() == before, "descriptors are left");
    end();
}

/* Tasks wait at a gate, and count how many of them are there. */
TEST(no_more_than_a_few_run_at_once_and_the_batch_goes_on_meanwhile)
{
    char path[128];
    struct task *line = &task[TASKS - 1];

    begin("case $1 in batch) while read -r one; do echo ok; done; exit;; esac\n" READ_IT
          "cd \"${0%/*}\"; : >at.$n; echo at.* | wc -w >>most; while [ ! -e gate ]; do sleep "
          "0.01; done; rm at.$n; echo []");
    for (int i = 0; i < TASKS - 1; i++)
        add(i, "cwg_wait");
    *line = (struct task){.done = take};
    (void)task_write(line, "cwg_show 1");
    tasks_add(tasks, line);
    go_on(1);
    expect(answer[TASKS - 1].calls == 1 && done == 1, "the batch waits for others");
    (void)snprintf(path, sizeof(path), "touch '%.64s/gate'", programs_folder());
    (void)setenv("PATH", "/usr/bin:/bin", 1);
    expect(system(path) == 0, "touch");
    (void)setenv("PATH", programs_folder(), 1);
    go_on(TASKS);
    (void)setenv("PATH", "/usr/bin:/bin", 1);
    (void)snprintf(path, sizeof(path), "[ \"$(sort -n '%.64s/most' | tail -1)\" -le %d ]",
                   programs_folder(), ALONE_AT_ONCE);
    expect(done == TASKS && system(path) == 0, "%d are done, or too many ran at once", done);
    end();
}

TEST(a_task_that_hangs_is_ended_and_the_next_one_begins)
{
    begin(READ_IT "if [ $n -lt 4 ]; then sleep 1000; else echo []; fi");
    tasks->alone.patience = 500;
    for (int i = 0; i < ALONE_AT_ONCE; i++)
        add(i, "cwg_create");
    for (int i = 0; i < ALONE_AT_ONCE; i++)
        go_on(i + 1);
    tasks->alone.patience = LONG_MS;
    add(ALONE_AT_ONCE, "cwg_create");
    go_on(ALONE_AT_ONCE + 1);
    expect(answer[0].failed && strstr(answer[0].text, "doesn't end"), "%s", answer[0].text);
    expect(answer[ALONE_AT_ONCE].calls == 1 && !answer[ALONE_AT_ONCE].failed, "%s",
           answer[ALONE_AT_ONCE].text);
    end();
}

TEST(closing_forgets_what_waits_and_leaves_no_descriptor)
{
    int before;

    begin("sleep 0.3");
    before = count_descriptors();
    for (int i = 0; i < TASKS; i++)
        add(i, "cwg_create");
    (void)tasks_run(tasks);
    tasks_close(tasks);
    expect(done == 0, "a forgotten task is told of");
    expect(count_descriptors() == before, "descriptors are left");
    end();
}

TEST(behind_a_socket_they_fail_with_what_to_do)
{
    int before;

    begin("echo []");
    before = count_descriptors();
    (void)snprintf(socket_path, sizeof(socket_path), "/helper.sock");
    add(0, "cwg_create");
    go_on(1);
    expect(answer[0].failed && strstr(answer[0].text, "without `helper` in cwg.conf"), "%s",
           answer[0].text);
    expect(count_descriptors() == before, "a descriptor is left");
    end();
}
