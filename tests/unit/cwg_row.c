#include "cwg_row.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/clock.h"
#include "cwg_programs.h"
#include "unit.h"

struct loop loop;
struct tasks *tasks;
struct task task[TASKS];
struct answer answer[TASKS];
int order[TASKS], done;
bool again;

void take(struct task *one, const json_t *result, const struct failure *failure)
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

void begin_row(const char *script, const char *socket)
{
    (void)signal(SIGPIPE, SIG_IGN); /* as the agent does */
    programs_begin();
    if (script)
        programs_write("net-admin-helper", script);
    tasks = calloc(1, sizeof(*tasks));
    if (!tasks || loop_open(&loop))
        unit_trouble("loop_open");
    tasks_open(tasks, &loop, socket);
    memset(answer, 0, sizeof(answer));
    done = 0;
    again = false;
}

void add_tasks(int count)
{
    for (int i = 0; i < count; i++) {
        task[i] = (struct task){.done = take};
        if (task_write(&task[i], "cwg_show %d --nets %u", 1000 + i, 7U))
            unit_trouble("task_write");
        tasks_add(tasks, &task[i]);
    }
}

void run_row(int count, int milliseconds)
{
    const int64_t deadline = clock_now() + milliseconds;

    while (done < count && clock_now() < deadline) {
        const int64_t due = tasks_run(tasks);

        loop_turn(&loop, done >= count ? 0 : due < deadline ? due : deadline);
    }
}

void end_row(void)
{
    tasks_close(tasks);
    loop_close(&loop);
    free(tasks);
    programs_end();
}
