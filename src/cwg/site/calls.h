/* Requests to machines, and their answers. */
#pragma once

#include <jansson.h>

#include "cwg/site/site.h"

enum {
    CALLS_MAX = 16, /* at once */
};

struct call {
    struct site *site;
    json_t *request; /* calls_run() takes it over */
    json_t *answer;  /* the caller's to give up; NULL after a failure */
    struct failure failure;
    bool failed;
    bool refused; /* the site itself said that it failed */
};

/* The requests of doc/cwg-protocol.md that several commands make. The caller owns them. */
json_t *request_look(const struct end *end);
json_t *request_destroy(int container, uint32_t net, int host);
json_t *request_kept(uint32_t net, int host);
json_t *request_forget(uint32_t net, int host, bool release);
json_t *request_plain(const char *name); /* one without members */

/* Sends requests to their sites at once, and collects the answers, for `milliseconds` at most. The
 * requests to one site are answered in their order. Returns 0 if all have succeeded, or else -1. */
int calls_run(struct call *calls, size_t count, int milliseconds);

/* Sets the failure to that of the first call that failed. Returns -1. */
int calls_fail(const struct call *calls, size_t count, struct failure *failure);

/* Gives the answers up. */
void calls_free(struct call *calls, size_t count);
