/* A chained plugin of CNI: containernetworking's specification, 0.3.0 to 1.1.0. */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/json.h"
#include "cwg/base/status.h"
#include "cwg/container/attachment.h"
#include "cwg/plugin/cni_name.h"
#include "cwg/plugin/declared.h"
#include "cwg/plugin/input.h"
#include "cwg/plugin/netns_file.h"
#include "cwg/plugin/plugin.h"

/* What the runtime has of a pod's annotations, if the network's configuration asks for them. */
#define ANNOTATIONS "io.kubernetes.cri.pod-annotations"
#define ANNOTATION  "cwg.link"
#define VALID       "cni.dev/valid-attachments"

/* The specification's codes of errors. */
enum {
    UNKNOWN_VERSION = 1,
    UNKNOWN_VALUE = 2,
    WRONG_ENVIRONMENT = 4,
    BROKEN_IO = 5,
    NOT_DECODED = 6,
    WRONG_CONFIGURATION = 7,
    NO_ADD = 50,
    NOT_ATTACHED = 100, /* this plugin's own */
};

enum version {
    VERSION_0_3_0,
    VERSION_0_3_1,
    VERSION_0_4_0,
    VERSION_1_0_0,
    VERSION_1_1_0,
    VERSIONS,
};

static const char *const versions[VERSIONS] = {"0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"};

/* A call of the runtime's. */
struct call {
    json_t *config;
    const char *version;
    const char *network;
    const char *engine;
    const char *id; /* "" where no container is meant */
    struct failure failure;
};

static int __attribute__((format(printf, 3, 4)))
refuse(struct call *call, int code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vfail(&call->failure, "cni", format, arguments);
    va_end(arguments);
    return code;
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);

    return value ? value : "";
}

static void say(json_t *object)
{
    (void)json_dumpf(object, stdout, JSON_COMPACT);
    (void)putchar('\n');
}

static void say_error(const struct call *call, int code)
{
    json_t *object = json_pack("{s:s, s:i, s:s, s:s}", "cniVersion", call->version, "code", code,
                               "msg", call->failure.text, "details", "see cwg-plugins(7)");

    say(object);
    json_decref(object);
}

/* It works without input, too. */
static int say_versions(struct call *call)
{
    const char *asked;
    json_t *object, *list = json_array();

    call->config = input_read(&call->failure);
    asked = json_text(call->config, "cniVersion", 20);
    for (size_t i = 0; i < VERSIONS; i++)
        (void)json_array_append_new(list, json_string(versions[i]));
    object = json_pack("{s:s, s:o}", "cniVersion", asked ? asked : call->version,
                       "supportedVersions", list);
    say(object);
    json_decref(object);
    return 0;
}

/* Returns the number of a version, or -1. */
static int version_by_name(const char *name)
{
    for (int i = 0; i < VERSIONS; i++) {
        if (strcmp(versions[i], name) == 0)
            return i;
    }
    return -1;
}

/* Takes the ends that the network and, where it asks for annotations, the pod declare. */
static int take_links(struct call *call, struct attachment *attachment)
{
    const json_t *runtime = json_object_get(call->config, "runtimeConfig");
    const json_t *annotations = json_object_get(runtime, ANNOTATIONS);
    struct attachment pod = *attachment;
    char both[2 * sizeof(pod.link)];
    json_t *joined;
    int error;

    if (declared_take(call->config, "link", "link", attachment, &call->failure) ||
        declared_take(annotations, ANNOTATION, "annotation " ANNOTATION, &pod, &call->failure))
        return WRONG_CONFIGURATION;
    (void)snprintf(both, sizeof(both), "%s%s%s", attachment->link,
                   attachment->link[0] && pod.link[0] ? " " : "", pod.link);
    joined = json_pack("{s:s}", "link", both);
    error = declared_take(joined, "link", "link, with annotation " ANNOTATION, attachment,
                          &call->failure);
    json_decref(joined);
    return error ? WRONG_CONFIGURATION : 0;
}

/* Reads the call as the attachment that it asks for. */
static int read_attachment(struct call *call, struct attachment *ret_attachment)
{
    struct attachment attachment = {.link = ""};

    if (!end_is_name(call->id) || strlen(call->id) >= sizeof(attachment.id))
        return refuse(call, WRONG_ENVIRONMENT, "CNI_CONTAINERID can't be \"%.100s\"", call->id);
    if (strlen(call->network) >= sizeof(attachment.network))
        return refuse(call, WRONG_CONFIGURATION, "name: it is longer than %zu characters",
                      sizeof(attachment.network) - 1);
    if (cni_name(environment("CNI_ARGS"), call->engine, call->id, attachment.name, &call->failure))
        return WRONG_ENVIRONMENT;
    (void)snprintf(attachment.engine, sizeof(attachment.engine), "%s", call->engine);
    (void)snprintf(attachment.id, sizeof(attachment.id), "%s", call->id);
    (void)snprintf(attachment.network, sizeof(attachment.network), "%s", call->network);
    (void)snprintf(attachment.netns, sizeof(attachment.netns), "%s",
                   netns_file(environment("CNI_NETNS")));
    *ret_attachment = attachment;
    return take_links(call, ret_attachment);
}

