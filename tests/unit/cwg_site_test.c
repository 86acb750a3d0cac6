/* A session with a machine that says what it likes: a script in the place of ssh. */
#include "cwg/site/calls.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg_programs.h"
#include "unit.h"

enum {
    LONG = 10000, /* milliseconds; nothing here takes so long */
    SHORT = 300,
};

#define GREET  "echo '{\"cwg\":1}';"
#define ANSWER "read greeting; read request; echo '{\"n\":1}';"
#define STAY   "cat >/dev/null"
#define BUSY   "echo '{\"busy\": true}';"

static struct site *site;
static struct failure failure;

static void begin(const char *script)
{
    char text[2048]; /* it knows nothing of ssh's configuration */

    (void)signal(SIGPIPE, SIG_IGN);
    programs_begin();
    (void)snprintf(text, sizeof(text), "[ \"$1\" != -G ] || exit 1; %s", script);
    programs_write("far", text);
    (void)setenv("CWG_SSH", "far", 1);
    site = calloc(1, sizeof(*site));
    if (!site)
        unit_trouble("calloc");
    expect(site_open(site, "host", &failure) == 0, "%s", failure.text);
}

static int end(void)
{
    int error = site_close(site);

    free(site);
    programs_end();
    return error;
}

static struct call one_call(int milliseconds)
{
    struct call call = {.site = site, .request = json_pack("{s:s}", "do", "clock")};

    (void)calls_run(&call, 1, milliseconds);
    return call;
}

static int64_t number_of(const struct call *call)
{
    int64_t number = -1;

    (void)json_whole(call->answer, "n", 0, 100, &number);
    return number;
}

