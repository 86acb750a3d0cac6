#include "cwg/container/engines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/container/asking.h"
#include "cwg/container/labels.h"
#include "cwg/container/netns.h"
#include "cwg/container/reading.h"

enum {
    ASK_MS = 5000,     /* the same, where many are asked to see if they answer */
    COMMAND_MAX = 12,  /* words of a command */
    ID_TYPED_MIN = 12, /* of an id's letters; the engines show as many */
    PATTERN_SIZE = 2 * END_NAME_SIZE + 2,
};

/* The way around an engine that can't be asked. */
#define ANYWAY "; or give the container's pid: pid/1234"

int engine_tell(const struct engine *engine, int error, struct process_result *result,
                struct failure *failure)
{
    char quote[FAILURE_QUOTE_SIZE];

    if (error)
        return fail(failure, "engine", "%s: %s: %s", engine->name, engine->command[0],
                    error == -EMSGSIZE ? "says too much" : strerror(-error));
    if (result->status < 0)
        return fail(failure, ENGINE_SILENT, "%s: %s doesn't answer", engine->name,
                    engine->command[0]);
    for (size_t i = 0; i < TROUBLES_MAX && engine->troubles[i].said; i++) {
        if (strcasestr(result->err, engine->troubles[i].said))
            return fail(failure, "engine", "%s: %s", engine->name, engine->troubles[i].advice);
    }
    return fail(failure, "engine", "%s: %s", engine->name,
                failure_quote(process_last_line(result->err), quote));
}

int engine_fail(const struct engine *engine, int error, struct process_result *result,
                struct failure *failure)
{
    (void)engine_tell(engine, error, result, failure);
    failure_add(failure, ANYWAY);
    return -1;
}

bool engine_says_absent(const struct engine *engine, const char *text)
{
    for (size_t i = 0; i < sizeof(engine->absent) / sizeof(engine->absent[0]); i++) {
        if (engine->absent[i] && strcasestr(text, engine->absent[i]))
            return true;
    }
    return false;
}

/* Runs an engine's command. Returns 0; 1 if there is no such container, or the program isn't
 * installed; or -1. */
static int ask(const struct engine *engine, const char *const *command, const char *name,
               struct process_result *result, struct failure *failure)
{
    const char *words[COMMAND_MAX] = {NULL};
    char with_name[2 * END_NAME_SIZE];
    int error;

    for (size_t i = 0; i < COMMAND_MAX - 1 && command[i]; i++) {
        const char *place = strchr(command[i], '%');

        words[i] = command[i];
        if (place) {
            (void)snprintf(with_name, sizeof(with_name), "%.*s%s%s", (int)(place - command[i]),
                           command[i], name, place + 1);
            words[i] = with_name;
        }
    }
    error = process_run(words, NULL, ENGINE_MS, result);
    if (error == -ENOENT)
        return 1;
    if (!error && result->status == 0)
        return 0;
    if (!error && engine_says_absent(engine, result->err))
        return 1;
    return engine_fail(engine, error, result, failure);
}

bool engine_means(const struct container *container, const char *name)
{
    const size_t length = strlen(name);

    return strcmp(container->name, name) == 0 ||
           (length >= ID_TYPED_MIN && strncmp(container->id, name, length) == 0);
}

int engine_take(const struct engine *engine, const char *name, int state,
                struct container *ret_container, struct failure *failure)
{
    if (state != UNREADABLE && engine->by_prefix && !engine_means(ret_container, name))
        return 1;
    switch (state) {
    case RUNNING:
        return 0;
    case ABSENT:
        return 1;
    case STOPPED:
        return fail(failure, "not-running", "%s/%s isn't running; start it first", engine->name,
                    name);
    default:
        return fail(failure, "engine",
                    "%s: %s tells of %s in an unknown way: name it by pid/N, and report this",
                    engine->name, engine->command[0], name);
    }
}

/* Is the process of another container, or of none? The path of its cgroup has the container's id.
 * A file that can't be read tells nothing. */
static bool is_other(const struct container *container)
{
    char path[64], cgroup[4096];
    FILE *file;
    size_t length;

    (void)snprintf(path, sizeof(path), "/proc/%d/cgroup", container->pid);
    file = fopen(path, "re");
    if (!file)
        return false;
    length = fread(cgroup, 1, sizeof(cgroup) - 1, file);
    (void)fclose(file);
    cgroup[length] = '\0';
    return length > 0 && !strstr(cgroup, container->id);
}

