/* A line in the machine's journal or syslog for each task that changes something: who, what, on
 * which namespace, and what came of it. It is sent without waiting, and nobody is told if nobody
 * listens: the task's result doesn't depend on it.
 *
 * In a line is what a message may hold (failure.h), and public keys; no other key is known here. */
#pragma once

#include "link/key.h"

/* Where the journal or a syslog daemon listens: syslog(3) sends there, too. */
#define AUDIT_PATH "/dev/log"

struct failure;
struct request;
struct target;
struct task;

/* Opens the socket for it, before the sandbox is entered, and before anything else is opened: where
 * there are too few descriptors for it nothing is done without a line. */
void audit_open(void);

/* The public key of a link that has just been made, for the next line. */
void audit_public_key(const struct key *public_key);

/* Sends the line on a link that the end of a batch removes. */
void audit_undone(const struct request *request, const struct target *target, int error,
                  const struct failure *failure);

/* Sends the line on one request, by what its run returned; `target` is NULL where that wasn't
 * reached. No capability is effective then. For tasks that only look it does nothing. */
void audit_send(const struct task *task, const struct request *request, const struct target *target,
                int error, const struct failure *failure);
