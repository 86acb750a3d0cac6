#include "helper/view/json_link.h"

#include <arpa/inet.h>
#include <inttypes.h>

#include "helper/backend/backends.h"
#include "helper/base/json.h"

enum {
    MILLISECONDS = 1000, /* in a second */
};

static const char *boolean(bool value)
{
    return value ? "true" : "false";
}

static void add_end(struct text *text, const struct device *device)
{
    char address[ADDRESS_TEXT_SIZE];

    link_address_to_text(device->end, address);
    text_print(text, "\"name\":\"%s\",\"net\":%" PRIu32 ",\"host\":%" PRIu32 ",\"address\":\"%s\"",
               device->name, device->end.net, device->end.host, address);
}

/* Adds a string, or null. */
static void add_string(struct text *text, const char *string)
{
    if (string)
        json_add_string(text, string);
    else
        text_add(text, "null");
}

static void add_key(struct text *text, const struct key *key)
{
    char characters[KEY_TEXT_LENGTH + 1];

    key_to_text(key, characters);
    add_string(text, characters);
}

void json_add_created(struct text *text, const struct json_created *created)
{
    const struct device *device = created->device;

    text_add(text, "{");
    add_end(text, device);
    text_print(text, ",\"created\":%s,\"backend\":\"%s\",\"mtu\":%" PRIu32 ",\"netns\":%ju,",
               boolean(created->created), backend_of(device)->json_name, device->mtu,
               (uintmax_t)created->netns);
    text_print(text, "\"listen_port\":%u,\"public_key\":", created->port);
    add_key(text, created->public_key);
    text_add(text, ",\"warning\":");
    add_string(text, created->warning);
    text_add(text, "}");
}

static void add_endpoint(struct text *text, const struct endpoint *endpoint)
{
    char characters[ENDPOINT_TEXT_SIZE];

    if (endpoint->port)
        endpoint_to_text(endpoint, characters);
    add_string(text, endpoint->port ? characters : NULL);
}

static void add_allowed(struct text *text, const struct link_status *status)
{
    text_add(text, "[");
    for (size_t i = 0; i < status->allowed_count; i++) {
        char characters[NETWORK_TEXT_SIZE];

        network_to_text(&status->allowed[i], characters);
        text_print(text, "%s\"%s\"", i ? "," : "", characters);
    }
    text_print(text, "],\"more_allowed_ips\":%s", boolean(status->allowed_more));
}

/* Adds a number, or null if it isn't known, and a comma. */
static void add_number(struct text *text, const char *name, bool known, int64_t number)
{
    text_print(text, "\"%s\":", name);
    if (known)
        text_print(text, "%" PRId64 ",", number);
    else
        text_add(text, "null,");
}

static void add_times(struct text *text, const struct link_status *status)
{
    add_number(text, "latest_handshake", status->has_handshake, status->handshake);
    add_number(text, "latest_handshake_age", status_knows_age(status),
               status->handshake_age_ms / MILLISECONDS);
    add_number(text, "latest_received_age", status->has_received,
               status->received_age_ms / MILLISECONDS);
    add_number(text, "unanswered_age", status->has_unanswered,
               status->unanswered_age_ms / MILLISECONDS);
}

static void add_peer(struct text *text, const struct link_status *status)
{
    text_add(text, "{\"public_key\":");
    add_key(text, &status->peer_key);
    text_add(text, ",\"endpoint\":");
    add_endpoint(text, &status->endpoint);
    text_add(text, ",\"allowed_ips\":");
    add_allowed(text, status);
    text_print(text, ",\"persistent_keepalive\":%u,\"has_preshared_key\":%s,", status->keepalive,
               boolean(status->has_preshared_key));
    add_times(text, status);
    text_print(text, "\"wire_received_bytes\":%" PRIu64 ",\"wire_sent_bytes\":%" PRIu64 "}",
               status->wire_received_bytes, status->wire_sent_bytes);
}

/* Adds a status. Unknown values are null, but the number of peers is then 0. */
static void add_status(struct text *text, const struct link_status *status)
{
    text_add(text, "\"public_key\":");
    if (status->has_key)
        add_key(text, &status->public_key);
    else
        text_add(text, "null");
    text_add(text, ",");
    add_number(text, "listen_port", status->port, status->port);
    text_print(text, "\"peers\":%u,\"peer\":", status->peers);
    if (status->peers > 0)
        add_peer(text, status);
    else
        text_add(text, "null");
}

void json_add_link(struct text *text, const struct json_place *place, const struct link_view *view)
{
    static const struct link_status unknown;
    const struct link_seen *link = &view->link;
    const struct rtmsg_counters *counters = &link->counters;
    const struct link_status *status = view->answered ? &view->status : &unknown;

    text_add(text, "{");
    if (place) {
        text_print(text, "\"pid\":%d,\"container\":", place->pid);
        add_string(text, place->container);
        text_add(text, ",");
    }
    add_end(text, &link->device);
    text_print(text, ",\"backend\":\"%s\",\"state\":\"%s\",\"up\":%s,\"mtu\":%" PRIu32 ",",
               backend_of(&link->device)->json_name, state_text(view->state), boolean(link->up),
               link->device.mtu);
    text_print(text, "\"netns\":%ju,", (uintmax_t)view->netns);
    add_number(text, "engine_pid", view->status.engine_process, view->status.engine_process);
    add_status(text, status);
    text_print(text,
               ",\"received_bytes\":%" PRIu64 ",\"received_packets\":%" PRIu64
               ",\"sent_bytes\":%" PRIu64 ",\"sent_packets\":%" PRIu64
               ",\"dropped_packets\":%" PRIu64 "}",
               counters->received_bytes, counters->received_packets, counters->sent_bytes,
               counters->sent_packets, counters->dropped_packets);
}
