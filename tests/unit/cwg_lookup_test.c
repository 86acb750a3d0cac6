#include "cwg/agent/loop/lookup.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg_programs.h"
#include "unit.h"

enum {
    LOOKUPS = 20,
    LONG_MS = 20000, /* for a machine that is busy */
};

static struct loop loop;
static struct lookups *lookups;
static struct lookup lookup[LOOKUPS];
static struct {
    int calls;
    int turn; /* answered as the first one, the second one and so on */
    bool found;
    struct container container;
    struct failure failure;
} answer[LOOKUPS];
static int done;

static void take(struct lookup *one, const struct container *container,
                 const struct failure *failure)
{
    const size_t i = (size_t)(one - lookup);

    answer[i].calls++;
    answer[i].found = container != NULL;
    expect((container == NULL) == (failure != NULL), "%zu: both, or none", i);
    if (container)
        answer[i].container = *container;
    if (failure)
        answer[i].failure = *failure;
    answer[i].turn = ++done;
}

/* The script is podman, which is asked for a container by name. */
static void begin(const char *script)
{
    programs_begin();
    programs_write("podman", script);
    lookups = calloc(1, sizeof(*lookups));
    if (!lookups || loop_open(&loop))
        unit_trouble("loop_open");
    lookups_open(lookups, &loop);
    memset(answer, 0, sizeof(answer));
    done = 0;
}

static void ask(int i, const char *engine, const char *name)
{
    lookup[i] = (struct lookup){.done = take};
    (void)snprintf(lookup[i].engine, sizeof(lookup[i].engine), "%s", engine);
    (void)snprintf(lookup[i].name, sizeof(lookup[i].name), "%s", name);
    lookups_add(lookups, &lookup[i]);
}

/* Goes on until so many are answered, or for a time. Returns the most children at once. */
static int go_on(int count, int milliseconds)
{
    const int64_t deadline = clock_now() + milliseconds;
    int most = 0;

    while (done < count && clock_now() < deadline) {
        const int64_t due = lookups_run(lookups);
        int children = 0;

        for (int i = 0; i < LOOKUPS_AT_ONCE; i++)
            children += lookups->child[i].asked != NULL;
        most = children > most ? children : most;
        loop_turn(&loop, done >= count ? 0 : due < deadline ? due : deadline);
    }
    return most;
}

static void end(void)
{
    for (int i = 0; i < LOOKUPS; i++) {
        if (answer[i].found)
            container_close(&answer[i].container);
    }
    lookups_close(lookups);
    loop_close(&loop);
    free(lookups);
    expect(waitpid(-1, NULL, WNOHANG) < 0, "a child is left");
    programs_end();
}

/* The program's last words, behind the format, are names; each stands for a container of this
 * process. */
#define FOUND(pid) "shift 4; for name; do echo \"" pid " id-$name $name\"; done"

static const char *found_here(void)
{
    static char script[128];

    (void)snprintf(script, sizeof(script), FOUND("%d"), (int)getpid());
    return script;
}

/* How often the program has run. */
static int count_runs(void)
{
    char path[PATH_MAX];
    struct stat status;

    (void)snprintf(path, sizeof(path), "%s/runs", programs_folder());
    return stat(path, &status) == 0 ? (int)status.st_size : 0;
}

static void check_found(int i)
{
    struct container *container = &answer[i].container;
    char id[64];

    (void)snprintf(id, sizeof(id), "id-%.60s", lookup[i].name);
    expect(answer[i].calls == 1 && answer[i].found && container->pid == getpid() &&
               strcmp(container->id, id) == 0,
           "%d: %s", i, answer[i].failure.text);
    expect(fcntl(container->pidfd, F_GETFD) == FD_CLOEXEC && container->netns == -1,
           "%d: descriptors %d and %d", i, container->pidfd, container->netns);
}

