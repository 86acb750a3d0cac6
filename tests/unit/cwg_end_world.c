#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cwg_end_world.h"

#include "cwg/agent/end/telling.h"
#include "cwg/base/clock.h"
#include "cwg/record/record.h"
#include "cwg_beating.h"
#include "cwg_folder.h"
#include "cwg_programs.h"
#include "unit.h"

enum {
    TURN_MS = 10,
    LATER_MS = 400, /* in which what is wrong would happen */
};

/* The helper keeps one device, in files: dev, state, peer; `more` is what cwg_show tells besides. A
 * file `created` has the answer to cwg_create. With a file `answers` a peer answers cwg_wait. A
 * file refuse.TASK has the answer to that task; while there is a file gate.TASK, that task takes
 * its time. */
#define HELPER                                                                                     \
    "cd \"${0%/*}\"\n"                                                                             \
    "one() { echo \"$*\" >>log; name=$1; shift 2\n"                                                \
    "while [ -e gate.$name ]; do sleep 0.01; done\n"                                               \
    "if [ -e refuse.$name ]; then answer=\"error $(cat refuse.$name)\"; return; fi; answer=ok\n"   \
    "case $name in\n"                                                                              \
    "cwg_show) answer='ok []'; [ -e dev ] && answer=\"ok "                                         \
    "[{\\\"host\\\":0,\\\"state\\\":\\\"$(cat "                                                    \
    "state)\\\",\\\"public_key\\\":\\\"" KEY                                                       \
    "\\\",\\\"listen_port\\\":51801,\\\"peer\\\":$(cat peer)$(cat more 2>/dev/null)}]\";;\n"       \
    "cwg_create) echo '{}' >peer; echo 'waiting for connect' >state; : >dev\n"                     \
    "[ ! -e created ] || answer=\"ok $(cat created)\";;\n"                                         \
    "cwg_destroy) rm -f dev;;\n"                                                                   \
    "cwg_connect) secret=false; case $* in *--preshared*) secret=true;; esac\n"                    \
    "echo \"{\\\"public_key\\\":\\\"$4\\\",\\\"endpoint\\\":\\\"$3\\\","                           \
    "\\\"has_preshared_key\\\":$secret}\" >peer; echo connected >state;;\n"                        \
    "cwg_wait) [ -e answers ] || answer='error timeout no answer';;\n"                             \
    "esac; }\n"                                                                                    \
    "if [ $1 = batch ]; then while read -r line; do one $line; echo \"$answer\"; done; exit; fi\n" \
    "one \"$@\"; case $answer in ok*) echo \"${answer#ok}\";; *) echo \"${answer#*error * }\" "    \
    ">&2; "                                                                                        \
    "exit 1;; esac\n"

struct household *house;
struct agent_end *end;
struct sitekey other;
struct want want;
char state[FOLDER_SIZE];
int carried;
static struct failure failure;
static pid_t container;

static void carry(struct household *one, const char *site, const char *path)
{
    (void)one;
    (void)site;
    (void)path;
    carried++;
}

void start_container(void)
{
    container = fork();
    if (container == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(1);
        close(2);
        for (;;)
            (void)pause();
    }
    (void)snprintf(want.name, sizeof(want.name), "%d", (int)container);
}

void start_beating_container(void)
{
    container = beating_start();
    (void)snprintf(want.name, sizeof(want.name), "%d", (int)container);
}

void stop_container(void)
{
    (void)kill(container, SIGKILL);
    (void)waitpid(container, NULL, 0);
    container = 0;
}

int told_times(const char *word)
{
    FILE *file = fopen(folder_path(programs_folder(), "log"), "re");
    char line[512];
    int count = 0;

    while (file && fgets(line, sizeof(line), file))
        count += strstr(line, word) != NULL;
    if (file)
        (void)fclose(file);
    return count;
}

