#include "helper/command/task.h"

#include <errno.h>
#include <string.h>

#include "helper/base/settings.h"

const struct task *const tasks[] = {
#ifdef ENABLE_CWG_CREATE
    &task_create,
#endif
#ifdef ENABLE_CWG_CONNECT
    &task_connect,
#endif
#ifdef ENABLE_CWG_DELETE
    &task_destroy,
#endif
    &task_show,         &task_list, &task_wait, &task_destroy_all,
#ifdef ENABLE_CWG_BATCH
    &task_batch,
#endif
#ifdef ENABLE_CWG_POLICY
    &task_check_policy,
#endif
};

const size_t task_count = sizeof(tasks) / sizeof(tasks[0]);

int task_result(const struct request *request, int error)
{
    return error == -ESRCH && request->given[OPTION_IF_EXISTS] ? 0 : error;
}

int task_arguments(const struct task *task)
{
    int count = 0;

    while (task->arguments[count])
        count++;
    return count;
}

const struct task *task_by_name(const char *name)
{
    for (size_t i = 0; i < task_count; i++) {
        if (strcmp(tasks[i]->name, name) == 0)
            return tasks[i];
    }
    return NULL;
}
