#include "cwg/agent/loop/tasks.h"

#include <dirent.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg_programs.h"
#include "unit.h"

enum {
    TASKS = 200,
    LONG_MS = 20000, /* for a machine that is busy */
};

static struct loop loop;
static const char *helper_socket = "";
static struct tasks *tasks;
static struct task task[TASKS];
static struct {
    int calls;
    bool failed;
    char text[FAILURE_TEXT_SIZE]; /* the failure's, or the result's JSON */
} answer[TASKS];
static int order[TASKS], done;
static bool again; /* a task that failed is put in again, as an end does */

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
    if (failure && again) {
        tasks_add(tasks, one);
        return;
    }
    if (done < TASKS)
        order[done] = (int)i;
    done++;
}

/* Makes tasks; the script is the batch. NULL: there is none. */
static void begin(const char *script, int count)
{
    (void)signal(SIGPIPE, SIG_IGN); /* as the agent does */
    programs_begin();
    if (script)
        programs_write("net-admin-helper", script);
    tasks = calloc(1, sizeof(*tasks));
    if (!tasks || loop_open(&loop))
        unit_trouble("loop_open");
    tasks_open(tasks, &loop, helper_socket);
    memset(answer, 0, sizeof(answer));
    done = 0;
    again = false;
    for (int i = 0; i < count; i++) {
        task[i] = (struct task){.done = take};
        if (task_write(&task[i], "cwg_show %d --nets %u", 1000 + i, 7U))
            unit_trouble("task_write");
        tasks_add(tasks, &task[i]);
    }
}

/* Goes on until so many tasks are done, or for a time. */
static void go_on(int count, int milliseconds)
{
    const int64_t deadline = clock_now() + milliseconds;

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

/* Answers each task with its own pid. */
#define ECHO "while read name pid rest; do echo \"ok [$pid]\"; done"

TEST(two_hundred_tasks_are_answered_in_order)
{
    char expected[16];

    begin(ECHO, TASKS);
    expect(tasks->batch.pid == -1, "a batch runs before it is needed");
    go_on(TASKS, LONG_MS);
    expect(done == TASKS, "%d are done", done);
    for (int i = 0; i < TASKS; i++) {
        (void)snprintf(expected, sizeof(expected), "[%d]", 1000 + i);
        expect(order[i] == i && answer[i].calls == 1 && !answer[i].failed &&
                   strcmp(answer[i].text, expected) == 0,
               "%d: %d: %s", i, order[i], answer[i].text);
    }
    expect(tasks_run(tasks) == INT64_MAX, "it has something to do");
    end();
}

TEST(the_batch_is_started_once_and_with_its_words)
{
    char path[128], words[64] = "";
    FILE *file;

    begin("echo \"$*\" >>\"$0.words\"\n" ECHO, 2);
    go_on(2, LONG_MS);
    tasks_add(tasks, &task[0]);
    go_on(3, LONG_MS);
    expect(done == 3, "%d are done", done);
    (void)snprintf(path, sizeof(path), "%s/net-admin-helper.words", programs_folder());
    file = fopen(path, "re");
    expect(file && fread(words, 1, sizeof(words) - 1, file) > 0 &&
               strcmp(words, "batch --answered\n") == 0,
           "%s", words);
    if (file)
        (void)fclose(file);
    end();
}

TEST(a_failure_is_one_task_s)
{
    begin("read line; echo ok; read line; echo 'error exists it is there'; " ECHO, 3);
    go_on(3, LONG_MS);
    expect(!answer[0].failed && !answer[2].failed, "others failed");
    expect(answer[1].failed && strcmp(answer[1].text, "it is there") == 0, "%s", answer[1].text);
    end();
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
    go_on(TASKS, LONG_MS);
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
    end();
}

TEST(a_task_that_is_put_in_again_is_done)
{
    begin("if mkdir \"$0.first\" 2>/dev/null; then\n"
          "for i in $(seq 64); do read line; done; exit 1; fi\n" ECHO,
          70);
    again = true;
    go_on(70, LONG_MS);
    expect(done == 70, "%d are done", done);
    for (int i = 0; i < 70; i++)
        expect(!answer[i].failed && answer[i].calls == (i < 64 ? 2 : 1), "%d: %d calls", i,
               answer[i].calls);
    end();
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
        go_on(1, LONG_MS);
        expect(done == 1 && answer[0].failed && strstr(answer[0].text, cases[i].text) &&
                   unit_is_printable(answer[0].text),
               "%zu: %s", i, answer[0].text);
        end();
    }
}

TEST(an_answer_to_no_task_ends_the_batch)
{
    begin("if mkdir \"$0.first\" 2>/dev/null; then read line; echo ok; echo ok; fi\n" ECHO, 1);
    go_on(1, LONG_MS);
    expect(done == 1 && !answer[0].failed, "%s", answer[0].text);
    go_on(2, 500);
    expect(tasks->batch.pid == -1, "it runs");
    tasks_add(tasks, &task[0]);
    go_on(2, LONG_MS);
    expect(done == 2 && !answer[0].failed && strcmp(answer[0].text, "[1000]") == 0, "%s",
           answer[0].text);
    end();
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
    go_on(4, LONG_MS);
    expect(done == 4 && !answer[1].failed, "%s", answer[1].text);
    end();
}

