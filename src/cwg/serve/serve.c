#include "cwg/serve/serve.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg/base/lines.h"
#include "cwg/base/status.h"
#include "cwg/machine/addresses.h"
#include "cwg/machine/protocol.h"
#include "cwg/serve/output.h"
#include "cwg/serve/request.h"

struct server {
    struct lines input;
    struct output output;
    struct session session;
};

/* Writes an object as a line. Returns 0; 1 if it is too long for one; or -1: nobody reads any more.
 */
static int say(struct output *output, const json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    int error = -1;

    if (text && strlen(text) >= LINE_SIZE) {
        error = 1;
    } else if (text) {
        const size_t length = strlen(text);

        text[length] = '\n'; /* in the place of the NUL */
        error = output_write(output, text, length + 1);
        explicit_bzero(text, length);
    }
    free(text);
    return error;
}

static int say_failure(struct output *output, const struct failure *failure)
{
    json_t *answer =
        json_pack("{s:{s:s,s:s}}", "error", "code", failure->code, "text", failure->text);
    int error = say(output, answer);

    json_decref(answer);
    return error;
}

static int answer_request(struct server *server, const json_t *request)
{
    json_t *answer = json_object();
    struct failure failure = {.text = ""};
    int error;

    output_work(&server->output);
    error = request_do(&server->session, request, answer, &failure)
                ? say_failure(&server->output, &failure)
                : say(&server->output, answer);
    if (error > 0) {
        fail(&failure, "limit", "there are more links than fit into an answer of %d bytes",
             LINE_SIZE);
        error = say_failure(&server->output, &failure);
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

static void add_ssh_address(json_t *greeting, const char *member, int word)
{
    char address[ADDRESS_SIZE];

    if (addresses_of_ssh(word, address))
        (void)json_object_set_new(greeting, member, json_string(address));
}

static int greet(struct output *output)
{
    json_t *greeting = json_object();
    int error;

    (void)json_object_set_new(greeting, PROTOCOL_MEMBER, json_integer(PROTOCOL_VERSION));
    (void)json_object_set_new(greeting, "version", json_string(VERSION));
    (void)json_object_set_new(greeting, "addresses", pack_addresses());
    add_ssh_address(greeting, "ssh_client", 0);
    add_ssh_address(greeting, "ssh_server", 2);
    error = say(output, greeting);
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

    while (lines_await(&server->input, clock_now() + PROTOCOL_SILENCE_MS, &line) == LINES_LINE) {
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
    if (output_begin(&server->output, &failure)) {
        (void)fprintf(stderr, "cwg: %s\n", failure.text);
        free(server);
        return EXIT_FAILED;
    }
    server->input.fd = STDIN_FILENO;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    session_begin(&server->session, STDIN_FILENO);
    if (greet(&server->output) == 0)
        run(server);
    output_end(&server->output);
    error = session_end(&server->session);
    free(server);
    return error ? EXIT_LEFT : EXIT_DONE;
}
