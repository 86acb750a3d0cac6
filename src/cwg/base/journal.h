/* Lines for the journal of systemd, or for whoever reads standard error. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    JOURNAL_WARNING = 4, /* LOG_WARNING and LOG_NOTICE of syslog(3) */
    JOURNAL_NOTICE = 5,
    JOURNAL_BURST = 200, /* lines at once, and ... */
    JOURNAL_EACH_MS =
        100, /* ... one more after each of these times: 5,000 links may change at once */
    JOURNAL_COMPLAINTS = 64,
};

struct journal {
    bool systemd;     /* standard error is the journal's: lines begin with "<PRIORITY>" */
    int room;         /* lines that may be written now */
    int64_t filled;   /* clock_now(): `room` was right */
    unsigned skipped; /* lines for which there was no room */
    uint64_t complaints[JOURNAL_COMPLAINTS];
    unsigned next_complaint;
};

void journal_open(struct journal *journal);

/* Writes a line. Characters that a terminal would take for something else become '?'. */
void journal_say(struct journal *journal, int priority, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same as a warning; but what was said before is said only once, until journal_forget(). */
void journal_complain(struct journal *journal, const char *text);
void journal_forget(struct journal *journal);

/* To be called now and then: says how many lines were left out. Returns when it wants to be called
 * at the latest (clock_now()). */
int64_t journal_run(struct journal *journal);