/* All of them fail once, and not forever in one call. */
TEST(tasks_that_are_put_in_again_wait_for_the_next_try)
{
    begin(NULL, 3);
    again = true;
    expect(tasks_run(tasks) > clock_now() && answer[0].calls == 1 && answer[2].calls == 1,
           "%d calls", answer[0].calls);
    programs_write("net-admin-helper", ECHO);
    go_on(3, LONG_MS);
    expect(done == 3, "%d are done", done);
    end();
}

/* It isn't that of a task that the batch hasn't got. */
TEST(an_answer_without_a_question_is_nobody_s)
{
    begin("read line; echo ok; sleep 0.3; echo ok; sleep 3", 1);
    go_on(1, LONG_MS);
    tasks_add(tasks, &task[0]);
    loop_turn(&loop, clock_now() + LONG_MS);
    expect(done == 1 && tasks->batch.pid == -1, "%d are done", done);
    end();
}

/* A pipe has room for 64 KiB. */
TEST(a_batch_that_says_much_goes_on)
{
    begin("read line; head -c 300000 /dev/zero | tr '\\0' x >&2; echo ok; read line; "
          "echo >&2; "
          "echo 'the last word' >&2; exit 1",
          2);
    go_on(2, LONG_MS);
    expect(done == 2 && !answer[0].failed && answer[1].failed &&
               strstr(answer[1].text, "the last word"),
           "%d: %s", done, answer[1].text);
    end();
}

TEST(the_last_word_of_a_batch_is_its_reason)
{
    begin("read line; head -c 2000 /dev/zero | tr '\\0' x >&2; echo >&2; "
          "echo 'the last word' >&2; exit 1",
          1);
    (void)tasks_run(tasks);
    (void)poll(NULL, 0, 500); /* all of it is there before anything is read */
    go_on(1, LONG_MS);
    expect(strstr(answer[0].text, "has ended: the last word"), "%s", answer[0].text);
    end();
}

TEST(a_batch_that_does_not_answer_is_ended)
{
    begin("if mkdir \"$0.first\" 2>/dev/null; then trap '' TERM; while :; do sleep 1; done; "
          "fi\n" ECHO,
          1);
    tasks->patience = 300;
    again = true;
    go_on(1, LONG_MS);
    expect(done == 1 && answer[0].calls == 2, "%d are done, in %d calls", done, answer[0].calls);
    end();
}

TEST(a_batch_that_works_is_not_ended)
{
    begin("while read line; do sleep 0.2; echo ok; done", 6);
    tasks->patience = 900;
    go_on(6, LONG_MS);
    expect(done == 6, "%d are done", done);
    for (int i = 0; i < 6; i++)
        expect(!answer[i].failed, "%d: %s", i, answer[i].text);
    end();
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

/* Behind a socket, as systemd's Accept=yes: a script for each of so many connections, and then none
 * any more. Returns the pid, which is ended by stop_listening(). */
static pid_t listen_at(const char *path, const char *script, int connections)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    pid_t pid;

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    if (listener < 0 || bind(listener, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(listener, 8) < 0)
        unit_trouble("listen");
    pid = fork();
    while (pid == 0) {
        const int one = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

        if (one < 0 || connections-- == 0)
            _exit(0);
        if (fork() == 0) {
            (void)dup2(one, STDIN_FILENO);
            (void)dup2(one, STDOUT_FILENO);
            (void)setenv("PATH", "/usr/bin:/bin", 1);
            execl("/bin/sh", "sh", "-c", script, path, NULL);
        }
        close(one);
    }
    close(listener);
    return pid;
}

static void stop_listening(pid_t pid)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    helper_socket = "";
}

static const char *socket_path(void)
{
    static char path[100];

    (void)snprintf(path, sizeof(path), "%s/socket", programs_folder());
    return path;
}

TEST(a_batch_behind_a_socket_answers)
{
    pid_t listener;

    helper_socket = "/nowhere"; /* it is looked at when there is something to do */
    begin(NULL, TASKS);
    tasks->socket = socket_path();
    listener = listen_at(tasks->socket, ECHO, 1);
    go_on(TASKS, LONG_MS);
    expect(done == TASKS && tasks->batch.pid == 0, "%d are done", done);
    for (int i = 0; i < TASKS; i++)
        expect(order[i] == i && answer[i].calls == 1 && !answer[i].failed, "%d: %s", i,
               answer[i].text);
    tasks_close(tasks);
    expect(tasks->batch.pid == -1 && tasks->batch.in == -1 && tasks->batch.out == -1, "open");
    stop_listening(listener);
    end();
}

