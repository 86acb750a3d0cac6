/* Sends the machine's journal or syslog a line for each task that changes something: the caller,
 * the task, the namespace, and the result. It doesn't wait, and ignores a failure: the task's
 * result doesn't depend on the line.
 *
 * A line holds only text that a message may hold (failure.h), and public keys. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "helper/base/request.h"
#include "link/key.h"

/* The socket of the journal or of a syslog daemon, as for syslog(3). */
#define AUDIT_PATH "/dev/log"

struct failure;

/* {0} isn't open. */
struct audit {
    bool opened;
    int socket; /* -1: nothing can be sent */
    pid_t self;
    enum {
        CALLER_UNKNOWN,
        CALLER_BY_NUMBER, /* getuid() is the machine's number */
        CALLER_ELSEWHERE, /* getuid() is a number of another user namespace, where anybody may be 0
                           */
    } caller;
};

/* Opens the socket, before the sandbox is entered and before any other descriptor is opened: with
 * too few descriptors left the task fails, and the line is still sent. */
void audit_open(struct audit *audit);

/* The contents of a line. */
struct audit_line {
    const char *task;
    const enum argument *arguments; /* of the task; 0 ends them */
    const struct request *request;
    ino_t netns;                  /* the target's; 0 if it wasn't reached */
    const struct key *public_key; /* of the new link; or NULL */
};

/* Sends the line for one request, with the result `error` of the task. No capability is effective
 * then. */
void audit_send(struct audit *audit, const struct audit_line *told, int error,
                const struct failure *failure);
