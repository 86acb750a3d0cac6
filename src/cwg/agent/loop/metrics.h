/* A server for Prometheus: answers `GET /metrics` of HTTP/1.0 and 1.1 at a unix socket, or at an
 * address of this machine alone. Each connection has one request and one answer, and little time.
 * Those beyond METRICS_CLIENTS wait in the socket's queue. */
#pragma once

#include <stdio.h>

#include "cwg/agent/loop/loop.h"
#include "cwg/base/failure.h"

enum {
    METRICS_CLIENTS = 4,
    METRICS_REQUEST_SIZE = 4096, /* a longer head is refused */
    METRICS_PATIENCE_MS = 10000, /* for a whole connection */
    METRICS_PAUSE_MS = 1000,     /* until a connection that couldn't be taken is tried again */
    METRICS_PLACE_SIZE = 108,    /* of a unix socket's path */
};

struct metrics;

struct metrics_client {
    struct metrics *metrics;
    struct watch watch; /* fd is -1: free */
    int64_t deadline;   /* clock_now() */
    size_t length;      /* of the request's head */
    char request[METRICS_REQUEST_SIZE];
    char *answer; /* NULL while the request is read */
    size_t answer_length, written;
};

struct metrics {
    struct loop *loop;
    struct watch listener;         /* fd is -1 while no client can be taken */
    int socket;                    /* -1: there is no server */
    char path[METRICS_PLACE_SIZE]; /* of a unix socket; else "" */
    void (*write)(FILE *stream, const void *owner);
    const void *owner;
    int64_t patience; /* milliseconds: METRICS_PATIENCE_MS */
    int64_t pause;    /* clock_now(): no connection is taken until then; 0: there is no pause */
    struct metrics_client client[METRICS_CLIENTS];
};

/* Checks a place: a path that begins with '/', 127.0.0.1:PORT, or [::1]:PORT. Returns 0, or -1. */
int metrics_check(const char *place, struct failure *failure);

/* Makes a server without a socket: metrics_run() and metrics_close() do nothing. */
void metrics_init(struct metrics *metrics);

/* Listens at a place; of a unix socket that nobody listens at any more, takes the path. Its mode is
 * 0660. `write` writes an answer's text, for `owner`. Returns 0, or -1. */
int metrics_open(struct metrics *metrics, struct loop *loop, const char *place,
                 void (*write)(FILE *stream, const void *owner), const void *owner,
                 struct failure *failure);

/* Ends connections that take too long. To be called in each turn of the loop. Returns when it wants
 * to be called at the latest (clock_now()). */
int64_t metrics_run(struct metrics *metrics);

void metrics_close(struct metrics *metrics);
