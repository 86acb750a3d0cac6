#include "cwg/serve/output.h"

#include <time.h>

#include "cwg/base/clock.h"
#include "cwg/base/lines.h"
#include "cwg/machine/protocol.h"

enum {
    WRITE_MS = 10000,
};

_Static_assert(PROTOCOL_BUSY_MS % 1000 == 0, "a beat is whole seconds");

/* A condition waits by CLOCK_MONOTONIC or CLOCK_REALTIME, and not by clock_now()'s clock. */
static struct timespec next_beat(void)
{
    struct timespec next;

    (void)clock_gettime(CLOCK_MONOTONIC, &next);
    next.tv_sec += PROTOCOL_BUSY_MS / 1000;
    return next;
}

/* Where there is no room for the line the client doesn't read, and needs no sign. */
static void *beat(void *argument)
{
    static const char line[] = PROTOCOL_BUSY "\n";
    struct output *output = argument;

    (void)pthread_mutex_lock(&output->lock);
    while (!output->ended) {
        const struct timespec next = next_beat();

        if (!output->working)
            (void)pthread_cond_wait(&output->changed, &output->lock);
        else if (pthread_cond_timedwait(&output->changed, &output->lock, &next) && output->working)
            (void)lines_write(1, line, sizeof(line) - 1, clock_now());
    }
    (void)pthread_mutex_unlock(&output->lock);
    return NULL;
}

static void set(struct output *output, bool *flag)
{
    (void)pthread_mutex_lock(&output->lock);
    *flag = true;
    (void)pthread_cond_signal(&output->changed);
    (void)pthread_mutex_unlock(&output->lock);
}

int output_begin(struct output *output, struct failure *failure)
{
    pthread_condattr_t attributes;
    int error;

    *output = (struct output){.lock = PTHREAD_MUTEX_INITIALIZER};
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&output->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    error = pthread_create(&output->thread, NULL, beat, output);
    return error ? fail_errno(failure, error, "can't start a thread") : 0;
}

void output_work(struct output *output)
{
    set(output, &output->working);
}

int output_write(struct output *output, const char *line, size_t length)
{
    int error;

    (void)pthread_mutex_lock(&output->lock);
    output->working = false;
    error = lines_write(1, line, length, clock_now() + WRITE_MS);
    (void)pthread_mutex_unlock(&output->lock);
    return error;
}

void output_end(struct output *output)
{
    set(output, &output->ended);
    (void)pthread_join(output->thread, NULL);
    (void)pthread_cond_destroy(&output->changed);
    (void)pthread_mutex_destroy(&output->lock);
}
