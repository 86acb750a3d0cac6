/* A line in the machine's journal or syslog for each task that changes something: who, what, on
 * which namespace, and what came of it. It is sent without waiting, and nobody is told if nobody
 * listens: the task's result doesn't depend on it.
 *
 * In a line is what a message may hold (failure.h), and public keys; no other key is known here. */
#pragma once

#include <sys/types.h>

#include "helper/base/request.h"
#include "link/key.h"

/* Where the journal or a syslog daemon listens: syslog(3) sends there, too. */
#define AUDIT_PATH "/dev/log"

struct failure;

/* Opens the socket for it, before the sandbox is entered, and before anything else is opened: where
 * there are too few descriptors for it nothing is done without a line. */
void audit_open(void);

/* The public key of a link that has just been made, for the next line. */
void audit_public_key(const struct key *public_key);

/* Sends the line on a link that the end of a batch removes. */
void audit_undone(const struct request *request, ino_t netns, int error,
                  const struct failure *failure);

/* Sends the line on one request for a task that changes something, by what its run returned, with
 * those arguments that the task takes (0 ends them). `netns` is the target's network namespace, 0
 * where that wasn't reached. No capability is effective then. */
void audit_send(const char *task, const enum argument *arguments, const struct request *request,
                ino_t netns, int error, const struct failure *failure);
