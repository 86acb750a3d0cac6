/* The JSON that etcd 3.4 and later speak over HTTP (etcd's api_grpc_gateway.md). Keys and values
 * are base64, numbers of 64 bits are texts, and a member that is zero, false or empty is left out.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cwg/base/failure.h"

enum {
    GATEWAY_KEY_SIZE = 512,        /* the longest key of ours, with its NUL */
    GATEWAY_VALUE_SIZE = 4096,     /* the same for a value */
    GATEWAY_OBJECT_MAX = 16 << 20, /* bytes of one answer */
};

/* What gRPC calls an error (google.rpc.Code), as far as it makes a difference here. */
enum gateway_code {
    GATEWAY_FINE = 0,
    GATEWAY_CANCELLED = 1,
    GATEWAY_WRONG = 3, /* also: no token, or one of before a change of the users */
    GATEWAY_ABSENT = 5,
    GATEWAY_FORBIDDEN = 7,
    GATEWAY_FULL = 8, /* the store; etcd's other errors of this code are GATEWAY_UNAVAILABLE */
    GATEWAY_UNMET = 9,
    GATEWAY_COMPACTED = 11,
    GATEWAY_UNAVAILABLE = 14,
    GATEWAY_NO_TOKEN = 16,
};

/* Requests. Each is the caller's; NULL if there is no memory. */

/* Asks for the keys from `from` to before `end`, sorted, at most `limit`; of a revision, or 0. */
json_t *gateway_range(const char *from, const char *end, int limit, int64_t revision);
/* Asks for one key. */
json_t *gateway_get(const char *key);
/* A put, with a lease or 0; and a deletion. */
json_t *gateway_put(const char *key, const char *value, int64_t lease);
json_t *gateway_delete(const char *key);
/* A comparison: the key was last changed at a revision; 0: it isn't there. */
json_t *gateway_compare(const char *key, int64_t revision);
/* Wraps a request as an operation of a transaction: `name` is "request_put" and so on. */
json_t *gateway_operation(const char *name, json_t *request);
/* A transaction of arrays, which it takes over; `compare` and `failure` may be NULL. */
json_t *gateway_transaction(json_t *compare, json_t *success, json_t *failure);
json_t *gateway_watch(const char *from, const char *end, int64_t revision);

/* The key behind all that begin with a prefix that isn't empty and doesn't end with '\xff'. */
void gateway_end_of(const char *prefix, char ret_end[static GATEWAY_KEY_SIZE]);

/* Answers */

/* A member that is a number or the text of one, of at least 0; a missing one is 0. Returns 0, or -1
 * for anything else. */
int gateway_number(const json_t *object, const char *name, int64_t *ret_number);

/* The name of a cluster and the store's revision of an answer's header; zero if it has none. */
struct gateway_header {
    uint64_t cluster;
    int64_t revision;
};
struct gateway_header gateway_header(const json_t *answer);

/* A key with its value: one line without control characters, or it is marked as foreign. */
struct gateway_entry {
    char key[GATEWAY_KEY_SIZE];
    char value[GATEWAY_VALUE_SIZE];
    int64_t revision; /* at which it was changed last */
    bool deleted;
    bool foreign; /* the value is longer than ours are, or no text */
};

/* Reads a member of "kvs". Returns 0, or -1: the key is none of ours. */
int gateway_read_entry(const json_t *packed, struct gateway_entry *ret_entry);
/* Writes a key that comes after that of a member of "kvs", and before any later one that can be one
 * of ours: so a list goes on behind keys that are none. Returns 0, or -1: it has no key. */
int gateway_key_after(const json_t *packed, char ret_next[static GATEWAY_KEY_SIZE]);

/* Reads a member of "events". */
int gateway_read_event(const json_t *event, struct gateway_entry *ret_entry);

/* The code of an answer that is an error, also one within a stream; with its text, of which `text`
 * is a part of the answer. GATEWAY_FINE if it is none. */
enum gateway_code gateway_error(const json_t *answer, const char **ret_text);

/* A stream of objects: with or without a newline between two, cut anywhere. */
struct gateway_stream {
    char *bytes;
    size_t length, size;
    size_t looked; /* bytes that were looked at */
    int depth;     /* of braces and brackets there */
    bool within_text, escaped;
};

/* Takes bytes. Returns 0, or -1: no memory, or an object is longer than GATEWAY_OBJECT_MAX. */
int gateway_stream_add(struct gateway_stream *stream, const char *bytes, size_t length);

/* Takes the next object out. Returns 1, with the object, which is the caller's; 0 if there is no
 * whole one yet; or -1: it isn't JSON. */
int gateway_stream_next(struct gateway_stream *stream, json_t **ret_object);

/* Forgets all, and frees. */
void gateway_stream_clear(struct gateway_stream *stream);
