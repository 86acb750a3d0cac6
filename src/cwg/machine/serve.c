#include "cwg/machine/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg/base/lines.h"
#include "cwg/base/status.h"
#include "cwg/container/container.h"
#include "cwg/machine/addresses.h"
#include "cwg/machine/checkup.h"
#include "cwg/machine/helper.h"
#include "cwg/machine/protocol.h"
#include "cwg/machine/scratch.h"
#include "link/decimal.h"
#include "link/endpoint.h"
#include "link/key.h"
#include "link/link.h"

enum {
    CONTAINERS_MAX = 256,
    SCRATCHES_MAX = 16,
    SILENCE_MS = 60000, /* after so long without a line this end gives up */
    WRITE_MS = 10000,
    PORT_MAX = 65535,
    KEEPALIVE_MAX = 65535,
    MTU_MIN = 576,
    MTU_MAX = 65455,
    SECONDS_MAX = 30,
    NUMBER_SIZE = 12,
};

struct server {
    struct lines input;
    struct helper helper;
    struct failure helper_failure; /* why the helper couldn't be started; text "" if it was */
    struct container containers[CONTAINERS_MAX];
    size_t count;
    struct scratch scratches[SCRATCHES_MAX];
    size_t scratch_count;
};

/* A request's container, net and host, as the helper takes them. */
struct aim {
    const struct container *container;
    struct link_end end;
    char net[NUMBER_SIZE], host[NUMBER_SIZE];
};

static int fail_request(struct failure *failure, const char *member)
{
    return fail(failure, "protocol", "the request's member %s is missing or out of range", member);
}

static int take_aim(const struct server *server, const json_t *request, struct aim *ret_aim,
                    struct failure *failure)
{
    int64_t index, net, host;

    if (json_whole(request, "container", 0, (int64_t)server->count - 1, &index))
        return fail_request(failure, "container");
    if (json_whole(request, "net", 0, LINK_NET_MAX, &net))
        return fail_request(failure, "net");
    if (json_whole(request, "host", 0, LINK_HOST_MAX, &host))
        return fail_request(failure, "host");
    *ret_aim = (struct aim){.container = &server->containers[index],
                            .end = {.net = (uint32_t)net, .host = (uint32_t)host}};
    (void)snprintf(ret_aim->net, sizeof(ret_aim->net), "%u", ret_aim->end.net);
    (void)snprintf(ret_aim->host, sizeof(ret_aim->host), "%u", ret_aim->end.host);
    return 0;
}

static int need_helper(const struct server *server, struct failure *failure)
{
    if (!server->helper_failure.text[0])
        return 0;
    *failure = server->helper_failure;
    return -1;
}

/* Is it the container that was found before? A name may have become that of another process, or of
 * another namespace. */
static bool is_same(const struct container *known, const struct container *found)
{
    struct stat before, now;

    if (strcmp(known->engine, found->engine) != 0 || strcmp(known->name, found->name) != 0 ||
        known->pid != found->pid)
        return false;
    if (known->pid)
        return container_lives(known);
    return fstat(known->netns, &before) == 0 && fstat(found->netns, &now) == 0 &&
           before.st_dev == now.st_dev && before.st_ino == now.st_ino;
}

/* Finds a container, and gives it a number: the one that it has, if it was found before. */
static struct container *find_container(struct server *server, const char *engine, const char *name,
                                        struct failure *failure)
{
    struct container found;

    if (container_find(engine, name, &found, failure))
        return NULL;
    for (size_t i = 0; i < server->count; i++) {
        struct container *known = &server->containers[i];

        if (is_same(known, &found)) {
            container_close(&found);
            return known;
        }
    }
    if (server->count == CONTAINERS_MAX) {
        container_close(&found);
        fail(failure, "limit", "too many containers in one session");
        return NULL;
    }
    server->containers[server->count] = found;
    return &server->containers[server->count++];
}

/* Finds a container, and shows its links. So the helper has worked once, too. */
static int do_look(struct server *server, const json_t *request, json_t *answer,
                   struct failure *failure)
{
    const char *engine = json_text(request, "engine", END_ENGINE_SIZE - 1);
    const char *name = json_text(request, "name", END_NAME_SIZE - 1);
    struct helper_task show = {.name = "cwg_show", .words = {"--json"}, .secret = -1};
    struct container *container;
    json_t *links = NULL;
    int error;

