/* Standard output of `cwg serve`: whole lines, and one every two seconds while a request is worked
 * on, by which the client knows that the connection is alive. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "cwg/base/failure.h"

struct output {
    pthread_t thread;     /* writes PROTOCOL_BUSY */
    pthread_mutex_t lock; /* for the two flags, and for each line */
    pthread_cond_t changed;
    bool working;
    bool ended;
};

/* Starts the thread. Returns 0, or -1. */
int output_begin(struct output *output, struct failure *failure);

/* A request is worked on, from now until output_write(). */
void output_work(struct output *output);

/* Writes a line. Returns 0, or -1: nobody reads. */
int output_write(struct output *output, const char *line, size_t length);

/* Ends the thread. */
void output_end(struct output *output);
