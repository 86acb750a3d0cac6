#include "cwg/etcd/gateway/gateway.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/json.h"

enum {
    CODE_MAX = 16,
    DEPTH_MAX = 64,
    STREAM_FIRST = 16384,
};

/* Requests */

/* A text as base64. NULL if there is no memory. */
static json_t *pack_text(const char *text)
{
    const size_t length = strlen(text);
    char *encoded = malloc((length + 2) / 3 * 4 + 1);
    json_t *packed = NULL;

    if (encoded) {
        (void)EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)text, (int)length);
        packed = json_string(encoded);
    }
    free(encoded);
    return packed;
}

static json_t *pack_number(int64_t number)
{
    char text[24];

    (void)snprintf(text, sizeof(text), "%" PRId64, number);
    return json_string(text);
}

json_t *gateway_range(const char *from, const char *end, int limit, int64_t revision)
{
    return json_pack("{s:o,s:o,s:i,s:o,s:s,s:s}", "key", pack_text(from), "range_end",
                     pack_text(end), "limit", limit, "revision", pack_number(revision),
                     "sort_order", "ASCEND", "sort_target", "KEY");
}

json_t *gateway_get(const char *key)
{
    return json_pack("{s:o}", "key", pack_text(key));
}

json_t *gateway_put(const char *key, const char *value, int64_t lease)
{
    return json_pack("{s:o,s:o,s:o}", "key", pack_text(key), "value", pack_text(value), "lease",
                     pack_number(lease));
}

json_t *gateway_delete(const char *key)
{
    return json_pack("{s:o}", "key", pack_text(key));
}

json_t *gateway_compare(const char *key, int64_t revision)
{
    return json_pack("{s:o,s:s,s:s,s:o}", "key", pack_text(key), "target", "MOD", "result", "EQUAL",
                     "mod_revision", pack_number(revision));
}

json_t *gateway_operation(const char *name, json_t *request)
{
    return json_pack("{s:o}", name, request);
}

json_t *gateway_transaction(json_t *compare, json_t *success, json_t *failure)
{
    return json_pack("{s:o*,s:o,s:o*}", "compare", compare, "success", success, "failure", failure);
}

json_t *gateway_watch(const char *from, const char *end, int64_t revision)
{
    return json_pack("{s:{s:o,s:o,s:o,s:b}}", "create_request", "key", pack_text(from), "range_end",
                     pack_text(end), "start_revision", pack_number(revision), "fragment", 1);
}

void gateway_end_of(const char *prefix, char ret_end[static GATEWAY_KEY_SIZE])
{
    size_t length;

    (void)snprintf(ret_end, GATEWAY_KEY_SIZE, "%s", prefix);
    length = strlen(ret_end);
    if (length > 0)
        ret_end[length - 1]++;
}

/* Answers */

/* Reads digits alone. Returns 0, or -1. */
static int read_digits(const char *text, uint64_t max, uint64_t *ret_number)
{
    uint64_t number = 0;

    if (!*text)
        return -1;
    for (; *text; text++) {
        const uint64_t digit = (uint64_t)(*text - '0');

        if (*text < '0' || *text > '9' || number > (max - digit) / 10)
            return -1;
        number = number * 10 + digit;
    }
    *ret_number = number;
    return 0;
}

int gateway_number(const json_t *object, const char *name, int64_t *ret_number)
{
    const json_t *member = json_object_get(object, name);
    uint64_t number = 0;

    *ret_number = 0;
    if (json_is_string(member) && read_digits(json_string_value(member), INT64_MAX, &number))
        return -1;
    if (json_is_integer(member) && json_integer_value(member) >= 0)
        number = (uint64_t)json_integer_value(member);
    else if (member && !json_is_string(member))
        return -1;
    *ret_number = (int64_t)number;
    return 0;
}

struct gateway_header gateway_header(const json_t *answer)
{
    const json_t *header = json_object_get(answer, "header");
    const char *cluster = json_text(header, "cluster_id", 20);
    struct gateway_header read = {.cluster = 0};

    if (cluster)
        (void)read_digits(cluster, UINT64_MAX, &read.cluster);
    (void)gateway_number(header, "revision", &read.revision);
    return read;
}

/* Reads base64 of at most size - 1 bytes. Returns the number of bytes, or -1. */
static int read_base64(const json_t *object, const char *name, char *ret_text, size_t size)
{
    const json_t *member = json_object_get(object, name);
    const char *encoded = json_string_value(member);
    const size_t length = json_string_length(member);
    unsigned char bytes[(GATEWAY_VALUE_SIZE + 2) / 3 * 3 + 3];
    int decoded;

    ret_text[0] = '\0';
    if (!member)
        return 0;
    if (!encoded || length % 4 != 0 || length / 4 * 3 > sizeof(bytes))
        return -1;
    decoded = EVP_DecodeBlock(bytes, (const unsigned char *)encoded, (int)length);
    for (size_t i = length; decoded > 0 && i > 0 && length - i < 2 && encoded[i - 1] == '='; i--)
        decoded--;
    if (decoded < 0 || (size_t)decoded >= size)
        return -1;
    memcpy(ret_text, bytes, (size_t)decoded);
    ret_text[decoded] = '\0';
    return decoded;
}

/* Is it one line of text? */
static bool is_line(const char *text, int length)
{
    for (int i = 0; i < length; i++) {
        if ((unsigned char)text[i] < ' ')
            return false;
    }
    return true;
}