    if (!name || !end_is_name(name))
        return fail_request(failure, "name");
    if (!engine && json_object_get(request, "engine"))
        return fail_request(failure, "engine");
    container = find_container(server, engine ? engine : "", name, failure);
    if (!container)
        return -1;
    show.container = container;
    error = need_helper(server, failure);
    if (!error)
        error = helper_do(&server->helper, &show, &links, failure);
    if (error)
        return error;
    (void)json_object_set_new(answer, "container", json_integer(container - server->containers));
    (void)json_object_set_new(answer, "engine", json_string(container->engine));
    (void)json_object_set_new(answer, "name", json_string(container->name));
    (void)json_object_set_new(answer, "id", json_string(container->id));
    (void)json_object_set_new(answer, "pid", json_integer(container->pid));
    (void)json_object_set_new(answer, "links", links);
    return 0;
}

/* Finds the source of the route to each of some addresses; null where there is no route. */
static int do_route(struct server *server, const json_t *request, json_t *answer,
                    struct failure *failure)
{
    const json_t *to = json_object_get(request, "to");
    json_t *from = json_array();

    (void)server;
    for (size_t i = 0; i < json_array_size(to) && i < ADDRESS_MAX; i++) {
        const char *text = json_string_value(json_array_get(to, i));
        char address[ADDRESS_SIZE], source[ADDRESS_SIZE];
        const bool found = text && strlen(text) < ADDRESS_SIZE &&
                           addresses_canonical(text, address) == 0 &&
                           addresses_source(address, source);

        (void)json_array_append_new(from, found ? json_string(source) : json_null());
    }
    (void)json_object_set_new(answer, "from", from);
    return json_array_size(from) == json_array_size(to) ? 0 : fail_request(failure, "to");
}

static int do_create(struct server *server, const json_t *request, json_t *answer,
                     struct failure *failure)
{
    struct aim aim;
    char port_text[NUMBER_SIZE];
    int64_t port;
    json_t *made = NULL;
    int error = take_aim(server, request, &aim, failure);