TEST(what_a_machine_may_say)
{
    static const struct {
        const char *script;
        const char *code; /* NULL: it is an answer */
        const char *text;
    } cases[] = {
        {GREET ANSWER STAY, NULL, NULL},
        {GREET BUSY ANSWER BUSY STAY, NULL, NULL},
        {GREET "read greeting; read request;" BUSY BUSY "echo '{\"n\":1}';" STAY, NULL, NULL},
        {"yes banner | head -n 200;" GREET ANSWER STAY, NULL, NULL},
        {"printf 'banner\033[2J';" GREET ANSWER STAY, NULL, NULL},
        {"yes banner | head -n 201;" GREET ANSWER STAY, "protocol", "doesn't greet"},
        {"yes", "protocol", "doesn't greet"},
        {"head -c 1000000000 /dev/zero", "protocol", "too long a line"},
        {"yes | tr -d '\\n'", "protocol", "too long a line"},
        {GREET "yes | tr -d '\\n'", "protocol", "too long a line"},
        {GREET "printf '{\\0}\\n';" STAY, "protocol", "too long a line"},
        {GREET "yes", "protocol", "something unknown"},
        {"echo '{\"cwg\":2}';" STAY, "version", "version 2"},
        {"echo '{\"cwg\":99999999999}';" STAY, "protocol", "greeting"},
        {"echo '{\"cwg\":\"1\"}';" STAY, "protocol", "greeting"},
        {"echo '{\"cwg\":1';" STAY, "protocol", "greeting"},
        {"echo '{\"cwg\":1,\"cwg\":1}';" STAY, "protocol", "greeting"},
        {GREET "echo '[]';" STAY, "protocol", "something unknown"},
        {GREET "echo;" STAY, "protocol", "something unknown"},
        {GREET "echo '{\"error\":7}';" STAY, "protocol", "something unknown"},
        {GREET "echo '{\"error\":null}';" STAY, "protocol", "something unknown"},
        {GREET "echo '{\"error\":{\"code\":\"x\"}}';" STAY, "protocol", "something unknown"},
        {GREET "echo '{\"error\":{\"code\":\"x\",\"text\":[]}}';" STAY, "protocol", "something"},
        {GREET
         "printf '%s\\n' '{\"error\":{\"code\":\"x\\u001b\",\"text\":\"\\u001b[2J\\n\"}}';" STAY,
         "x?", "?[2J?"},
        {GREET "echo '{\"error\":{\"code\":\"x\",\"text\":\"\\u009b2J\\u202e\"}}';" STAY, "x",
         "??2J???"},
        {GREET "yes [ | head -n 30000 | tr -d '\\n'; echo;" STAY, "protocol", "unknown"},
        {GREET "printf '{\"a\":'; yes '{\"a\":' | head -n 8000 | tr -d '\\n'; echo;" STAY,
         "protocol", "unknown"},
        {"for c in '{' '\"' c w g '\"' : 1 '}'; do printf \"$c\"; sleep 0.01; done; echo;" ANSWER
             STAY,
         NULL, NULL},
        {"yes >&2 &" GREET "sleep 0.3;" ANSWER STAY, NULL, NULL},
        {"echo 'ssh: no \033[2Jroute' >&2; exit 255", "unreachable", "host: ssh: no ?[2Jroute"},
        {"yes | head -c 100000 >&2; echo last >&2; exit 255", "unreachable", "ssh: last"},
        {"exit 255", "unreachable", "the connection was lost"},
        {"exit 127", "no-cwg", "isn't installed there"},
        {"echo 'cwg: no libjansson' >&2; exit 127", "no-cwg", "host cwg`: cwg: no libjansson"},
        {"exit 0", "unreachable", "status 0"},
        {"kill -KILL $$", "unreachable", "status 137"},
        {GREET "exit 127", "unreachable", "status 127"},
        {GREET "printf '{}'", "unreachable", "status 0"},
        {GREET "exec >&-; cat >/dev/null; exit 3", "unreachable", "status 3"},
        {"exec >&-; cat >/dev/null; exit 4", "unreachable", "status 4"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const int64_t begun = clock_now();
        struct call call;

        begin(cases[i].script);
        call = one_call(LONG);
        if (cases[i].code)
            expect(call.failed && !call.answer && failure_is(&call.failure, cases[i].code) &&
                       strstr(call.failure.text, cases[i].text) &&
                       unit_is_printable(call.failure.text),
                   "case %zu: %s: %s", i, call.failure.code, call.failure.text);
        else
            expect(!call.failed && number_of(&call) == 1, "case %zu: %s", i, call.failure.text);
        calls_free(&call, 1);
        (void)end();
        expect(clock_now() - begun < LONG / 2, "case %zu took long", i);
    }
}

TEST(a_machine_that_does_not_answer)
{
    struct call call;

    begin(STAY);
    call = one_call(SHORT);
    expect(call.failed && !call.refused && strstr(call.failure.text, "no answer"), "%s",
           call.failure.text);
    (void)end();
    begin(GREET "while sleep 0.05; do " BUSY "done"); /* for ever */
    call = one_call(SHORT);
    expect(call.failed && !call.refused && strstr(call.failure.text, "no answer"), "%s",
           call.failure.text);
    site_fail(site, "is stopped by its test", &failure);
    (void)end();
    begin(GREET "read greeting; while read line; do :; done");
    call = one_call(SHORT);
    expect(call.failed && strstr(call.failure.text, "no answer"), "%s", call.failure.text);
    expect(end() == 0, "the end");
}

/* What is silent for so long already, with a request that takes a second, is given up at most a
 * second later. */
TEST(a_machine_of_which_nothing_is_heard)
{
    static const struct {
        const char *script;
        bool greeted;     /* and has answered once */
        int silent_ms;    /* before */
        const char *text; /* NULL: it answers */
    } cases[] = {
        {GREET ANSWER STAY, true, 9500,
         "host: nothing heard for 10 seconds: the connection is dead"},
        {GREET ANSWER "for i in 1 2 3 4; do sleep 0.3;" BUSY "done; echo '{\"n\":1}';" STAY, true,
         9500, NULL},
        {"case \" $* \" in *' -O check -- host '*) exit 0;; esac;" STAY, false, 14500,
         "host: no answer over the open connection of ssh (ControlMaster): far -O exit host "
         "closes it"},
        {"case \" $* \" in *' -O check -- host '*) exit 255;; esac; sleep 1.2;" GREET ANSWER STAY,
         false, 14500, NULL},
        {"case \" $* \" in *' -O check -- host '*) exit 0;; esac; sleep 1.2;" GREET ANSWER STAY,
         false, 5500, NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct call call = {0};

        begin(cases[i].script);
        if (cases[i].greeted) {
            call = one_call(LONG);
            calls_free(&call, 1);
        }
        site->silent_ms = cases[i].silent_ms;
        call = one_call(LONG);
        if (cases[i].text)
            expect(failure_is(&call.failure, "unreachable") && !call.refused &&
                       strncmp(call.failure.text, cases[i].text, strlen(cases[i].text)) == 0 &&
                       site->process.pid == -1,
                   "case %zu: %s", i, call.failure.text);
        else
            expect(number_of(&call) == 1 && site->silent_ms < SHORT, "case %zu: %s, %d ms", i,
                   call.failure.text, site->silent_ms);
        calls_free(&call, 1);
        expect((end() == 0) == !cases[i].text, "case %zu: the end", i);
    }
}

/* An answer belongs to its request, however late it comes. */
TEST(an_answer_that_comes_too_late_is_no_other_request_s)
{
    struct call call;

    begin(GREET "read greeting; read request;" BUSY "sleep 1;" BUSY
                "echo '{\"n\":1}'; read request;" BUSY "echo '{\"n\":2}';" STAY);
    call = one_call(SHORT);
    expect(call.failed && strstr(call.failure.text, "no answer"), "%s", call.failure.text);
    call = one_call(LONG);
    expect(!call.failed && number_of(&call) == 2, "%s, %d", call.failure.text,
           (int)number_of(&call));
    calls_free(&call, 1);
    expect(end() == 0, "the end");
}

TEST(answers_that_come_too_early)
{
    struct call call;

    begin("printf '{\"cwg\":1}\\n{\"n\":1}\\n{\"n\":2}\\n';" STAY);
    for (int i = 1; i <= 2; i++) {
        const int64_t begun = clock_now();

        call = one_call(LONG);
        expect(number_of(&call) == i && clock_now() - begun < LONG / 2, "%d: %s", i,
               call.failure.text);
        calls_free(&call, 1);
    }
    expect(end() == 0, "the end");
}

/* 16 requests to each of two machines, of which one ends in the middle. */
TEST(the_end_of_one_machine_is_not_the_others_)
{
    struct site *first = NULL;
    struct call calls[CALLS_MAX];

    begin(GREET "read greeting; while read request; do echo '{\"n\":1}'; done");
    first = site;
    site = calloc(1, sizeof(*site));
    programs_write("other", GREET "read greeting; for i in 1 2 3; do read request;"
                                  "echo '{\"n\":1}'; done; exit 9");
    (void)setenv("CWG_SSH", "other", 1);
    if (!site || site_open(site, "other", &failure))
        unit_trouble("site_open");
    for (size_t i = 0; i < CALLS_MAX; i++)
        calls[i] = (struct call){.site = i % 2 ? site : first,
                                 .request = json_pack("{s:s}", "do", "clock")};
    expect(calls_run(calls, CALLS_MAX, LONG) == -1, "it fails");
    for (size_t i = 0; i < CALLS_MAX; i++)
        expect(calls[i].failed == (i % 2 && i > 5), "call %zu: %s", i, calls[i].failure.text);
    calls_free(calls, CALLS_MAX);
    expect(site_close(site) == -1, "ended already");
    free(site);
    site = first;
    expect(end() == 0, "the end");
}

TEST(a_lost_session_and_another_in_its_place)
{
    static const char *const losses[] = {"exit 255", (GREET "echo '[]';" STAY),
                                         ("echo '{\"cwg\":2}';" STAY)};

    for (size_t i = 0; i < COUNT(losses); i++) {
        struct failure lost;
        struct call call;

        begin(losses[i]);
        lost = one_call(LONG).failure;
        call = one_call(LONG);
        expect(call.failed && lost.text[0] && strcmp(call.failure.text, lost.text) == 0,
               "case %zu: the reason stays: %s", i, call.failure.text);
        programs_write("far",
                       "case \" $* \" in *' -o BatchMode=yes -o ConnectTimeout=10 -- host '*);;"
                       "*) exit 9;; esac;" GREET ANSWER STAY);
        expect(site_reopen(site, &failure) == 0, "case %zu: %s", i, failure.text);
        call = one_call(LONG);
        expect(number_of(&call) == 1, "case %zu: %s", i, call.failure.text);
        calls_free(&call, 1);
        expect(end() == 0, "case %zu: the end", i);
    }
}

TEST(addresses_that_a_machine_calls_its_own)
{
    struct call call;

    begin(
        "echo '{\"cwg\":1,\"addresses\":[\"192.0.2.1\",\"127.0.0.1\",\"::1\",\"::ffff:127.0.0.1\","
        "\"0.0.0.0\",\"::\",\"224.0.0.1\",\"ff02::1\",\"255.255.255.255\",\"fe80::1\","
        "\"192.0.2.1\",\"192.0.2.2%eth0\",\"2001:DB8:0::1\",\"a\",\"\",7,null,[],{}],"
        "\"ssh_client\":\"\\u001b[2J\",\"ssh_server\":7}';" ANSWER STAY);
    call = one_call(LONG);
    expect(site->addresses.count == 2 && strcmp(site->addresses.text[0], "192.0.2.1") == 0 &&
               strcmp(site->addresses.text[1], "2001:db8::1") == 0,
           "%d", site->addresses.count);
    expect(!site->ssh_client[0] && !site->ssh_server[0], "not ssh's");
    calls_free(&call, 1);
    (void)end();
    begin("printf '{\"cwg\":1,\"addresses\":[\"192.0.2.255\"';"
          "for i in $(seq 1 200); do printf ',\"192.0.2.%d\"' $i; done; echo ']}';" ANSWER STAY);
    call = one_call(LONG);
    expect(site->addresses.count == ADDRESS_MAX, "%d", site->addresses.count);
    calls_free(&call, 1);
    (void)end();
}

TEST(values_of_cwg_ssh)
{
    static const struct {
        const char *value;
        const char *words; /* that the program "ssh" or "far" gets; NULL: an error */
        const char *text;
    } cases[] = {
        {"", "ssh -T", NULL},
        {"   ", "ssh -T", NULL},
        {"  far   -F  x ", "far -F x -T", NULL},
        {"far 1 2 3 4 5 6 7 8 9 10 11", "far 1 2 3 4 5 6 7 8 9 10 11 -T", NULL},
        {"far 1 2 3 4 5 6 7 8 9 10 11 12", NULL, "CWG_SSH is too long"},
        {"nobody -F x", NULL, "nobody, which CWG_SSH names"},
        {NULL, NULL, "CWG_SSH is too long"}, /* of 512 bytes */
    };
    char much[513];

    memset(much, 'x', sizeof(much) - 1);
    much[sizeof(much) - 1] = '\0';
    for (size_t i = 0; i < COUNT(cases); i++) {
        char words[256] = "", path[128];
        FILE *file;
        int error;

        programs_begin();
        programs_write("ssh", "echo ssh \"$@\" >\"$0.words\"");
        programs_write("far", "echo far \"$@\" >\"${0%/*}/ssh.words\"");
        (void)setenv("CWG_SSH", cases[i].value ? cases[i].value : much, 1);
        site = calloc(1, sizeof(*site));
        error = site ? site_open(site, "host", &failure) : -1;
        if (cases[i].words) {
            expect(error == 0, "case %zu: %s", i, failure.text);
            (void)process_end(&site->process, clock_now() + LONG);
            process_close(&site->process);
            (void)snprintf(path, sizeof(path), "%s/ssh.words", programs_folder());
            file = fopen(path, "re");
            if (!file || !fgets(words, sizeof(words), file))
                unit_trouble("fopen");
            (void)fclose(file);
            expect(strncmp(words, cases[i].words, strlen(cases[i].words)) == 0, "case %zu: %s", i,
                   words);
            expect(strstr(words, " -- host cwg serve\n"), "case %zu: %s", i, words);
        } else {
            expect(error == -1 && strstr(failure.text, cases[i].text), "case %zu: %s", i,
                   failure.text);
        }
        free(site);
        programs_end();
    }
}
