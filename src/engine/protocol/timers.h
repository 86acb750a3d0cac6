/* Timers (the paper, section 6; drivers/net/wireguard/timers.c). The caller tells what has
 * happened, and is told what to do and when to ask again. Pure. Times are in nanoseconds of
 * CLOCK_BOOTTIME. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum timer {
    TIMER_RETRY,      /* a handshake has had no answer */
    TIMER_KEEPALIVE,  /* data was received, and nothing sent since */
    TIMER_SILENCE,    /* data was sent, and nothing received since */
    TIMER_ZERO,       /* keys are so old that they are to be forgotten */
    TIMER_PERSISTENT, /* the interval that the user set */
    TIMER_COUNT,
};

/* The caller's next action. */
enum timer_action {
    ACTION_NONE,
    ACTION_INITIATE, /* begin a handshake */
    ACTION_RETRY,    /* begin another handshake in the place of one without answer */
    ACTION_GIVE_UP,  /* begin no more handshakes, and drop what waits for a session */
    ACTION_KEEPALIVE,
    ACTION_ZERO_KEYS,
};

struct timers {
    int64_t at[TIMER_COUNT]; /* 0: not set */
    unsigned int attempts;   /* to get an answer to a handshake */
    bool last_minute;        /* a receiver whose session is about to end has begun a handshake */
    bool another_keepalive;  /* more data came while a keepalive was pending */
    int64_t last_initiation; /* or response; 0: none yet */
    uint16_t persistent;     /* seconds; 0: off */
    int64_t heard;           /* when the peer last showed that it is there; 0: never */
    int64_t asked;           /* when data or an initiation was first sent since then; 0: never */
};

/* Forgets all events, too: the peer is another. */
void timers_init(struct timers *timers);

/* Returns the earliest time at which timers_due() finds an action; INT64_MAX: never. */
int64_t timers_next(const struct timers *timers);

/* Returns one action that is due, and clears its timer. To be called until it returns ACTION_NONE.
 */
enum timer_action timers_due(struct timers *timers, int64_t now);

/* Returns whether a handshake may be begun now: not within five seconds of the last. A handshake
 * that is no retry has all attempts before it again. */
bool timers_may_initiate(struct timers *timers, bool retry, int64_t now);

/* Tell what has happened. `jitter` is a random number of nanoseconds, up to a third of a second. */
void timers_data_sent(struct timers *timers, int64_t now, int64_t jitter);
void timers_data_received(struct timers *timers, int64_t now);
void timers_authentic_sent(struct timers *timers, int64_t now);
/* Of every authentic message but an initiation. */
void timers_authentic_received(struct timers *timers, int64_t now);
/* An authentic initiation ends the wait for an answer, because a session may come of it. It doesn't
 * show that the peer is there: somebody on the way may have held it back, and the peer may receive
 * nothing. */
void timers_initiation_received(struct timers *timers);
void timers_initiation_sent(struct timers *timers, int64_t now, int64_t jitter);
void timers_response_sent(struct timers *timers, int64_t now);
void timers_session_derived(struct timers *timers, int64_t now);
void timers_handshake_complete(struct timers *timers);
/* 0 switches it off. */
void timers_set_persistent(struct timers *timers, uint16_t seconds, int64_t now);
