#include "cwg/agent/loop/alone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cwg_programs.h"
#include "cwg_row.h"
#include "unit.h"

enum {
    FEW = 12,
};

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
    socket_path[0] = 0;
    begin_row(script, socket_path);
}

#define READ_IT "n=$(cat /proc/self/fd/${2#fd:}); "

TEST(each_task_has_its_own_descriptor_and_none_is_left)
{
    char expected[16];
    int before;

    begin(READ_IT "echo \"[$n]\"");
    before = unit_descriptors();
    for (int i = 0; i < FEW; i++)
        add(i, "cwg_show");
    run_row(FEW, LONG_MS);
    for (int i = 0; i < FEW; i++) {
        (void)snprintf(expected, sizeof(expected), "[%d]", i);
        expect(answer[i].calls == 1 && !answer[i].failed && strcmp(answer[i].text, expected) == 0,
               "%d: %d calls, %s", i, answer[i].calls, answer[i].text);
    }
    expect(unit_descriptors() == before, "%d descriptors, %d before", unit_descriptors(), before);
    end_row();
}

TEST(a_refusal_is_told_with_its_text)
{
    begin("echo '{\"code\":\"policy\",\"message\":\"not this net\"}'; exit 1");
    add(0, "cwg_create");
    run_row(1, LONG_MS);
    expect(answer[0].failed && strcmp(answer[0].text, "not this net") == 0, "%s", answer[0].text);
    end_row();
}

TEST(words_on_standard_error_are_told_as_well)
{
    begin("echo 'no such option' >&2; exit 2");
    add(0, "cwg_create");
    run_row(1, LONG_MS);
    expect(answer[0].failed && strcmp(answer[0].text, "no such option") == 0, "%s", answer[0].text);
    end_row();
}

TEST(without_the_helper_each_task_fails_with_the_reason)
{
    int before;

    begin(NULL);
    before = unit_descriptors();
    for (int i = 0; i < FEW; i++)
        add(i, "cwg_show");
    run_row(FEW, LONG_MS);
    expect(done == FEW && answer[0].failed && strstr(answer[0].text, "isn't installed"), "%d, %s",
           done, answer[0].text);
    expect(unit_descriptors() == before, "descriptors are left");
    end_row();
}

/* Tasks wait at a gate, and count how many of them are there. */
TEST(no_more_than_a_few_run_at_once_and_the_batch_goes_on_meanwhile)
{
    char path[128];
    struct task *line = &task[FEW - 1];

    begin("case $1 in batch) while read -r one; do echo ok; done; exit;; esac\n" READ_IT
          "cd \"${0%/*}\"; : >at.$n; echo at.* | wc -w >>most; while [ ! -e gate ]; do sleep "
          "0.01; done; rm at.$n; echo []");
    for (int i = 0; i < FEW - 1; i++)
        add(i, "cwg_wait");
    *line = (struct task){.done = take};
    (void)task_write(line, "cwg_show 1");
    tasks_add(tasks, line);
    run_row(1, LONG_MS);
    expect(answer[FEW - 1].calls == 1 && done == 1, "the batch waits for others");
    (void)snprintf(path, sizeof(path), "touch '%.64s/gate'", programs_folder());
    (void)setenv("PATH", "/usr/bin:/bin", 1);
    expect(system(path) == 0, "touch");
    (void)setenv("PATH", programs_folder(), 1);
    run_row(FEW, LONG_MS);
    (void)setenv("PATH", "/usr/bin:/bin", 1);
    (void)snprintf(path, sizeof(path), "[ \"$(sort -n '%.64s/most' | tail -1)\" -le %d ]",
                   programs_folder(), ALONE_AT_ONCE);
    expect(done == FEW && system(path) == 0, "%d are done, or too many ran at once", done);
    end_row();
}

TEST(a_task_that_hangs_is_ended_and_the_next_one_begins)
{
    begin(READ_IT "if [ $n -lt 4 ]; then sleep 1000; else echo []; fi");
    tasks->alone.patience = 500;
    for (int i = 0; i < ALONE_AT_ONCE; i++)
        add(i, "cwg_create");
    for (int i = 0; i < ALONE_AT_ONCE; i++)
        run_row(i + 1, LONG_MS);
    tasks->alone.patience = LONG_MS;
    add(ALONE_AT_ONCE, "cwg_create");
    run_row(ALONE_AT_ONCE + 1, LONG_MS);
    expect(answer[0].failed && strstr(answer[0].text, "doesn't end"), "%s", answer[0].text);
    expect(answer[ALONE_AT_ONCE].calls == 1 && !answer[ALONE_AT_ONCE].failed, "%s",
           answer[ALONE_AT_ONCE].text);
    end_row();
}

TEST(closing_forgets_what_waits_and_leaves_no_descriptor)
{
    int before;

    begin("sleep 0.3");
    before = unit_descriptors();
    for (int i = 0; i < FEW; i++)
        add(i, "cwg_create");
    (void)tasks_run(tasks);
    tasks_close(tasks);
    expect(done == 0, "a forgotten task is told of");
    expect(unit_descriptors() == before, "descriptors are left");
    end_row();
}

TEST(behind_a_socket_they_fail_with_what_to_do)
{
    int before;

    begin("echo []");
    before = unit_descriptors();
    (void)snprintf(socket_path, sizeof(socket_path), "/helper.sock");
    add(0, "cwg_create");
    run_row(1, LONG_MS);
    expect(answer[0].failed && strstr(answer[0].text, "without `helper` in cwg.conf"), "%s",
           answer[0].text);
    expect(unit_descriptors() == before, "a descriptor is left");
    end_row();
}
