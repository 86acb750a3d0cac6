#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg_programs.h"
#include "cwg_row.h"
#include "unit.h"

/* Makes tasks; the script is the batch. NULL: there is none. */
static void begin(const char *script, int count)
{
    begin_row(script, "");
    add_tasks(count);
}

TEST(two_hundred_tasks_are_answered_in_order)
{
    char expected[16];

    begin(ECHO, TASKS);
    expect(tasks->batch.pid == -1, "a batch runs before it is needed");
    run_row(TASKS, LONG_MS);
    expect(done == TASKS, "%d are done", done);
    for (int i = 0; i < TASKS; i++) {
        (void)snprintf(expected, sizeof(expected), "[%d]", 1000 + i);
        expect(order[i] == i && answer[i].calls == 1 && !answer[i].failed &&
                   strcmp(answer[i].text, expected) == 0,
               "%d: %d: %s", i, order[i], answer[i].text);
    }
    expect(tasks_run(tasks) == INT64_MAX, "it has something to do");
    end_row();
}

TEST(the_batch_is_started_once_and_with_its_words)
{
    char path[128], words[64] = "";
    FILE *file;

    begin("echo \"$*\" >>\"$0.words\"\n" ECHO, 2);
    run_row(2, LONG_MS);
    tasks_add(tasks, &task[0]);
    run_row(3, LONG_MS);
    expect(done == 3, "%d are done", done);
    (void)snprintf(path, sizeof(path), "%s/net-admin-helper.words", programs_folder());
    file = fopen(path, "re");
    expect(file && fread(words, 1, sizeof(words) - 1, file) > 0 &&
               strcmp(words, "batch --answered\n") == 0,
           "%s", words);
    if (file)
        (void)fclose(file);
    end_row();
}

TEST(a_failure_is_one_task_s)
{
    begin("read line; echo ok; read line; echo 'error exists it is there'; " ECHO, 3);
    run_row(3, LONG_MS);
    expect(!answer[0].failed && !answer[2].failed, "others failed");
    expect(answer[1].failed && strcmp(answer[1].text, "it is there") == 0, "%s", answer[1].text);
    end_row();
}

/* Those that it got fail. The ones behind them are for the next batch. It reads all that it gets at
 * first: one that ended earlier would get fewer where the machine is busy. */
TEST(a_batch_that_dies_takes_its_tasks_with_it)
{
    int failed = 0;

    begin("if mkdir \"$0.first\" 2>/dev/null; then\n"
          "for i in $(seq 64); do read name pid rest\n"
          "[ $i -gt 3 ] || answers=\"${answers}ok [$pid]\\n\"; done; printf \"$answers\"\n"
          "echo 'net-admin-helper: no more' >&2; exit 1; fi\n" ECHO,
          TASKS);
    run_row(TASKS, LONG_MS);
    expect(done == TASKS, "%d are done", done);
    for (int i = 0; i < TASKS; i++) {
        expect(order[i] == i && answer[i].calls == 1, "%d: %d, %d", i, order[i], answer[i].calls);
        failed += answer[i].failed;
        expect(!answer[i].failed ||
                   strstr(answer[i].text, "net-admin-helper has ended: net-admin-helper: no more"),
               "%s", answer[i].text);
    }
    expect(!answer[0].failed && !answer[2].failed && answer[3].failed, "not those that it got");
    expect(failed >= 60 && failed <= 67, "%d failed", failed);
    end_row();
}

TEST(a_task_that_is_put_in_again_is_done)
{
    begin("if mkdir \"$0.first\" 2>/dev/null; then\n"
          "for i in $(seq 64); do read line; done; exit 1; fi\n" ECHO,
          70);
    again = true;
    run_row(70, LONG_MS);
    expect(done == 70, "%d are done", done);
    for (int i = 0; i < 70; i++)
        expect(!answer[i].failed && answer[i].calls == (i < 64 ? 2 : 1), "%d: %d calls", i,
               answer[i].calls);
    end_row();
}

