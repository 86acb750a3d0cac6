#include "engine/control/request.h"

#include <errno.h>
#include <string.h>

#include "handover/handover.h"
#include "link/address.h"
#include "link/decimal.h"
#include "link/endpoint.h"

enum {
    LINE_MAX_LENGTH = 127,
};

static bool read_key(const char *text, struct key *ret_key)
{
    return strlen(text) == KEY_HEX_LENGTH && !key_from_hex(text, ret_key);
}

static bool set_peer(struct engine_request *request, const char *value)
{
    if (request->has_peer) /* there is but one */
        return false;
    request->has_peer = read_key(value, &request->peer);
    return request->has_peer;
}

static bool set_preshared_key(struct engine_request *request, const char *value)
{
    request->has_preshared_key = read_key(value, &request->preshared_key);
    return request->has_preshared_key;
}

static bool set_endpoint(struct engine_request *request, const char *value)
{
    struct endpoint endpoint;

    if (endpoint_parse(value, &endpoint) != ENDPOINT_GOOD)
        return false;
    request->endpoint = remote_from_endpoint(&endpoint);
    return true;
}

static bool set_persistent_keepalive(struct engine_request *request, const char *value)
{
    uint32_t seconds;

    if (decimal_parse(value, UINT16_MAX, &seconds))
        return false;
    request->persistent_keepalive = (uint16_t)seconds;
    request->has_persistent_keepalive = true;
    return true;
}

/* Takes a whole address, and once: a peer has one address. */
static bool set_allowed(struct engine_request *request, const char *value)
{
    char address[ADDRESS_TEXT_SIZE];
    size_t length = strcspn(value, "/");

    if (request->allowed_address || length >= sizeof(address) || strcmp(value + length, "/32") != 0)
        return false;
    memcpy(address, value, length);
    address[length] = '\0';
    request->has_allowed = true;
    return !address_parse_ipv4(address, &request->allowed_address) && request->allowed_address;
}

static bool replace_allowed(struct engine_request *request, const char *value)
{
    request->has_allowed = true;
    return strcmp(value, "true") == 0;
}

static const struct {
    const char *name;
    bool (*set)(struct engine_request *request, const char *value);
} keys[] = {
    {"public_key", set_peer}, /* the first of each request: the others are about this peer */
    {"preshared_key", set_preshared_key},
    {"endpoint", set_endpoint},
    {"persistent_keepalive_interval", set_persistent_keepalive},
    {"replace_allowed_ips", replace_allowed},
    {"allowed_ip", set_allowed},
};

static int take_line(struct engine_request *request, char *line)
{
    char *value = strchr(line, '=');

    if (!value)
        return -EPROTO;
    *value++ = '\0';
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(line, keys[i].name) != 0)
            continue;
        if (i > 0 && !request->has_peer)
            return -EPROTO;
        return keys[i].set(request, value) ? 0 : -EINVAL;
    }
    return -EINVAL;
}

/* Copies the next line of `text`, with a NUL in the place of its newline. Returns the line's length
 * with the newline; 0 if no whole line is left, or if the line is too long or has a NUL in it. */
static size_t read_line(const char *text, size_t length, char ret_line[static LINE_MAX_LENGTH + 1])
{
    const char *end = memchr(text, '\n', length);
    size_t size = end ? (size_t)(end - text) : 0;

    if (!end || size > LINE_MAX_LENGTH || memchr(text, '\0', size))
        return 0;
    memcpy(ret_line, text, size);
    ret_line[size] = '\0';
    return size + 1;
}

static int parse_set(const char *text, size_t length, struct engine_request *request)
{
    char line[LINE_MAX_LENGTH + 1];

    for (;;) {
        size_t step = read_line(text, length, line);
        int error;

        if (step == 0)
            return -EPROTO;
        text += step;
        length -= step;
        if (step == 1)
            return length == 0 && request->has_peer ? 0 : -EPROTO;
        error = take_line(request, line);
        explicit_bzero(line, sizeof(line));
        if (error)
            return error;
    }
}

int request_parse(const char *text, size_t length, struct engine_request *ret_request)
{
    static const char get[] = HANDOVER_GET, set[] = HANDOVER_SET;
    struct engine_request request = {0};
    int error;

    if (length == sizeof(get) - 1 && memcmp(text, get, length) == 0) {
        request.get = true;
        *ret_request = request;
        return 0;
    }
    if (length < sizeof(set) - 1 || memcmp(text, set, sizeof(set) - 1) != 0)
        return -EPROTO;
    error = parse_set(text + sizeof(set) - 1, length - (sizeof(set) - 1), &request);
    if (!error)
        *ret_request = request;
    explicit_bzero(&request, sizeof(request));
    return error;
}
