#include "cwg/serve/link_request.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cwg/base/json.h"
#include "cwg/checkup/measure.h"
#include "cwg/serve/request.h"
#include "link/endpoint.h"
#include "link/key.h"
#include "link/link.h"

enum {
    PORT_MAX = 65535,
    KEEPALIVE_MAX = 65535,
    SECONDS_MAX = 30,
    NUMBER_SIZE = 12,
    OPTION_SIZE = 40,
};

/* The container, net and host of a request, as the helper takes them. */
struct aim {
    const struct container *container;
    char net[NUMBER_SIZE], host[NUMBER_SIZE];
};

static int take_aim(const struct session *session, const json_t *request, struct aim *ret_aim,
                    struct failure *failure)
{
    int64_t index, net, host;

    if (json_whole(request, "container", 0, (int64_t)session->container_count - 1, &index))
        return request_fail(failure, "container");
    if (json_whole(request, "net", 0, LINK_NET_MAX, &net))
        return request_fail(failure, "net");
    if (json_whole(request, "host", 0, LINK_HOST_MAX, &host))
        return request_fail(failure, "host");
    ret_aim->container = &session->containers[index];
    (void)snprintf(ret_aim->net, sizeof(ret_aim->net), "%d", (int)net);
    (void)snprintf(ret_aim->host, sizeof(ret_aim->host), "%d", (int)host);
    return 0;
}

int link_create(struct session *session, const json_t *request, json_t *answer,
                struct failure *failure)
{
    struct aim aim;
    char port_text[NUMBER_SIZE];
    int64_t port;
    json_t *made = NULL;
    int error = take_aim(session, request, &aim, failure);

    if (error)
        return error;
    if (json_whole(request, "port", 0, PORT_MAX, &port))
        return request_fail(failure, "port");
    (void)snprintf(port_text, sizeof(port_text), "%d", (int)port);
    error = helper_do(&session->helper,
                      &(struct helper_task){.name = "cwg_create",
                                            .container = aim.container,
                                            .words = {aim.net, aim.host, port_text, "--json"},
                                            .secret = -1},
                      &made, failure);
    if (!error)
        (void)json_object_set_new(answer, "link", made);
    return error;
}

/* Puts a preshared key into a file in memory. Returns a descriptor at its start, or -1. */
static int open_secret(const char *text, struct failure *failure)
{
    int fd = memfd_create("preshared-key", MFD_CLOEXEC);

    if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
        lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    fail_errno(failure, errno, "can't hand the preshared key over");
    if (fd >= 0)
        close(fd);
    return -1;
}

/* Takes the peer's endpoint and key. Both stay the request's. */
static int take_peer(const json_t *request, const char **ret_endpoint, const char **ret_key,
                     struct failure *failure)
{
    const char *endpoint = json_text(request, "endpoint", ENDPOINT_TEXT_SIZE - 1);
    const char *key_text = json_text(request, "key", KEY_TEXT_LENGTH);
    struct endpoint parsed;
    struct key key;

    if (!endpoint ||
        (strcmp(endpoint, "-") != 0 && endpoint_parse(endpoint, &parsed) != ENDPOINT_GOOD))
        return request_fail(failure, "endpoint");
    if (!key_text || key_from_text(key_text, &key))
        return request_fail(failure, "key");
    *ret_endpoint = endpoint;
    *ret_key = key_text;
    return 0;
}

/* Takes a member that is a number, or absent. Writes the helper's option for it, or "". */
static int take_option(const json_t *request, const char *member, const char *option, int64_t min,
                       int64_t max, char ret_text[static OPTION_SIZE], struct failure *failure)
{
    int64_t number;

    ret_text[0] = '\0';
    if (!json_object_get(request, member))
        return 0;
    if (json_whole(request, member, min, max, &number))
        return request_fail(failure, member);
    (void)snprintf(ret_text, OPTION_SIZE, "%s=%d", option, (int)number);
    return 0;
}

/* Takes a preshared key, or none. *ret_secret is a descriptor with the key, which is the caller's
 * to close, or -1. */
static int take_secret(const json_t *request, int *ret_secret, struct failure *failure)
{
    const char *text = json_text(request, "psk", KEY_TEXT_LENGTH);
    struct key key;
    bool good;

    *ret_secret = -1;
    if (!json_object_get(request, "psk"))
        return 0;
    good = text && key_from_text(text, &key) == 0;
    explicit_bzero(&key, sizeof(key));
    if (!good)
        return request_fail(failure, "psk");
    *ret_secret = open_secret(text, failure);
    return *ret_secret < 0 ? -1 : 0;
}

int link_connect(struct session *session, const json_t *request, json_t *answer,
                 struct failure *failure)
{
    struct helper_task task = {.name = "cwg_connect"};
    const char *endpoint = NULL, *key = NULL;
    char keepalive[OPTION_SIZE], mtu[OPTION_SIZE];
    struct aim aim = {.container = NULL};
    json_t *result = NULL;
    size_t words = 0;
    int error;

    (void)answer;
    if (take_aim(session, request, &aim, failure) || take_peer(request, &endpoint, &key, failure) ||
        take_option(request, "keepalive", "--persistent-keepalive", 0, KEEPALIVE_MAX, keepalive,
                    failure) ||
        take_option(request, "mtu", "--mtu", MEASURE_LINK_MIN, MEASURE_LINK_MAX, mtu, failure) ||
        take_secret(request, &task.secret, failure))
        return -1;
    task.container = aim.container;
    task.words[words++] = aim.net;
    task.words[words++] = aim.host;
    task.words[words++] = endpoint;
    task.words[words++] = key;
    task.words[words++] = "--json";
    if (keepalive[0])
        task.words[words++] = keepalive;
    if (mtu[0])
        task.words[words++] = mtu;
    error = helper_do(&session->helper, &task, &result, failure);
    json_decref(result);
    if (task.secret >= 0)
        close(task.secret);
    return error;
}

int link_wait(struct session *session, const json_t *request, json_t *answer,
              struct failure *failure)
{
    struct aim aim;
    int64_t seconds;
    char text[NUMBER_SIZE];
    json_t *proof = NULL;
    int error = take_aim(session, request, &aim, failure);

    if (error)
        return error;
    if (json_whole(request, "seconds", 0, SECONDS_MAX, &seconds))
        return request_fail(failure, "seconds");
    (void)snprintf(text, sizeof(text), "%d", (int)seconds);
    error = helper_do(&session->helper,
                      &(struct helper_task){.name = "cwg_wait",
                                            .container = aim.container,
                                            .words = {aim.net, aim.host, text, "--json"},
                                            .secret = -1,
                                            .seconds = (int)seconds},
                      &proof, failure);
    if (!error)
        (void)json_object_set_new(answer, "wait", proof);
    return error;
}

int link_destroy(struct session *session, const json_t *request, json_t *answer,
                 struct failure *failure)
{
    struct aim aim;
    json_t *result = NULL;
    int error = take_aim(session, request, &aim, failure);

    (void)answer;
    if (!error)
        error =
            helper_do(&session->helper,
                      &(struct helper_task){.name = "cwg_destroy",
                                            .container = aim.container,
                                            .words = {aim.net, aim.host, "--if-exists", "--json"},
                                            .secret = -1},
                      &result, failure);
    json_decref(result);
    return error;
}
