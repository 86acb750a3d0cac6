#include "cwg/machine/helper.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cwg_programs.h"
#include "unit.h"

static struct helper *helper;
static struct failure failure;
static struct container container;

/* Starts a helper of which the script is the batch. */
static void begin(const char *script)
{
    (void)signal(SIGPIPE, SIG_IGN); /* as serve() does */
    programs_begin();
    programs_write("net-admin-helper", script);
    helper = calloc(1, sizeof(*helper));
    container = (struct container){.engine = "pid", .name = "1", .pid = getpid(), .netns = -1};
    container.pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
    if (!helper || container.pidfd < 0)
        unit_trouble("calloc");
    expect(helper_start(helper, -1, &failure) == 0, "%s", failure.text);
}

static int end(void)
{
    int error = helper_end(helper, &failure);

    container_close(&container);
    free(helper);
    programs_end();
    return error;
}

static int do_task(const char *name, json_t **ret_result)
{
    return helper_do(helper,
                     &(struct helper_task){
                         .name = name, .container = &container, .words = {"7", "0"}, .secret = -1},
                     ret_result, &failure);
}

TEST(answers)
{
    static const struct {
        const char *answer, *code;
    } cases[] = {
        {"ok", NULL},
        {"ok {\"a\":1}", NULL},
        {"ok []", NULL},
        {"ok {\"a\":1", "helper"},
        {"ok [1 error limit too many", "helper"},
        {"ok {\"a\":1,\"a\":2}", "helper"},
        {"error exists there is one", "exists"},
        {"error exists", "helper"},
        {"error", "helper"},
        {"", "helper"},
        {"okay", "helper"},
        {"\\033[2J", "helper"},
        {"error a-code-of-more-than-thirty-one-letters x", "a-code-of-more-than-thirty-one-"},
        {"error \\033[2J \\033[2J", "?[2J"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char script[256];
        json_t *result = NULL;
        int error;

        (void)snprintf(script, sizeof(script), "read line; printf '%s\\n'; read line",
                       cases[i].answer);
        begin(script);
        error = do_task("cwg_show", &result);
        if (cases[i].code)
            expect(error == -1 && !result && failure_is(&failure, cases[i].code) &&
                       unit_is_printable(failure.text),
                   "case %zu: %s: %s", i, failure.code, failure.text);
        else
            expect(error == 0, "case %zu: %s", i, failure.text);
        json_decref(result);
        expect(end() == 0, "case %zu", i);
    }
}

/* The next answer would be another task's. */
TEST(an_answer_that_is_too_long_is_the_last)
{
    json_t *result = NULL;

    begin("read line; head -c 70000 /dev/zero | tr '\\0' x; echo; echo ok; read line");
    expect(do_task("cwg_show", &result) == -1 && strstr(failure.text, "too long a line"), "%s",
           failure.text);
    expect(do_task("cwg_show", &result) == -1 && strstr(failure.text, "has ended"), "%s",
           failure.text);
    expect(end() == 0, "nothing was made");
}

TEST(ends_of_the_batch)
{
    static const struct {
        const char *script;
        bool makes, commits;
        int left;
    } cases[] = {
        {"while read line; do echo ok; done", true, false, 0},
        {"while read line; do echo ok; done; echo 'x: 1 links were removed' >&2; exit 1", true,
         false, 0},
        {"while read line; do echo ok; done; echo 'x: 2 links were removed, but for 1: y' >&2; "
         "exit 1",
         true, false, -1},
        {"read line; echo ok; read line; kill -KILL $$", true, false, -1},
        {"read line; echo ok; read line; kill -KILL $$", false, false, 0},
        {"read line; echo ok; kill -KILL $$", true, false, -1},
        {"read line; kill -KILL $$", true, false, -1},
        {"read line; echo ok; read line; echo ok; kill -KILL $$", true, true, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *result = NULL;

        begin(cases[i].script);
        (void)do_task(cases[i].makes ? "cwg_create" : "cwg_show", &result);
        json_decref(result);
        if (cases[i].commits)
            expect(helper_commit(helper, &failure) == 0, "case %zu: %s", i, failure.text);
        expect(end() == cases[i].left, "case %zu: %s", i, failure.text);
    }
}

TEST(a_batch_that_ends_says_why)
{
    json_t *result = NULL;

    begin("echo 'net-admin-helper: \033[2Jno' >&2; exit 1");
    expect(do_task("cwg_show", &result) == -1 &&
               strcmp(failure.text, "net-admin-helper: ?[2Jno") == 0,
           "%s", failure.text);
    (void)end();
    begin("exit 6");
    expect(do_task("cwg_show", &result) == -1 && strstr(failure.text, "status 6"), "%s",
           failure.text);
    (void)end();
}

/* No batch undoes what a command of its own made. */
TEST(a_create_in_a_namespace_s_file_without_an_answer)
{
    static const struct {
        const char *script;
        int left;
    } cases[] = {
        {"kill -KILL $$", -1},
        {"echo '{\"code\":\"exists\",\"message\":\"x\"}'; exit 1", 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char script[256];
        json_t *result = NULL;

        (void)snprintf(script, sizeof(script), "[ \"$1\" = batch ] && { read line; exit; }; %s",
                       cases[i].script);
        begin(script);
        container_close(&container);
        container.pid = 0;
        container.netns = memfd_create("netns", MFD_CLOEXEC);
        expect(do_task("cwg_create", &result) == -1, "case %zu", i);
        expect(end() == cases[i].left, "case %zu: %s", i, failure.text);
    }
}

/* Both descriptors have to arrive: that of the namespace, and that of the key. */
TEST(a_namespace_s_file_and_a_key)
{
    int netns = memfd_create("netns", MFD_CLOEXEC), secret = memfd_create("key", MFD_CLOEXEC);
    json_t *result = NULL;
    const char *words;
    char expected[128];

    begin("[ \"$1\" = batch ] && { read line; exit; }; ls /proc/$$/fd | tr '\\n' ' ' >\"$0.fds\"; "
          "echo \"{\\\"words\\\":\\\"$*\\\"}\"");
    container_close(&container);
    container.pid = 0;
    container.netns = netns;
    if (write(netns, "n", 1) != 1)
        unit_trouble("write");
    expect(helper_do(helper,
                     &(struct helper_task){.name = "cwg_connect",
                                           .container = &container,
                                           .words = {"7", "1"},
                                           .secret = secret},
                     &result, &failure) == 0,
           "%s", failure.text);
    (void)snprintf(expected, sizeof(expected), "cwg_connect fd:%d 7 1 --preshared-key-file=fd:%d",
                   netns, secret);
    words = json_string_value(json_object_get(result, "words"));
    expect(words && strcmp(words, expected) == 0, "%s", words ? words : "nothing");
    json_decref(result);
    {
        char path[128], fds[128] = "";
        FILE *file;

        (void)snprintf(path, sizeof(path), "%s/net-admin-helper.fds", programs_folder());
        file = fopen(path, "re");
        if (!file || !fgets(fds, sizeof(fds), file))
            unit_trouble("fopen");
        (void)fclose(file);
        (void)snprintf(path, sizeof(path), " %d ", netns);
        expect(strstr(fds, path), "the namespace: %s", fds);
        (void)snprintf(path, sizeof(path), " %d ", secret);
        expect(strstr(fds, path), "the key: %s", fds);
    }
    close(secret);
    (void)end();
}
