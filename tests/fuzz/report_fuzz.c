/* Any bytes as an engine's report of itself. In a hostile container another process may send it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "helper/backend/engine/ctlmsg.h"

/* A right report. An input changes a part of it, because chance finds no right one. */
static const char good[] =
    "own_public_key=0101010101010101010101010101010101010101010101010101010101010101\n"
    "listen_port=51801\n"
    "public_key=abababababababababababababababababababababababababababababababab\n"
    "has_preshared_key=true\nprotocol_version=1\nendpoint=[2001:db8::1]:51802\n"
    "last_handshake_age_ms=1700000000\nlast_received_age_ms=9\nunanswered_age_ms=8\n"
    "from_elsewhere=true\ntx_bytes=1\nrx_bytes=2\n"
    "persistent_keepalive_interval=25\nallowed_ip=10.0.0.15/32\nallowed_ip=2001:db8::/33\n"
    "errno=0\n\n";

static void check(const struct link_status *status, const char *text, size_t size)
{
    require(status->has_key && status->peers <= 1 && status->handshake_age_ms >= 0);
    require(status->has_handshake || status->handshake_age_ms == 0);
    require(status->has_received ? status->received_age_ms >= 0 : status->received_age_ms == 0);
    require(status->has_unanswered ? status->unanswered_age_ms >= 0
                                   : status->unanswered_age_ms == 0);
    require(status->allowed_count <= STATUS_ALLOWED_MAX && !status->allowed_more);
    require(status->peers == 1 || (status->allowed_count == 0 && status->endpoint.port == 0));
    if (status->endpoint.port) {
        char endpoint[ENDPOINT_TEXT_SIZE];

        /* An endpoint has one spelling: the text contains it exactly so. */
        endpoint_to_text(&status->endpoint, endpoint);
        require(memmem(text, size, endpoint, strlen(endpoint)) != NULL);
    }
    for (size_t i = 0; i < status->allowed_count; i++)
        require(status->allowed[i].prefix_length <= (status->allowed[i].ipv6 ? 128 : 32));
}

/* The first bytes say where the others are put into the right report, and how many bytes they
 * replace. */
static size_t put_together(const uint8_t *data, size_t size, char *ret_text)
{
    const size_t length = sizeof(good) - 1;
    size_t start, left;

    if (size < 4 || data[0] % 2 == 0) {
        memcpy(ret_text, data, size);
        return size;
    }
    start = (size_t)(data[1] | data[2] << 8) % (length + 1);
    left = data[3] < length - start ? data[3] : length - start;
    memcpy(ret_text, good, start);
    memcpy(ret_text + start, data + 4, size - 4);
    memcpy(ret_text + start + size - 4, good + start + left, length - start - left);
    return length - left + size - 4;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *room = malloc(size + sizeof(good));
    size_t length = put_together(data, size, room);
    char *text = malloc(length ? length : 1); /* so that ASan sees reading beyond it */
    struct link_status status, before;
    int result;

    memcpy(text, room, length);
    memset(&status, 0xa5, sizeof(status));
    memcpy(&before, &status, sizeof(before));
    result = ctlmsg_parse(text, length, &status);
    if (result)
        require(memcmp(&status, &before, sizeof(status)) == 0);
    else
        check(&status, text, length);
    free(text);
    free(room);
    return 0;
}
