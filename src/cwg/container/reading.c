#include "cwg/container/reading.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cwg/base/json.h"
#include "cwg/container/netns.h"
#include "link/decimal.h"

int reading_take_pid(const char *text, struct container *ret_container)
{
    uint32_t pid;

    if (decimal_parse(text, READING_PID_MAX, &pid))
        return UNREADABLE;
    ret_container->pid = (pid_t)pid;
    return pid > 0 ? RUNNING : STOPPED;
}

void reading_keep(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%.*s", (int)size - 1, from);
}

int reading_inspect(char *output, struct container *ret_container)
{
    char *rest = output;
    const char *pid = strsep(&rest, " ");
    const char *id = strsep(&rest, " ");
    const char *name = strsep(&rest, "\n");

    if (!rest || !end_is_name(id) || !end_is_name(name[0] == '/' ? name + 1 : name))
        return UNREADABLE;
    reading_keep(ret_container->id, sizeof(ret_container->id), id);
    reading_keep(ret_container->name, sizeof(ret_container->name),
                 name[0] == '/' ? name + 1 : name);
    return pid[0] ? reading_take_pid(pid, ret_container) : STOPPED;
}

int reading_machine(char *output, struct container *ret_container)
{
    bool running = false;
    int error = UNREADABLE;

    for (char *line; (line = strsep(&output, "\n"));) {
        if (strncmp(line, "Leader=", 7) == 0)
            error = reading_take_pid(line + 7, ret_container);
        if (strcmp(line, "State=running") == 0)
            running = true;
        if (strcmp(line, "Class=vm") == 0)
            return ABSENT;
    }
    return error || running ? error : STOPPED;
}

int reading_pid(char *output, struct container *ret_container)
{
    output[strcspn(output, " \n")] = '\0';
    return output[0] ? reading_take_pid(output, ret_container) : STOPPED;
}

int reading_instance(char *output, struct container *ret_container)
{
    json_t *state = json_read_line(output);
    int64_t pid = 0;
    int error = state ? STOPPED : UNREADABLE;

    if (json_whole(state, "pid", 1, READING_PID_MAX, &pid) == 0)
        error = RUNNING;
    json_decref(state);
    ret_container->pid = (pid_t)pid;
    return error;
}

/* The name of a pod's namespace in NETNS_DIRECTORY, from its OCI specification; "" if it has none
 * there. */
static const char *read_namespace(const json_t *info)
{
    const json_t *spec = json_object_get(info, "runtimeSpec"), *namespace;
    size_t i;

    json_array_foreach(json_object_get(json_object_get(spec, "linux"), "namespaces"), i, namespace)
    {
        const char *type = json_text(namespace, "type", 64);
        const char *path = json_text(namespace, "path", PATH_MAX);
        const char *name = path ? strstr(path, NETNS_DIRECTORY "/") : NULL;

        if (type && strcmp(type, "network") == 0 && name &&
            (name == path || (name == path + 4 && strncmp(path, "/var", 4) == 0)) &&
            end_is_name(name + strlen(NETNS_DIRECTORY "/")))
            return name + strlen(NETNS_DIRECTORY "/");
    }
    return "";
}

int reading_sandbox(char *output, struct container *ret_container)
{
    json_t *sandbox = json_read_line(output);
    const json_t *status = json_object_get(sandbox, "status");
    const char *id = json_text(status, "id", CONTAINER_ID_SIZE - 1);
    const char *state = json_text(status, "state", 64);
    const json_t *info = json_object_get(sandbox, "info");
    int64_t pid = 0;
    int error = state && id && end_is_name(id) ? STOPPED : UNREADABLE;

    if (error == STOPPED && strcmp(state, "SANDBOX_READY") == 0) {
        if (json_whole(info, "pid", 1, READING_PID_MAX, &pid))
            reading_keep(ret_container->name, sizeof(ret_container->name), read_namespace(info));
        error = pid || ret_container->name[0] ? RUNNING : UNREADABLE;
    }
    reading_keep(ret_container->id, sizeof(ret_container->id), id ? id : "");
    ret_container->pid = (pid_t)pid;
    json_decref(sandbox);
    return error;
}
