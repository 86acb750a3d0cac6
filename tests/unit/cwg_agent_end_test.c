#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cwg/agent/end/end.h"
#include "cwg/agent/end/telling.h"
#include "cwg/base/clock.h"
#include "cwg/record/record.h"
#include "cwg_programs.h"
#include "unit.h"

enum {
    TURN_MS = 10,
    SOON_MS = 10000,     /* for a machine that is busy */
    LATER_MS = 400,      /* in which what is wrong would happen */
    SERIAL = 1795747000, /* of the other site's first record */
};

#define KEY   "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE="
#define OTHER "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAI="
#define THIRD "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAM="

/* The helper keeps one device, in files: dev, state, peer; a file `created` has the answer to
 * cwg_create. A file refuse.TASK has the answer to
 * that task; while there is a file gate.TASK, that task takes its time. */
#define HELPER                                                                                     \
    "cd \"${0%/*}\"\n"                                                                             \
    "one() { echo \"$*\" >>log; name=$1; shift 2\n"                                                \
    "while [ -e gate.$name ]; do sleep 0.01; done\n"                                               \
    "if [ -e refuse.$name ]; then answer=\"error $(cat refuse.$name)\"; return; fi; answer=ok\n"   \
    "case $name in\n"                                                                              \
    "cwg_show) answer='ok []'; [ -e dev ] && answer=\"ok "                                         \
    "[{\\\"host\\\":0,\\\"state\\\":\\\"$(cat "                                                    \
    "state)\\\",\\\"public_key\\\":\\\"" KEY                                                       \
    "\\\",\\\"listen_port\\\":51801,\\\"peer\\\":$(cat peer)}]\";;\n"                              \
    "cwg_create) echo '{}' >peer; echo 'waiting for connect' >state; : >dev\n"                     \
    "[ ! -e created ] || answer=\"ok $(cat created)\";;\n"                                         \
    "cwg_destroy) rm -f dev;;\n"                                                                   \
    "cwg_connect) secret=false; case $* in *--preshared*) secret=true;; esac\n"                    \
    "echo \"{\\\"public_key\\\":\\\"$4\\\",\\\"has_preshared_key\\\":$secret}\" >peer; echo "      \
    "connected "                                                                                   \
    ">state;;\n"                                                                                   \
    "cwg_wait) answer='error timeout no answer';;\n"                                               \
    "esac; }\n"                                                                                    \
    "if [ $1 = batch ]; then while read -r line; do one $line; echo \"$answer\"; done; exit; fi\n" \
    "one \"$@\"; case $answer in ok*) echo \"${answer#ok}\";; *) echo \"${answer#*error * }\" "    \
    ">&2; "                                                                                        \
    "exit 1;; esac\n"

static struct household *house;
static struct agent_end *end;
static struct sitekey other;
static struct want want;
static struct failure failure;
static char folder[] = "/tmp/cwg-unit-end.XXXXXX";
static char state[64];
static pid_t container;

static void carry(struct household *one, const char *site, const char *path)
{
    (void)one;
    (void)site;
    (void)path;
}

static void start_container(void)
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

static void stop_container(void)
{
    (void)kill(container, SIGKILL);
    (void)waitpid(container, NULL, 0);
    container = 0;
}

/* A word for the helper: its file, with a text; NULL: without the file. */
static void put(const char *name, const char *text)
{
    char path[PATH_MAX];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", programs_folder(), name);
    if (!text) {
        (void)unlink(path);
        return;
    }
    file = fopen(path, "we");
    if (!file || fputs(text, file) < 0 || fclose(file) != 0)
        unit_trouble("fopen");
}

/* How often the helper was told something that begins so, since the log was put away. */
static int told_times(const char *word)
{
    char path[PATH_MAX], line[512];
    FILE *file;
    int count = 0;

    (void)snprintf(path, sizeof(path), "%s/log", programs_folder());
    file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file))
        count += strstr(line, word) != NULL;
    if (file)
        (void)fclose(file);
    return count;
}

