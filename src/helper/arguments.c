#include "helper/arguments.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "helper/failure.h"
#include "link/decimal.h"

enum {
    PID_MAX = 4194304, /* PID_MAX_LIMIT, include/linux/threads.h */
    PORT_MAX = 65535,
};

static int parse_number(const char *text, uint32_t max, const char *message, uint32_t *ret_number,
                        struct failure *failure)
{
    return decimal_parse(text, max, ret_number) ? fail(failure, -EINVAL, "%s", message) : 0;
}

static int parse_pid(const char *text, struct request *request, struct failure *failure)
{
    uint32_t number;
    bool descriptor = strncmp(text, "fd:", 3) == 0;

    if (descriptor ? decimal_parse(text + 3, INT_MAX, &number)
                   : decimal_parse(text, PID_MAX, &number) || number == 0)
        return fail(
            failure, -EINVAL,
            "pid: must be a decimal number from 1 to 4194304, without leading zeros, or fd: "
            "and the number of an open descriptor of a network namespace; give the pid of a "
            "process in the container");
    request->target.kind = descriptor ? TARGET_DESCRIPTOR : TARGET_PID;
    request->target.number = (int)number;
    return 0;
}

static int parse_net(const char *text, struct request *request, struct failure *failure)
{
    return parse_number(text, LINK_NET_MAX,
                        "net: must be a decimal number from 0 to 8388607, without leading zeros; "
                        "choose one that both sites use for this link",
                        &request->end.net, failure);
}

static int parse_host(const char *text, struct request *request, struct failure *failure)
{
    return parse_number(text, LINK_HOST_MAX,
                        "host: must be 0 or 1; use 0 for the link's end at one site and 1 for that "
                        "at the other",
                        &request->end.host, failure);
}

static int parse_port(const char *text, struct request *request, struct failure *failure)
{
    uint32_t port;
    int error =
        parse_number(text, PORT_MAX,
                     "port: must be a decimal number from 0 to 65535, without leading zeros; "
                     "give a free UDP port of this machine",
                     &port, failure);

    if (!error)
        request->port = (uint16_t)port;
    return error;
}

static int parse_endpoint(const char *text, struct request *request, struct failure *failure)
{
    switch (endpoint_parse(text, &request->endpoint)) {
    case ENDPOINT_GOOD:
        return 0;
    case ENDPOINT_NO_PEER:
        return fail(
            failure, -EINVAL,
            "peer_endpoint: must not be an unspecified, multicast or broadcast address; give "
            "the address of the peer's machine");
    case ENDPOINT_MALFORMED:
    default:
        return fail(
            failure, -EINVAL,
            "peer_endpoint: must be a.b.c.d:port, with a to d from 0 to 255 and port from 1 "
            "to 65535, without leading zeros; give the peer's machine as in 192.0.2.1:51820");
    }
}

static int parse_key(const char *text, struct request *request, struct failure *failure)
{
    if (key_from_text(text, &request->peer))
        return fail(failure, -EINVAL,
                    "peer_key: must be 44 characters of base64 for 32 bytes; give what cwg_create "
                    "printed at the other site, whole");
    if (key_is_zero(&request->peer))
        return fail(
            failure, -EINVAL,
            "peer_key: must not be all zeros, which is no key; give what cwg_create printed "
            "at the other site");
    return 0;
}

static const struct {
    const char *name;
    const char *range;
    int (*parse)(const char *text, struct request *request, struct failure *failure);
} kinds[] = {
    [ARGUMENT_PID] = {"pid", "a process in the container, 1-4194304; or fd:N, a descriptor",
                      parse_pid},
    [ARGUMENT_NET] = {"net", "the link's number, 0-8388607", parse_net},
    [ARGUMENT_HOST] = {"host", "which of its ends, 0 or 1", parse_host},
    [ARGUMENT_PORT] = {"port", "a UDP port of this machine, 0-65535", parse_port},
    [ARGUMENT_ENDPOINT] = {"peer_endpoint", "a.b.c.d:port, port 1-65535", parse_endpoint},
    [ARGUMENT_KEY] = {"peer_key", "44 characters of base64", parse_key},
};

const char *argument_name(enum argument argument)
{
    return kinds[argument].name;
}

const char *argument_range(enum argument argument)
{
    return kinds[argument].range;
}

static bool is_help(const char *text)
{
    return strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0;
}

static int parse_task(int argc, char *const argv[], const struct task *task,
                      struct command_line *ret_line, struct failure *failure)
{
    struct command_line line = {.command = COMMAND_RUN, .task = task};
    int taken = 0;

    failure->usage = task;
    for (; taken < argc && task->arguments[taken]; taken++) {
        int error = kinds[task->arguments[taken]].parse(argv[taken], &line.request, failure);

        if (error)
            return error;
    }
    if (task->arguments[taken])
        return fail(failure, -EINVAL, "%s: missing; give %s", kinds[task->arguments[taken]].name,
                    kinds[task->arguments[taken]].range);
    if (argc > taken)
        return fail(failure, -EINVAL,
                    "too many arguments: %d, where %s takes %d; leave out the rest", argc,
                    task->name, taken);
    failure->usage = NULL;
    *ret_line = line;
    return 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int fail_no_task(int argc, struct failure *failure)
{
    fail(failure, -EINVAL, "%s; give one of:", argc > 1 ? "no such task" : "no task given");
    for (size_t i = 0; i < task_count; i++)
        failure_add(failure, " %s", tasks[i]->name);
    failure_add(failure, ", or --help");
    return -EINVAL;
}

int arguments_parse(int argc, char *const argv[], struct command_line *ret_line,
                    struct failure *failure)
{
    int next = 1;
    const struct task *task;

    if (argc < 1)
        return fail_no_task(argc, failure);
    task = task_by_name(base_name(argv[0]));
    if (!task && argc > 1 && (task = task_by_name(argv[1])))
        next = 2;
    if (argc > next && is_help(argv[next])) {
        *ret_line = (struct command_line){.command = COMMAND_HELP, .task = task};
        return 0;
    }
    if (argc > next && (strcmp(argv[next], "--version") == 0 || strcmp(argv[next], "-V") == 0)) {
        *ret_line = (struct command_line){.command = COMMAND_VERSION};
        return 0;
    }
    if (!task)
        return fail_no_task(argc, failure);
    return parse_task(argc - next, argv + next, task, ret_line, failure);
}