/* The tasks that it got fail, with the place of the reason; the next one is tried. */
TEST(a_batch_behind_a_socket_that_ends_is_connected_to_again)
{
    pid_t listener;

    begin(NULL, 3);
    tasks->socket = socket_path();
    listener = listen_at(tasks->socket,
                         "if mkdir \"$0.first\" 2>/dev/null; then "
                         "for i in 1 2 3; do read line; done; echo ok; exit; fi; " ECHO,
                         2);
    again = true;
    go_on(3, LONG_MS);
    expect(done == 3, "%d are done", done);
    expect(answer[0].calls == 1 && answer[1].calls == 2 && answer[2].calls == 2, "%d calls",
           answer[1].calls);
    again = false;
    stop_listening(listener);
    end();
}

TEST(the_end_of_a_batch_behind_a_socket_names_its_journal)
{
    pid_t listener;

    begin(NULL, 1);
    tasks->socket = socket_path();
    listener = listen_at(tasks->socket, "read line", 1);
    go_on(1, LONG_MS);
    expect(done == 1 && answer[0].failed &&
               strcmp(answer[0].text, "net-admin-helper has ended: the reason is in its unit's "
                                      "journal: journalctl -u 'cwg-helper@*'") == 0,
           "%s", answer[0].text);
    stop_listening(listener);
    end();
}

TEST(a_socket_that_does_not_answer_is_closed)
{
    pid_t listener;

    begin(NULL, 1);
    tasks->socket = socket_path();
    tasks->patience = 200;
    listener = listen_at(tasks->socket, "sleep 30", 1);
    go_on(1, LONG_MS);
    expect(done == 1 && strstr(answer[0].text, "net-admin-helper doesn't answer"), "%s",
           answer[0].text);
    expect(tasks->batch.pid == -1 && tasks->batch.out == -1, "it is open");
    stop_listening(listener);
    end();
}

/* Absent, refused by the kernel, forbidden, or no socket at all: what to do is said. */
TEST(a_socket_that_is_not_there_is_told_and_tried_again)
{
    static const char *const said[] = {
        "No such file or directory; start cwg-helper.socket: systemctl enable --now "
        "cwg-helper.socket",
        "Connection refused; start cwg-helper.socket: systemctl enable --now cwg-helper.socket"};
    char expected[FAILURE_TEXT_SIZE];
    pid_t listener = -1;

    begin(NULL, 1);
    tasks->socket = socket_path();
    for (size_t i = 0; i < COUNT(said); i++) {
        (void)snprintf(expected, sizeof(expected), "can't reach net-admin-helper at %s: %s",
                       socket_path(), said[i]);
        tasks->retry = done = 0;
        if (i > 0)
            tasks_add(tasks, &task[0]);
        (void)tasks_run(tasks);
        expect(done == 1 && answer[0].failed && strcmp(answer[0].text, expected) == 0, "%zu: %s", i,
               answer[0].text);
        expect(tasks->batch.pid == -1, "%zu: it runs", i);
        if (i == 0)
            stop_listening(listen_at(tasks->socket, "", 0));
    }
    (void)unlink(tasks->socket);
    listener = listen_at(tasks->socket, ECHO, 1);
    tasks_add(tasks, &task[0]);
    expect(tasks_run(tasks) > clock_now() && tasks->batch.pid == -1, "tried again at once");
    go_on(2, LONG_MS);
    expect(done == 2 && !answer[0].failed, "%s", answer[0].text);
    stop_listening(listener);
    end();
}

TEST(descriptors_do_not_leak)
{
    int before;

    while (wait(NULL) > 0) /* for batches of other tests */
        ;
    begin(NULL, 0);
    before = count_descriptors();
    again = false;
    for (int i = 0; i < 20; i++) {
        programs_write("net-admin-helper", i % 2 ? "exit 1" : "read line; echo ok; echo ok");
        tasks->retry = 0;
        done = 0;
        task[0] = (struct task){.line = "x\n", .done = take};
        tasks_add(tasks, &task[0]);
        go_on(1, LONG_MS);
        expect(done == 1, "%d: not done", i);
        go_on(2, 50);
        if (i % 2 && tasks->batch.pid >= 0)
            go_on(2, 1000);
    }
    for (int i = 0; i < 20; i++) { /* and not for sockets, with or without somebody behind them */
        pid_t listener = -1;

        tasks->socket = socket_path();
        if (i % 2)
            listener = listen_at(tasks->socket, "read line", 1);
        tasks->retry = done = 0;
        task[0] = (struct task){.line = "x\n", .done = take};
        tasks_add(tasks, &task[0]);
        go_on(1, LONG_MS);
        expect(done == 1 && answer[0].failed, "%d: not done", i);
        if (i % 2) {
            stop_listening(listener);
            (void)unlink(tasks->socket);
        }
    }
    expect(tasks->batch.pid == -1, "the last one runs");
    expect(waitpid(-1, NULL, WNOHANG) < 0, "a batch wasn't waited for");
    expect(count_descriptors() == before, "%d, and %d before", count_descriptors(), before);
    end();
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
    go_on(TASKS, LONG_MS);
    expect(done == TASKS, "%d are done", done);
    for (int i = 0; i < TASKS; i++)
        expect(order[i] == i && answer[i].calls == 1 && !answer[i].failed, "%d: %s", i,
               answer[i].text);
    end();
}