/* May the engine tell of another machine's containers? */
static bool may_be_remote(const struct engine *engine)
{
    struct process_result *result = engine->remote ? malloc(sizeof(*result)) : NULL;
    bool remote = result && process_run(engine->remote, NULL, ENGINE_MS, result) == 0 &&
                  strcmp(result->out, "true\n") == 0;

    free(result);
    return remote || engine->in_cgroup;
}

int engine_check_here(const struct engine *engine, const char *name,
                      const struct container *container, int *remote, struct failure *failure)
{
    if (!is_other(container))
        return 0;
    if (*remote < 0)
        *remote = may_be_remote(engine);
    if (!*remote)
        return 0;
    return fail(failure, "engine",
                "%s/%s: %s says that it is process %d, but here %d isn't in its cgroup: if %s "
                "asks another machine's daemon, run cwg there; else name it by pid/%d",
                engine->name, name, engine->command[0], container->pid, container->pid,
                engine->command[0], container->pid);
}

static int find_by_command(const struct engine *engine, const char *name,
                           struct container *ret_container, struct failure *failure)
{
    struct process_result *result = malloc(sizeof(*result));
    int found = result ? ask(engine, engine->command, name, result, failure)
                       : fail_errno(failure, ENOMEM, "can't ask an engine");
    int remote = -1;

    if (found == 0)
        found = engine_take(engine, name, engine->read(result->out, ret_container), ret_container,
                            failure);
    if (found == 0)
        found = engine_check_here(engine, name, ret_container, &remote, failure);
    free(result);
    return found;
}

static int find_namespace(const struct engine *engine, const char *name,
                          struct container *ret_container, struct failure *failure)
{
    const int file = netns_open(name);

    (void)engine;
    if (file == -1 && errno == ENOENT)
        return 1;
    if (file == -1)
        return fail(failure, "system", "netns/%s: can't open " NETNS_DIRECTORY "/%s: %s", name,
                    name, strerror(errno));
    if (file < 0)
        return fail(failure, "not-running", "netns/%s: " NETNS_DIRECTORY "/%s is no namespace",
                    name, name);
    reading_keep(ret_container->engine, sizeof(ret_container->engine), "netns");
    reading_keep(ret_container->file, sizeof(ret_container->file), name);
    ret_container->netns = file;
    return 0;
}

/* Writes the regular expression for this name alone, in which '.' has a meaning of its own. */
static void write_pattern(const char *name, char ret_pattern[static PATTERN_SIZE])
{
    char *end = ret_pattern;

    *end++ = '^';
    for (; *name; name++) {
        if (*name == '.')
            *end++ = '\\';
        *end++ = *name;
    }
    *end++ = '$';
    *end = '\0';
}

/* Finds a pod by its name or id. crictl takes a regular expression for a name, and tells ids. */
static int find_pod(const struct engine *engine, const char *name, struct container *ret_container,
                    struct failure *failure)
{
    char pattern[PATTERN_SIZE];
    const char *const list[] = {"crictl", "pods",   "--state", "ready",
                                "-q",     "--name", pattern,   NULL};
    struct process_result *result = malloc(sizeof(*result));
    char id[CONTAINER_ID_SIZE];
    bool by_id = false;
    int found;

    if (!result)
        return fail_errno(failure, ENOMEM, "can't ask an engine");
    write_pattern(name, pattern);
    found = ask(engine, list, name, result, failure);
    if (!found) {
        const size_t length = strcspn(result->out, "\n");

        if (length > 0 && result->out[length] && result->out[length + 1])
            found =
                fail(failure, "ambiguous",
                     "cri/%s: several pods have this name; give the id of one (crictl pods)", name);
        result->out[length] = '\0';
        by_id = length == 0;
        reading_keep(id, sizeof(id), by_id ? name : result->out);
    }
    if (!found)
        found = ask(engine, engine->command, id, result, failure);
    if (!found)
        found = engine_take(engine, name, engine->read(result->out, ret_container), ret_container,
                            failure);
    if (by_id && ret_container->id[0] && !engine_means(ret_container, name))
        found = 1;
    if (!found && !ret_container->pid)
        found = find_namespace(engine, ret_container->name, ret_container, failure);
    free(result);
    return found;
}

