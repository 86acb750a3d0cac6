/* An end with a stand-in for the helper, and another site whose words are the test's: for the tests
 * of what the agent does with an end. */
#pragma once

#include "cwg/agent/end/end.h"

enum {
    SOON_MS = 10000,     /* for a machine that is busy */
    SERIAL = 1795747000, /* of the other site's first record */
};

/* The device's, and two of the other end. */
#define KEY   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="
#define OTHER "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAI="
#define THIRD "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAM="

extern struct household *house;
extern struct agent_end *end;
extern struct sitekey other; /* of the other site */
extern struct want want;     /* of the end, before make_end() */
extern char state[];         /* the state directory */
extern int carried;          /* how often a record was to be carried to another site */

void begin(void);
void finish(void);

/* The end's container. begin() starts one. The second one has a pulse: cwg_beating.h. */
void start_container(void);
void start_beating_container(void);
void stop_container(void);

void make_end(void);

/* Makes an end, and connects it; then the log is empty. */
void connect_it(void);

/* How often the helper was told something that contains a word, since its file `log` was emptied.
 */
int told_times(const char *word);

/* Turns the loop once, or goes on for a time in which what is wrong would happen. */
void turn(int64_t deadline);
void go_on(void);

/* Goes on until the end rests in a state. Returns whether it came to that. */
bool reaches(enum end_state wanted);

#define EXPECT_STATE(wanted)                                                                       \
    expect(reaches(wanted), "%s: %s", end_state_text(end->verdict.state), end->reason)

/* The other site tells. */
void tell(int64_t serial, bool up, const char *key, const struct sitekey *signer);

/* What this site tells. Returns whether it tells of a device. */
bool tells(struct news *ret_news);
