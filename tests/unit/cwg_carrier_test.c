/* What a carrier over ssh says, and what the agent says of its `cwg etcd`: a shell script stands in
 * for either program. */
#include "cwg/agent/carrier/carrier.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cwg/agent/carrier/courier.h"
#include "cwg/base/clock.h"
#include "cwg/etcd/carry/tale.h"
#include "cwg_folder.h"
#include "cwg_programs.h"
#include "unit.h"

enum {
    LONG = 20000, /* milliseconds; nothing here takes so long */
    TURN = 20,
};

static const char *script;
static struct failure failure;
static struct store store;
static struct loop loop;

/* Wrapped by the linker. */
int __real_process_start(const char *const argv[], bool on_terminal, const int passed[],
                         struct process *ret_process);
int __wrap_process_start(const char *const argv[], bool on_terminal, const int passed[],
                         struct process *ret_process);

int __wrap_process_start(const char *const argv[], bool on_terminal, const int passed[],
                         struct process *ret_process)
{
    (void)argv;
    return __real_process_start(TEXTS("/bin/sh", "-c", script), on_terminal, passed, ret_process);
}

int __real_process_start_deaf(const char *const argv[], struct process *ret_process);
int __wrap_process_start_deaf(const char *const argv[], struct process *ret_process);

int __wrap_process_start_deaf(const char *const argv[], struct process *ret_process)
{
    (void)argv;
    return __real_process_start_deaf(TEXTS("/bin/sh", "-c", script), ret_process);
}

static void begin(const char *does)
{
    script = does;
    (void)signal(SIGPIPE, SIG_IGN);
    programs_begin();
    if (store_open(&store, programs_folder(), &failure) || loop_open(&loop))
        unit_trouble("can't begin");
}

static bool is_there(const char *name)
{
    return access(folder_path(programs_folder(), name), F_OK) == 0;
}

static void finish(void)
{
    loop_close(&loop);
    store_close(&store);
    programs_end();
}

/* What the store has of the way to a site. */
static const char *way(const char *path)
{
    static char line[STORE_LINE_SIZE];

    return store_read(&store, path, line, &failure) ? "" : line;
}

static void expect_way(const char *path, const char *words)
{
    expect(strstr(way(path), words) != NULL, "%s isn't in: %s", words, way(path));
}

/* `cwg etcd` */

static struct config config = {.etcds = 1, .etcd = {"http://etcd"}};

/* Runs it up to its end. When it has said something, "go" is there. */
static void run_courier(const char *does)
{
    const int64_t deadline = clock_now() + LONG;
    struct courier courier;

    begin(does);
    courier_open(&courier, &loop, &store, &config, NULL);
    (void)courier_run(&courier);
    while (courier.process.pid >= 0 && clock_now() < deadline) {
        if (courier.last[0])
            programs_put("go", "");
        loop_turn(&loop, clock_now() + TURN);
    }
    courier_close(&courier);
}

TEST(the_last_words_of_cwg_etcd_are_the_reason_in_one_piece_or_in_two)
{
    run_courier("echo 'cwg etcd: at work' >&2; echo 'cwg: it can not' >&2; exit 1");
    expect_way("carrier/etcd", "cwg etcd ended: it can not\"");
    finish();
    run_courier("printf 'cwg etcd: at work\\ncwg: it ' >&2\n"
                "until [ -e $PATH/go ]; do /bin/sleep 0.01; done\n"
                "echo 'can not' >&2; exit 1");
    expect_way("carrier/etcd", "cwg etcd ended: it can not\"");
    finish();
}

/* A reload of the agent, when `cwg etcd` has no handler for it yet. */
TEST(a_cwg_etcd_that_has_just_begun_is_not_ended_by_a_reload)
{
    run_courier("kill -HUP $$; echo 'cwg: it has gone on' >&2; exit 1");
    expect_way("carrier/etcd", "cwg etcd ended: it has gone on\"");
    finish();
}