/* What only networks' plugins tell of. */
static int find_nothing(const struct engine *engine, const char *name,
                        struct container *ret_container, struct failure *failure)
{
    (void)engine;
    (void)name;
    (void)ret_container;
    (void)failure;
    return 1;
}

static int find_process(const struct engine *engine, const char *name,
                        struct container *ret_container, struct failure *failure)
{
    (void)engine;
    if (reading_take_pid(name, ret_container))
        return fail(failure, "usage", "pid/%s: must be a pid, 1-4194304", name);
    return 0;
}

#define INSPECT "{{.State.Pid}} {{.Id}} {{.Name}}"

/* A stopped container keeps its pid in nerdctl. With .Id, which no field has, it prints what stands
 * before it twice. */
#define NERDCTL_INSPECT                                                                            \
    "{{with .State}}{{if or .Running .Paused}}{{.Pid}}{{end}}{{end}} {{.ID}} {{.Name}}"

#define COMMAND(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Go cuts a label before it quotes it, on one line. An image may have no configuration, or one
 * without labels, of which docker makes a nil that has no index. */
#define LABEL                                                                                      \
    "{{$label := \"\"}}{{with .Config}}{{with .Labels}}{{with index . \"" LABEL_NAME               \
    "\"}}{{$label = .}}{{end}}{{end}}{{end}}{{printf \"%.513q\" $label}}"

/* A name may be longer than an answer: it is cut to LABELLED_LISTED, and to END_NAME_SIZE behind
 * the
 * '/' that docker writes before it. The brackets say that no comma is missing. */
#define LABEL_FILTER    ("label=" LABEL_NAME)
#define LABEL_LISTED    ("{{.ID}} {{printf \"%.190s\" .Names}}")
#define CONTAINER_LABEL ("{{.Id}} {{.Image}} {{printf \"%.255s\" .Name}} " LABEL)
#define IMAGE_LABEL     ("{{.Id}} " LABEL)

/* The commands for labels, which docker and podman both have. */
#define LABEL_COMMANDS(program)                                                                    \
    .labelled = COMMAND(program, "ps", "--all", "--no-trunc", "--filter", LABEL_FILTER,            \
                        "--format", LABEL_LISTED),                                                 \
    .label = COMMAND(program, "container", "inspect", "--format", CONTAINER_LABEL),                \
    .image_label = COMMAND(program, "image", "inspect", "--format", IMAGE_LABEL)

const struct engine engines[] = {
    {
        .name = "podman",
        .has_plugins = true,
        .find = find_by_command,
        .command = COMMAND("podman", "container", "inspect", "--format", INSPECT, "%"),
        .read = reading_inspect,
        .by_prefix = true,
        .many = true,
        .absent = {"no such container"},
        .remote = COMMAND("podman", "info", "--format", "{{.Host.ServiceIsRemote}}"),
        .list = COMMAND("podman", "ps", "--format", "{{.Names}}"),
        LABEL_COMMANDS("podman"),
        .image_absent = "image not known",
    },
    {
        .name = "docker",
        .find = find_by_command,
        .command = COMMAND("docker", "container", "inspect", "--format", INSPECT, "%"),
        .read = reading_inspect,
        .by_prefix = true,
        .many = true,
        .absent = {"no such container"},
        .troubles =
            {{"permission denied while trying to connect",
              "you may not ask its daemon: root has to add you to group docker, which gives "
              "you all of root's rights, and you to log in anew"},
             {"connect to the docker",
              "its daemon isn't reached: as root, systemctl start docker; or set "
              "DOCKER_HOST, if it is a user's own"}},
        .in_cgroup = true,
        .list = COMMAND("docker", "ps", "--format", "{{.Names}}"),
        LABEL_COMMANDS("docker"),
        .image_absent = "no such image",
    },
    {
        .name = "nerdctl",
        .find = find_by_command,
        .command = COMMAND("nerdctl", "container", "inspect", "--format", NERDCTL_INSPECT, "%"),
        .read = reading_inspect,
        .by_prefix = true,
        .absent = {"no such container", "no such object"},
        .list = COMMAND("nerdctl", "ps", "--format", "{{.Names}}"),
    },
    {
        .name = "cri",
        .find = find_pod,
        .command = COMMAND("crictl", "inspectp", "%"),
        .read = reading_sandbox,
        .absent = {"NotFound", "not found"},
        .list = COMMAND("crictl", "pods", "--state", "ready", "-q"),
    },
    {
        .name = "nspawn",
        .find = find_by_command,
        .command = COMMAND("machinectl", "show", "-p", "Class", "-p", "Leader", "-p", "State", "%"),
        .read = reading_machine,
        .absent = {"No machine"},
        .list = COMMAND("machinectl", "list", "--no-legend", "--no-pager"),
        .listed_by_name = true,
        .listed = " container ",
    },
    {
        .name = "lxc",
        .find = find_by_command,
        .command = COMMAND("lxc-info", "-p", "-H", "-n", "%"),
        .read = reading_pid,
        .absent = {"doesn't exist"},
        .troubles = {{"privileges to control",
                      "you may not control this container; root may, or the user who made it"}},
        .list = COMMAND("lxc-ls", "--running", "-1"),
        .listed_by_name = true,
    },
    {
        .name = "incus",
        .find = find_by_command,
        .command = COMMAND("incus", "query", "local:/1.0/instances/%/state"),
        .read = reading_instance,
        .absent = {"not found"},
        .list = COMMAND("incus", "list", "local:", "status=running", "--columns", "n", "--format",
                        "csv"),
        .listed_by_name = true,
    },
    {
        .name = "cni",
        .has_plugins = true,
        .find = find_nothing,
    },
    {
        .name = "pid",
        .find = find_process,
        .named_only = true,
    },
    {
        .name = "netns",
        .find = find_namespace,
        .named_only = true,
    },
};

