#include "cwg/serve/request.h"

#include <string.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg/checkup/checkup.h"
#include "cwg/machine/addresses.h"
#include "cwg/serve/keep_request.h"
#include "cwg/serve/link_request.h"
#include "cwg/serve/networks.h"
#include "cwg/serve/resident.h"
#include "cwg/serve/way_request.h"

enum {
    NAME_MAX_SIZE = 16, /* of a request's name */
};

int request_fail(struct failure *failure, const char *member)
{
    return fail(failure, "protocol", "the request's member %s is missing or out of range", member);
}

/* Finds a container, and shows its links. So the helper has worked once, too. */
static int do_look(struct session *session, const json_t *request, json_t *answer,
                   struct failure *failure)
{
    const char *engine = json_text(request, "engine", END_ENGINE_SIZE - 1);
    const char *name = json_text(request, "name", END_NAME_SIZE - 1);
    struct helper_task show = {.name = "cwg_show", .words = {"--json"}, .secret = -1};
    const struct container *container;
    json_t *links = NULL;
    int number;

    if (!name || !end_is_name(name))
        return request_fail(failure, "name");
    if (!engine && json_object_get(request, "engine"))
        return request_fail(failure, "engine");
    number = session_find(session, engine ? engine : "", name, failure);
    if (number < 0 || session_need_helper(session, failure))
        return -1;
    show.container = container = &session->containers[number];
    if (helper_do(&session->helper, &show, &links, failure))
        return -1;
    (void)json_object_set_new(answer, "container", json_integer(number));
    (void)json_object_set_new(answer, "engine", json_string(container->engine));
    (void)json_object_set_new(answer, "name", json_string(container->name));
    (void)json_object_set_new(answer, "id", json_string(container->id));
    (void)json_object_set_new(answer, "pid", json_integer(container->pid));
    (void)json_object_set_new(answer, "links", links);
    return 0;
}

/* Finds the source of the route to each of some addresses; null where there is no route. */
static int do_route(struct session *session, const json_t *request, json_t *answer,
                    struct failure *failure)
{
    const json_t *to = json_object_get(request, "to");
    json_t *from = json_array();

    (void)session;
    for (size_t i = 0; i < json_array_size(to) && i < ADDRESS_MAX; i++) {
        const char *text = json_string_value(json_array_get(to, i));
        char address[ADDRESS_SIZE], source[ADDRESS_SIZE];
        const bool found = text && strlen(text) < ADDRESS_SIZE &&
                           addresses_canonical(text, address) == 0 &&
                           addresses_source(address, source);

        (void)json_array_append_new(from, found ? json_string(source) : json_null());
    }
    (void)json_object_set_new(answer, "from", from);
    return json_array_size(from) == json_array_size(to) ? 0 : request_fail(failure, "to");
}

static int do_commit(struct session *session, const json_t *request, json_t *answer,
                     struct failure *failure)
{
    (void)request;
    (void)answer;
    if (helper_commit(&session->helper, failure))
        return -1;
    keep_commit(session);
    return 0;
}

/* Checks this machine, for cwg doctor. */
static int do_check(struct session *session, const json_t *request, json_t *answer,
                    struct failure *failure)
{
    json_t *findings = json_array();

    (void)request;
    (void)failure;
    checkup(&session->helper, &session->helper_failure, findings);
    resident_check(findings);
    networks_check(findings);
    (void)json_object_set_new(answer, "checks", findings);
    return 0;
}

static int do_scratch(struct session *session, const json_t *request, json_t *answer,
                      struct failure *failure)
{
    const pid_t pid = session_start_scratch(session, failure);

    (void)request;
    if (pid < 0)
        return -1;
    (void)json_object_set_new(answer, "pid", json_integer(pid));
    return 0;
}

/* Tells the time, in milliseconds since 1970. */
static int do_clock(struct session *session, const json_t *request, json_t *answer,
                    struct failure *failure)
{
    (void)session;
    (void)request;
    (void)failure;
    (void)json_object_set_new(answer, "clock", json_integer(clock_today()));
    return 0;
}

static const struct {
    const char *name;
    int (*act)(struct session *session, const json_t *request, json_t *answer,
               struct failure *failure);
} acts[] = {
    {"look", do_look},        {"route", do_route},       {"create", link_create},
    {"wait", link_wait},      {"connect", link_connect}, {"destroy", link_destroy},
    {"commit", do_commit},    {"check", do_check},       {"scratch", do_scratch},
    {"clock", do_clock},      {"knock", way_knock},      {"probe", way_probe},
    {"measure", way_measure}, {"who", keep_who},         {"keep", keep_end},
    {"forget", keep_forget},
};

int request_do(struct session *session, const json_t *request, json_t *answer,
               struct failure *failure)
{
    const char *name = json_text(request, "do", NAME_MAX_SIZE);

    for (size_t i = 0; name && i < sizeof(acts) / sizeof(acts[0]); i++) {
        if (strcmp(acts[i].name, name) == 0)
            return acts[i].act(session, request, answer, failure);
    }
    return fail(failure, "protocol", "this cwg doesn't know the request %s",
                name ? name : "without a name");
}