static int add(struct call *call)
{
    json_t *result = json_object_get(call->config, "prevResult");
    struct attachment attachment;
    int code;

    if (!json_is_object(result))
        return refuse(call, WRONG_CONFIGURATION,
                      "prevResult is missing: cwg-cni stands behind the plugin that makes the "
                      "container's device, such as bridge");
    code = read_attachment(call, &attachment);
    if (code)
        return code;
    if (attachment_write(&attachment, &call->failure))
        return BROKEN_IO;
    (void)json_object_set_new(result, "cniVersion", json_string(call->version));
    say(result);
    return 0;
}

/* A name that ADD would have refused has nothing that could be removed. */
static int del(struct call *call)
{
    if (attachment_remove(call->id, call->network, &call->failure) == 0 ||
        failure_is(&call->failure, "usage"))
        return 0;
    return BROKEN_IO;
}

static bool is_same(const struct attachment *one, const struct attachment *other)
{
    return strcmp(one->id, other->id) == 0 && strcmp(one->network, other->network) == 0 &&
           strcmp(one->engine, other->engine) == 0 && strcmp(one->name, other->name) == 0 &&
           strcmp(one->netns, other->netns) == 0 && strcmp(one->link, other->link) == 0;
}

static int check(struct call *call)
{
    struct attachment expected, found;
    char file[CONTAINER_ID_SIZE + ATTACHMENT_NETWORK_SIZE];
    const int code = read_attachment(call, &expected);

    if (code)
        return code;
    (void)snprintf(file, sizeof(file), "%s+%s", expected.id, expected.network);
    if (attachment_read(file, &found) == 0 && is_same(&found, &expected))
        return 0;
    /* Does the directory tell anything? If it doesn't, the failure says why. */
    if (attachments_check(&call->failure))
        return BROKEN_IO;
    return refuse(call, NOT_ATTACHED, "nothing tells the agent of %s/%s", expected.engine,
                  expected.name);
}

/* Can the directory be written to, or made? */
static int check_directory(struct call *call)
{
    char path[PATH_MAX];

    if (attachment_directory(path))
        return refuse(call, NO_ADD, "XDG_RUNTIME_DIR is too long");
    if (attachments_check(&call->failure))
        return NO_ADD;
    if (access(path, F_OK) < 0 && errno == ENOENT)
        *strrchr(path, '/') = '\0';
    return access(path, W_OK | X_OK) < 0
               ? refuse(call, NO_ADD, "can't write to %s: %s", path, strerror(errno))
               : 0;
}

static int status(struct call *call)
{
    struct attachment attachment = {.name = "status"};

    const int code = take_links(call, &attachment);

    return code ? code : check_directory(call);
}

/* Returns 1 if the runtime still has the container, 0 if it hasn't, or -1 if it doesn't tell. */
static int is_valid(const json_t *valid, const char *id)
{
    int found = 0;

    for (size_t i = 0; i < json_array_size(valid); i++) {
        const char *one =
            json_string_value(json_object_get(json_array_get(valid, i), "containerID"));

        if (!one)
            return -1;
        found |= strcmp(one, id) == 0;
    }
    return found;
}

/* What GC looks for. */
struct garbage {
    struct call *call;
    const json_t *valid;
    int code; /* of an attachment that couldn't be removed */
};

/* Removes one that isn't valid. What can't be removed keeps none of the others. */
static int drop(void *context, const struct attachment *attachment)
{
    struct garbage *garbage = context;
    struct call *call = garbage->call;

    if (strcmp(attachment->network, call->network) == 0 &&
        strcmp(attachment->engine, call->engine) == 0 &&
        is_valid(garbage->valid, attachment->id) == 0 &&
        attachment_remove(attachment->id, attachment->network, &call->failure))
        garbage->code = BROKEN_IO;
    return 0;
}

