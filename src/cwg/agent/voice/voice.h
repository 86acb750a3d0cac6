/* All that an agent tells people and programs of this machine: the journal, the store's files for
 * `cwg status`, and metrics. */
#pragma once

#include "cwg/agent/loop/metrics.h"
#include "cwg/agent/voice/exposition.h"

enum {
    VOICE_ALIVE_MS = 60000, /* between two writings of the store's `agent` */
};

/* Of the agent itself the store has one line in the file `agent`:
 *
 *   {"site":"site1","pid":4711,"version":"0.1.0","started":1795729867,"seen":1795730107,
 *    "settings":"/etc/cwg/cwg.conf","settings_time":1795729855123456789,"kept":"","ended":false}
 *
 * `seen` is when the agent wrote it: each VOICE_ALIVE_MS, after a reload, and at its end.
 * `settings_time` is config_stamp() of the file that the agent read last; `kept` the household's.
 */
struct voice {
    struct household *house;
    char settings[CONFIG_PATH_SIZE]; /* "": the file's path isn't an absolute one */
    struct exposition exposition;
    struct metrics metrics;
    int64_t alive_due; /* clock_now() */
};

/* Begins, with metrics if the settings say where. `file` is theirs; NULL: where config_path() says.
 * Returns 0, or -1. */
int voice_open(struct voice *voice, struct household *house, const char *file,
               struct failure *failure);

/* Has the agent's line be written in the next turn. */
void voice_hurry(struct voice *voice);

/* Goes on. To be called in each turn of the loop, right before it waits: the arrays have to stay
 * until then. Returns when it wants to be called at the latest (clock_now()). */
int64_t voice_run(struct voice *voice, struct agent_end *const *ends, size_t count,
                  struct carrier *const *carriers, size_t carrier_count);

/* Says that the agent has ended. Without voice_open() before, in zeroed memory, nothing. */
void voice_close(struct voice *voice);
