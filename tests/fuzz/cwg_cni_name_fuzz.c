/* Any bytes as CNI_ARGS. A container always has a name that an end can have: its id, or at least as
 * many parts as its runtime has. Who has got a name has told of each of its arguments once. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/plugin/cni_name.h"
#include "fuzz.h"
#include "parts.h"

#define ID "0123456789ab"

static const char *const parts[] = {
    "K8S_POD_NAMESPACE=",
    "K8S_POD_NAME=",
    "NOMAD_NAMESPACE=",
    "NOMAD_JOB_ID=",
    "NOMAD_GROUP_NAME=",
    "IgnoreUnknown=1",
    ";",
    "=",
    "prod",
    "web.1",
};

static size_t count(const char *text, const char *word)
{
    size_t found = 0;

    while ((text = strstr(text, word)) != NULL) {
        found++;
        text++;
    }
    return found;
}

static void check(const char *args, const char *engine, const char *own)
{
    struct failure failure = {.text = ""};
    char name[END_NAME_SIZE];
    const int error = cni_name(args, engine, ID, name, &failure);

    require(error == 0 || (error == -1 && failure.text[0]));
    if (error)
        return;
    require(end_is_name(name));
    require(strcmp(name, ID) == 0 || strcmp(engine, "podman") == 0 || strchr(name, '.'));
    require(strcmp(name, ID) == 0 || strstr(args, own) || strstr(args, "NOMAD_GROUP_NAME="));
    require(count(args, ";NOMAD_JOB_ID=") < 2 && count(args, ";K8S_POD_NAMESPACE=") < 2);
    require(strcmp(engine, "podman") != 0 || count(args, ";K8S_POD_NAMESPACE=") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length;
    char *args = parts_join(parts, sizeof(parts) / sizeof(parts[0]), data, size, &length);

    check(args, "cni", "K8S_POD_NAMESPACE=");
    check(args, "podman", "K8S_POD_NAME=");
    free(args);
    return 0;
}
