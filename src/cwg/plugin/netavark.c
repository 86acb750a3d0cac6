/* netavark's protocol: create, setup NETNS, teardown NETNS and info, with JSON on standard input
 * and output. An error is {"error":"..."} on standard output. netavark calls setup before the
 * process of a container begins, and teardown when it has ended; also after a start that failed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/json.h"
#include "cwg/base/status.h"
#include "cwg/container/attachment.h"
#include "cwg/plugin/declared.h"
#include "cwg/plugin/input.h"
#include "cwg/plugin/netns_file.h"
#include "cwg/plugin/plugin.h"

#define ENGINE "podman"

static const char nothing[] = "{\"dns_search_domains\":[],\"dns_server_ips\":[],\"interfaces\":{}}";

/* Writes JSON, and drops it. Returns 0, or -1. */
static int print(json_t *object, struct failure *failure)
{
    char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;

    json_decref(object);
    if (!text)
        return fail(failure, "system", "no memory");
    (void)puts(text);
    free(text);
    return 0;
}

/* Has an object a member that asks for something: not null or an empty list? */
static bool asks_for(const json_t *object, const char *name)
{
    const json_t *member = json_object_get(object, name);

    return member && !json_is_null(member) &&
           !(json_is_array(member) && json_array_size(member) == 0);
}

/* Checks a network's options, and takes the ends that it declares for a container. Returns 0, or
 * -1.
 */
static int take_options(const json_t *network, struct attachment *attachment,
                        struct failure *failure)
{
    static const char *const known[] = {"link", NULL};
    const json_t *options = json_object_get(network, "options");
    const char *stranger = json_is_object(options) ? json_stranger(options, known) : NULL;

    if (stranger)
        return fail(
            failure, "usage",
            "a network of cwg has no option \"%.64s\", but link alone: all else belongs into "
            "that one, as in --opt link=web-db,net=7,host=0,site=s2,port=51800",
            stranger);
    return declared_take(options, "link", "option link", attachment, failure);
}

/* Checks a network that podman is about to write down. It has no name service, since the link gives
 * its addresses after the container's start. */
static int create(json_t *network, struct failure *failure)
{
    struct attachment any = {.engine = ENGINE, .name = "any"};

    if (asks_for(network, "subnets"))
        return fail(failure, "usage",
                    "a network of cwg has no subnet: its links have addresses of their own; leave "
                    "--subnet out");
    if (take_options(network, &any, failure))
        return -1;
    if (json_object_set_new(network, "dns_enabled", json_false()) < 0)
        return fail(failure, "system", "no memory");
    return print(json_incref(network), failure);
}

/* Copies a member that has to be there. Returns 0, or -1. */
static int take(const json_t *object, const char *name, char *to, size_t size,
                struct failure *failure)
{
    const char *text = json_text(object, name, size - 1);

    if (!text)
        return fail(failure, "usage", "\"%s\" is missing, or too long", name);
    (void)snprintf(to, size, "%s", text);
    return 0;
}

/* Takes the words by which an attachment is known. */
static int identify(const json_t *request, struct attachment *attachment, struct failure *failure)
{
    const json_t *network = json_object_get(request, "network");

    if (take(request, "container_id", attachment->id, sizeof(attachment->id), failure))
        return -1;
    return take(network, "name", attachment->network, sizeof(attachment->network), failure);
}

static int setup(const json_t *request, const char *path, struct failure *failure)
{
    const json_t *options = json_object_get(request, "network_options");
    struct attachment attachment = {.engine = ENGINE};

    if (identify(request, &attachment, failure) ||
        take(request, "container_name", attachment.name, sizeof(attachment.name), failure))
        return -1;
    if (asks_for(options, "static_ips") || asks_for(options, "static_mac"))
        return fail(failure, "usage",
                    "network %s: its link gives the container an address; leave --ip and "
                    "--mac-address out",
                    attachment.network);
    if (take_options(json_object_get(request, "network"), &attachment, failure))
        return -1;
    (void)snprintf(attachment.netns, sizeof(attachment.netns), "%s", netns_file(path));
    if (attachment_write(&attachment, failure))
        return -1;
    (void)puts(nothing);
    return 0;
}

static int teardown(const json_t *request, struct failure *failure)
{
    struct attachment attachment = {.engine = ENGINE};

    return identify(request, &attachment, failure) ||
                   attachment_remove(attachment.id, attachment.network, failure)
               ? -1
               : 0;
}

/* Does what the arguments say. Returns 0, or -1. */
static int answer(int argc, char *argv[], struct failure *failure)
{
    const char *what = argc > 1 ? argv[1] : "";
    const bool is_info = argc == 2 && strcmp(what, "info") == 0;
    const bool is_create = argc == 2 && strcmp(what, "create") == 0;
    const bool is_setup = argc == 3 && strcmp(what, "setup") == 0;
    const bool is_teardown = argc == 3 && strcmp(what, "teardown") == 0;
    json_t *request;
    int error;

    if (is_info)
        return print(json_pack("{s:s, s:s}", "version", VERSION, "api_version", "1.0.0"), failure);
    if (!is_create && !is_setup && !is_teardown)
        return fail(failure, "usage",
                    "netavark calls it as create, setup NETNS, teardown NETNS or info");
    request = input_read(failure);
    if (!request)
        return -1;
    if (is_create)
        error = create(request, failure);
    else
        error = is_setup ? setup(request, argv[2], failure) : teardown(request, failure);
    json_decref(request);
    return error;
}

int plugin_netavark(int argc, char *argv[])
{
    struct failure failure = {.text = ""};

    if (answer(argc, argv, &failure) == 0)
        return EXIT_DONE;
    (void)print(json_pack("{s:s}", "error", failure.text), &failure);
    return EXIT_FAILED;
}