void begin(void)
{
    struct site_record site = {.name = "site2"};

    carried = 0;
    (void)signal(SIGPIPE, SIG_IGN);
    programs_begin();
    programs_write("net-admin-helper", HELPER);
    folder_make(state);
    house = calloc(1, sizeof(*house));
    if (!house || store_open(&house->store, state, &failure) || loop_open(&house->loop) ||
        sitekey_make(folder_path(state, "here.key"), &house->key, &failure) ||
        sitekey_make(folder_path(state, "there.key"), &other, &failure))
        unit_trouble(failure.text);
    site.key = other.public;
    house->site = "site1";
    house->carry = carry;
    if (trust_write(&house->store, &site, &failure) ||
        trust_load(&house->trust, &house->store, &failure))
        unit_trouble(failure.text);
    (void)endpoint_parse("192.0.2.1:1", &house->address[0]);
    house->addresses = 1;
    tasks_open(&house->work, &house->loop, "");
    for (int i = 0; i < PROBES_AT_ONCE; i++)
        tasks_open(&house->probes[i], &house->loop, "");
    lookups_open(&house->lookups, &house->loop);
    want = (struct want){.link = "l", .net = 7, .engine = "pid", .site = "site2"};
    start_container();
}

void finish(void)
{
    lookups_close(&house->lookups);
    tasks_close(&house->work);
    for (int i = 0; i < PROBES_AT_ONCE; i++)
        tasks_close(&house->probes[i]);
    end_free(end);
    end = NULL;
    loop_close(&house->loop);
    dues_close(&house->dues);
    trust_close(&house->trust);
    sitekey_close(&house->key);
    sitekey_close(&other);
    store_close(&house->store);
    free(house);
    if (container)
        stop_container();
    folder_remove(state);
    programs_end();
}

void turn(int64_t deadline)
{
    int64_t next = end_run(end), due;

    due = lookups_run(&house->lookups);
    next = due < next ? due : next;
    due = tasks_run(&house->work);
    next = due < next ? due : next;
    for (int i = 0; i < PROBES_AT_ONCE; i++) {
        due = tasks_run(&house->probes[i]);
        next = due < next ? due : next;
    }
    /* end_run() may have decided: whoever waits for that looks again soon. */
    due = clock_now() + TURN_MS;
    next = due < next ? due : next;
    loop_turn(&house->loop, next < deadline ? next : deadline);
}

bool reaches(enum end_state wanted)
{
    const int64_t deadline = clock_now() + SOON_MS;

    while (clock_now() < deadline) {
        if (end->verdict.state == wanted && end->phase == PHASE_REST && !end->again &&
            end->verdict.decision == DO_NOTHING)
            return true;
        turn(deadline);
    }
    return false;
}

void go_on(void)
{
    const int64_t deadline = clock_now() + LATER_MS;

    while (clock_now() < deadline)
        turn(deadline);
}

void make_end(void)
{
    end = end_new(house, "l.0", &want);
    if (!end)
        unit_trouble("end_new");
}

void tell(int64_t serial, bool up, const char *key, const struct sitekey *signer)
{
    struct news news = {.serial = serial, .net = 7, .host = 1, .up = up};
    json_t *body;
    char *line;

    if (up && key_from_text(key, &news.key))
        unit_trouble("key_from_text");
    if (up && house->addresses > 0)
        (void)endpoint_parse("192.0.2.2:2", &news.endpoint[news.endpoints++]);
    body = news_pack(&news);
    line = record_sign(signer, "site1", "l.1", body, &failure);
    if (!line || store_write(&house->store, "in/site2/l.1", line, &failure))
        unit_trouble(failure.text);
    json_decref(body);
    free(line);
    if (end)
        telling_hear(end);
}

bool tells(struct news *ret_news)
{
    char line[STORE_LINE_SIZE];
    json_t *body = NULL;

    *ret_news = (struct news){.up = false};
    if (store_read(&house->store, "out/site2/l.0", line, &failure) == 0 &&
        record_open(line, "site2", "l.0", &house->key.public, &body, &failure) == 0)
        (void)news_unpack(body, ret_news, &failure);
    json_decref(body);
    return ret_news->up;
}

void connect_it(void)
{
    make_end();
    tell(SERIAL, true, OTHER, &other);
    EXPECT_STATE(END_CONNECTED);
    programs_put("log", "");
}
