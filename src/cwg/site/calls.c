#include "cwg/site/calls.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg/container/container.h"
#include "cwg/machine/protocol.h"

enum {
    WRITE_MS = 10000,
    TURN_MS = 1000,     /* after which a signal is noticed that came before poll(2) */
    BANNER_LINES = 200, /* that a login may print before the greeting */
    KEEP_MS = PROTOCOL_SILENCE_MS / 3,
};

json_t *request_look(const struct end *end)
{
    json_t *request = json_pack("{s:s,s:s}", "do", "look", "name", end->name);

    if (end->engine[0])
        (void)json_object_set_new(request, "engine", json_string(end->engine));
    return request;
}

json_t *request_destroy(int container, uint32_t net, int host)
{
    return json_pack("{s:s,s:i,s:i,s:i}", "do", "destroy", "container", container, "net", (int)net,
                     "host", host);
}

json_t *request_kept(uint32_t net, int host)
{
    return json_pack("{s:s,s:i,s:i}", "do", "who", "net", (int)net, "host", host);
}

json_t *request_forget(uint32_t net, int host, bool release)
{
    return json_pack("{s:s,s:i,s:i,s:b}", "do", "forget", "net", (int)net, "host", host, "release",
                     release);
}

json_t *request_plain(const char *name)
{
    return json_pack("{s:s}", "do", name);
}

static void fail_refused(struct call *call, const char *code, const char *text)
{
    fail(&call->failure, code, "%s: %s", site_name(call->site), text);
    container_add_remedy(call->site->host, &call->failure);
}

/* Takes an answer: an object with "error", or without. */
static int take_answer(struct call *call, const char *line)
{
    json_t *answer = json_read_line(line);
    const json_t *error = json_object_get(answer, "error");
    const char *code = json_text(error, "code", FAILURE_CODE_SIZE - 1);
    const char *text = json_text(error, "text", FAILURE_TEXT_SIZE - 1);

    if (answer && !error) {
        call->answer = answer;
        return 0;
    }
    call->refused = code && text;
    if (call->refused)
        fail_refused(call, code, text);
    else
        (void)site_fail(call->site, "answered something unknown", &call->failure);
    json_decref(answer);
    return -1;
}

static struct call *first_open(struct call *calls, size_t count, const struct site *site)
{
    for (size_t i = 0; i < count; i++) {
        if (calls[i].site == site && !calls[i].answer && !calls[i].failed)
            return &calls[i];
    }
    return NULL;
}

/* All open calls to a site fail as the first does. */
static void fail_site(struct call *calls, size_t count, struct site *site,
                      const struct failure *failure)
{
    struct call *call;

    while ((call = first_open(calls, count, site))) {
        call->failure = *failure;
        call->failed = true;
    }
}

/* A sign of life, which is no answer. */
static bool is_busy(const char *line)
{
    json_t *object = json_read_line(line);
    const bool is = json_is_true(json_object_get(object, PROTOCOL_BUSY_MEMBER));

    json_decref(object);
    return is;
}

/* Takes a line of a site: the greeting, behind a banner, or the answer to its first open call. */
static void take_line(struct call *calls, size_t count, struct site *site, const char *line)
{
    struct call *call = first_open(calls, count, site);
    /* What a login prints, such as a terminal's title, may have no newline. */
    const char *greeting = site->greeted ? NULL : strstr(line, "{\"" PROTOCOL_MEMBER "\":");
    struct failure failure = {.text = ""};

    if (!site->greeted && !greeting) {
        if (++site->banner_lines > BANNER_LINES) {
            site_fail(site, "doesn't greet", &failure);
            fail_site(calls, count, site, &failure);
        }
    } else if (!site->greeted) {
        if (site_greet(site, greeting, &failure))
            fail_site(calls, count, site, &failure);
    } else if (is_busy(line)) {
        return;
    } else if (site->owed > 0) {
        site->owed--;
    } else if (call) {
        call->failed = take_answer(call, line) != 0;
    }
}

/* Takes the lines that a site has sent. `found` is what the last read of it found. */
static void take_lines(struct call *calls, size_t count, struct site *site, enum lines_found found)
{
    struct failure failure = {.text = ""};
    char *line;

    while (found != LINES_END && found != LINES_TOO_LONG && first_open(calls, count, site) &&
           (found = lines_take(&site->lines, &line)) == LINES_LINE)
        take_line(calls, count, site, line);
    if (found == LINES_TOO_LONG)
        site_fail(site, "sends too long a line", &failure);
    else if (found == LINES_END)
        site_fail_ended(site, &failure);
    else
        return;
    fail_site(calls, count, site, &failure);
}