TEST(several_are_found_by_one_program)
{
    char script[256], name[16];
    int most;

    /* Asked for so many that aren't in the cgroup of this process, it is asked once more, where its
     * containers are. */
    (void)snprintf(script, sizeof(script), "printf . >>${0%%/*}/runs\n[ $1 = info ] && exit\n%s",
                   found_here());
    begin(script);
    for (int i = 0; i < LOOKUPS; i++) {
        (void)snprintf(name, sizeof(name), "web%d", i);
        ask(i, "podman", name);
    }
    expect(done == 0, "answered before anybody was asked");
    most = go_on(LOOKUPS, LONG_MS);
    expect(done == LOOKUPS && most == 1 && count_runs() == 2, "%d are done, %d at once, %d runs",
           done, most, count_runs());
    for (int i = 0; i < LOOKUPS; i++)
        check_found(i);
    expect(lookups_run(lookups) == INT64_MAX, "something is left to do");
    end();
}

/* Not each engine's program can be asked for many: then several of them run at once. */
TEST(several_are_found_at_once)
{
    int most;

    begin("exit 1");
    programs_write("nerdctl", found_here());
    for (int i = 0; i < LOOKUPS; i++)
        ask(i, "nerdctl", "web");
    most = go_on(LOOKUPS, LONG_MS);
    expect(done == LOOKUPS && most == LOOKUPS_AT_ONCE, "%d are done, %d at once", done, most);
    for (int i = 0; i < LOOKUPS; i++)
        check_found(i);
    end();
}

/* Each engine's questions are together, whatever their order. */
TEST(engines_are_asked_side_by_side)
{
    char pid[16];

    begin(found_here());
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    for (int i = 0; i < 8; i++)
        ask(i, i % 2 ? "podman" : "pid", i % 2 ? "web" : pid);
    expect(lookups_run(lookups) < INT64_MAX && lookups->child[0].count == 4 &&
               lookups->child[1].count == 4 && !lookups->child[2].asked,
           "%zu and %zu together", lookups->child[0].count, lookups->child[1].count);
    (void)go_on(8, LONG_MS);
    for (int i = 0; i < 8; i++)
        expect(answer[i].found && answer[i].calls == 1, "%d: %s", i, answer[i].failure.text);
    end();
}

/* The descriptor that a child sends tells of the end of the process. */
TEST(the_end_of_a_found_process_is_seen)
{
    char script[128];
    struct pollfd ended = {.events = POLLIN};
    const pid_t child = fork();

    if (child < 0)
        unit_trouble("fork");
    if (child == 0) {
        (void)pause();
        _exit(0);
    }
    (void)snprintf(script, sizeof(script), FOUND("%d"), (int)child);
    begin(script);
    ask(0, "podman", "web");
    (void)go_on(1, LONG_MS);
    expect(answer[0].found, "%s", answer[0].failure.text);
    ended.fd = answer[0].container.pidfd;
    expect(poll(&ended, 1, 0) == 0, "it has ended");
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    expect(poll(&ended, 1, LONG_MS) == 1, "its end isn't seen");
    end();
}

TEST(a_failure_is_one_lookup_s)
{
    char script[256];

    (void)snprintf(script, sizeof(script),
                   "shift 4; for name; do if [ $name = web ]; then echo %d id-web web; else echo "
                   "\"no such container $name\" >&2; fi; done; exit 125",
                   (int)getpid());
    begin(script);
    ask(0, "podman", "web");
    ask(1, "podman", "db");
    ask(2, "rkt", "web");
    ask(3, "podman", "web");
    (void)go_on(4, LONG_MS);
    expect(done == 4 && answer[0].found && answer[3].found, "%s", answer[0].failure.text);
    expect(!answer[1].found && failure_is(&answer[1].failure, "no-such-container"), "%s",
           answer[1].failure.text);
    expect(!answer[2].found && failure_is(&answer[2].failure, "usage"), "%s",
           answer[2].failure.text);
    end();
}

/* The engine hangs at one container, which nobody can know beforehand: all that were asked for with
 * it fail once, and from then on that one alone. */
