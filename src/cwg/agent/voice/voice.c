#include "cwg/agent/voice/voice.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cwg/base/clock.h"

static void tell_alive(struct voice *voice, bool ended)
{
    struct failure failure = {.text = ""};
    json_t *packed =
        json_pack("{s:s,s:i,s:s,s:I,s:I,s:s,s:I,s:s,s:b}", "site", voice->house->site, "pid",
                  (int)getpid(), "version", VERSION, "started",
                  (json_int_t)voice->exposition.started, "seen", (json_int_t)time(NULL), "settings",
                  voice->settings, "settings_time", (json_int_t)voice->house->settings_time, "kept",
                  voice->house->kept ? voice->house->kept : "", "ended", ended);
    char *line = packed ? json_dumps(packed, JSON_COMPACT) : NULL;

    if (line)
        (void)store_write_lazily(&voice->house->store, "agent", line, &failure);
    free(line);
    json_decref(packed);
    voice->alive_due = clock_now() + VOICE_ALIVE_MS;
}

int voice_open(struct voice *voice, struct household *house, const char *file,
               struct failure *failure)
{
    const char *metrics = house->config.metrics;

    voice->house = house;
    if (!file)
        config_path(voice->settings);
    else if (file[0] == '/' && strlen(file) < sizeof(voice->settings))
        memcpy(voice->settings, file, strlen(file) + 1);
    voice->exposition = (struct exposition){.house = house, .started = (int64_t)time(NULL)};
    metrics_init(&voice->metrics);
    journal_open(&house->journal);
    reach_clear(&house->store);
    tell_alive(voice, false);
    return metrics[0] ? metrics_open(&voice->metrics, &house->loop, metrics, exposition_write,
                                     &voice->exposition, failure)
                      : 0;
}

void voice_hurry(struct voice *voice)
{
    voice->alive_due = 0;
}

static void tell_carrier(struct voice *voice, struct carrier *carrier)
{
    const struct reach *reach = &carrier->reach;
    const size_t length = strlen(carrier->site);
    const char *reason = reach->reason;

    if (!carrier_tell(carrier) || reach->state == REACH_CALLING)
        return;
    /* It begins with the site's name, and so does the line. */
    if (strncmp(reason, carrier->site, length) == 0 && strncmp(reason + length, ": ", 2) == 0)
        reason += length + 2;
    journal_say(&voice->house->journal, reach->state == REACH_UP ? JOURNAL_NOTICE : JOURNAL_WARNING,
                "site %s: %s%s%s", carrier->site, reach_text(reach->state), reason[0] ? ": " : "",
                reason);
}

int64_t voice_run(struct voice *voice, struct agent_end *const *ends, size_t count,
                  struct carrier *const *carriers, size_t carrier_count)
{
    struct exposition *exposition = &voice->exposition;
    int64_t next, due;

    exposition->ends = ends;
    exposition->count = count;
    exposition->carriers = carriers;
    exposition->carrier_count = carrier_count;
    exposition->turns++;
    for (size_t i = 0; i < carrier_count; i++)
        tell_carrier(voice, carriers[i]);
    if (clock_now() >= voice->alive_due)
        tell_alive(voice, false);
    next = metrics_run(&voice->metrics);
    due = journal_run(&voice->house->journal);
    next = due < next ? due : next;
    return next < voice->alive_due ? next : voice->alive_due;
}

void voice_close(struct voice *voice)
{
    if (!voice->house)
        return;
    metrics_close(&voice->metrics);
    tell_alive(voice, true);
}
