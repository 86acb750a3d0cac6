/* When what is due (the paper, section 6; drivers/net/wireguard/timers.c). Pure: it is told what
 * happened, and says what is to be done and when it wants to be asked again. Times are in
 * nanoseconds of CLOCK_BOOTTIME. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum timer {
    TIMER_RETRY,      /* the handshake has had no answer */
    TIMER_KEEPALIVE,  /* we have received, but said nothing since */
    TIMER_SILENCE,    /* we have sent, but heard nothing since */
    TIMER_ZERO,       /* keys are so old that they are forgotten */
    TIMER_PERSISTENT, /* the interval that the user set */
    TIMER_COUNT,
};

/* What timers_due() finds to be done. */
enum timer_action {
    ACTION_NONE,
    ACTION_INITIATE, /* begin a handshake */
    ACTION_RETRY,    /* begin another in the place of one without answer */
    ACTION_GIVE_UP,  /* no more of that: what waits for a session is to be dropped */
    ACTION_KEEPALIVE,
    ACTION_ZERO_KEYS,
};

struct timers {
    int64_t at[TIMER_COUNT]; /* 0: not set */
    unsigned int attempts;   /* to get an answer to a handshake */
    bool last_minute;        /* the handshake of a receiver whose session ends was begun */
    bool another_keepalive;  /* more data came while a keepalive was pending */
    int64_t last_initiation; /* or response; 0: none yet */
    uint16_t persistent;     /* seconds; 0: off */
    int64_t heard;           /* when the peer last showed that it is there; 0: never */
    int64_t asked;           /* the first data or initiation that was sent since; 0: none was */
};

void timers_init(struct timers *timers);

/* The earliest time at which timers_due() has something to say; INT64_MAX: never. */
int64_t timers_next(const struct timers *timers);

/* One thing that is due, and no more as of then; to be called until it says ACTION_NONE. */
enum timer_action timers_due(struct timers *timers, int64_t now);

/* Whether a handshake may be begun now: not within five seconds of the last. A new one, as against
 * a retry, has all attempts before it. */
bool timers_may_initiate(struct timers *timers, bool retry, int64_t now);

/* What happened. `jitter` is a random number of nanoseconds, up to a third of a second. */
void timers_data_sent(struct timers *timers, int64_t now, int64_t jitter);
void timers_data_received(struct timers *timers, int64_t now);
void timers_authentic_sent(struct timers *timers, int64_t now);
/* All but an initiation. */
void timers_authentic_received(struct timers *timers, int64_t now);
/* That is authentic, and ends the wait for an answer, since a session may come of it. But the peer
 * isn't heard by it: whoever is on the way may have held it back, and what we send may get lost. */
void timers_initiation_received(struct timers *timers, int64_t now);
void timers_initiation_sent(struct timers *timers, int64_t now, int64_t jitter);
void timers_response_sent(struct timers *timers, int64_t now);
void timers_session_derived(struct timers *timers, int64_t now);
void timers_handshake_complete(struct timers *timers);
/* 0 switches it off. */
void timers_set_persistent(struct timers *timers, uint16_t seconds, int64_t now);
/* There is no peer any more. */
void timers_stop(struct timers *timers);
