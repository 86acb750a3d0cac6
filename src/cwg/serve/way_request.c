#include "cwg/serve/way_request.h"

#include <string.h>
#include <unistd.h>

#include "cwg/base/json.h"
#include "cwg/checkup/knock.h"
#include "cwg/checkup/measure.h"
#include "cwg/machine/addresses.h"
#include "cwg/serve/request.h"

int way_knock(struct session *session, const json_t *request, json_t *answer,
              struct failure *failure)
{
    char address[ADDRESS_SIZE], said[KNOCK_TEXT_SIZE];
    struct failure printable = {.text = ""};

    (void)session;
    (void)request;
    if (!addresses_of_ssh(0, address))
        return fail(failure, "no-address", "sshd tells no address that this session came from");
    if (knock(address, said, failure))
        return -1;
    fail(&printable, "", "%s", said);
    (void)json_object_set_new(answer, "address", json_string(address));
    (void)json_object_set_new(answer, "says", json_string(printable.text));
    return 0;
}

static void close_probe(struct session *session)
{
    if (session->probe >= 0)
        close(session->probe);
    session->probe = -1;
}

int way_probe(struct session *session, const json_t *request, json_t *answer,
              struct failure *failure)
{
    uint16_t port;

    close_probe(session);
    session->probe = measure_open(json_is_true(json_object_get(request, "ipv6")), &port, failure);
    if (session->probe < 0)
        return -1;
    (void)json_object_set_new(answer, "port", json_integer(port));
    return 0;
}

int way_measure(struct session *session, const json_t *request, json_t *answer,
                struct failure *failure)
{
    const char *to = json_text(request, "to", ENDPOINT_TEXT_SIZE - 1);
    const char *cookie = json_text(request, "cookie", KEY_TEXT_LENGTH);
    struct measure measure = {.to = {.port = 0}};
    struct measured measured;
    int64_t mtu;
    int error;

    if (!to || (strcmp(to, "-") != 0 && endpoint_parse(to, &measure.to) != ENDPOINT_GOOD))
        return request_fail(failure, "to");
    if (!cookie || key_from_text(cookie, &measure.cookie))
        return request_fail(failure, "cookie");
    if (json_whole(request, "mtu", MEASURE_LINK_MIN, MEASURE_LINK_MAX, &mtu))
        return request_fail(failure, "mtu");
    if (session->probe < 0)
        return fail(failure, "protocol", "a request probe has to come before measure");
    measure.link_mtu = (int)mtu;
    error = measure_run(session->probe, &measure, &measured, failure);
    close_probe(session);
    if (error)
        return error;
    (void)json_object_set_new(answer, "whole", json_integer(measured.whole));
    (void)json_object_set_new(answer, "split", json_boolean(measured.split));
    (void)json_object_set_new(answer, "told", json_integer(measured.told));
    return 0;
}