static void begin(void)
{
    struct site_record site = {.name = "site2"};
    char path[80];

    (void)signal(SIGPIPE, SIG_IGN);
    programs_begin();
    programs_write("net-admin-helper", HELPER);
    memcpy(state, folder, sizeof(folder));
    house = calloc(1, sizeof(*house));
    if (!house || !mkdtemp(state) || store_open(&house->store, state, &failure) ||
        loop_open(&house->loop))
        unit_trouble("mkdtemp");
    (void)snprintf(path, sizeof(path), "%s/here.key", state);
    if (sitekey_make(path, &house->key, &failure))
        unit_trouble(failure.text);
    (void)snprintf(path, sizeof(path), "%s/there.key", state);
    if (sitekey_make(path, &other, &failure))
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

static void finish(void)
{
    char command[96];

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
    (void)snprintf(command, sizeof(command), "/bin/rm -rf '%s'", state);
    (void)!system(command);
    programs_end();
}

static void turn(int64_t deadline)
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

/* Goes on until the end rests in a state. Returns whether it came to that. */
static bool reaches(enum end_state wanted)
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

static void go_on(void)
{
    const int64_t deadline = clock_now() + LATER_MS;

    while (clock_now() < deadline)
        turn(deadline);
}

#define EXPECT_STATE(wanted)                                                                       \
    expect(reaches(wanted), "%s: %s", end_state_text(end->verdict.state), end->reason)

static void make_end(void)
{
    end = end_new(house, "l.0", &want);
    if (!end)
        unit_trouble("end_new");
}

/* The other site tells. */
static void tell(int64_t serial, bool up, const char *key, const struct sitekey *signer)
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

/* What this site tells. Returns whether it tells of a device. */
static bool tells(struct news *ret_news)
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

/* A link that is connected. */
static void connect_it(void)
{
    make_end();
    tell(SERIAL, true, OTHER, &other);
    EXPECT_STATE(END_CONNECTED);
    put("log", "");
}

TEST(an_end_is_made_told_connected_and_then_left_alone)
{
    struct news news;

    begin();
    make_end();
    EXPECT_STATE(END_UNHEARD);
    expect(tells(&news) && key_is_zero(&news.peer) && news.heard == 0, "tells something else");
    tell(SERIAL, true, OTHER, &other);
    EXPECT_STATE(END_CONNECTED);
    expect(tells(&news) && !key_is_zero(&news.peer) && news.heard == SERIAL, "tells %ld",
           (long)news.heard);
    put("log", "");
    end_wake(end);
    tell(SERIAL + 1, false, NULL, &other);
    go_on();
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_show") >= 1 && told_times("") == told_times("cwg_show"), "touched");
    finish();
}

/* A look costs the helper as much as a connect does. But what may be the device's end is looked at.
 */
TEST(news_of_the_other_site_right_after_a_look_cost_no_look)
{
    const int64_t deadline = clock_now() + SOON_MS;

    begin();
    connect_it();
    end->shown = deadline;
    end->connect_due = 0;
    tell(SERIAL + 1, true, THIRD, &other);
    while (told_times("cwg_connect") == 0 && clock_now() < deadline)
        turn(deadline);
    expect(told_times("cwg_show") == 0 && told_times("cwg_connect") == 1, "%d looks",
           told_times("cwg_show"));
    EXPECT_STATE(END_CONNECTED);
    put("log", "");
    end->shown = clock_now() + SOON_MS;
    end_wake(end);
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_show") >= 1, "not looked at");
    put("log", "");
    end->shown = 1;
    tell(SERIAL + 2, false, NULL, &other);
    go_on();
    expect(told_times("cwg_show") >= 1, "an old look was good enough");
    finish();
}

TEST(what_the_helper_tells_of_a_new_device_is_believed_until_the_next_look)
{
    begin();
    put("created", "{\"created\":true,\"listen_port\":51802,\"public_key\":\"" KEY "\"}");
    make_end();
    EXPECT_STATE(END_UNHEARD);
    expect(end->port == 51802, "port %d", end->port);
    end_wake(end);
    go_on();
    expect(end->port == 51801, "port %d", end->port);
    finish();
}

/* A full policy, a port in use, a net that overlaps, the other want of this container. */
TEST(a_refusal_is_said_not_repeated_at_once_and_nothing_is_told)
{
    struct news news;

    begin();
    put("refuse.cwg_create", "port port 51820 is taken");
    make_end();
    EXPECT_STATE(END_REFUSED);
    expect(strcmp(end->reason, "port 51820 is taken") == 0, "%s", end->reason);
    end_wake(end);
    go_on();
    expect(told_times("cwg_create") == 1, "%d times", told_times("cwg_create"));
    expect(!tells(&news) && news.serial == 0, "told");
    put("refuse.cwg_create", NULL);
    end_retry(end);
    EXPECT_STATE(END_UNHEARD);
    expect(tells(&news) && end->reason[0] == '\0', "%s", end->reason);
    finish();
}

TEST(without_the_helper_a_link_is_left_as_it_is_told)
{
    struct news news;

    begin();
    connect_it();
    put("refuse.cwg_show", "helper it is gone");
    end_wake(end);
    EXPECT_STATE(END_REFUSED);
    expect(tells(&news) && told_times("") == told_times("cwg_show"), "changed");
    put("refuse.cwg_show", NULL);
    end_retry(end);
    EXPECT_STATE(END_CONNECTED);
    finish();
}

static bool is_over_without_a_way(void)
{
    put("refuse.cwg_show", "socket no way");
    make_end();
    end->forgotten = true;
    EXPECT_STATE(END_OFF);
    return end_is_over(end);
}

/* Else a want of the same name, with another container, would wait for ever. */
TEST(an_end_to_which_there_is_no_way_is_over_when_forgotten_unless_it_was_told)
{
    begin();
    expect(is_over_without_a_way(), "not over");
    end_free(end);
    put("refuse.cwg_show", NULL);
    connect_it();
    end_free(end);
    expect(!is_over_without_a_way(), "over");
    finish();
}

/* Its agent was killed between the two. */
TEST(an_end_that_was_made_and_not_told_is_told_and_not_made_again)
{
    struct news news;

    begin();
    put("dev", "");
    put("state", "no handshake yet");
    put("peer", "{}");
    make_end();
    EXPECT_STATE(END_UNHEARD);
    expect(tells(&news) && told_times("cwg_create") == 0, "made again");
    finish();
}

TEST(a_container_that_ends_while_the_helper_works_is_waited_for)
{
    const int64_t deadline = clock_now() + SOON_MS;
    struct news news;

    begin();
    put("gate.cwg_create", "");
    put("refuse.cwg_create", "no-such-process it has ended");
    make_end();
    while (told_times("cwg_create") == 0 && clock_now() < deadline)
        turn(clock_now() + 20);
    stop_container();
    put("gate.cwg_create", NULL);
    EXPECT_STATE(END_NO_CONTAINER);
    expect(!tells(&news), "told");
    put("refuse.cwg_create", NULL);
    start_container(); /* another process: a replaced container */
    end_want(end, &want);
    end_seek(end);
    EXPECT_STATE(END_UNHEARD);
    expect(tells(&news), "not told");
    finish();
}

TEST(a_want_that_an_editor_writes_anew_keeps_its_link)
{
    begin();
    connect_it();
    end_miss(end, false);
    go_on();
    end_miss(end, false);
    end_miss(end, true);
    end_miss(end, false);
    go_on();
    expect(!end->forgotten && told_times("cwg_destroy") == 0, "destroyed");
    end->missing -= END_GRACE_MS;
    end_miss(end, false);
    EXPECT_STATE(END_OFF);
    expect(told_times("cwg_destroy") == 1 && end_is_over(end), "not over");
    finish();
}

TEST(records_are_removed_when_both_sites_say_down_and_not_before)
{
    struct news news;

    begin();
    connect_it();
    want.off = want.forget = true;
    end_want(end, &want);
    EXPECT_STATE(END_OFF);
    expect(end_is_over(end), "not over");
    telling_forget(house, "site2", "l", 0);
    expect(!tells(&news) && news.serial > 0, "the other site isn't told");
    tell(SERIAL + 1, false, NULL, &house->key); /* not by its key */
    telling_forget(house, "site2", "l", 0);
    expect(!tells(&news) && news.serial > 0, "by anybody's record");
    tell(SERIAL + 1, false, NULL, &other);
    telling_forget(house, "site2", "l", 0);
    expect(!tells(&news) && news.serial == 0, "a record is left");
    finish();
}

/* With many ends a look at a connected one is minutes away. */
TEST(an_end_whose_other_end_is_said_to_be_gone_is_looked_at_soon)
{
    static struct due others[1000];

    begin();
    connect_it();
    for (size_t i = 0; i < COUNT(others); i++)
        (void)dues_add(&house->dues, &others[i], INT64_MAX);
    end_wake(end);
    EXPECT_STATE(END_CONNECTED);
    expect(end->due - clock_now() > (int64_t)2 * END_LOOK_MS, "no pause of many");
    put("log", "");
    tell(SERIAL + 1, false, NULL, &other);
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_show") == 1, "%d looks", told_times("cwg_show"));
    expect(end->due - clock_now() <= (int64_t)2 * END_LOOK_MS, "a long pause");
    for (size_t i = 0; i < COUNT(others); i++)
        dues_remove(&house->dues, &others[i]);
    finish();
}

TEST(a_record_that_is_not_the_other_sites_counts_for_nothing_and_is_said)
{
    begin();
    connect_it();
    tell(SERIAL + 1, true, THIRD, &house->key);
    expect(end->fault[0], "nothing is said");
    end_wake(end);
    go_on();
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_connect") == 0 && end->reason[0], "believed, or not said");
    tell(SERIAL + 2, true, OTHER, &other);
    end_wake(end);
    go_on();
    EXPECT_STATE(END_CONNECTED);
    expect(!end->reason[0], "%s", end->reason);
    finish();
}

/* Who carries records brings an old one, and the agent starts anew. */
TEST(an_old_record_is_not_believed_even_by_an_agent_that_has_just_started)
{
    begin();
    tell(SERIAL, true, THIRD, &other);
    make_end();
    EXPECT_STATE(END_CONNECTED);
    tell(SERIAL + 1, true, OTHER, &other);
    EXPECT_STATE(END_CONNECTED);
    end_free(end);
    end = NULL;
    tell(SERIAL, true, THIRD, &other);
    put("log", "");
    make_end();
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_connect") == 0 && strstr(end->reason, "tells what it told before"), "%s",
           end->reason);
    tell(SERIAL + 2, true, THIRD, &other);
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_connect") == 1, "a new one isn't believed");
    finish();
}

