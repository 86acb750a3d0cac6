#include "cwg/store/want.h"

#include <stdio.h>
#include <string.h>

#include "cwg/base/json.h"
#include "link/link.h"

/* 0 is right for each. */
static const struct rule {
    const char *member;
    int64_t min, max;
    const char *text;
} rules[] = {
    {"net", 0, LINK_NET_MAX, "a number from 0 to 8388607"},
    {"host", 0, LINK_HOST_MAX, "0 or 1"},
    {"port", 0, UINT16_MAX, "a number from 0 to 65535"},
    {"keepalive", 0, UINT16_MAX, "a number of seconds from 0 to 65535"},
    {"mtu", 576, 65455, "0, or a number from 576 to 65455"},
};

static const struct rule *find_rule(const char *member)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        if (strcmp(rules[i].member, member) == 0)
            return &rules[i];
    }
    return NULL;
}

const char *want_rule(const char *member)
{
    const struct rule *rule = find_rule(member);

    return rule ? rule->text : NULL;
}

bool want_fits(const char *member, int64_t number)
{
    const struct rule *rule = find_rule(member);

    return rule && (number == 0 || (number >= rule->min && number <= rule->max));
}

int want_number(const json_t *link, const char *what, const char *member, int64_t otherwise,
                int64_t *ret_number, struct failure *failure)
{
    const json_t *value = json_object_get(link, member);

    if (!value && otherwise >= 0) {
        *ret_number = otherwise;
        return 0;
    }
    if (json_is_integer(value) && want_fits(member, json_integer_value(value))) {
        *ret_number = json_integer_value(value);
        return 0;
    }
    (void)fail(failure, "want", "%s: \"%s\" %s %s%s", what, member,
               value ? "has to be" : "is missing:", want_rule(member),
               json_is_string(value) ? ", and no text" : "");
    return -1;
}

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

static int take_end(const json_t *want, const char *link, struct want *ret_want,
                    struct failure *failure)
{
    const json_t *container = json_object_get(want, "container");
    const bool has_engine = json_object_get(container, "engine") != NULL;
    const char *engine = has_engine ? json_text(container, "engine", END_ENGINE_SIZE - 1) : "";
    const char *name = json_text(container, "name", END_NAME_SIZE - 1);
    int64_t net = 0, host = 0;

    if (want_number(want, link, "net", -1, &net, failure) ||
        want_number(want, link, "host", -1, &host, failure))
        return -1;
    if (!name || !end_is_name(name) || !engine || (engine[0] && !end_is_name(engine)))
        return fail(failure, "want", "%s: \"container\" is wrong", link);
    ret_want->net = (uint32_t)net;
    ret_want->host = (uint32_t)host;
    (void)snprintf(ret_want->engine, sizeof(ret_want->engine), "%s", engine);
    (void)snprintf(ret_want->name, sizeof(ret_want->name), "%s", name);
    return 0;
}

/* Takes a member that is true or false, and false if it is missing. Returns 0, or -1. */
static int take_switch(const json_t *want, const char *link, const char *member, bool *ret_on,
                       struct failure *failure)
{
    const json_t *value = json_object_get(want, member);

    *ret_on = json_is_true(value);
    return value && !json_is_boolean(value)
               ? fail(failure, "want", "%s: \"%s\" has to be true or false", link, member)
               : 0;
}

static int take_switches(const json_t *want, const char *link, struct want *ret_want,
                         struct failure *failure)
{
    if (take_switch(want, link, "off", &ret_want->off, failure) ||
        take_switch(want, link, "forget", &ret_want->forget, failure) ||
        take_switch(want, link, "release", &ret_want->release, failure))
        return -1;
    ret_want->forget |= ret_want->release;
    ret_want->off |= ret_want->forget;
    return 0;
}

static int take_settings(const json_t *want, const char *link, struct want *ret_want,
                         struct failure *failure)
{
    const char *psk = json_object_get(want, "psk") ? json_text(want, "psk", WANT_PSK_SIZE - 1) : "";
    int64_t port = 0, keepalive = 0, mtu = 0;

    if (want_number(want, link, "port", 0, &port, failure) ||
        want_number(want, link, "keepalive", 0, &keepalive, failure) ||
        want_number(want, link, "mtu", 0, &mtu, failure))
        return -1;
    if (!psk || (psk[0] && psk[0] != '/'))
        return fail(failure, "want", "%s: \"psk\" has to be the absolute path of a file", link);
    ret_want->port = (uint16_t)port;
    ret_want->keepalive = (uint16_t)keepalive;
    ret_want->mtu = (uint32_t)mtu;
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
    else if (take_end(packed, link, &want, failure))
        error = -1;
    else if (!site)
        error = fail(failure, "want", "%s: \"peer\" needs a \"site\"", link);
    else
        error = take_settings(packed, link, &want, failure) ||
                        take_switches(packed, link, &want, failure)
                    ? -1
                    : 0;
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