    if (error)
        return error;
    if (json_whole(request, "port", 0, PORT_MAX, &port))
        return fail_request(failure, "port");
    (void)snprintf(port_text, sizeof(port_text), "%d", (int)port);
    error = helper_do(&server->helper,
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

static int take_peer(const json_t *request, const char **ret_endpoint, const char **ret_key,
                     struct failure *failure)
{
    const char *endpoint = json_text(request, "endpoint", ENDPOINT_TEXT_SIZE - 1);
    const char *key_text = json_text(request, "key", KEY_TEXT_LENGTH);
    struct endpoint parsed;
    struct key key;

    if (!endpoint ||
        (strcmp(endpoint, "-") != 0 && endpoint_parse(endpoint, &parsed) != ENDPOINT_GOOD))
        return fail_request(failure, "endpoint");
    if (!key_text || key_from_text(key_text, &key))
        return fail_request(failure, "key");
    *ret_endpoint = endpoint;
    *ret_key = key_text;
    return 0;
}

/* Takes an option that is a number, or absent. */
static int take_option(const json_t *request, const char *member, const char *option, int64_t min,
                       int64_t max, char *ret_text, size_t size, struct failure *failure)
{
    int64_t number;

    ret_text[0] = '\0';
    if (!json_object_get(request, member))
        return 0;
    if (json_whole(request, member, min, max, &number))
        return fail_request(failure, member);
    (void)snprintf(ret_text, size, "%s=%d", option, (int)number);
    return 0;
}

static int do_connect(struct server *server, const json_t *request, json_t *answer,
                      struct failure *failure)
{
    struct helper_task task = {.name = "cwg_connect", .secret = -1};
    const char *secret = json_text(request, "psk", KEY_TEXT_LENGTH);
    const bool has_secret = json_object_get(request, "psk");
    const char *endpoint = NULL, *key = NULL;
    char keepalive[40] = "", mtu[40] = "";
    struct aim aim = {.container = NULL};
    struct key psk;
    json_t *result = NULL;
    size_t words = 0;
    int error = take_aim(server, request, &aim, failure);

    (void)answer;
    if (!error)
        error = take_peer(request, &endpoint, &key, failure);
    if (!error)
        error = take_option(request, "keepalive", "--persistent-keepalive", 0, KEEPALIVE_MAX,
                            keepalive, sizeof(keepalive), failure);
    if (!error)
        error = take_option(request, "mtu", "--mtu", MTU_MIN, MTU_MAX, mtu, sizeof(mtu), failure);
    if (!error && (secret ? key_from_text(secret, &psk) != 0 : has_secret))
        error = fail_request(failure, "psk");
    if (!error && secret)
        error = task.secret = open_secret(secret, failure);
    if (error < 0)
        return error;
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
    error = helper_do(&server->helper, &task, &result, failure);
    json_decref(result);
    if (task.secret >= 0)
        close(task.secret);
    explicit_bzero(&psk, sizeof(psk));
    return error;
}

static int do_wait(struct server *server, const json_t *request, json_t *answer,
                   struct failure *failure)
{
    struct aim aim;
    int64_t seconds;
    char text[NUMBER_SIZE];
    json_t *proof = NULL;
    int error = take_aim(server, request, &aim, failure);

    if (error)
        return error;
    if (json_whole(request, "seconds", 0, SECONDS_MAX, &seconds))
        return fail_request(failure, "seconds");
    (void)snprintf(text, sizeof(text), "%d", (int)seconds);
    error = helper_do(&server->helper,
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

static int do_destroy(struct server *server, const json_t *request, json_t *answer,
                      struct failure *failure)
{
    struct aim aim;
    json_t *result = NULL;
    int error = take_aim(server, request, &aim, failure);

    (void)answer;
    if (!error)
        error =
            helper_do(&server->helper,
                      &(struct helper_task){.name = "cwg_destroy",
                                            .container = aim.container,
                                            .words = {aim.net, aim.host, "--if-exists", "--json"},
                                            .secret = -1},
                      &result, failure);
    json_decref(result);
    return error;
}

/* Lists the links of all containers that the caller may see. */
static int do_list(struct server *server, const json_t *request, json_t *answer,
                   struct failure *failure)
{
    json_t *links = NULL;
    int error = need_helper(server, failure);

    (void)request;
    if (!error)
        error =
            helper_do(&server->helper,
                      &(struct helper_task){.name = "cwg_list", .words = {"--json"}, .secret = -1},
                      &links, failure);
    if (!error)
        (void)json_object_set_new(answer, "links", links);
    return error;
}

/* Checks this machine, for cwg doctor. */
static int do_check(struct server *server, const json_t *request, json_t *answer,
                    struct failure *failure)
{
    json_t *findings = json_array();

    (void)request;
    (void)failure;
    checkup(&server->helper, &server->helper_failure, findings);
    (void)json_object_set_new(answer, "checks", findings);
    return 0;
}

/* Starts a scratch process, which ends with the session. */
static int do_scratch(struct server *server, const json_t *request, json_t *answer,
                      struct failure *failure)
{
    struct scratch *scratch = &server->scratches[server->scratch_count];

    (void)request;
    if (server->scratch_count == SCRATCHES_MAX)
        return fail(failure, "limit", "too many scratch processes in one session");
    if (scratch_start(scratch, failure))
        return -1;
    server->scratch_count++;
    (void)json_object_set_new(answer, "pid", json_integer(scratch->pid));
    return 0;
}

/* Tells the time, in milliseconds since 1970. */
static int do_clock(struct server *server, const json_t *request, json_t *answer,
                    struct failure *failure)
{
    (void)server;
    (void)request;
    (void)failure;
    (void)json_object_set_new(answer, "clock", json_integer(clock_today()));
    return 0;
}

static int do_commit(struct server *server, const json_t *request, json_t *answer,
                     struct failure *failure)
{
    (void)request;
    (void)answer;
    return helper_commit(&server->helper, failure);
}

static const struct {
    const char *name;
    int (*act)(struct server *server, const json_t *request, json_t *answer,
               struct failure *failure);
} acts[] = {
    {"look", do_look},   {"route", do_route},     {"create", do_create}, {"connect", do_connect},
    {"wait", do_wait},   {"destroy", do_destroy}, {"list", do_list},     {"commit", do_commit},
    {"check", do_check}, {"scratch", do_scratch}, {"clock", do_clock},
};

/* Writes an object as a line. Returns 0; 1 if it is too long for one; or -1: nobody reads any more.
 */
static int say(const json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    int error = -1;

    if (text && strlen(text) >= LINE_SIZE) {
        error = 1;
    } else if (text) {
        const size_t length = strlen(text);

        text[length] = '\n'; /* in the place of the NUL */
        error = lines_write(1, text, length + 1, clock_now() + WRITE_MS);
        explicit_bzero(text, length);
    }
    free(text);
    return error;
}

static int say_failure(const struct failure *failure)
{
    json_t *answer =
        json_pack("{s:{s:s,s:s}}", "error", "code", failure->code, "text", failure->text);
    int error = say(answer);

    json_decref(answer);
    return error;
}

static int answer_request(struct server *server, const json_t *request)
{
    const char *name = json_text(request, "do", 16);
    json_t *answer = json_object();
    struct failure failure = {.text = ""};
    int error = fail(&failure, "protocol", "this cwg doesn't know the request %.16s",
                     name ? name : "without a name");

    for (size_t i = 0; name && i < sizeof(acts) / sizeof(acts[0]); i++) {
        if (strcmp(acts[i].name, name) == 0)
            error = acts[i].act(server, request, answer, &failure);
    }
    error = error ? say_failure(&failure) : say(answer);
    if (error > 0) {
        fail(&failure, "limit", "there are more links than fit into an answer of %d bytes",
             LINE_SIZE);
        error = say_failure(&failure);
    }
    json_decref(answer);
    return error;
}

static json_t *pack_addresses(void)
{
    struct addresses addresses;
    json_t *array = json_array();

    addresses_list(&addresses);
    for (int i = 0; i < addresses.count; i++)
        (void)json_array_append_new(array, json_string(addresses.text[i]));
    return array;
}

/* Adds a word of SSH_CONNECTION: "client port server port" (ssh(1)), if it is an address. */
static void add_ssh_address(json_t *greeting, const char *member, int word)
{
    const char *connection = getenv("SSH_CONNECTION");
    char copy[256], address[ADDRESS_SIZE];
    char *rest = copy, *text = NULL;

    (void)snprintf(copy, sizeof(copy), "%s", connection ? connection : "");
    for (int i = 0; i <= word; i++)
        text = strsep(&rest, " ");
    if (text && addresses_canonical(text, address) == 0)
        (void)json_object_set_new(greeting, member, json_string(address));
}

static int greet(void)
{
    json_t *greeting = json_object();
    int error;

    (void)json_object_set_new(greeting, PROTOCOL_MEMBER, json_integer(PROTOCOL_VERSION));
    (void)json_object_set_new(greeting, "version", json_string(VERSION));
    (void)json_object_set_new(greeting, "addresses", pack_addresses());
    add_ssh_address(greeting, "ssh_client", 0);
    add_ssh_address(greeting, "ssh_server", 2);
    error = say(greeting);
    json_decref(greeting);
    return error;
}

/* Reads the client's first line. */
static int is_greeting(const json_t *line)
{
    int64_t version;

    return json_whole(line, PROTOCOL_MEMBER, PROTOCOL_VERSION, PROTOCOL_VERSION, &version) == 0;
}

static void run(struct server *server)
{
    bool greeted = false;
    char *line;

    while (lines_await(&server->input, clock_now() + SILENCE_MS, &line) == LINES_LINE) {
        json_t *request = json_read_line(line);
        const bool first = !greeted;
        int error = -1;

        explicit_bzero(line, strlen(line)); /* a preshared key may be in it */
        if (first && request)
            greeted = is_greeting(request);
        if (request && greeted)
            error = first ? 0 : answer_request(server, request);
        json_decref(request);
        if (error)
            return;
    }
}

int serve(void)
{
    struct server *server = calloc(1, sizeof(*server));
    struct failure failure = {.text = ""};
    int error;

    if (!server)
        return EXIT_FAILED;
    server->input.fd = 0;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)helper_start(&server->helper, STDIN_FILENO, &server->helper_failure);
    if (greet() == 0)
        run(server);
    /* ssh's end may be the end of its reader as well, so nothing is said any more. */
    error = helper_end(&server->helper, &failure);
    for (size_t i = 0; i < server->count; i++)
        container_close(&server->containers[i]);
    while (server->scratch_count > 0)
        scratch_end(&server->scratches[--server->scratch_count]);
    free(server);
    return error ? EXIT_LEFT : EXIT_DONE;
}