TEST(a_preshared_key_comes_from_a_file_that_nobody_else_can_read)
{
    begin();
    (void)snprintf(want.psk, sizeof(want.psk), "%s/a psk", state);
    close(open(want.psk, O_WRONLY | O_CREAT | O_CLOEXEC, 0640));
    make_end();
    tell(SERIAL, true, OTHER, &other);
    EXPECT_STATE(END_REFUSED);
    expect(strstr(end->reason, "chmod 600") && told_times("cwg_connect") == 0, "%s", end->reason);
    (void)chmod(want.psk, 0600);
    end_retry(end);
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("--preshared-key-file=fd:") == 1, "without a key");
    finish();
}

TEST(a_connected_end_that_gets_a_preshared_key_is_looked_at_again)
{
    const int64_t deadline = clock_now() + SOON_MS;

    begin();
    connect_it();
    (void)snprintf(want.psk, sizeof(want.psk), "%s/a psk", state);
    close(open(want.psk, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    end->connect_due = 0;
    end_want(end, &want);
    while (told_times("cwg_connect") == 0 && clock_now() < deadline)
        turn(deadline);
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_connect") == 1 && told_times("cwg_show") == 2, "%d looks",
           told_times("cwg_show"));
    finish();
}

TEST(two_sites_without_an_address_say_so)
{
    begin();
    house->addresses = 0;
    make_end();
    tell(SERIAL, true, OTHER, &other);
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("--persistent-keepalive 25") == 1 && told_times(" - ") == 1,
           "connects otherwise");
    put("state", "no handshake yet");
    end_wake(end);
    go_on();
    expect(strstr(end->reason, "neither site tells an address"), "%s", end->reason);
    finish();
}

/* A kernel's link whose machine's clock was set looks stale. */
TEST(a_stale_link_is_not_touched_before_a_probe_has_failed)
{
    begin();
    connect_it();
    put("state", "stale");
    end->probe_due = INT64_MAX;
    end_wake(end);
    go_on();
    expect(end->verdict.state == END_STALE && told_times("") == told_times("cwg_show"), "touched");
    finish();
}
