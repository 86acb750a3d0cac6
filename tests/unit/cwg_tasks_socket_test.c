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
#include "cwg_row.h"
#include "unit.h"

/* Makes tasks. The socket is looked at when there is something to do: so it can be named later. */
static void begin(int count)
{
    begin_row(NULL, "/nowhere");
    add_tasks(count);
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

    begin(TASKS);
    tasks->socket = socket_path();
    listener = listen_at(tasks->socket, ECHO, 1);
    run_row(TASKS, LONG_MS);
    expect(done == TASKS && tasks->batch.pid == 0, "%d are done", done);
    for (int i = 0; i < TASKS; i++)
        expect(order[i] == i && answer[i].calls == 1 && !answer[i].failed, "%d: %s", i,
               answer[i].text);
    tasks_close(tasks);
    expect(tasks->batch.pid == -1 && tasks->batch.in == -1 && tasks->batch.out == -1, "open");
    stop_listening(listener);
    end_row();
}

/* The tasks that it got fail, with the place of the reason; the next one is tried. */
TEST(a_batch_behind_a_socket_that_ends_is_connected_to_again)
{
    pid_t listener;

    begin(3);
    tasks->socket = socket_path();
    listener = listen_at(tasks->socket,
                         "if mkdir \"$0.first\" 2>/dev/null; then "
                         "for i in 1 2 3; do read line; done; echo ok; exit; fi; " ECHO,
                         2);
    again = true;
    run_row(3, LONG_MS);
    expect(done == 3, "%d are done", done);
    expect(answer[0].calls == 1 && answer[1].calls == 2 && answer[2].calls == 2, "%d calls",
           answer[1].calls);
    again = false;
    stop_listening(listener);
    end_row();
}

TEST(the_end_of_a_batch_behind_a_socket_names_its_journal)
{
    pid_t listener;

    begin(1);
    tasks->socket = socket_path();
    listener = listen_at(tasks->socket, "read line", 1);
    run_row(1, LONG_MS);
    expect(done == 1 && answer[0].failed &&
               strcmp(answer[0].text, "net-admin-helper has ended: the reason is in its unit's "
                                      "journal: journalctl -u 'cwg-helper@*'") == 0,
           "%s", answer[0].text);
    stop_listening(listener);
    end_row();
}

TEST(a_socket_that_does_not_answer_is_closed)
{
    pid_t listener;

    begin(1);
    tasks->socket = socket_path();
    tasks->patience = 200;
    listener = listen_at(tasks->socket, "sleep 30", 1);
    run_row(1, LONG_MS);
    expect(done == 1 && strstr(answer[0].text, "net-admin-helper doesn't answer"), "%s",
           answer[0].text);
    expect(tasks->batch.pid == -1 && tasks->batch.out == -1, "it is open");
    stop_listening(listener);
    end_row();
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

    begin(1);
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
    run_row(2, LONG_MS);
    expect(done == 2 && !answer[0].failed, "%s", answer[0].text);
    stop_listening(listener);
    end_row();
}

TEST(descriptors_do_not_leak)
{
    int before;

    while (wait(NULL) > 0) /* for batches of other tests */
        ;
    begin(0);
    tasks->socket = "";
    before = unit_descriptors();
    again = false;
    for (int i = 0; i < 20; i++) {
        programs_write("net-admin-helper", i % 2 ? "exit 1" : "read line; echo ok; echo ok");
        tasks->retry = 0;
        done = 0;
        task[0] = (struct task){.line = "x\n", .done = take};
        tasks_add(tasks, &task[0]);
        run_row(1, LONG_MS);
        expect(done == 1, "%d: not done", i);
        run_row(2, 50);
        if (i % 2 && tasks->batch.pid >= 0)
            run_row(2, 1000);
    }
    for (int i = 0; i < 20; i++) { /* and not for sockets, with or without somebody behind them */
        pid_t listener = -1;

        tasks->socket = socket_path();
        if (i % 2)
            listener = listen_at(tasks->socket, "read line", 1);
        tasks->retry = done = 0;
        task[0] = (struct task){.line = "x\n", .done = take};
        tasks_add(tasks, &task[0]);
        run_row(1, LONG_MS);
        expect(done == 1 && answer[0].failed, "%d: not done", i);
        if (i % 2) {
            stop_listening(listener);
            (void)unlink(tasks->socket);
        }
    }
    expect(tasks->batch.pid == -1, "the last one runs");
    expect(waitpid(-1, NULL, WNOHANG) < 0, "a batch wasn't waited for");
    expect(unit_descriptors() == before, "%d, and %d before", unit_descriptors(), before);
    end_row();
}
