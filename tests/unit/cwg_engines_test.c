/* What the engines' programs print, from programs that stand in for them. */
#include "cwg/container/engines.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg_programs.h"
#include "unit.h"

static struct failure failure;

/* In the output "PID" stands for a process that lives. */
static void install(const char *program, const char *output, const char *errors, int status)
{
    char script[4096];

    (void)snprintf(script, sizeof(script),
                   "printf '%%s\\n' \"$*\" >>\"$0.words\"\n"
                   "sed 's/PID/%d/' <<'END'\n%s\nEND\nprintf '%s' >&2; exit %d",
                   (int)getpid(), output, errors, status);
    programs_write(program, script);
}

TEST(outputs)
{
    static const struct {
        const char *engine, *program, *output;
        const char *code; /* NULL: it is found */
        const char *id;
    } cases[] = {
        /* Each cgroup's path has a 0. */
        {"docker", "docker", "PID 0 /web", NULL, "0"},
        {"docker", "docker", "PID abc /web", "engine", "abc"},
        {"podman", "podman", "PID abc web", NULL, "abc"},
        {"nerdctl", "nerdctl", "PID abc web", NULL, "abc"},
        {"nerdctl", "nerdctl", " abc web", "not-running", ""},
        {"podman", "podman", "0 abc web", "not-running", ""},
        /* Another container, whose id begins with the name. */
        {"podman", "podman", "PID webc0ffee db", "no-such-container", ""},
        {"docker", "docker", "0 webc0ffee /db", "no-such-container", ""},
        {"nerdctl", "nerdctl", "PID webc0ffee db", "no-such-container", ""},
        {"podman", "podman", "-1 abc web", "engine", ""},
        {"podman", "podman", "PID abc", "engine", ""},
        {"podman", "podman", "", "engine", ""},
        {"podman", "podman", "4194305 abc web", "engine", ""},
        {"podman", "podman", "99999999999999999999 abc web", "engine", ""},
        {"podman", "podman", "PID  web", "engine", ""},
        {"podman", "podman", "PID abc /", "engine", ""},
        {"podman", "podman", "PID --json web", "engine", ""},
        {"podman", "podman", "PID abc \033[2J", "engine", ""},
        {"nspawn", "machinectl", "Leader=PID\nState=running", NULL, ""},
        {"nspawn", "machinectl", "State=running\nLeader=PID", NULL, ""},
        {"nspawn", "machinectl", "Leader=PID\nState=closing", "not-running", ""},
        {"nspawn", "machinectl", "Class=container\nLeader=PID\nState=running", NULL, ""},
        {"nspawn", "machinectl", "Class=vm\nLeader=PID\nState=running", "no-such-container", ""},
        {"nspawn", "machinectl", "State=running", "engine", ""},
        {"nspawn", "machinectl", "Leader=x\nState=running", "engine", ""},
        {"lxc", "lxc-info", "PID", NULL, ""},
        {"lxc", "lxc-info", "", "not-running", ""},
        {"lxc", "lxc-info", "PIDx", "engine", ""},
        {"incus", "incus", "{\n\t\"pid\": PID,\n\t\"status\": \"Running\"\n}", NULL, ""},
        {"incus", "incus", "{\"pid\":0,\"status\":\"Stopped\"}", "not-running", ""},
        {"incus", "incus", "{\"pid\":\"PID\"}", "not-running", ""},
        {"incus", "incus", "[", "engine", ""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct container found = {.pidfd = -1, .netns = -1};
        int error;

        programs_begin();
        install(cases[i].program, cases[i].output, "", 0);
        error = container_find(cases[i].engine, "web", &found, &failure);
        if (cases[i].code)
            expect(error == -1 && failure_is(&failure, cases[i].code) &&
                       unit_is_printable(failure.text),
                   "case %zu: %s: %s", i, failure.code, failure.text);
        else
            expect(error == 0 && found.pid == getpid() && found.pidfd >= 0 &&
                       strcmp(found.name, "web") == 0 && strcmp(found.id, cases[i].id) == 0 &&
                       strcmp(found.engine, cases[i].engine) == 0,
                   "case %zu: %s; %s %s", i, failure.text, found.name, found.id);
        if (!error)
            container_close(&found);
        programs_end();
    }
}

/* Few letters of an id may be a name that no container has any more. */
TEST(ids)
{
    static const char id[] = "0123456789abcdef0123456789abcdef";
    static const size_t lengths[] = {1, 11, 12, sizeof(id) - 1};
    struct container found;

    programs_begin();
    install("podman", "PID 0123456789abcdef0123456789abcdef web", "", 0);
    programs_write("crictl", "[ \"$1\" = pods ] || echo '{\"status\":{\"id\":\"0123456789abcdef0123"
                             "456789abcdef\",\"state\":\"SANDBOX_READY\"},\"info\":{\"pid\":1}}'");
    for (size_t i = 0; i < 2 * COUNT(lengths); i++) {
        char typed[sizeof(id)];
        int error;

        (void)snprintf(typed, sizeof(typed), "%.*s", (int)lengths[i / 2], id);
        error = container_find(i % 2 ? "cri" : "podman", typed, &found, &failure);
        expect(lengths[i / 2] < 12 ? error && failure_is(&failure, "no-such-container") : !error,
               "case %zu: %s", i, failure.text);
        if (!error)
            container_close(&found);
    }
    expect(container_find("podman", "0123456789abcdeg", &found, &failure) == -1, "another id");
    programs_end();
}

/* podman may be set to ask another machine. Its containers' processes aren't in this one's cgroups.
 */
TEST(another_machine_s_podman)
{
    static const struct {
        const char *inspect, *info, *code;
    } cases[] = {
        {"$PPID abc web", "echo false", NULL},
        {"$PPID abc web", "echo trouble >&2; exit 125", NULL},
        {"$PPID 0 web", "echo true", NULL},
        {"$PPID abc web", "echo true", "engine"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct container found;
        char script[512];
        int error;

        programs_begin();
        (void)snprintf(script, sizeof(script), "[ \"$1\" = container ] && echo \"%s\" || { %s; }",
                       cases[i].inspect, cases[i].info);
        programs_write("podman", script);
        error = container_find("podman", "web", &found, &failure);
        expect(cases[i].code ? error == -1 && failure_is(&failure, cases[i].code) : !error,
               "case %zu: %s", i, failure.text);
        if (!error)
            container_close(&found);
        programs_end();
    }
}

/* A pod of CRI-O's: it has no pid. */
#define SANDBOX_IN(path)                                                                           \
    "{\"status\":{\"id\":\"abc\",\"state\":\"SANDBOX_READY\"},\"info\":{\"runtimeSpec\":{"         \
    "\"linux\":"                                                                                   \
    "{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\",\"path\":\"" path "\"}]}}}}"

/* crictl is asked twice: for the ids of a name, and for a pod. */
TEST(pods)
{
    static const struct {
        const char *ids, *pod, *code;
    } cases[] = {
        {"abc",
         "{\"status\":{\"id\":\"abc\",\"state\":\"SANDBOX_READY\"},\"info\":{\"pid\":$PPID}}",
         NULL},
        {"", "{\"status\":{\"id\":\"abc\",\"state\":\"SANDBOX_READY\"},\"info\":{\"pid\":$PPID}}",
         "no-such-container"},
        {"abc\nabd", "", "ambiguous"},
        {"abc", "{\"status\":{\"id\":\"abc\",\"state\":\"SANDBOX_NOTREADY\"},\"info\":{\"pid\":1}}",
         "not-running"},
        {"abc", "{\"status\":{\"id\":\"abc\",\"state\":\"SANDBOX_READY\"},\"info\":{}}", "engine"},
        {"abc", SANDBOX_IN("/etc/cwg-unit-nobody"), "engine"},
        {"abc", SANDBOX_IN("/tmp/run/netns/cwg-unit-nobody"), "engine"},
        {"abc", SANDBOX_IN("/var/run/netns/../x"), "engine"},
        {"abc", SANDBOX_IN("/var/run/netns/cwg-unit-nobody"), "no-such-container"},
        {"abc", SANDBOX_IN("/run/netns/cwg-unit-nobody"), "no-such-container"},
        {"abc", "{\"status\":{\"id\":\"a b\",\"state\":\"SANDBOX_READY\"},\"info\":{\"pid\":1}}",
         "engine"},
        {"abc", "{\"status\":7,\"info\":[]}", "engine"},
        {"abc", "", "engine"},
        {"--json", "", "engine"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct container found = {.pidfd = -1, .netns = -1};
        char script[1024];
        int error;

        programs_begin();
        (void)snprintf(script, sizeof(script),
                       "if [ \"$1\" = pods ]; then [ \"$6\" = '^web\\.1$' ] && echo '%s'\n"
                       "else cat <<END\n%s\nEND\nfi",
                       cases[i].ids, cases[i].pod);
        programs_write("crictl", script);
        error = container_find("cri", "web.1", &found, &failure);
        if (cases[i].code)
            expect(error == -1 && failure_is(&failure, cases[i].code), "case %zu: %s: %s", i,
                   failure.code, failure.text);
        else
            expect(error == 0 && found.pid == getpid() && strcmp(found.id, "abc") == 0,
                   "case %zu: %s", i, failure.text);
        if (!error)
            container_close(&found);
        programs_end();
    }
}

TEST(what_engines_say_when_they_fail)
{
    static const struct {
        const char *engine, *program, *errors, *code, *text;
    } cases[] = {
        {"podman", "podman", "Error: no such container web", "no-such-container", ""},
        {"docker", "docker", "Error: No such container: web", "no-such-container", ""},
        {"nspawn", "machinectl", "Could not get path: No machine web known", "no-such-container",
         ""},
        {"lxc", "lxc-info", "web doesn'\\''t exist", "no-such-container", ""},
        {"lxc", "lxc-info", "Insufficent privileges to control web", "engine", "root may"},
        {"docker", "docker",
         "permission denied while trying to connect to the docker API at "
         "unix:///var/run/docker.sock",
         "engine", "group docker"},
        {"docker", "docker", "failed to connect to the docker API at unix:///var/run/docker.sock",
         "engine", "systemctl start docker"},
        {"docker", "docker", "trouble\\n", "engine", "docker: trouble; or give"},
        {"docker", "docker", "\\033[2J\\n", "engine", ""},
        {"docker", "docker", "", "engine", ""},
    };
    struct container found;

    for (size_t i = 0; i < COUNT(cases); i++) {
        programs_begin();
        install(cases[i].program, "", cases[i].errors, 1);
        expect(container_find(cases[i].engine, "web", &found, &failure) == -1 &&
                   failure_is(&failure, cases[i].code) && strstr(failure.text, cases[i].text) &&
                   unit_is_printable(failure.text),
               "case %zu: %s: %s", i, failure.code, failure.text);
        programs_end();
    }
}

/* Asks for many at once, and says what was found of each: "web abc; db no-such-container". */
static const char *ask_for(const char *engine, const char *const *names, size_t count)
{
    static char said[2048];
    struct container_answer answers[CONTAINERS_AT_ONCE];
    size_t length = 0;

    for (size_t i = 0; i < count; i++)
        answers[i] = (struct container_answer){.name = names[i]};
    container_find_all(engine, answers, count);
    for (size_t i = 0; i < count && length < sizeof(said); i++) {
        struct container_answer *answer = &answers[i];

        length +=
            (size_t)snprintf(said + length, sizeof(said) - length, "%s%s %s", i ? "; " : "",
                             names[i], answer->error ? answer->failure.code : answer->container.id);
        if (!answer->error)
            container_close(&answer->container);
    }
    return said;
}

/* podman and docker tell of those that there are, and say of the others that they aren't there. */
TEST(many_containers_by_one_program)
{
    static const char *const names[] = {"web", "db", "0123456789ab", "web"};
    static const struct {
        const char *engine, *output, *errors;
        int status;
        const char *said;
    } cases[] = {
        {"podman", "PID abc web\nPID def db\nPID 0123456789abcdef cache", "", 0,
         "web abc; db def; 0123456789ab 0123456789abcdef; web abc"},
        {"podman", "PID def db", "Error: no such container web", 125,
         "web no-such-container; db def; 0123456789ab no-such-container; web no-such-container"},
        {"podman", "0 abc web\n1 def db", "no such container 0123456789ab", 125,
         "web not-running; db def; 0123456789ab no-such-container; web not-running"},
        {"podman", "", "trouble", 125, "web engine; db engine; 0123456789ab engine; web engine"},
        {"podman", "PID def db", "trouble", 125,
         "web engine; db def; 0123456789ab engine; web engine"},
        {"podman", "PID def db\n[", "no such container", 125,
         "web engine; db def; 0123456789ab engine; web engine"},
        {"podman", "PID webc0ffee other", "no such container", 125,
         "web no-such-container; db no-such-container; 0123456789ab no-such-container; "
         "web no-such-container"},
        {"docker", "PID 0 /web\nPID 0 /db", "Error: No such container: x", 1,
         "web 0; db 0; 0123456789ab no-such-container; web 0"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *said;

        programs_begin();
        install(cases[i].engine, cases[i].output, cases[i].errors, cases[i].status);
        said = ask_for(cases[i].engine, names, COUNT(names));
        expect(strcmp(said, cases[i].said) == 0, "case %zu: %s", i, said);
        programs_end();
    }
}

/* Of these the list is one program, and a container in it one more. */
TEST(many_containers_by_a_list)
{
    static const char *const names[] = {"web", "db"};
    const char *said;

    programs_begin();
    programs_write("machinectl", "echo \"$*\" >>\"$0.words\"\n"
                                 "case $1 in list) echo 'db container systemd-nspawn';;\n"
                                 "*) echo \"Leader=$PPID\nState=running\";; esac");
    said = ask_for("nspawn", names, COUNT(names));
    expect(strcmp(said, "web no-such-container; db ") == 0, "%s", said);
    said = ask_for("", names, COUNT(names));
    expect(strcmp(said, "web no-such-container; db ") == 0, "all engines: %s", said);
    install("podman", "PID abc web", "no such container", 125);
    said = ask_for("", names, COUNT(names));
    expect(strcmp(said, "web abc; db ") == 0, "two engines: %s", said);
    programs_write("machinectl", "echo trouble >&2; exit 1");
    said = ask_for("nspawn", names, COUNT(names));
    expect(strcmp(said, "web engine; db engine") == 0, "%s", said);
    programs_end();
    said = ask_for("nspawn", names, COUNT(names));
    expect(strcmp(said, "web no-engine; db no-engine") == 0, "not installed: %s", said);
    said = ask_for("cups", names, COUNT(names));
    expect(strcmp(said, "web usage; db usage") == 0, "%s", said);
}

TEST(many_engines)
{
    struct container found;

    programs_begin();
    expect(container_find("", "web", &found, &failure) == -1 &&
               failure_is(&failure, "no-such-container"),
           "none: %s", failure.text);
    install("podman", "PID abc web", "", 0);
    install("docker", "PID 0 /web", "", 0);
    expect(container_find("", "web", &found, &failure) == 0 && strcmp(found.engine, "podman") == 0,
           "podman as docker: %s", failure.text);
    container_close(&found);
    install("docker", "1 0 /web", "", 0);
    expect(container_find("", "web", &found, &failure) == -1 && failure_is(&failure, "ambiguous") &&
               strstr(failure.text, "podman/web and docker/web"),
           "two: %s", failure.text);
    install("podman", "", "trouble", 1);
    install("docker", "", "no such container", 1);
    expect(container_find("", "web", &found, &failure) == -1 &&
               failure_is(&failure, "no-such-container") &&
               strstr(failure.text, "web (podman couldn't be asked)"),
           "trouble: %s", failure.text);
    install("podman", "0 abc web", "", 0);
    expect(container_find("", "web", &found, &failure) == -1 && failure_is(&failure, "not-running"),
           "a stopped one: %s", failure.text);
    expect(container_find("nonsense", "web", &found, &failure) == -1 &&
               failure_is(&failure, "usage"),
           "%s", failure.text);
    programs_end();
}

TEST(processes_and_files)
{
    static const char *const bad[] = {"0", "4194305", "x", "1x", "99999999999999999999"};
    struct container found;
    char pid[16];

    for (size_t i = 0; i < COUNT(bad); i++)
        expect(container_find("pid", bad[i], &found, &failure) == -1 &&
                   failure_is(&failure, "usage"),
               "%s", bad[i]);
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    expect(container_find("pid", pid, &found, &failure) == 0 && container_lives(&found), "%s",
           failure.text);
    container_close(&found);
    expect(container_find("pid", "4194303", &found, &failure) == -1 &&
               failure_is(&failure, "not-running"),
           "nobody: %s", failure.text);
    expect(container_find("netns", "cwg-unit-nobody", &found, &failure) == -1 &&
               failure_is(&failure, "no-such-container"),
           "no file: %s", failure.text);
}

TEST(lists)
{
    struct failure troubles[ENGINES_MAX];
    struct end *ends;
    int count;

    programs_begin();
    install("podman", "web\n\033[2J\n--json\ndb", "", 0);
    install("docker", "", "trouble", 1);
    install("machinectl", "box container systemd-nspawn\nqemu-1 vm libvirt-qemu", "", 0);
    count = engines_list(&ends, troubles, &failure);
    expect(count == 3 && strcmp(ends[0].name, "web") == 0 && strcmp(ends[1].name, "db") == 0 &&
               strcmp(ends[2].name, "box") == 0 && strcmp(ends[2].engine, "nspawn") == 0,
           "%d", count);
    for (size_t i = 0; i < engine_count; i++)
        expect(!strstr(troubles[i].text, "trouble") == (strcmp(engines[i].name, "docker") != 0),
               "%s: %s", engines[i].name, troubles[i].text);
    free(ends);
    programs_end();
}
