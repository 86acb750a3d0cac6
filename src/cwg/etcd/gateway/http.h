/* HTTP to one of several servers, by libcurl: short calls, and one stream beside them. Every call
 * returns at its deadline, or when the caller's own descriptor can be read. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cwg/base/failure.h"

enum {
    HTTP_ANSWER_MAX = 16 << 20, /* bytes */
    HTTP_ERROR_SIZE = 512,
};

/* How servers are reached. The texts are the caller's. */
struct http_settings {
    const char
        *ca; /* the file with the certificates of who signs the server's; NULL: the system's */
    const char *cert; /* the file with this machine's certificate, and */
    const char *key;  /* its private key; NULL: none */
};

struct http_stream {
    void *easy; /* NULL if there is none */
    void *headers;
    int (*take)(void *owner, const char *bytes, size_t length); /* returns -1 to end it */
    void *owner;
    bool came; /* bytes or its end, since its owner cleared this */
    bool ended;
    long status; /* of HTTP; 0 before an answer */
    char error[HTTP_ERROR_SIZE];
};

struct http {
    void *multi, *easy;
    struct http_settings settings;
    struct http_stream *stream;
    int interrupt; /* a descriptor: a call ends when it can be read; -1: none */
    bool done;     /* the call */
    int result;
};

struct http_answer {
    long status;
    char *body; /* with a NUL behind it; freed by http_free_answer() */
    size_t length;
};

/* Returns 0, or -1. */
int http_open(struct http *http, const struct http_settings *settings, int interrupt,
              struct failure *failure);
void http_close(struct http *http);

/* Posts a text, and waits for the answer, for so long at most. `token` stands in the header
 * "Authorization", NULL: none. Returns 0, or -1: no whole answer came. */
int http_post(struct http *http, const char *url, const char *token, const char *body,
              int milliseconds, struct http_answer *ret_answer, struct failure *failure);
void http_free_answer(struct http_answer *answer);

/* Begins a stream on a connection of its own: the answer's bytes go to stream->take() within any
 * later call of http_post() or http_wait(). Returns 0, or -1. */
int http_open_stream(struct http *http, struct http_stream *stream, const char *url,
                     const char *token, const char *body, struct failure *failure);
void http_close_stream(struct http *http, struct http_stream *stream);

/* Waits until `deadline` (clock_now()), until something has come in the stream, or until one of
 * `count` descriptors can be read: 2 at most. Returns 0, or -1. */
int http_wait(struct http *http, const int fds[], int count, int64_t deadline,
              struct failure *failure);
