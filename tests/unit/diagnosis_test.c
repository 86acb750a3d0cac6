#include "helper/view/diagnosis.h"

#include <errno.h>
#include <string.h>

#include "helper/base/failure.h"
#include "unit.h"

/* What was found, and the cause: a link is up and has a peer at a known endpoint, but for what is
 * said. */
static const struct {
    const char *what;
    enum link_state state;
    struct findings seen;
    bool no_endpoint;
    bool no_key;
    int64_t handshake; /* milliseconds ago; 0: never */
    enum cause cause;
} cases[] = {
    /* A device that can't work, whatever else was seen. */
    {"unfinished", STATE_UNFINISHED, {.heard = true}, .cause = CAUSE_UNFINISHED},
    {"down", STATE_DOWN, {.from_elsewhere = 1}, .cause = CAUSE_DOWN},
    {"engine lost", STATE_ENGINE_LOST, {.no_route = true}, .cause = CAUSE_ENGINE_LOST},
    {"port lost", STATE_PORT_LOST, {.no_route = true}, .cause = CAUSE_PORT_LOST},
    {"waiting", STATE_WAITING, {.no_route = true}, .cause = CAUSE_NOT_CONNECTED},
    {"no address", STATE_CONNECTED, {.no_address = true, .heard = true}, .cause = CAUSE_NO_ADDRESS},
    {"no key", STATE_CONNECTED, {.heard = true}, .no_key = true, .cause = CAUSE_NO_KEY},

    /* What came. */
    {"one dropped",
     STATE_CONNECTED,
     {.from_elsewhere = 1, .heard = true},
     .handshake = 1,
     .cause = CAUSE_FROM_ELSEWHERE},
    {"dropped before, and heard now",
     STATE_WRONG_ADDRESS,
     {.heard = true},
     .handshake = 1,
     .cause = CAUSE_FROM_ELSEWHERE},
    {"dropped before, and gone now",
     STATE_WRONG_ADDRESS,
     {.heard = false},
     .handshake = 1000,
     .cause = CAUSE_GONE},
    {"a filter here",
     STATE_CONNECTED,
     {.refused = true, .heard = true},
     .handshake = 1,
     .cause = CAUSE_REFUSED},
    {"heard",
     STATE_CONNECTED,
     {.heard = true, .initiated = true, .no_route = true},
     .handshake = 1,
     .cause = CAUSE_FILTERED},
    {"initiations alone",
     STATE_NO_HANDSHAKE,
     {.initiated = true, .no_route = true},
     .cause = CAUSE_ONE_WAY},

    /* What didn't. */
    {"no endpoint", STATE_NO_HANDSHAKE, {.no_route = true}, true, .cause = CAUSE_ENDPOINT},
    {"no route", STATE_NO_HANDSHAKE, {.no_route = true}, .cause = CAUSE_NO_ROUTE},
    {"no route any more",
     STATE_SILENT,
     {.no_route = true},
     .handshake = 1000,
     .cause = CAUSE_NO_ROUTE},
    {"a clock that was set back",
     STATE_IDLE,
     {.heard = false},
     .handshake = -1,
     .cause = CAUSE_CLOCK},
    {"that, and heard", STATE_IDLE, {.heard = true}, .handshake = -1, .cause = CAUSE_FILTERED},
    {"gone", STATE_IDLE, {.heard = false}, .handshake = 1000, .cause = CAUSE_GONE},
    {"never there", STATE_NO_HANDSHAKE, {.heard = false}, .cause = CAUSE_SILENT},
};

static struct findings findings_of(size_t i)
{
    struct findings findings = cases[i].seen;

    findings.lost = (struct failure){.text = "its engine is lost", .code = FAILURE_SYSTEM};
    findings.view = (struct link_view){
        .link = {.device = {.name = "wg-8388607-1",
                            .end = {8388607, 1},
                            .kind = KIND_KERNEL,
                            .finished = true},
                 .up = true,
                 .carrier = true,
                 .counters.dropped_packets = UINT64_MAX},
        .answered = true,
        .state = cases[i].state,
        .status = {.has_key = !cases[i].no_key,
                   .peers = 1,
                   .port = 65535,
                   .endpoint = {.ipv6 = true, .port = cases[i].no_endpoint ? 0 : 65535},
                   .has_handshake = cases[i].handshake,
                   .handshake_age_ms = cases[i].handshake,
                   .handshake = INT64_MAX},
    };
    memset(findings.view.status.endpoint.address6, 0xff, 16);
    return findings;
}

