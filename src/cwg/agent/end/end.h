/* An end of a declared link, kept as it is wanted. */
#pragma once

#include "cwg/agent/end/decide.h"
#include "cwg/agent/house/household.h"
#include "cwg/agent/loop/pulse.h"
#include "cwg/record/news.h"
#include "cwg/store/want.h"

enum {
    END_PATH_SIZE = WANT_LINK_SIZE + 4, /* "LINK.HOST" */
    END_REASON_SIZE = 256,
    END_GRACE_MS = 5000,     /* an editor may remove a want for a moment, and write it anew */
    END_LOOK_MS = 30000,     /* between two looks at an end to which nothing happens */
    END_REFUSED_MS = 60000,  /* until what was refused is tried again */
    END_UNWRITTEN_MS = 3000, /* the same of what this machine's disk has no room for */
};

enum end_phase {
    PHASE_REST,
    PHASE_LOOKING, /* for the container */
    PHASE_SHOWING, /* the device */
    PHASE_DOING,   /* what was decided */
};

struct agent_end {
    struct household *house;
    struct due visit;
    struct want want;
    /* Of what is in the store of it. */
    struct store_stamp want_stamp, heard_stamp, told_stamp;
    struct store_stamp secret;       /* of the file of the peer's preshared key; 0: unknown */
    struct store_stamp asked_secret; /* of that in the last cwg_connect */
    char path[END_PATH_SIZE];        /* its name in the store */
    struct facts facts;
    struct news told, heard;
    bool told_lost; /* what was told can't be read in the store any more */
    int64_t floor;  /* of a record's serial: this end has gone by a record with it before */
    char probe_said[END_REASON_SIZE]; /* what the last probe, in vain, has said; or "" */
    char fault[END_REASON_SIZE];      /* why the other site's last record isn't believed; or "" */
    struct key signer;                /* of `heard`: the other site's key; zero: it isn't known */
    char *heard_line;                 /* in which it was; NULL for none */
    struct container container;       /* while facts.running */
    struct watch death;               /* its pidfd */
    struct lookup lookup;
    struct task task, probe;
    struct verdict verdict; /* the last one */
    enum end_phase phase;
    uint16_t port;       /* of the device */
    struct endpoint at;  /* of its peer, as far as is known; its port is 0 without one */
    bool has_secret;     /* its peer has a preshared key */
    bool again;          /* something has changed since the phase began */
    bool look;           /* what has changed may be the device: the helper has to show it */
    int64_t shown;       /* clock_now(): `facts` tell of the device as it was then; 0: they don't */
    int64_t look_due;    /* clock_now(): a peer that gives signs of life is looked at, too */
    int64_t session_end; /* clock_now(): the kernel's last keys are too old; 0: unknown */
    int64_t doubt_end;   /* clock_now(): it is idle, and may be called connected up to then; or 0 */
    int64_t ending_end;  /* clock_now(): the helper found no process, and its end may be told up to
                            then; or 0 */
    struct pulse pulse;
    int early;        /* looks since it was connected; each one waits twice as long as the last */
    struct key asked; /* the peer's key in the last cwg_connect */
    struct endpoint asked_at; /* and its endpoint, or none */
    bool probing;
    bool idles;          /* the last looks found it idle, and its peer answers probes */
    bool labelled;       /* a label of its container declares it, and nothing in the store */
    int unlabelled;      /* looks in a row that found no such label */
    int64_t missing;     /* clock_now(): its want was missed first; 0: it is there */
    bool forgotten;      /* its want is gone: to be freed when it rests */
    int tried;           /* endpoints of the other end that gave no answer, in this round */
    bool moving;         /* the next one is to be tried */
    int rounds;          /* without success: each one waits twice as long */
    int misses;          /* look-ups in a row that found no container */
    int64_t due;         /* clock_now(): to be looked at again */
    int64_t connect_due; /* clock_now(): no sooner */
    int64_t probed;      /* `shown` when the last probe began */
    int64_t probe_due, retry_due;
    bool unasked;  /* the helper couldn't do the last probe: the next one waits for `probe_due` */
    int64_t since; /* seconds since 1970: the state of `verdict` began */
    bool decided;  /* `verdict` is one */
    bool reported;
    enum end_state reported_state;
    char reported_reason[END_REASON_SIZE];
    int explained;                /* how many reasons the journal has for that state */
    int64_t report_due;           /* clock_now(): it couldn't be written; 0: it was */
    int64_t report_serial;        /* of the record that was written last; 0: none is known */
    struct key report_signer;     /* by which it was signed; zero: this agent hasn't told */
    char reason[END_REASON_SIZE]; /* why it isn't as it is wanted; "" if it is, or nothing is known
                                   */
};

/* Makes an end, which lies in the store under `path`. The caller frees it by end_free(). NULL if
 * there is no memory. */
struct agent_end *end_new(struct household *house, const char *path, const struct want *want);

/* Frees it. Only at rest, or after lookups and tasks are closed. */
void end_free(struct agent_end *end);

/* Something has changed: looks at all of it again, now or as soon as it rests. */
void end_wake(struct agent_end *end);

/* Something has changed that isn't the device: decides anew, and looks at the device only if the
 * last look was long ago. */
void end_consider(struct agent_end *end);

/* Its container may be there now: wakes, and doesn't wait until the next look-up is due. */
void end_seek(struct agent_end *end);

/* Tries at once what the helper has refused. */
void end_retry(struct agent_end *end);

/* Takes another want, and wakes. */
void end_want(struct agent_end *end, const struct want *want);

/* Returns whether the end is in another place than a new want says: another container, or another
 * net. */
bool end_is_elsewhere(const struct agent_end *end, const struct want *want);

/* Returns whether a forgotten end is gone, with the other site told: it is to be freed. */
bool end_is_over(const struct agent_end *end);

/* Its want is in the store, or isn't: when it has been missed for END_GRACE_MS, it is forgotten. */
void end_miss(struct agent_end *end, bool there);

/* Goes on, if it is time. To be called when `visit` is due, which is at once after each event of
 * the end's. Returns when it wants to be called at the latest (clock_now()). */
int64_t end_run(struct agent_end *end);

/* For device.c, probe.c and telling.c, which are an end's hands: */

/* Looks at the facts, and begins what is to be done next. */
void end_decide(struct agent_end *end);

/* Nothing is at work: goes on after so many milliseconds, or when it is woken. */
void end_rest(struct agent_end *end, int64_t milliseconds);

/* Forgets a container that has ended. */
void end_lose_container(struct agent_end *end);

void end_set_reason(struct agent_end *end, const char *text);

/* Between half and one and a half of a time: so that many ends, and many sites, don't act at the
 * same moment. */
int64_t end_about(int64_t milliseconds);

/* `first`, doubled so many times, and at most `max`. */
int64_t end_doubled(int64_t first, int times, int64_t max);