TEST(garbage_is_no_answer)
{
    static const struct {
        const char *script, *text;
    } cases[] = {
        {"read line; echo okay; " ECHO, "answered something unknown"},
        {"read line; echo 'ok {'; " ECHO, "isn't JSON"},
        {"read line; printf 'ok\\0\\n'; " ECHO, "too long a line"},
        {"read line; head -c 70000 /dev/zero | tr '\\0' x; " ECHO, "too long a line"},
        {"read line; exec <&-; exec >&-; sleep 60", "has ended"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        begin(cases[i].script, 1);
        run_row(1, LONG_MS);
        expect(done == 1 && answer[0].failed && strstr(answer[0].text, cases[i].text) &&
                   unit_is_printable(answer[0].text),
               "%zu: %s", i, answer[0].text);
        end_row();
    }
}

TEST(an_answer_to_no_task_ends_the_batch)
{
    begin("if mkdir \"$0.first\" 2>/dev/null; then read line; echo ok; echo ok; fi\n" ECHO, 1);
    run_row(1, LONG_MS);
    expect(done == 1 && !answer[0].failed, "%s", answer[0].text);
    run_row(2, 500);
    expect(tasks->batch.pid == -1, "it runs");
    tasks_add(tasks, &task[0]);
    run_row(2, LONG_MS);
    expect(done == 2 && !answer[0].failed && strcmp(answer[0].text, "[1000]") == 0, "%s",
           answer[0].text);
    end_row();
}

TEST(a_helper_that_is_not_there_is_tried_again)
{
    begin(NULL, 3);
    (void)tasks_run(tasks);
    expect(done == 3 && answer[0].failed && strstr(answer[0].text, "isn't installed"), "%d: %s",
           done, answer[0].text);
    expect(tasks_run(tasks) == INT64_MAX, "nothing is to be done");
    programs_write("net-admin-helper", ECHO);
    tasks_add(tasks, &task[1]);
    expect(tasks_run(tasks) > clock_now() && tasks->batch.pid == -1, "tried again at once");
    run_row(4, LONG_MS);
    expect(done == 4 && !answer[1].failed, "%s", answer[1].text);
    end_row();
}

/* All of them fail once, and not forever in one call. */
TEST(tasks_that_are_put_in_again_wait_for_the_next_try)
{
    begin(NULL, 3);
    again = true;
    expect(tasks_run(tasks) > clock_now() && answer[0].calls == 1 && answer[2].calls == 1,
           "%d calls", answer[0].calls);
    programs_write("net-admin-helper", ECHO);
    run_row(3, LONG_MS);
    expect(done == 3, "%d are done", done);
    end_row();
}

/* It isn't that of a task that the batch hasn't got. */
TEST(an_answer_without_a_question_is_nobody_s)
{
    begin("read line; echo ok; sleep 0.3; echo ok; sleep 3", 1);
    run_row(1, LONG_MS);
    tasks_add(tasks, &task[0]);
    loop_turn(&loop, clock_now() + LONG_MS);
    expect(done == 1 && tasks->batch.pid == -1, "%d are done", done);
    end_row();
}

/* A pipe has room for 64 KiB, and for more where pages are larger. */
TEST(a_batch_that_says_much_goes_on)
{
    begin("read line; head -c 300000 /dev/zero | tr '\\0' x >&2; echo ok; read line; "
          "echo >&2; "
          "echo 'the last word' >&2; exit 1",
          2);
    run_row(2, LONG_MS);
    expect(done == 2 && !answer[0].failed && answer[1].failed &&
               strstr(answer[1].text, "the last word"),
           "%d: %s", done, answer[1].text);
    end_row();
}

TEST(the_last_word_of_a_batch_is_its_reason)
{
    begin("read line; head -c 2000 /dev/zero | tr '\\0' x >&2; echo >&2; "
          "echo 'the last word' >&2; exit 1",
          1);
    (void)tasks_run(tasks);
    (void)poll(NULL, 0, 500); /* all of it is there before anything is read */
    run_row(1, LONG_MS);
    expect(strstr(answer[0].text, "has ended: the last word"), "%s", answer[0].text);
    end_row();
}

TEST(a_batch_that_does_not_answer_is_ended)
{
    begin("if mkdir \"$0.first\" 2>/dev/null; then trap '' TERM; while :; do sleep 1; done; "
          "fi\n" ECHO,
          1);
    tasks->patience = 300;
    again = true;
    run_row(1, LONG_MS);
    expect(done == 1 && answer[0].calls == 2, "%d are done, in %d calls", done, answer[0].calls);
    end_row();
}

TEST(a_batch_that_works_is_not_ended)
{
    begin("while read line; do sleep 0.3; echo ok; done", 8);
    tasks->patience = 2000;
    run_row(8, LONG_MS);
    expect(done == 8, "%d are done", done);
    for (int i = 0; i < 8; i++)
        expect(!answer[i].failed, "%d: %s", i, answer[i].text);
    end_row();
}

TEST(a_task_of_too_many_words_is_refused)
{
    struct task one;
    char words[TASK_LINE_SIZE];

    memset(words, 'x', sizeof(words));
    words[TASK_LINE_SIZE - 1] = '\0';
    expect(task_write(&one, "%s", words + 1) == 0 && strlen(one.line) == TASK_LINE_SIZE - 1,
           "not written");
    expect(task_write(&one, "%s", words) == -1, "written");
}

/* The first batch refuses all from its second line on, as the helper's does. */
TEST(a_batch_of_an_old_policy_is_replaced_and_its_tasks_are_done_by_the_next_one)
{
    begin(
        "cd \"${0%/*}\"; if [ -e begun ]; then while read name pid rest; do echo \"ok [$pid]\"; "
        "done; exit; fi; : >begun; read name pid rest; echo \"ok [$pid]\"; while read one; do echo "
        "'error policy policy: /etc/p has changed since this command began; start the command "
        "again'; done",
        TASKS);
    run_row(TASKS, LONG_MS);
    expect(done == TASKS, "%d are done", done);
    for (int i = 0; i < TASKS; i++)
        expect(order[i] == i && answer[i].calls == 1 && !answer[i].failed, "%d: %s", i,
               answer[i].text);
    end_row();
}