TEST(causes)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct findings findings = findings_of(i);
        enum cause cause = diagnosis_cause(&findings);

        expect(cause == cases[i].cause, "%s: cause %d", cases[i].what, (int)cause);
    }
}

/* Each line is one that people can read, and the whole has room, with a line more that the task may
 * add. */
static void check_lines(const char *what, const struct failure *failure)
{
    char copy[sizeof(failure->text)];
    char *rest = copy;
    unsigned int lines = 0;

    memcpy(copy, failure->text, sizeof(copy));
    expect(strlen(copy) < sizeof(copy) - 120, "%s: %zu characters", what, strlen(copy));
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"), lines++) {
        expect(unit_is_printable(line), "%s: line %u: %s", what, lines, line);
        expect(strlen(line) <= 120 && strlen(line) > 5, "%s: line %u: %s", what, lines, line);
        expect(lines == 0 || strncmp(line, "the ", 4) != 0, "%s: line %u: %s", what, lines, line);
    }
    expect(lines >= 2 && lines <= 5, "%s: %u lines", what, lines);
}

/* What programs are told of each cause, and the start of what people are. */
static const struct {
    enum failure_code code;
    const char *start;
} told[CAUSES] = {
    [CAUSE_UNFINISHED] = {FAILURE_UNFINISHED, "the link wg-8388607-1 was never finished"},
    [CAUSE_DOWN] = {FAILURE_DOWN, "somebody in the container has set the link wg-8388607-1 down"},
    [CAUSE_NO_ADDRESS] = {FAILURE_DOWN, "somebody in the container has taken away the address of"},
    [CAUSE_NO_KEY] = {FAILURE_REMOVED, "somebody in the container has taken away the private key"},
    [CAUSE_ENGINE_LOST] = {FAILURE_ENGINE_LOST, "the link wg-8388607-1: its engine is lost"},
    [CAUSE_PORT_LOST] = {FAILURE_PORT_LOST, "the link wg-8388607-1 has lost its UDP port"},
    [CAUSE_NOT_CONNECTED] = {FAILURE_NOT_CONNECTED, "the link wg-8388607-1 has no peer yet"},
    [CAUSE_FROM_ELSEWHERE] = {FAILURE_WRONG_ADDRESS, "packets come from another address"},
    [CAUSE_REFUSED] = {FAILURE_FILTERED, "a filter in this container lets no packet out"},
    [CAUSE_FILTERED] = {FAILURE_FILTERED, "the peer is alive, but nothing comes back from its"},
    [CAUSE_ONE_WAY] = {FAILURE_SILENT, "the peer's handshakes arrive here, and aren't completed"},
    [CAUSE_ENDPOINT] = {FAILURE_SILENT, "the peer's endpoint isn't known"},
    [CAUSE_NO_ROUTE] = {FAILURE_NO_ROUTE, "this machine has no route to ["},
    [CAUSE_CLOCK] = {FAILURE_SILENT, "this machine's clock was set back"},
    [CAUSE_GONE] = {FAILURE_SILENT, "no answer any more from ["},
    [CAUSE_SILENT] = {FAILURE_SILENT, "no answer from ["},
};

/* All causes are among the cases. */
TEST(texts)
{
    bool seen[CAUSES] = {false};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct findings findings = findings_of(i);
        struct failure failure = {.text = "before"};

        seen[cases[i].cause] = true;
        expect(diagnosis_fail(&findings, cases[i].cause, &failure) == -ETIMEDOUT, "%s",
               cases[i].what);
        expect(failure.code == told[cases[i].cause].code, "%s: code %d", cases[i].what,
               (int)failure.code);
        expect(strncmp(failure.text, told[cases[i].cause].start,
                       strlen(told[cases[i].cause].start)) == 0,
               "%s: %s", cases[i].what, failure.text);
        if (cases[i].cause != CAUSE_ENGINE_LOST)
            check_lines(cases[i].what, &failure);
    }
    for (int cause = 0; cause < CAUSES; cause++)
        expect(seen[cause], "cause %d", cause);
}

TEST(the_engines_reason)
{
    struct failure lost = {.text = "its engine can't be found", .code = FAILURE_ENGINE_BUSY};
    struct failure failure = {.text = ""};
    struct findings findings = findings_of(2);

    findings.lost = lost;
    (void)diagnosis_fail(&findings, CAUSE_ENGINE_LOST, &failure);
    expect(strcmp(failure.text, "the link wg-8388607-1: its engine can't be found") == 0, "%s",
           failure.text);
    expect(failure.code == FAILURE_ENGINE_BUSY, "code %d", (int)failure.code);
}
