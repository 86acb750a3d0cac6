/* `cwg doctor` at work: what its parts share. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "cwg/site/calls.h"
#include "cwg/site/sites.h"

enum {
    HOSTS_MAX = CALLS_MAX - 1,
};

struct doctor {
    bool json;
    int fails, warns; /* findings */
    int width;        /* of the column with a host and a check */
    const char *hosts[HOSTS_MAX];
    size_t host_count;
    struct sites sites;
    json_t *findings; /* of all machines */
};

/* Shows a step on a terminal, in the place of the one before. An empty text takes it away. */
void doctor_show_step(const struct doctor *doctor, const char *text, const char *host);

/* Keeps a finding for --json, or prints it, as one printable line. `host` is "" for this machine.
 */
void doctor_tell(struct doctor *doctor, const char *host, const char *check, const char *result,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Tries the way between this machine and another that was reached: `here` and `site`. */
void doctor_try_way(struct doctor *doctor, struct site *here, struct site *site);
