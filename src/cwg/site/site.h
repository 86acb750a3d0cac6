/* A machine, and the session with the `cwg serve` there: by ssh, or as a child on this machine. */
#pragma once

#include <signal.h>
#include <stdbool.h>

#include "cwg/base/lines.h"
#include "cwg/base/process.h"
#include "cwg/machine/addresses.h"
#include "cwg/name/end.h"

enum {
    SITE_SAID_SIZE = 1024,
};

struct site {
    char host[END_HOST_SIZE]; /* for ssh; "" is this machine */
    struct process process;   /* pid is -1 before and after the session */
    struct lines lines;
    bool greeted;
    int64_t opened;   /* clock_now() */
    int answer_ms;    /* from then to its greeting */
    char version[32]; /* of its cwg, "" if it doesn't tell one of letters, digits, '.' and so on */
    int banner_lines; /* before the greeting */
    struct failure lost;        /* why nothing is asked there any more; text "" while it is well */
    int64_t asked;              /* clock_now() of the last request */
    int silent_ms;              /* that calls_run() has waited since it heard something */
    bool asked_master;          /* whether a connection of ssh's was open already */
    bool has_master;            /* it was, before the greeting */
    int owed;                   /* answers that nobody waits for any more */
    struct addresses addresses; /* its own */
    char ssh_client[ADDRESS_SIZE]; /* the address that its sshd saw, or "" */
    char ssh_server[ADDRESS_SIZE]; /* the address at which its sshd was reached there, or "" */
    char said[SITE_SAID_SIZE];     /* the last part of what ssh wrote on standard error */
    size_t said_length;
};

/* Set by a signal that asks to end; calls_run() then fails. */
extern volatile sig_atomic_t site_interrupted;

/* Starts a session, and doesn't wait for it. Returns 0, or -1. */
int site_open(struct site *site, const char *host, struct failure *failure);

/* The same, but ssh gives up after 15 seconds without a connection, unless its configuration says
 * how long it waits. To ask ssh takes a hundredth of a second, which a join has no time for: there
 * the step stands on the terminal, and the first look has its own limit. */
int site_open_bound(struct site *site, const char *host, struct failure *failure);

/* Starts a session over a connection of its own, as that of another one may be dead. ssh gives up
 * after five seconds without a connection. Returns 0, or -1. */
int site_open_apart(struct site *site, const char *host, struct failure *failure);

/* Starts another session in the place of one that was lost. ssh asks for no password, and gives up
 * after ten seconds without a connection: nobody may be there to wait. Returns 0, or -1. */
int site_reopen(struct site *site, struct failure *failure);

/* Ends a session. The site removes what it made and was not told to keep. Returns 0 if it said that
 * it is done, or -1 if something may be left there. */
int site_close(struct site *site);

/* Fails, as the machine said something that no cwg says: "HOST: cwg there WHAT". Nothing is asked
 * there any more, and site_close() doesn't wait for such a machine. Returns -1. */
int site_fail(struct site *site, const char *what, struct failure *failure);

/* The name for people: the host, or "this machine". */
const char *site_name(const struct site *site);

/* For calls.h, which reads and writes. */

/* Takes the line with the greeting. Returns 0, or -1: the site is none to speak with. */
int site_greet(struct site *site, const char *line, struct failure *failure);

/* Reads once what ssh says on standard error, and keeps the last part. */
void site_listen(struct site *site);

/* Notes that nothing came for so many milliseconds more while something was waited for. Returns 0;
 * or -1 if that is too long: then the session is lost, and ssh has been ended. */
int site_hear_nothing(struct site *site, int milliseconds, struct failure *failure);

/* Waits for the end of a session whose output has ended, and fails with the reason. Returns -1. */
int site_fail_ended(struct site *site, struct failure *failure);
