/* A line in the machine's journal or syslog for each task that changes something: who, what, on
 * which namespace, and what came of it. It is sent without waiting, and nobody is told if nobody
 * listens: the task's result doesn't depend on it.
 *
 * In a line is what a message may hold (failure.h), and public keys; no other key is known here. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "helper/base/request.h"
#include "link/key.h"

/* Where the journal or a syslog daemon listens: syslog(3) sends there, too. */
#define AUDIT_PATH "/dev/log"

struct failure;

/* {0} is one that isn't open. */
struct audit {
    bool opened;
    int socket; /* or -1: nobody hears of anything */
    pid_t self;
    enum {
        CALLER_UNKNOWN,
        CALLER_BY_NUMBER, /* getuid() is the machine's number */
        CALLER_ELSEWHERE, /* getuid() is a number of another user namespace, where anybody is 0 */
    } caller;
};

/* Opens the socket for it, before the sandbox is entered, and before anything else is opened: where
 * there are too few descriptors for it nothing is done without a line. */
void audit_open(struct audit *audit);

/* What a line tells of. */
struct audit_line {
    const char *task;
    const enum argument *arguments; /* that the task takes; 0 ends them */
    const struct request *request;
    ino_t netns;                  /* the target's network namespace; 0 where it wasn't reached */
    const struct key *public_key; /* of a link that was made; or NULL */
};

/* Sends the line on one request for a task that changes something, by what its run returned. No
 * capability is effective then. */
void audit_send(struct audit *audit, const struct audit_line *told, int error,
                const struct failure *failure);
