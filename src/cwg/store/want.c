#include "cwg/store/want.h"

#include <stdio.h>
#include <string.h>

#include "cwg/base/json.h"
#include "link/link.h"

enum {
    MTU_MIN = 576,
    MTU_MAX = 65455,
};

bool want_is_name(const char *text)
{
    return strlen(text) < WANT_SITE_SIZE && end_is_name(text);
}

bool want_is_site(const char *text)
{
    return want_is_name(text) && strcmp(text, "etcd") != 0;
}

/* Takes a name that has to be there. */
static const char *take_name(const json_t *want, const char *member)
{
    const char *text = json_text(want, member, WANT_SITE_SIZE - 1);

    return text && want_is_name(text) ? text : NULL;
}

/* Takes a number that may be missing, and is 0 then. Returns 0, or -1. */
static int take_number(const json_t *want, const char *member, int64_t max, int64_t *ret_number)
{
    *ret_number = 0;
    return json_object_get(want, member) ? json_whole(want, member, 0, max, ret_number) : 0;
}

static int take_end(const json_t *want, struct want *ret_want)
{
    const json_t *container = json_object_get(want, "container");
    const bool has_engine = json_object_get(container, "engine") != NULL;
    const char *engine = has_engine ? json_text(container, "engine", END_ENGINE_SIZE - 1) : "";
    const char *name = json_text(container, "name", END_NAME_SIZE - 1);
    int64_t net, host;

    if (json_whole(want, "net", 0, LINK_NET_MAX, &net) ||
        json_whole(want, "host", 0, LINK_HOST_MAX, &host) || !name || !end_is_name(name) ||
        !engine || (engine[0] && !end_is_name(engine)))
        return -1;
    ret_want->net = (uint32_t)net;
    ret_want->host = (uint32_t)host;
    (void)snprintf(ret_want->engine, sizeof(ret_want->engine), "%s", engine);
    (void)snprintf(ret_want->name, sizeof(ret_want->name), "%s", name);
    return 0;
}

static int take_settings(const json_t *want, struct want *ret_want)
{
    const json_t *off = json_object_get(want, "off"), *forget = json_object_get(want, "forget");
    const json_t *release = json_object_get(want, "release");
    const char *psk = json_object_get(want, "psk") ? json_text(want, "psk", WANT_PSK_SIZE - 1) : "";
    int64_t port, keepalive, mtu;

    if ((off && !json_is_boolean(off)) || (forget && !json_is_boolean(forget)) ||
        (release && !json_is_boolean(release)) || !psk || (psk[0] && psk[0] != '/') ||
        take_number(want, "port", UINT16_MAX, &port) ||
        take_number(want, "keepalive", UINT16_MAX, &keepalive) ||
        take_number(want, "mtu", MTU_MAX, &mtu) || (mtu && mtu < MTU_MIN))
        return -1;
    ret_want->port = (uint16_t)port;
    ret_want->keepalive = (uint16_t)keepalive;
    ret_want->mtu = (uint32_t)mtu;
    ret_want->release = json_is_true(release);
    ret_want->forget = json_is_true(forget) || ret_want->release;
    ret_want->off = json_is_true(off) || ret_want->forget;
    (void)snprintf(ret_want->psk, sizeof(ret_want->psk), "%s", psk);
    return 0;
}

int want_read(const char *line, struct want *ret_want, struct failure *failure)
{
    json_t *packed = json_read_line(line);
    const json_t *peer = json_object_get(packed, "peer");
    const char *link = take_name(packed, "link"), *site = take_name(peer, "site");
    struct want want = {.net = 0};
    int error = 0;

    if (!link)
        error = fail(failure, "want", "a declared link needs a name (\"link\")");
    else if (take_end(packed, &want))
        error = fail(failure, "want", "%s: \"net\", \"host\" or \"container\" is wrong", link);
    else if (!site)
        error = fail(failure, "want", "%s: \"peer\" needs a \"site\"", link);
    else if (take_settings(packed, &want))
        error = fail(failure, "want",
                     "%s: \"port\", \"keepalive\", \"mtu\", \"psk\" or \"off\" is wrong", link);
    if (!error) {
        (void)snprintf(want.link, sizeof(want.link), "%s", link);
        (void)snprintf(want.site, sizeof(want.site), "%s", site);
        *ret_want = want;
    }
    json_decref(packed);
    return error;
}

char *want_write(const struct want *want)
{
    json_t *packed =
        json_pack("{s:s,s:i,s:i,s:{s:s,s:s},s:{s:s},s:i,s:i,s:i,s:b}", "link", want->link, "net",
                  (int)want->net, "host", (int)want->host, "container", "engine", want->engine,
                  "name", want->name, "peer", "site", want->site, "port", (int)want->port,
                  "keepalive", (int)want->keepalive, "mtu", (int)want->mtu, "off", want->off);
    char *line;

    if (want->psk[0])
        (void)json_object_set_new(packed, "psk", json_string(want->psk));
    if (want->forget)
        (void)json_object_set_new(packed, "forget", json_true());
    if (want->release)
        (void)json_object_set_new(packed, "release", json_true());
    line = packed ? json_dumps(packed, JSON_COMPACT) : NULL;
    json_decref(packed);
    return line;
}

bool want_equal(const struct want *a, const struct want *b)
{
    return strcmp(a->link, b->link) == 0 && a->net == b->net && a->host == b->host &&
           strcmp(a->engine, b->engine) == 0 && strcmp(a->name, b->name) == 0 &&
           strcmp(a->site, b->site) == 0 && a->port == b->port && a->keepalive == b->keepalive &&
           a->mtu == b->mtu && a->off == b->off && a->forget == b->forget &&
           a->release == b->release && strcmp(a->psk, b->psk) == 0;
}
