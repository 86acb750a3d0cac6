#include "helper/command/arguments.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "helper/base/failure.h"
#include "helper/base/settings.h"
#include "link/decimal.h"

enum {
    PID_MAX = 4194304, /* PID_MAX_LIMIT, include/linux/threads.h */
    PORT_MAX = 65535,
    SECONDS_MAX = 3600,
    SECONDS_DEFAULT = 30,
    DECIMAL_SIZE = 16, /* longer than any number in range */
    MTU_MIN = 576,     /* required by IPv4 (RFC 791) */
    MTU_MAX = 65455,   /* the longest datagram, less 80 */
};

#define INSPECT "`podman inspect --format '{{.State.Pid}}' NAME` prints it (the same with docker)"

/* Says what the text in the place of a pid is. */
static const char *judge_pid(const char *text)
{
    if (strcmp(text, "0") == 0)
        return "pid: must not be 0, which podman and docker print for a container that isn't "
               "running; start it, and ask again: " INSPECT;
    if (strspn(text, "0123456789") != strlen(text) && strncmp(text, "fd", 2) != 0)
        return "pid: must be a number, and not a name; give the pid of a process in the "
               "container: " INSPECT;
    return "pid: must be a decimal number from 1 to 4194304, without leading zeros, or fd: "
           "and the number of an open descriptor of a network namespace; give the pid of a "
           "process in the container";
}

static const char *parse_pid(const char *text, struct request *request)
{
    uint32_t number;
    bool descriptor = strncmp(text, "fd:", 3) == 0;

    if (descriptor ? decimal_parse(text + 3, INT_MAX, &number)
                   : decimal_parse(text, PID_MAX, &number) || number == 0)
        return judge_pid(text);
    request->target.kind = descriptor ? TARGET_DESCRIPTOR : TARGET_PID;
    request->target.number = (int)number;
    return NULL;
}

static const char *parse_net(const char *text, struct request *request)
{
    if (decimal_parse(text, LINK_NET_MAX, &request->end.net))
        return "net: must be a decimal number from 0 to 8388607, without leading zeros; "
               "choose one that both sites use for this link";
    return NULL;
}

static const char *parse_host(const char *text, struct request *request)
{
    request->has_end = true;
    if (decimal_parse(text, LINK_HOST_MAX, &request->end.host))
        return "host: must be 0 or 1; use 0 at one site and 1 at the other";
    return NULL;
}

static const char *parse_port(const char *text, struct request *request)
{
    uint32_t number;

    if (decimal_parse(text, PORT_MAX, &number))
        return "port: must be a decimal number from 0 to 65535, without leading zeros; "
               "give a free UDP port of this machine";
    request->port = (uint16_t)number;
    return NULL;
}

#define OR_IPV6    " or [IPv6]:port"
#define OR_UNKNOWN ", or - if it isn't known"

static enum endpoint_flaw read_endpoint(const char *text, struct endpoint *ret_endpoint)
{
    if (strcmp(text, "-") == 0) {
        *ret_endpoint = (struct endpoint){.port = 0};
        return ENDPOINT_GOOD;
    }
    return endpoint_parse(text, ret_endpoint);
}

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Are the first `length` characters all of `set`, and one of them of `one_of`? */
static bool is_made_of(const char *text, size_t length, const char *set, const char *one_of)
{
    return strspn(text, set) >= length && strcspn(text, one_of) < length;
}

/* Says what the text in the place of an endpoint is. */
static const char *judge_endpoint(const char *text)
{
    const size_t length = strlen(text);
    const size_t host = strcspn(text, ":");
    struct key key;

    if (key_from_text(text, &key) == 0)
        return "peer_endpoint: must be an address and a port, and this is a key; give the "
               "endpoint first, and the key behind it";
    if (text[0] == '[' && !strstr(text, "]:"))
        return "peer_endpoint: must have a port behind the address, as in [2001:db8::7]:51820";
    if (is_made_of(text, length, DIGITS "abcdefABCDEF:.", ":") && host < length &&
        strchr(text + host + 1, ':'))
        return "peer_endpoint: must have an IPv6 address in brackets, and a port behind it, "
               "as in [2001:db8::7]:51820";
    if (is_made_of(text, length, DIGITS ".", "."))
        return "peer_endpoint: must have a port behind the address, as in 192.0.2.1:51820";
    if (is_made_of(text, host, DIGITS LETTERS ".-", LETTERS))
        return "peer_endpoint: must be an address, not a name; `getent ahosts NAME` prints a "
               "name's addresses; give one of them and the port, as in 192.0.2.1:51820" OR_UNKNOWN;
    return "peer_endpoint: must be a.b.c.d:port" OR_IPV6 ", with a to d from 0 to 255 and port "
           "from 1 to 65535, without leading zeros" OR_UNKNOWN "; give the peer's machine as in "
           "192.0.2.1:51820";
}