TEST(a_hang_is_bounded_and_holds_up_others_once)
{
    char script[256];
    int64_t begun;

    (void)snprintf(script, sizeof(script), "case $* in *hangs*) exec sleep 6; esac\n%s",
                   found_here());
    begin(script);
    lookups->patience = 2000;
    for (int round = 0; round < 2; round++) {
        memset(answer, 0, sizeof(answer));
        done = 0;
        begun = clock_now();
        ask(0, "podman", "hangs");
        for (int i = 1; i < 8; i++)
            ask(i, "podman", "web");
        (void)go_on(8, LONG_MS);
        expect(done == 8 && !answer[0].found && failure_is(&answer[0].failure, "timeout"), "%d: %s",
               done, answer[0].failure.text);
        expect(clock_now() - begun >= 2000 && clock_now() - begun < 5900, "after %d ms",
               (int)(clock_now() - begun));
        for (int i = 1; i < 8; i++)
            expect(round ? answer[i].found && answer[0].turn == 8
                         : failure_is(&answer[i].failure, "timeout"),
                   "%d: %d: %s", round, i, answer[i].failure.text);
    }
    end();
}

TEST(closing_ends_what_is_at_work)
{
    int before;

    begin("exec sleep 2");
    before = unit_descriptors();
    for (int i = 0; i < 8; i++)
        ask(i, "podman", "hangs");
    (void)go_on(1, 100);
    lookups_close(lookups);
    expect(done == 0, "%d were answered", done);
    expect(unit_descriptors() == before, "%d, and %d before", unit_descriptors(), before);
    expect(lookups_run(lookups) == INT64_MAX, "something is left to do");
    end();
}

TEST(descriptors_do_not_leak)
{
    int before;

    begin(found_here());
    before = unit_descriptors();
    for (int i = 0; i < LOOKUPS; i++)
        ask(i, i % 3 ? "podman" : "rkt", "web");
    (void)go_on(LOOKUPS, LONG_MS);
    for (int i = 0; i < LOOKUPS; i++) {
        if (answer[i].found)
            container_close(&answer[i].container);
        answer[i].found = false;
    }
    expect(done == LOOKUPS && unit_descriptors() == before, "%d, and %d before", unit_descriptors(),
           before);
    end();
}

/* An agent that was killed has to be followed by another one, whatever an engine does meanwhile:
 * the child has neither the lock of its store nor anything else of it. */
TEST(a_child_has_no_descriptor_of_the_agent)
{
    char path[PATH_MAX];
    int held, other;

    begin("exec sleep 3");
    held = open(programs_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (held < 0 || flock(held, LOCK_EX | LOCK_NB) < 0)
        unit_trouble("flock");
    ask(0, "podman", "web");
    (void)lookups_run(lookups);
    (void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", lookups->child[0].child.pid, held);
    for (int i = 0; i < 100 && access(path, F_OK) == 0; i++)
        (void)poll(NULL, 0, 10);
    close(held);
    other = open(programs_folder(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    expect(flock(other, LOCK_EX | LOCK_NB) == 0, "the child holds the lock");
    close(other);
    end();
}

/* No process can be started for a while: nothing is lost. */
static void starve(void *context)
{
    struct rlimit none, some;

    (void)context;
    begin("exit 1");
    programs_write("nerdctl", found_here());
    if (getrlimit(RLIMIT_NOFILE, &some) < 0)
        unit_trouble("getrlimit");
    none = some;
    none.rlim_cur = 0;
    if (setrlimit(RLIMIT_NOFILE, &none) < 0)
        unit_trouble("setrlimit");
    for (int i = 0; i < 8; i++)
        ask(i, "nerdctl", "web");
    expect(lookups_run(lookups) <= clock_now() + 1000, "the others wait");
    expect(done == LOOKUPS_AT_ONCE && !answer[0].found &&
               strstr(answer[0].failure.text, "Too many open files"),
           "%d: %s", done, answer[0].failure.text);
    if (setrlimit(RLIMIT_NOFILE, &some) < 0)
        unit_trouble("setrlimit");
    (void)go_on(8, LONG_MS);
    expect(done == 8 && answer[7].found, "%d: %s", done, answer[7].failure.text);
    end();
}

TEST(what_cannot_be_started_is_tried_later)
{
    unit_in_child(starve, NULL);
}
