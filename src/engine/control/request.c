#include "engine/control/request.h"

#include <errno.h>
#include <string.h>

#include "link/decimal.h"

enum {
    LINE_MAX_LENGTH = 127,
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool read_key(const char *text, struct key *ret_key)
{
    struct key key;
    bool good = strlen(text) == 2 * (size_t)KEY_SIZE;

    for (size_t i = 0; good && i < KEY_SIZE; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

        good = high >= 0 && low >= 0;
        key.bytes[i] = (uint8_t)(high * 16 + low);
    }
    if (good)
        *ret_key = key;
    explicit_bzero(&key, sizeof(key));
    return good;
}

static bool read_true(const char *text, bool *ret_flag)
{
    if (strcmp(text, "true") != 0)
        return false;
    *ret_flag = true;
    return true;
}

static bool set_peer(struct request *request, const char *value)
{
    if (request->has_peer) /* there is but one */
        return false;
    request->has_peer = read_key(value, &request->peer);
    return request->has_peer;
}

static bool set_preshared_key(struct request *request, const char *value)
{
    request->has_preshared_key = read_key(value, &request->preshared_key);
    return request->has_preshared_key;
}

static bool set_endpoint(struct request *request, const char *value)
{
    request->has_endpoint = remote_from_text(value, &request->endpoint);
    return request->has_endpoint;
}

static bool set_persistent_keepalive(struct request *request, const char *value)
{
    uint32_t seconds;

    if (decimal_parse(value, UINT16_MAX, &seconds))
        return false;
    request->persistent_keepalive = (uint16_t)seconds;
    request->has_persistent_keepalive = true;
    return true;
}

static bool set_allowed(struct request *request, const char *value)
{
    struct allowed_network network;

    return allowed_from_text(value, &network) && allowed_add(&request->allowed, &network);
}

static bool set_remove(struct request *request, const char *value)
{
    return read_true(value, &request->remove);
}

static bool set_update_only(struct request *request, const char *value)
{
    return read_true(value, &request->update_only);
}

static bool set_replace_allowed(struct request *request, const char *value)
{
    return read_true(value, &request->replace_allowed);
}

static bool set_replace_peers(struct request *request, const char *value)
{
    return read_true(value, &request->replace_peers);
}

static bool set_version(struct request *request, const char *value)
{
    (void)request;
    return strcmp(value, "1") == 0;
}

static const struct {
    const char *name;
    bool of_peer; /* may only come after public_key */
    bool (*set)(struct request *request, const char *value);
} keys[] = {
    {"replace_peers", false, set_replace_peers},
    {"public_key", false, set_peer},
    {"remove", true, set_remove},
    {"update_only", true, set_update_only},
    {"preshared_key", true, set_preshared_key},
    {"endpoint", true, set_endpoint},
    {"persistent_keepalive_interval", true, set_persistent_keepalive},
    {"replace_allowed_ips", true, set_replace_allowed},
    {"allowed_ip", true, set_allowed},
    {"protocol_version", true, set_version},
};

static int take_line(struct request *request, char *line)
{
    char *value = strchr(line, '=');

    if (!value)
        return -EPROTO;
    *value++ = '\0';
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(line, keys[i].name) != 0)
            continue;
        if (keys[i].of_peer && !request->has_peer)
            return -EPROTO;
        return keys[i].set(request, value) ? 0 : -EINVAL;
    }
    return -EINVAL;
}

/* The next line of `text`, ended by a NUL in place of its newline. Returns its length with the
 * newline; 0 if there is no whole line, or one that is too long, or has a NUL in it. */
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

static int parse_set(const char *text, size_t length, struct request *request)
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
            return length == 0 ? 0 : -EPROTO;
        error = take_line(request, line);
        explicit_bzero(line, sizeof(line));
        if (error)
            return error;
    }
}

int request_parse(const char *text, size_t length, struct request *ret_request)
{
    static const char get[] = "get=1\n\n", set[] = "set=1\n";
    struct request request = {0};
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