int gateway_read_entry(const json_t *packed, struct gateway_entry *ret_entry)
{
    const int key = read_base64(packed, "key", ret_entry->key, sizeof(ret_entry->key));
    const int value = read_base64(packed, "value", ret_entry->value, sizeof(ret_entry->value));

    ret_entry->deleted = false;
    ret_entry->foreign = value < 0 || !is_line(ret_entry->value, value);
    if (ret_entry->foreign)
        ret_entry->value[0] = '\0';
    if (gateway_number(packed, "mod_revision", &ret_entry->revision))
        return -1;
    return key > 0 && is_line(ret_entry->key, key) ? 0 : -1;
}

int gateway_key_after(const json_t *packed, char ret_next[static GATEWAY_KEY_SIZE])
{
    enum { WHOLE_MAX = 536 }; /* digits: 402 bytes, and none of ours is as long */
    const char *encoded = json_string_value(json_object_get(packed, "key"));
    const size_t length = encoded ? strlen(encoded) : 0;
    json_t *part =
        encoded ? json_pack("{s:s#}", "key", encoded, length < WHOLE_MAX ? length : WHOLE_MAX)
                : NULL;
    const int count = read_base64(part, "key", ret_next, GATEWAY_KEY_SIZE - 1);

    json_decref(part);
    if (count <= 0)
        return -1;
    ret_next[count] = length > WHOLE_MAX ? '\xff' : '\x01';
    ret_next[count + 1] = '\0';
    for (int i = 0; i < count; i++) {
        if ((unsigned char)ret_next[i] < ' ') {
            ret_next[i] = ' ';
            ret_next[i + 1] = '\0';
            break;
        }
    }
    return 0;
}

int gateway_read_event(const json_t *event, struct gateway_entry *ret_entry)
{
    const char *type = json_string_value(json_object_get(event, "type"));

    if (gateway_read_entry(json_object_get(event, "kv"), ret_entry))
        return -1;
    ret_entry->deleted = type && strcmp(type, "DELETE") == 0;
    return 0;
}

/* Reads the code that an error has: etcd 3.4 calls it grpc_code within a stream. */
static enum gateway_code code_of(const json_t *error)
{
    const char *name = json_object_get(error, "grpc_code") ? "grpc_code" : "code";
    int64_t code;

    if (gateway_number(error, name, &code))
        return GATEWAY_UNAVAILABLE;
    return code < 1 || code > CODE_MAX ? GATEWAY_UNAVAILABLE : (enum gateway_code)code;
}

enum gateway_code gateway_error(const json_t *answer, const char **ret_text)
{
    const json_t *error = json_object_get(answer, "error");
    const json_t *within = json_is_object(error) ? error : answer;
    const char *text = json_string_value(json_object_get(within, "message"));
    enum gateway_code code;

    *ret_text = "";
    /* etcd 3.4 has "error" in each; 3.5 has "code" and "message" alone, outside of streams. */
    if (!error && !json_object_get(answer, "code"))
        return GATEWAY_FINE;
    if (!text)
        text = json_string_value(error);
    *ret_text = text ? text : "an error without a text";
    code = code_of(within);
    /* "mvcc: database space exceeded": gRPC has the same code for "too many requests". */
    return code == GATEWAY_FULL && !strstr(*ret_text, "space") ? GATEWAY_UNAVAILABLE : code;
}

/* Streams */

int gateway_stream_add(struct gateway_stream *stream, const char *bytes, size_t length)
{
    size_t size = stream->size ? stream->size : STREAM_FIRST;

    if (length > GATEWAY_OBJECT_MAX || stream->length + length > GATEWAY_OBJECT_MAX)
        return -1;
    while (size < stream->length + length)
        size *= 2;
    if (size > stream->size) {
        char *more = realloc(stream->bytes, size);

        if (!more)
            return -1;
        stream->bytes = more;
        stream->size = size;
    }
    memcpy(stream->bytes + stream->length, bytes, length);
    stream->length += length;
    return 0;
}

/* Looks at one more byte. Returns whether an object ends with it. */
static bool look(struct gateway_stream *stream, char byte)
{
    if (stream->within_text) {
        if (!stream->escaped && byte == '"')
            stream->within_text = false;
        stream->escaped = !stream->escaped && byte == '\\';
    } else if (byte == '"') {
        stream->within_text = true;
    } else if (byte == '{' || byte == '[') {
        stream->depth++;
    } else if (byte == '}' || byte == ']') {
        stream->depth--;
        return stream->depth == 0;
    }
    return false;
}

static bool is_blank(char byte)
{
    return byte == '\n' || byte == '\r' || byte == ' ' || byte == '\t';
}

int gateway_stream_next(struct gateway_stream *stream, json_t **ret_object)
{
    bool whole = false;
    json_t *object;

    *ret_object = NULL;
    while (stream->looked < stream->length && !whole) {
        const char byte = stream->bytes[stream->looked++];

        whole = look(stream, byte);
        if (stream->depth < 0 || stream->depth > DEPTH_MAX ||
            (stream->depth == 0 && !whole && !is_blank(byte)))
            return -1;
    }
    if (!whole)
        return 0;
    object = json_loadb(stream->bytes, stream->looked, JSON_REJECT_DUPLICATES, NULL);
    stream->length -= stream->looked;
    memmove(stream->bytes, stream->bytes + stream->looked, stream->length);
    stream->looked = 0;
    if (!json_is_object(object)) {
        json_decref(object);
        return -1;
    }
    *ret_object = object;
    return 1;
}

void gateway_stream_clear(struct gateway_stream *stream)
{
    free(stream->bytes);
    *stream = (struct gateway_stream){.bytes = NULL};
}