static const char *parse_endpoint(const char *text, struct request *request)
{
    switch (read_endpoint(text, &request->peer.endpoint)) {
    case ENDPOINT_GOOD:
        return NULL;
    case ENDPOINT_NO_PEER:
        return "peer_endpoint: must not be an unspecified, multicast or broadcast address; give "
               "the address of the peer's machine";
    case ENDPOINT_LINK_LOCAL:
        return "peer_endpoint: must not be a link-local address or have a zone, because a "
               "link can't stay at one interface; give another address of the machine";
    case ENDPOINT_MAPPED:
        return "peer_endpoint: must not be an IPv4 address as an IPv6 one; give it as a.b.c.d";
    default:
        return judge_endpoint(text);
    }
}

static const char *parse_key(const char *text, struct request *request)
{
    struct endpoint endpoint;

    if (read_endpoint(text, &endpoint) == ENDPOINT_GOOD)
        return "peer_key: must be a key, and this is an endpoint; give the endpoint first, and "
               "the key behind it";
    if (key_from_text(text, &request->peer.public_key))
        return "peer_key: must be 44 characters of base64 for 32 bytes; give what cwg_create "
               "printed at the other site, whole";
    if (key_is_zero(&request->peer.public_key))
        return "peer_key: must not be all zeros; give what cwg_create printed at the other site";
    return NULL;
}

static const char *parse_seconds(const char *text, struct request *request)
{
    if (decimal_parse(text, SECONDS_MAX, &request->seconds))
        return "seconds: must be a decimal number from 0 to 3600, without leading zeros; "
               "leave it out for 30";
    return NULL;
}

static const char *parse_file(const char *text, struct request *request)
{
    if (text[0] == '\0')
        return "file: must not be empty; leave it out, or give -, for standard input";
    request->file = strcmp(text, "-") == 0 ? NULL : text;
    return NULL;
}

static const char *parse_policy(const char *text, struct request *request)
{
    request->file = text;
    return NULL;
}

const struct wording argument_wordings[] = {
    [ARGUMENT_PID] = {"pid", NULL, "a process in the container, 1-4194304; or fd:N, a descriptor",
                      parse_pid},
    [ARGUMENT_NET] = {"net", NULL, "the link's number, 0-8388607", parse_net},
    [ARGUMENT_HOST] = {"host", NULL, "which of its ends, 0 or 1", parse_host},
    [ARGUMENT_PORT] = {"port", NULL, "a UDP port of this machine, 0-65535", parse_port},
    [ARGUMENT_ENDPOINT] = {"peer_endpoint", NULL,
                           "a.b.c.d:port" OR_IPV6 ", port 1-65535" OR_UNKNOWN, parse_endpoint},
    [ARGUMENT_KEY] = {"peer_key", NULL, "44 characters of base64", parse_key},
    [ARGUMENT_SECONDS] = {"seconds", NULL, "how long to wait, 0-3600; 30 if left out",
                          parse_seconds},
    [ARGUMENT_FILE] = {"file", NULL, "a file with the tasks, one a line; - or none: standard input",
                       parse_file},
    [ARGUMENT_POLICY] = {"file", NULL, HAS_POLICY ? "a policy file" : NULL,
                         HAS_POLICY ? parse_policy : NULL},
};

static const char *parse_preshared_key_file(const char *text, struct request *request)
{
    struct preshared_source source = {.kind = PRESHARED_PATH, .path = text};
    uint32_t number;

    if (strcmp(text, "-") == 0) {
        source = (struct preshared_source){.kind = PRESHARED_DESCRIPTOR};
    } else if (strncmp(text, "fd:", 3) == 0) {
        if (decimal_parse(text + 3, INT_MAX, &number))
            return "--preshared-key-file: must be a file, - for standard input, or fd: and "
                   "the number of an open descriptor; give one that holds the key";
        source = (struct preshared_source){.kind = PRESHARED_DESCRIPTOR, .descriptor = (int)number};
    }
    request->preshared_key = source;
    return NULL;
}

static const char *parse_keepalive(const char *text, struct request *request)
{
    uint32_t number;

    if (decimal_parse(text, UINT16_MAX, &number))
        return "--persistent-keepalive: must be a decimal number of seconds from 0 "
               "to 65535, without leading zeros; 0 turns it off, 25 suits most NATs";
    request->peer.keepalive = (int32_t)number;
    return NULL;
}

static const char *parse_mtu(const char *text, struct request *request)
{
    if (decimal_parse(text, MTU_MAX, &request->mtu) || request->mtu < MTU_MIN)
        return "--mtu: must be a decimal number of bytes from 576 to 65455, without leading "
               "zeros; leave it out for the MTU of the path to the peer, less 80";
    return NULL;
}