/* The agent was busy meanwhile. */
TEST(the_last_words_of_cwg_etcd_are_found_behind_many_others)
{
    const int64_t deadline = clock_now() + LONG;
    struct courier courier;
    siginfo_t told = {.si_pid = 0};

    begin("i=0; while [ $i -lt 1500 ]; do echo 'cwg etcd: it is at work, too'; i=$((i + 1)); done "
          ">&2; echo 'cwg: it can not' >&2; exit 1");
    courier_open(&courier, &loop, &store, &config, NULL);
    (void)courier_run(&courier);
    (void)waitid(P_PID, (id_t)courier.process.pid, &told, WEXITED | WNOWAIT);
    while (courier.process.pid >= 0 && clock_now() < deadline)
        loop_turn(&loop, clock_now() + TURN);
    expect_way("carrier/etcd", "cwg etcd ended: it can not\"");
    courier_close(&courier);
    finish();
}

/* Runs it once more. */
static void run_courier_again(struct courier *courier)
{
    const int64_t deadline = clock_now() + LONG;

    courier->due = 0;
    (void)courier_run(courier);
    while (courier->process.pid >= 0 && clock_now() < deadline)
        loop_turn(&loop, clock_now() + TURN);
}

TEST(a_cwg_etcd_that_ends_is_started_again_more_and_more_rarely)
{
    struct courier courier;
    int64_t pause;

    begin("exit 1");
    courier_open(&courier, &loop, &store, &config, NULL);
    run_courier_again(&courier);
    pause = courier.due - clock_now();
    expect(courier.misses == 1 && pause <= 1000, "again in %ld ms", (long)pause);
    courier.misses = 40;
    run_courier_again(&courier);
    pause = courier.due - clock_now();
    expect(pause > 30000 && pause <= 60000, "at last in %ld ms", (long)pause);
    courier_retry(&courier);
    expect(courier.due == 0, "a reload changes nothing");
    courier_close(&courier);
    finish();
}

/* It is sent again, since the program may have no handler when it comes first. */
TEST(a_reload_goes_on_to_cwg_etcd)
{
    const int64_t deadline = clock_now() + LONG;
    struct courier courier;

    begin("exec /usr/bin/env --default-signal=HUP /bin/sleep 20");
    courier_open(&courier, &loop, &store, &config, NULL);
    (void)courier_run(&courier);
    while (courier.process.pid >= 0 && clock_now() < deadline) {
        courier_retry(&courier);
        loop_turn(&loop, clock_now() + TURN);
    }
    expect_way("carrier/etcd", "cwg etcd ended with status 129");
    courier_close(&courier);
    finish();
}

/* `cwg etcd` itself has told, meanwhile, that etcd was reached. */
TEST(the_same_last_words_are_told_again_after_etcd_was_reached)
{
    struct courier courier;
    struct tale tale;

    begin("echo 'cwg: it can not' >&2; exit 1");
    tale = (struct tale){.store = &store};
    courier_open(&courier, &loop, &store, &config, NULL);
    run_courier_again(&courier);
    expect_way("carrier/etcd", "it can not");
    tale_tell(&tale, "connected", "http://etcd", "", 0);
    run_courier_again(&courier);
    expect_way("carrier/etcd", "it can not");
    courier_close(&courier);
    finish();
    run_courier("exit 0"); /* the agent has ended it */
    expect(!way("carrier/etcd")[0], "%s", way("carrier/etcd"));
    finish();
}

TEST(a_cwg_etcd_that_was_killed_has_no_last_words)
{
    run_courier("echo 'cwg etcd: at work' >&2; kill -KILL $$");
    expect_way("carrier/etcd", "cwg etcd ended with status 137");
    finish();
}

TEST(how_many_lines_wait_is_told_as_it_is_now_also_after_the_disk_was_full)
{
    struct tale tale;
    int directory;

    begin("");
    tale = (struct tale){.store = &store};
    tale_tell(&tale, "full", "http://etcd", "no room", 1);
    expect_way("carrier/etcd", "\"waiting\":1}");
    tale_tell(&tale, "full", "http://etcd", "no room", 2);
    expect_way("carrier/etcd", "\"waiting\":2}");
    directory = store.directory;
    store.directory = -1;
    tale_tell(&tale, "connected", "http://etcd", "", 0);
    store.directory = directory;
    expect_way("carrier/etcd", "full");
    tale_tell(&tale, "connected", "http://etcd", "", 0);
    expect_way("carrier/etcd", "connected");
    finish();
}

