#include "cwg/record/news.h"

#include <string.h>

#include "cwg/base/json.h"
#include "link/link.h"

static json_t *pack_key(const struct key *key)
{
    char text[KEY_TEXT_LENGTH + 1];

    key_to_text(key, text);
    return json_string(text);
}

json_t *news_pack(const struct news *news)
{
    json_t *endpoints = json_array();
    json_t *body = json_pack("{s:I,s:i,s:i,s:b}", "serial", (json_int_t)news->serial, "net",
                             (int)news->net, "host", (int)news->host, "up", news->up);

    for (int i = 0; i < news->endpoints; i++) {
        char text[ENDPOINT_TEXT_SIZE];

        endpoint_to_text(&news->endpoint[i], text);
        (void)json_array_append_new(endpoints, json_string(text));
    }
    if (news->up) {
        (void)json_object_set_new(body, "key", pack_key(&news->key));
        (void)json_object_set(body, "endpoints", endpoints);
    }
    if (news->up && !key_is_zero(&news->peer))
        (void)json_object_set_new(body, "peer", pack_key(&news->peer));
    if (news->heard > 0)
        (void)json_object_set_new(body, "heard", json_integer((json_int_t)news->heard));
    json_decref(endpoints);
    return body;
}

static int take_key(const json_t *body, const char *member, struct key *ret_key)
{
    const char *text = json_text(body, member, KEY_TEXT_LENGTH);

    return text && key_from_text(text, ret_key) == 0 && !key_is_zero(ret_key) ? 0 : -1;
}

static int take_endpoints(const json_t *list, struct news *news)
{
    const json_t *one;
    size_t i;

    if (!json_is_array(list) || json_array_size(list) > NEWS_ENDPOINTS_MAX)
        return -1;
    json_array_foreach(list, i, one)
    {
        const char *text = json_string_value(one);

        if (!text || endpoint_parse(text, &news->endpoint[news->endpoints]) != ENDPOINT_GOOD)
            return -1;
        news->endpoints++;
    }
    return 0;
}

int news_unpack(const json_t *body, struct news *ret_news, struct failure *failure)
{
    const json_t *up = json_object_get(body, "up");
    struct news news = {.up = json_is_true(up)};
    int64_t net, host;

    if (json_whole(body, "serial", 1, INT64_MAX, &news.serial) ||
        json_whole(body, "net", 0, LINK_NET_MAX, &net) ||
        (json_object_get(body, "heard") && json_whole(body, "heard", 1, INT64_MAX, &news.heard)) ||
        json_whole(body, "host", 0, LINK_HOST_MAX, &host) || !json_is_boolean(up) ||
        (news.up && (take_key(body, "key", &news.key) ||
                     take_endpoints(json_object_get(body, "endpoints"), &news))) ||
        (news.up && json_object_get(body, "peer") && take_key(body, "peer", &news.peer)))
        return fail(failure, "record", "the other site tells of its end in an unknown way");
    news.net = (uint32_t)net;
    news.host = (uint32_t)host;
    *ret_news = news;
    return 0;
}

bool news_same_place(const struct endpoint *a, const struct endpoint *b)
{
    return a->ipv6 == b->ipv6 && a->port == b->port && a->address == b->address &&
           memcmp(a->address6, b->address6, sizeof(a->address6)) == 0;
}

bool news_equal(const struct news *a, const struct news *b)
{
    if (a->net != b->net || a->host != b->host || a->up != b->up || !key_equal(&a->key, &b->key) ||
        !key_equal(&a->peer, &b->peer) || a->endpoints != b->endpoints)
        return false;
    for (int i = 0; i < a->endpoints; i++) {
        if (!news_same_place(&a->endpoint[i], &b->endpoint[i]))
            return false;
    }
    return true;
}