/* Reads "A", or "A-B". */
static const char *parse_nets(const char *text, struct request *request)
{
    static const char wrong[] =
        "--nets: must be a net, or two nets with a - between them, the lower first, each from 0 to "
        "8388607, without leading zeros; as in 100-199";
    char first[DECIMAL_SIZE] = "";
    size_t length = strcspn(text, "-");
    struct link_nets nets;

    if (length >= sizeof(first))
        return wrong;
    memcpy(first, text, length);
    if (decimal_parse(first, LINK_NET_MAX, &nets.first))
        return wrong;
    nets.last = nets.first;
    if (text[length] && decimal_parse(text + length + 1, LINK_NET_MAX, &nets.last))
        return wrong;
    if (nets.first > nets.last)
        return wrong;
    request->nets = nets;
    return NULL;
}

const struct wording option_wordings[OPTIONS] = {
    [OPTION_PRESHARED_KEY_FILE] = {"--preshared-key-file", "<file>",
                                   "holds the key; - is standard input, fd:N a descriptor",
                                   parse_preshared_key_file},
    [OPTION_PERSISTENT_KEEPALIVE] = {"--persistent-keepalive", "<seconds>",
                                     "between two keepalive packets, 0-65535; 0 turns them off",
                                     parse_keepalive},
    [OPTION_MTU] =
        {"--mtu", "<bytes>",
         "of the link, 576-65455; without it, each connect takes that of the path less 80",
         parse_mtu},
    [OPTION_ADOPT] = {"--adopt", NULL, "accept a link that exists and is complete; print its key",
                      NULL},
    [OPTION_REPLACE] = {"--replace", NULL, "if the link exists, remove it and make it anew", NULL},
    [OPTION_ALLOW_OVERLAP] = {"--allow-overlap", NULL,
                              "even if the net is in a subnet of the container's own network",
                              NULL},
    [OPTION_IF_EXISTS] = {"--if-exists", NULL, "succeed where there is nothing to remove", NULL},
    [OPTION_ALIVE] = {"--alive", NULL,
                      "a keepalive of the peer's is proof enough, within some 12 seconds", NULL},
    [OPTION_UNDO] = {"--undo", NULL,
                     "remove the links that it made, if its input ends without a line commit",
                     NULL},
    [OPTION_ANSWERED] = {"--answered", NULL,
                         "the exit code is 0 if all lines were answered, whatever the answers are",
                         NULL},
    [OPTION_JSON] = {"--json", NULL, "print the result, or the failure, as JSON", NULL},
    [OPTION_NETS] = {"--nets", "<nets>", "only links of these nets, A-B or A, each 0-8388607",
                     parse_nets},
};

static int fail_no_option(const struct task *task, struct failure *failure)
{
    fail(failure, "no such option; %s takes", task->name);
    for (const enum option *option = task->options; *option; option++)
        failure_add(failure, " %s", option_wordings[*option].name);
    failure_add(failure, "%s", task->options[0] ? "" : " none");
    return -EINVAL;
}

/* Finds the option of a task that a word names, with or without "=value"; or 0. */
static enum option find_option(const struct task *task, const char *word)
{
    for (const enum option *option = task->options; *option; option++) {
        size_t length = strlen(option_wordings[*option].name);

        if (strncmp(word, option_wordings[*option].name, length) == 0 &&
            (word[length] == '\0' || word[length] == '='))
            return *option;
    }
    return 0;
}

/* Fails for a value that the function in `wording` has judged `wrong`, or not if that is NULL. */
static int judged(const char *wrong, struct failure *failure)
{
    return wrong ? fail(failure, "%s", wrong) : 0;
}

/* Takes the option at argv[*next], and its value. Advances *next if the value is the next word. */
static int take_option(int argc, char *const argv[], int *next, const struct task *task,
                       struct request *request, struct failure *failure)
{
    enum option option = find_option(task, argv[*next]);
    const struct wording *wording = &option_wordings[option];
    const char *equals = strchr(argv[*next], '=');

    if (!option)
        return fail_no_option(task, failure);
    if (request->given[option])
        return fail(failure, "%s: given twice; leave one out", wording->name);
    request->given[option] = true;
    if (!wording->value)
        return equals ? fail(failure, "%s: takes no value; leave it out", wording->name) : 0;
    if (!equals && ++*next == argc)
        return fail(failure, "%s: has no value; give %s: %s", wording->name, wording->value,
                    wording->range);
    return judged(wording->parse(equals ? equals + 1 : argv[*next], request), failure);
}