/* Go writes null for an empty list. */
static int collect(struct call *call)
{
    struct garbage garbage = {.call = call, .valid = json_object_get(call->config, VALID)};

    if ((!json_is_array(garbage.valid) && !json_is_null(garbage.valid)) ||
        is_valid(garbage.valid, "") < 0)
        return refuse(call, WRONG_CONFIGURATION, VALID ": it has to be a list of attachments");
    return attachments_each(NULL, drop, &garbage, &call->failure) ? BROKEN_IO : garbage.code;
}

static const struct command {
    const char *name;
    enum version since;
    bool container; /* CNI_CONTAINERID and CNI_IFNAME are there */
    bool netns;     /* and CNI_NETNS */
    int (*run)(struct call *call);
} commands[] = {
    {"ADD", VERSION_0_3_0, true, true, add},      {"DEL", VERSION_0_3_0, true, false, del},
    {"CHECK", VERSION_0_4_0, true, true, check},  {"STATUS", VERSION_1_1_0, false, false, status},
    {"GC", VERSION_1_1_0, false, false, collect},
};

static const struct command *command_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

static int read_version(struct call *call, const struct command *command)
{
    const json_t *member = json_object_get(call->config, "cniVersion");
    const char *name = member ? json_string_value(member) : "0.1.0";
    const int version = name ? version_by_name(name) : -1;

    if (!name)
        return refuse(call, NOT_DECODED, "cniVersion: it has to be a text");
    if (version < 0)
        return refuse(call, UNKNOWN_VERSION, "cniVersion: no plugin for %.20s; 0.3.0 to 1.1.0 are",
                      name);
    call->version = versions[version];
    if (version < (int)command->since)
        return refuse(call, UNKNOWN_VERSION, "cniVersion: %s has no %s", name, command->name);
    return 0;
}

static int read_engine(struct call *call)
{
    const json_t *member = json_object_get(call->config, "engine");
    char *text;

    call->engine = "cni";
    if (!member)
        return 0;
    text = json_dumps(member, JSON_ENCODE_ANY | JSON_COMPACT);
    if (text && strcmp(text, "\"podman\"") == 0)
        call->engine = "podman";
    else if (!text || strcmp(text, "\"cni\"") != 0)
        call->engine = NULL;
    if (!call->engine)
        (void)refuse(call, UNKNOWN_VALUE, "engine: it is \"cni\" or \"podman\", and can't be %.99s",
                     text ? text : "this");
    free(text);
    return call->engine ? 0 : UNKNOWN_VALUE;
}

static int read_environment(struct call *call, const struct command *command)
{
    const struct {
        const char *name;
        bool wanted;
    } variables[] = {{"CNI_CONTAINERID", command->container},
                     {"CNI_IFNAME", command->container},
                     {"CNI_NETNS", command->netns}};

    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        if (variables[i].wanted && !environment(variables[i].name)[0])
            return refuse(call, WRONG_ENVIRONMENT, "%s isn't set", variables[i].name);
    }
    call->id = command->container ? environment("CNI_CONTAINERID") : "";
    return 0;
}

/* Reads what all commands need, and runs one. Returns 0, or the code of an error. */
static int run(struct call *call, const struct command *command)
{
    int code = read_version(call, command);

    if (!code)
        code = read_environment(call, command);
    if (code)
        return code;
    call->network = json_string_value(json_object_get(call->config, "name"));
    if (!call->network || !end_is_name(call->network))
        return refuse(call, WRONG_CONFIGURATION,
                      "name: the network's name is letters, digits, '_', '.' and '-'");
    /* What stops a container now mustn't depend on what the configuration has become since. */
    if (command->run != del)
        code = read_engine(call);
    return code ? code : command->run(call);
}

/* Returns 0, or the code of an error. */
static int answer(struct call *call)
{
    const char *name = environment("CNI_COMMAND");
    const struct command *command = command_by_name(name);

    if (strcmp(name, "VERSION") == 0)
        return say_versions(call);
    if (!command)
        return refuse(call, WRONG_ENVIRONMENT, "CNI_COMMAND %s%.20s",
                      name[0] ? "can't be " : "isn't set", name);
    call->config = input_read(&call->failure);
    if (!call->config)
        return failure_is(&call->failure, "system") ? BROKEN_IO : NOT_DECODED;
    return run(call, command);
}

int plugin_cni(int argc, char *argv[])
{
    struct call call = {.version = versions[VERSIONS - 1]};
    int code;

    (void)argv;
    if (argc > 1)
        code = refuse(&call, WRONG_ENVIRONMENT, "cwg-cni takes no arguments; CNI_COMMAND is one");
    else
        code = answer(&call);
    if (code)
        say_error(&call, code);
    json_decref(call.config);
    return code ? EXIT_FAILED : EXIT_DONE;
}
