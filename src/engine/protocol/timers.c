#include "engine/protocol/timers.h"

#include "engine/protocol/session.h"

/* The paper, section 6.1; the ages of sessions are in session.h. Its ninety seconds of attempts are
 * eighteen of five seconds. */
#define REKEY_TIMEOUT     (5 * SECONDS)
#define KEEPALIVE_TIMEOUT (10 * SECONDS)

enum {
    ATTEMPTS_MAX = 90 / 5,
};

void timers_init(struct timers *timers)
{
    *timers = (struct timers){0};
}

int64_t timers_next(const struct timers *timers)
{
    int64_t next = INT64_MAX;

    for (int i = 0; i < TIMER_COUNT; i++) {
        if (timers->at[i] && timers->at[i] < next)
            next = timers->at[i];
    }
    return next;
}

static enum timer_action retry(struct timers *timers, int64_t now)
{
    if (timers->attempts++ < ATTEMPTS_MAX)
        return ACTION_RETRY;
    timers->at[TIMER_KEEPALIVE] = 0;
    if (!timers->at[TIMER_ZERO])
        timers->at[TIMER_ZERO] = now + 3 * REJECT_AFTER_TIME;
    return ACTION_GIVE_UP;
}

static enum timer_action expire(struct timers *timers, enum timer timer, int64_t now)
{
    timers->at[timer] = 0;
    switch (timer) {
    case TIMER_RETRY:
        return retry(timers, now);
    case TIMER_KEEPALIVE:
        /* A keepalive that is sent clears the timer (timers_authentic_sent()). A keepalive that
         * can't be sent, for want of a session, is tried again if the peer has sent more since, as
         * wg_expired_send_keepalive() does. */
        if (timers->another_keepalive)
            timers->at[TIMER_KEEPALIVE] = now + KEEPALIVE_TIMEOUT;
        timers->another_keepalive = false;
        return ACTION_KEEPALIVE;
    case TIMER_SILENCE:
        return ACTION_INITIATE;
    case TIMER_ZERO:
        return ACTION_ZERO_KEYS;
    case TIMER_PERSISTENT:
        /* There is a next time even if this keepalive can't be sent, for want of a session. */
        timers->at[TIMER_PERSISTENT] = now + timers->persistent * SECONDS;
        return ACTION_KEEPALIVE;
    case TIMER_COUNT:
        break;
    }
    return ACTION_NONE;
}

enum timer_action timers_due(struct timers *timers, int64_t now)
{
    for (enum timer timer = 0; timer < TIMER_COUNT; timer++) {
        if (timers->at[timer] && timers->at[timer] <= now)
            return expire(timers, timer, now);
    }
    return ACTION_NONE;
}

bool timers_may_initiate(struct timers *timers, bool retry, int64_t now)
{
    if (!retry)
        timers->attempts = 0;
    return !timers->last_initiation || now - timers->last_initiation >= REKEY_TIMEOUT;
}

/* Notes the first packet since the peer was last heard that has to be answered: data is, by a
 * keepalive if by nothing else, and so is an initiation. */
static void asked(struct timers *timers, int64_t now)
{
    if (!timers->asked)
        timers->asked = now;
}

void timers_data_sent(struct timers *timers, int64_t now, int64_t jitter)
{
    asked(timers, now);
    if (!timers->at[TIMER_SILENCE])
        timers->at[TIMER_SILENCE] = now + KEEPALIVE_TIMEOUT + REKEY_TIMEOUT + jitter;
}

void timers_data_received(struct timers *timers, int64_t now)
{
    if (timers->at[TIMER_KEEPALIVE])
        timers->another_keepalive = true;
    else
        timers->at[TIMER_KEEPALIVE] = now + KEEPALIVE_TIMEOUT;
}

/* Only what is sent puts off the persistent keepalive. The kernel's driver lets packets of the peer
 * put it off, too: then one of two idle ends sends all keepalives, and hears nothing itself. */
void timers_authentic_sent(struct timers *timers, int64_t now)
{
    timers->at[TIMER_KEEPALIVE] = 0;
    if (timers->persistent)
        timers->at[TIMER_PERSISTENT] = now + timers->persistent * SECONDS;
}

void timers_authentic_received(struct timers *timers, int64_t now)
{
    timers_initiation_received(timers);
    timers->heard = now;
    timers->asked = 0;
}

void timers_initiation_received(struct timers *timers)
{
    timers->at[TIMER_SILENCE] = 0;
}

void timers_initiation_sent(struct timers *timers, int64_t now, int64_t jitter)
{
    timers->last_initiation = now;
    asked(timers, now);
    timers_authentic_sent(timers, now);
    timers->at[TIMER_RETRY] = now + REKEY_TIMEOUT + jitter;
}

/* Puts off a retry that is due within five seconds of the response: it would not be let through,
 * and no further retry would follow. So two ends that have lost both their handshakes try again. */
void timers_response_sent(struct timers *timers, int64_t now)
{
    if (timers->at[TIMER_RETRY])
        timers->at[TIMER_RETRY] += now - timers->last_initiation;
    timers->last_initiation = now;
    timers_authentic_sent(timers, now);
}

void timers_session_derived(struct timers *timers, int64_t now)
{
    timers->at[TIMER_ZERO] = now + 3 * REJECT_AFTER_TIME;
}

void timers_handshake_complete(struct timers *timers)
{
    timers->at[TIMER_RETRY] = 0;
    timers->attempts = 0;
    timers->last_minute = false;
}

void timers_set_persistent(struct timers *timers, uint16_t seconds, int64_t now)
{
    timers->persistent = seconds;
    timers->at[TIMER_PERSISTENT] = seconds ? now : 0;
}