/* Takes one argument that is no option. */
static int take_argument(const char *word, enum argument argument, struct request *request,
                         struct failure *failure)
{
    const struct wording *wording = &argument_wordings[argument];

    if (word[0] == '\0' && argument != ARGUMENT_FILE)
        return fail(failure, "%s: must not be empty (a variable that isn't set?); give %s",
                    wording->name, wording->range);
    return judged(wording->parse(word, request), failure);
}

/* Takes the arguments. A variable that isn't set may have left an argument out, and shifted the
 * rest: so this mistake is told before one in an argument. */
static int take_arguments(const struct task *task, char *const words[], int count,
                          struct request *request, struct failure *failure)
{
    const int most = task_arguments(task);
    const int least = most - task->optional;
    int error = 0;

    if (count < least || (count > least && count < most))
        return fail(failure,
                    "%s: missing; give %s (%s takes %d arguments, and was given %d: a variable "
                    "that isn't set leaves its argument out)",
                    argument_wordings[task->arguments[count]].name,
                    argument_wordings[task->arguments[count]].range, task->name,
                    count < least ? least : most, count);
    for (int i = 0; i < count && i < most && !error; i++)
        error = take_argument(words[i], task->arguments[i], request, failure);
    if (!error && count > most)
        return fail(failure, "too many arguments: %d, where %s takes %d; leave out the rest", count,
                    task->name, most);
    return error;
}

static int parse_task(int argc, char *const argv[], const struct task *task,
                      struct command_line *ret_line, struct failure *failure)
{
    struct command_line line = {.command = COMMAND_RUN,
                                .task = task,
                                .request = {.peer.keepalive = PEER_KEEPALIVE_KEPT,
                                            .seconds = SECONDS_DEFAULT,
                                            .nets = {0, LINK_NET_MAX}}};
    char *words[TASK_ARGUMENTS_MAX]; /* the arguments, without options; more are only counted */
    int count = 0;
    int error = 0;

    failure->usage = task;
    for (int next = 0; next < argc && !error; next++) {
        if (strncmp(argv[next], "--", 2) == 0)
            error = take_option(argc, argv, &next, task, &line.request, failure);
        else if (count++ < TASK_ARGUMENTS_MAX)
            words[count - 1] = argv[next];
    }
    if (!error)
        error = take_arguments(task, words, count, &line.request, failure);
    if (error)
        return error;
    if (line.request.given[OPTION_ADOPT] && line.request.given[OPTION_REPLACE])
        return fail(failure, "--adopt, --replace: exclude each other; leave one out");
    failure->usage = NULL;
    *ret_line = line;
    return 0;
}

static bool is_either(const char *word, const char *name, const char *other)
{
    return strcmp(word, name) == 0 || strcmp(word, other) == 0;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int fail_no_task(const char *problem, struct failure *failure)
{
    fail(failure, "%s; give one of:", problem);
    for (size_t i = 0; i < task_count; i++)
        failure_add(failure, " %s", tasks[i]->name);
    failure_add(failure, ", or --help");
    return -EINVAL;
}

/* Finds the task that a word names, with or without "cwg_". */
static const struct task *find_task(const char *word)
{
    for (size_t i = 0; i < task_count; i++) {
        const char *name = tasks[i]->name;

        if (strcmp(name, word) == 0 ||
            (strncmp(name, "cwg_", 4) == 0 && strcmp(name + 4, word) == 0))
            return tasks[i];
    }
    return NULL;
}

int arguments_parse(int argc, char *const argv[], struct command_line *ret_line,
                    struct failure *failure)
{
    const struct task *task;
    int next = 1;

    if (argc < 1)
        return fail_no_task("no task given", failure);
    task = task_by_name(base_name(argv[0]));
    if (!task && argc > 1 && strcmp(argv[1], "help") == 0) {
        task = argc > 2 ? find_task(argv[2]) : NULL;
        if (argc > 2 && !task)
            return fail_no_task("no such task", failure);
        *ret_line = (struct command_line){.command = COMMAND_HELP, .task = task};
        return 0;
    }
    if (!task && argc > 1 && (task = find_task(argv[1])))
        next = 2;
    if (argc > next && is_either(argv[next], "--help", "-h")) {
        *ret_line = (struct command_line){.command = COMMAND_HELP, .task = task};
        return 0;
    }
    if (argc > next && is_either(argv[next], "--version", "-V")) {
        *ret_line = (struct command_line){.command = COMMAND_VERSION};
        return 0;
    }
    if (!task)
        return fail_no_task(argc > 1 ? "no such task" : "no task given", failure);
    return parse_task(argc - next, argv + next, task, ret_line, failure);
}

bool arguments_want_json(int argc, char *const argv[])
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            return true;
    }
    return false;
}