TEST(another_server_is_told_though_nothing_else_has_changed)
{
    struct tale tale;

    begin("");
    tale = (struct tale){.store = &store};
    tale_tell(&tale, "connected", "http://etcd1", "", 0);
    expect_way("carrier/etcd", "http://etcd1");
    tale_tell(&tale, "connected", "http://etcd2", "", 0);
    expect_way("carrier/etcd", "http://etcd2");
    finish();
}

/* ssh */

/* Runs a carrier until its session has ended. */
static void run_carrier(struct carrier *carrier)
{
    const int64_t deadline = clock_now() + LONG;

    (void)carrier_run(carrier);
    while (carrier->ssh.pid >= 0 && clock_now() < deadline) {
        loop_turn(&loop, clock_now() + TURN);
        (void)carrier_run(carrier);
    }
    (void)carrier_tell(carrier);
}

/* If it is the host's key, the line before says why. */
TEST(the_reason_is_the_last_line_that_ssh_says_however_much_it_has_said)
{
    const struct site_record site = {.name = "s2", .ssh = "way"};
    struct carriers carriers = {.count = 0};

    begin("i=0; while [ $i -lt 300 ]; do echo '@ somebody has another key @'; i=$((i + 1)); done "
          ">&2; printf 'Host key for way has changed.\\r\\nHost key verification failed.\\r\\n' "
          ">&2; exit 255");
    carriers_add(&carriers, &loop, &store, "s1", &site);
    run_carrier(carriers.one[0]);
    expect_way("carrier/s2", "unreachable");
    expect_way("carrier/s2", "s2: Host key for way has changed. Host key verification failed.\"");
    carriers_free(&carriers);
    finish();
}