const size_t engine_count = sizeof(engines) / sizeof(engines[0]);
_Static_assert(sizeof(engines) / sizeof(engines[0]) <= ENGINES_MAX, "room for a question to each");

const struct engine *engine_by_name(const char *name)
{
    for (size_t i = 0; i < engine_count; i++) {
        if (strcmp(engines[i].name, name) == 0)
            return &engines[i];
    }
    return NULL;
}

int engine_take_names(const struct engine *engine, char *output, struct end **ends, int count)
{
    char *rest = NULL;

    for (char *line = strtok_r(output, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        struct end *more = reallocarray(*ends, (size_t)count + 1, sizeof(**ends));

        if (!more)
            return -1;
        *ends = more;
        if (engine->listed && !strstr(line, engine->listed))
            continue;
        line[strcspn(line, " \t")] = '\0';
        if (!end_is_name(line))
            continue;
        more[count] = (struct end){.host = ""};
        reading_keep(more[count].engine, END_ENGINE_SIZE, engine->name);
        reading_keep(more[count].name, END_NAME_SIZE, line);
        count++;
    }
    return count;
}

int engines_list(struct end **ret_ends, struct failure troubles[ENGINES_MAX],
                 struct failure *failure)
{
    struct process_result *result = malloc(sizeof(*result));
    int count = 0;

    *ret_ends = NULL;
    for (size_t i = 0; result && i < engine_count && count >= 0; i++) {
        int error =
            engines[i].list ? process_run(engines[i].list, NULL, ENGINE_MS, result) : -ENOENT;

        troubles[i].text[0] = '\0';
        if (error == 0 && result->status == 0)
            count = engine_take_names(&engines[i], result->out, ret_ends, count);
        else if (error != -ENOENT)
            (void)engine_fail(&engines[i], error, result, &troubles[i]);
    }
    free(result);
    return result && count >= 0 ? count : fail_errno(failure, ENOMEM, "can't list containers");
}

int engine_ask(const struct engine *engine, int *ret_running, struct failure *failure)
{
    struct process_result *result = malloc(sizeof(*result));
    struct end *ends = NULL;
    int error = result ? process_run(engine->list, NULL, ASK_MS, result) : -ENOMEM;

    if (error == -ENOENT) {
        free(result);
        return 1;
    }
    if (error || result->status != 0) {
        error = result ? engine_fail(engine, error, result, failure)
                       : fail_errno(failure, ENOMEM, "can't ask an engine");
    } else {
        *ret_running = engine_take_names(engine, result->out, &ends, 0);
        free(ends);
    }
    free(result);
    return error;
}
