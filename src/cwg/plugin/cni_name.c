#include "cwg/plugin/cni_name.h"

#include <stdio.h>
#include <string.h>

enum argument {
    POD_NAMESPACE,
    POD,
    JOB_NAMESPACE,
    JOB,
    GROUP,
    ARGUMENTS,
};

static const char *const keys[ARGUMENTS] = {
    [POD_NAMESPACE] = "K8S_POD_NAMESPACE", [POD] = "K8S_POD_NAME",
    [JOB_NAMESPACE] = "NOMAD_NAMESPACE",   [JOB] = "NOMAD_JOB_ID",
    [GROUP] = "NOMAD_GROUP_NAME",
};

/* A part of CNI_ARGS. An empty one counts as none. */
struct value {
    const char *text;
    size_t length;
};

static bool is_given(const struct value *value)
{
    return value->text && value->length > 0;
}

/* Takes one "KEY=VALUE". Returns 0, or -1 if it is there twice. */
static int take(const char *pair, size_t length, struct value values[static ARGUMENTS],
                struct failure *failure)
{
    for (size_t i = 0; i < ARGUMENTS; i++) {
        const size_t key = strlen(keys[i]);

        if (strncmp(pair, keys[i], key) != 0 || pair[key] != '=')
            continue;
        if (values[i].text)
            return fail(failure, "usage", "CNI_ARGS has %s twice", keys[i]);
        values[i] = (struct value){.text = pair + key + 1, .length = length - key - 1};
    }
    return 0;
}

static int read_arguments(const char *args, struct value values[static ARGUMENTS],
                          struct failure *failure)
{
    for (const char *pair = args; *pair; pair += *pair == ';') {
        const size_t length = strcspn(pair, ";");

        if (take(pair, length, values, failure))
            return -1;
        pair += length;
    }
    return 0;
}

/* Writes values with dots between them. The first ones, `plain`, may have no dots of their own:
 * otherwise a.b and c would be called as a and b.c are. Returns whether all are there, and are a
 * name together. */
static bool join(const struct value *values, size_t count, size_t plain,
                 char ret_name[static END_NAME_SIZE])
{
    size_t length = 0;

    for (size_t i = 0; i < count; i++) {
        if (!is_given(&values[i]) || length + values[i].length + 1 >= END_NAME_SIZE ||
            (i < plain && memchr(values[i].text, '.', values[i].length)))
            return false;
        if (i > 0)
            ret_name[length++] = '.';
        memcpy(ret_name + length, values[i].text, values[i].length);
        length += values[i].length;
    }
    ret_name[length] = '\0';
    return end_is_name(ret_name);
}

int cni_name(const char *args, const char *engine, const char *id,
             char ret_name[static END_NAME_SIZE], struct failure *failure)
{
    struct value values[ARGUMENTS] = {{.text = NULL}};
    const bool podman = strcmp(engine, "podman") == 0;
    bool named;

    if (read_arguments(args, values, failure))
        return -1;
    if ((values[POD_NAMESPACE].text || values[POD].text) &&
        (values[JOB_NAMESPACE].text || values[JOB].text || values[GROUP].text))
        return fail(failure, "usage", "CNI_ARGS has arguments of Kubernetes and of Nomad");
    if (podman && values[POD_NAMESPACE].text)
        return fail(failure, "usage",
                    "engine: it is \"podman\", but CNI_ARGS is of Kubernetes' runtime; this "
                    "network's configuration isn't for pods");
    if (podman)
        named = join(&values[POD], 1, 0, ret_name);
    else
        named = join(&values[POD_NAMESPACE], 2, 1, ret_name) ||
                join(&values[JOB_NAMESPACE], 3, 3, ret_name);
    if (!named)
        (void)snprintf(ret_name, END_NAME_SIZE, "%s", id);
    return 0;
}