/* A warning of the session's begin, say. */
TEST(a_site_that_says_nothing_any_more_is_called_so_whatever_ssh_has_said_before)
{
    static const struct {
        const char *script, *reason;
        bool says;
    } cases[] = {
        {"exec /bin/sleep 20", "s2: it has been silent for 60 s\"", false},
        {"echo 'a warning' >&2; : >$PATH/go; exec /bin/sleep 20",
         "s2: it has been silent for 60 s; before, ssh has said: a warning\"", true},
        {"echo 'Killed by signal 15.' >&2; : >$PATH/go; exec /bin/sleep 20",
         "s2: it has been silent for 60 s\"", true},
        /* This one ends by itself. */
        {"exec <&-; echo 'client_loop: Broken pipe' >&2; exit 255",
         "s2: client_loop: Broken pipe\"", false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct site_record site = {.name = "s2", .ssh = "way"};
        const int64_t deadline = clock_now() + LONG;
        struct carriers carriers = {.count = 0};

        begin(cases[i].script);
        carriers_add(&carriers, &loop, &store, "s1", &site);
        (void)carrier_run(carriers.one[0]);
        while (cases[i].says && !is_there("go") && clock_now() < deadline)
            loop_turn(&loop, clock_now() + TURN);
        if (i < 3)
            carriers.one[0]->post.heard -= POST_SILENCE_MS;
        run_carrier(carriers.one[0]);
        expect_way("carrier/s2", cases[i].reason);
        carriers_free(&carriers);
        finish();
    }
}

TEST(a_site_that_is_reached_another_way_is_called_and_nothing_is_said_of_the_way_before)
{
    struct carriers carriers = {.count = 0};
    struct site_record site = {.name = "s2", .ssh = "way"};
    struct trust trust = {.sites = &site, .count = 1};

    begin("echo 'no route' >&2; exit 255");
    carriers_add(&carriers, &loop, &store, "s1", &site);
    (void)carrier_tell(carriers.one[0]);
    expect_way("carrier/s2", "\"host\":\"way\",\"state\":\"calling\"");
    /* Before any word of it, too. */
    (void)strcpy(site.ssh, "way2");
    carriers_match(&carriers, &trust);
    (void)carrier_tell(carriers.one[0]);
    expect_way("carrier/s2", "\"host\":\"way2\",\"state\":\"calling\"");
    run_carrier(carriers.one[0]);
    expect_way("carrier/s2", "no route");
    (void)strcpy(site.ssh, "way3");
    carriers_match(&carriers, &trust);
    (void)carrier_tell(carriers.one[0]);
    expect_way("carrier/s2", "\"host\":\"way3\",\"state\":\"calling\"");
    expect_way("carrier/s2", "\"reason\":\"\"");
    /* The session that ends with the change is no reason either. */
    script = "exec /bin/sleep 20";
    (void)carrier_run(carriers.one[0]);
    expect(carriers.one[0]->ssh.pid >= 0, "no session");
    (void)strcpy(site.ssh, "way4");
    carriers_match(&carriers, &trust);
    (void)carrier_tell(carriers.one[0]);
    expect_way("carrier/s2", "\"host\":\"way4\",\"state\":\"calling\"");
    carriers_free(&carriers);
    finish();
}

TEST(a_site_whose_sessions_end_is_called_more_and_more_rarely)
{
    struct site_record site = {.name = "s2", .ssh = "way"};
    struct trust trust = {.sites = &site, .count = 1};
    struct carriers carriers = {.count = 0};
    struct carrier *carrier;
    int64_t pause;

    begin("exit 1");
    carriers_add(&carriers, &loop, &store, "s1", &site);
    carrier = carriers.one[0];
    run_carrier(carrier);
    pause = carrier->due - clock_now();
    expect(carrier->misses == 1 && pause <= 3000, "again in %ld ms", (long)pause);
    carrier->misses = 40;
    carrier->due = 0;
    run_carrier(carrier);
    pause = carrier->due - clock_now();
    expect(carrier->misses == 41 && pause > 20000 && pause <= 90000, "at last in %ld ms",
           (long)pause);
    /* One that has lasted is no miss. Another way begins anew, too. */
    script = "exec /bin/sleep 20";
    carrier->due = 0;
    (void)carrier_run(carrier);
    carrier->begun -= 2 * LONG + LONG;
    carrier->post.sent = 3;
    carrier->post.heard -= POST_SILENCE_MS;
    run_carrier(carrier);
    expect(carrier->misses == 0 && carrier->sent == 3 && carrier->post.sent == 0,
           "%d misses, %d are sent", carrier->misses, (int)carrier->sent);
    carrier->misses = 40;
    (void)strcpy(site.ssh, "way2");
    carriers_match(&carriers, &trust);
    expect(carrier->misses == 0 && carrier->due == 0, "the way before counts");
    carriers_free(&carriers);
    finish();
}

TEST(a_site_is_reached_once_it_greets_and_forgotten_with_its_declaration)
{
    const struct site_record site = {.name = "s2", .ssh = "way"};
    const int64_t deadline = clock_now() + LONG;
    struct carriers carriers = {.count = 0};
    struct trust trust = {.count = 0};

    begin("until [ -e $PATH/go ]; do /bin/sleep 0.01; done\n"
          "echo '{\"cwg-post\":1,\"to\":\"s1\"}'; exec /bin/sleep 20");
    expect(store_write(&store, "out/s2/l.0", "a record", &failure) == 0 &&
               carriers_lack(&carriers, &store, &site),
           "it isn't to be called");
    carriers_add(&carriers, &loop, &store, "s1", &site);
    carriers_add(&carriers, &loop, &store, "s1", &site);
    expect(carriers.count == 1 && !carriers_lack(&carriers, &store, &site), "called twice");
    (void)carrier_run(carriers.one[0]);
    (void)carrier_tell(carriers.one[0]);
    expect_way("carrier/s2", "\"state\":\"calling\"");
    programs_put("go", "");
    while (!carriers.one[0]->post.greeted && clock_now() < deadline)
        loop_turn(&loop, clock_now() + TURN);
    (void)carrier_tell(carriers.one[0]);
    expect_way("carrier/s2", "\"state\":\"reachable\"");
    carriers_match(&carriers, &trust);
    expect(carriers.count == 0 && !way("carrier/s2")[0], "%s", way("carrier/s2"));
    carriers_free(&carriers);
    finish();
}
