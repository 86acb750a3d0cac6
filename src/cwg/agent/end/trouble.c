#include "cwg/agent/end/trouble.h"

#include <stdio.h>
#include <string.h>

void trouble_note(struct agent_end *end, const char *text)
{
    size_t length = 0;

    end->probe_said[0] = '\0';
    for (const char *clause = text; *clause;) {
        const char *next = strstr(clause, "; ");
        const size_t size = next ? (size_t)(next - clause) : strlen(clause);
        const char *call = strstr(clause, "cwg_");
        const bool foreign = length > 0 && call && call < clause + size;

        if (!foreign && length + size + 2 < sizeof(end->probe_said))
            length += (size_t)snprintf(end->probe_said + length, sizeof(end->probe_said) - length,
                                       "%s%.*s", length ? "; " : "", (int)size, clause);
        clause += size + (next ? 2 : 0);
    }
}

/* Two sites behind a NAT each: no packet of either ever comes to the other one. */
static bool nobody_is_reached(const struct agent_end *end)
{
    return end->verdict.state == END_CONNECTING && end->told.up && end->heard.up &&
           end->told.endpoints == 0 && end->heard.endpoints == 0;
}

void trouble_find(struct agent_end *end)
{
    const enum end_state state = end->verdict.state;
    const bool silent = state == END_CONNECTING || state == END_STALE;
    char text[END_REASON_SIZE];

    if (!silent) {
        if (!end->facts.in_doubt)
            end->probe_said[0] = '\0';
        if (state == END_UNHEARD && !end->fault[0]) {
            (void)snprintf(text, sizeof(text),
                           "site %s has told nothing of it yet: is the link declared there, by "
                           "this name?",
                           end->want.site);
            end_set_reason(end, text);
        } else if (state == END_UNHEARD || state == END_PEER_DOWN) {
            end_set_reason(end, end->fault);
        }
        return;
    }
    if (nobody_is_reached(end)) {
        end_set_reason(end, "neither site tells an address at which the other one reaches it: one "
                            "of them needs an `endpoint` in cwg.conf");
    } else if (end->fault[0]) {
        end_set_reason(end, end->fault);
    } else if (end->probe_said[0] && end->heard.up &&
               !key_equal(&end->heard.peer, &end->facts.key)) {
        (void)snprintf(text, sizeof(text),
                       "site %s hasn't connected its end to this one: does its agent run, and hear "
                       "of this site? `cwg status` there says so",
                       end->want.site);
        end_set_reason(end, text);
    } else {
        end_set_reason(end, end->probe_said);
    }
}