static void send_request(struct call *call)
{
    struct site *site = call->site;
    char *text = json_dumps(call->request, JSON_COMPACT);
    const size_t length = text ? strlen(text) : 0;

    json_decref(call->request);
    call->request = NULL;
    call->answer = NULL;
    call->failed = true;
    if (site->lost.text[0]) {
        call->failure = site->lost;
    } else if (!text) {
        fail_errno(&call->failure, ENOMEM, "can't send a request");
    } else {
        text[length] = '\n'; /* in the place of the NUL */
        /* A reader that has gone is noticed where its answer is missing: then ssh says why. */
        (void)lines_write(site->process.in, text, length + 1, clock_now() + WRITE_MS);
        site->asked = clock_now();
        call->failed = false;
    }
    if (text)
        explicit_bzero(text, length);
    free(text);
}

/* Notes that a site was silent for so many milliseconds. If it was for too long all its open calls
 * fail. */
static void take_silence(struct call *calls, size_t count, struct site *site, int milliseconds)
{
    struct failure failure = {.text = ""};

    if (site_hear_nothing(site, milliseconds, &failure))
        fail_site(calls, count, site, &failure);
}

/* Polls the sites of all open calls. Returns false if there are none. */
static bool wait_for_sites(struct call *calls, size_t count, int64_t deadline)
{
    struct pollfd waited[2 * CALLS_MAX];
    struct site *sites[CALLS_MAX];
    const int64_t begun = clock_now();
    nfds_t open = 0;
    int waited_ms, timeout;
    bool heard;

    for (size_t i = 0; i < count; i++) {
        struct site *site = calls[i].site;

        if (first_open(calls, count, site) != &calls[i])
            continue;
        sites[open] = site;
        waited[2 * open] = (struct pollfd){.fd = site->process.out, .events = POLLIN};
        waited[2 * open + 1] = (struct pollfd){.fd = site->process.err, .events = POLLIN};
        open++;
    }
    if (open == 0)
        return false;
    timeout = clock_until(deadline);
    heard = poll(waited, 2 * open, timeout < TURN_MS ? timeout : TURN_MS) > 0;
    /* While this process is stopped nobody is silent. */
    waited_ms = (int)(clock_now() - begun < TURN_MS ? clock_now() - begun : TURN_MS);
    for (nfds_t i = 0; i < open; i++) {
        if (heard && waited[2 * i + 1].revents)
            site_listen(sites[i]);
        if (heard && waited[2 * i].revents) {
            sites[i]->silent_ms = 0;
            take_lines(calls, count, sites[i], lines_fill(&sites[i]->lines));
        } else {
            take_silence(calls, count, sites[i], waited_ms);
        }
    }
    return true;
}

/* A site that has answered already would take the silence for the client's end, while another one
 * takes long, as where a person types a password. So it is asked for the time; nobody waits for the
 * answer. */
static void keep_sites(struct call *calls, size_t count)
{
    static const char request[] = "{\"do\":\"clock\"}\n";

    for (size_t i = 0; i < count; i++) {
        struct site *site = calls[i].site;

        if (!site->greeted || site->lost.text[0] || first_open(calls, count, site) ||
            clock_now() - site->asked < KEEP_MS)
            continue;
        site->asked = clock_now();
        site->owed++;
        (void)lines_write(site->process.in, request, sizeof(request) - 1, clock_now() + WRITE_MS);
    }
}

int calls_fail(const struct call *calls, size_t count, struct failure *failure)
{
    for (size_t i = 0; i < count; i++) {
        if (calls[i].failed) {
            *failure = calls[i].failure;
            break;
        }
    }
    return -1;
}

int calls_run(struct call *calls, size_t count, int milliseconds)
{
    const int64_t deadline = clock_now() + milliseconds;
    int error = 0;

    for (size_t i = 0; i < count; i++)
        send_request(&calls[i]);
    for (size_t i = 0; i < count; i++) /* that came too early, with the last ones */
        take_lines(calls, count, calls[i].site, LINES_MORE);
    while (!site_interrupted && clock_now() < deadline) {
        if (!wait_for_sites(calls, count, deadline))
            break;
        keep_sites(calls, count);
    }
    for (size_t i = 0; i < count; i++) {
        if (!calls[i].answer && !calls[i].failed) {
            calls[i].failed = true;
            calls[i].site->owed++;
            if (site_interrupted)
                fail(&calls[i].failure, "interrupted", "interrupted");
            else
                fail(&calls[i].failure, "unreachable", "%s: no answer within %d seconds",
                     site_name(calls[i].site), milliseconds / 1000);
        }
        if (calls[i].failed)
            error = -1;
    }
    return error;
}

void calls_free(struct call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_decref(calls[i].answer);
        calls[i].answer = NULL;
    }
}
