#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cwg/base/process.h"
#include "cwg/checkup/checkup.h"
#include "cwg/container/engines.h"

enum {
    PATH_SIZE = 256,
    FIREWALL_MS = 10000,
    ENGINE_NAMES_SIZE = 128,
};

/* Is this the machine's own user namespace? Only it has this number (PROC_USER_INIT_INO,
 * include/linux/proc_ns.h). */
static bool in_initial_namespace(void)
{
    struct stat namespace;

    return stat("/proc/self/ns/user", &namespace) < 0 || namespace.st_ino == 0xEFFFFFFDU;
}

/* no_new_privs and the bounding set go from a session to all its processes. Either takes the
 * helper's file capabilities away. */
static void check_session(json_t *findings)
{
    const bool bounded = prctl(PR_CAPBSET_READ, CAP_NET_ADMIN, 0, 0, 0) == 1 &&
                         prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 1 &&
                         prctl(PR_CAPBSET_READ, CAP_SYS_PTRACE, 0, 0, 0) == 1;

    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        finding_add(
            findings, "session", FOUND_FAIL,
            "it runs under no_new_privs, where a program's file gives no capability: call cwg "
            "from a session without it (systemd: NoNewPrivileges= and what implies it; "
            "containers: --security-opt no-new-privileges)");
    else if (!bounded)
        finding_add(
            findings, "session", FOUND_FAIL,
            "its bounding set lacks one of cap_net_admin, cap_sys_admin and cap_sys_ptrace, so "
            "no program can get it: call cwg from a session that has them (systemd: "
            "CapabilityBoundingSet=; containers: --cap-add)");
    else if (!in_initial_namespace())
        finding_add(
            findings, "session", FOUND_WARN,
            "it is in a user namespace of its own, and the helper's capabilities hold in that "
            "one alone: call cwg where the containers are started");
    else
        finding_add(findings, "session", FOUND_OK,
                    "neither no_new_privs nor the bounding set keeps capabilities from the helper");
}

/* Is a text in one of a file's lines, or with `alone` one of them? */
static bool look_for(const char *path, const char *text, bool alone)
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t size = 0;
    bool has = false;

    while (file && !has && getline(&line, &size, file) > 0) {
        line[strcspn(line, "\n")] = '\0';
        has = alone ? strcmp(line, text) == 0 : strstr(line, text) != NULL;
    }
    free(line);
    if (file)
        (void)fclose(file);
    return has;
}

static bool file_has(const char *path, const char *text)
{
    return look_for(path, text, false);
}

static bool file_has_line(const char *path, const char *text)
{
    return look_for(path, text, true);
}

/* Where the running kernel's WireGuard is seen; NULL if it is seen nowhere. */
static const char *find_kernel(bool *ret_modules_known)
{
    struct utsname kernel;
    char builtin[PATH_SIZE], modules[PATH_SIZE];

    (void)uname(&kernel);
    (void)snprintf(builtin, sizeof(builtin), "/lib/modules/%.65s/modules.builtin", kernel.release);
    (void)snprintf(modules, sizeof(modules), "/lib/modules/%.65s/modules.dep", kernel.release);
    *ret_modules_known = access(modules, R_OK) == 0;
    if (access("/sys/module/wireguard", F_OK) == 0)
        return "the kernel's WireGuard is there (/sys/module/wireguard)";
    if (file_has(builtin, "/wireguard.ko"))
        return "WireGuard is built into the kernel (modules.builtin)";
    if (file_has(modules, "/wireguard.ko") &&
        !file_has_line("/proc/sys/kernel/modules_disabled", "1"))
        return "the kernel has WireGuard as a module, for it to load (modules.dep)";
    return NULL;
}

/* Opens the device as the helper does for an engine. Without an ioctl that makes nothing. Returns 0
 * or an errno. */
static int open_tun(void)
{
    const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

/* What carries links: by the kernel's WireGuard, or by the engine where the kernel has none. A
 * build may prefer the engine. */
static void check_carrier(json_t *findings, const char *version)
{
    const char *backends = strstr(version, "\nbackends: ");
    const bool prefers = backends && strncmp(backends + 11, "userspace", 9) == 0;
    const bool has_engine = !backends || strstr(backends, "userspace engine");
    bool known;
    const char *kernel = find_kernel(&known);
    const int error = open_tun();

    if (kernel && !prefers)
        finding_add(findings, "carrier", FOUND_OK, "%s", kernel);
    else if (!has_engine)
        finding_add(
            findings, "carrier", known ? FOUND_FAIL : FOUND_WARN,
            "no WireGuard of the kernel's is seen, and this build of net-admin-helper has no "
            "engine: as root, modprobe wireguard, or install a build with the engine");
    else if (error == EACCES || error == EPERM)
        finding_add(findings, "carrier", known || prefers ? FOUND_FAIL : FOUND_WARN,
                    "%s, and you may not open /dev/net/tun for an engine: as root, chmod 0666 "
                    "/dev/net/tun, as udev does%s",
                    prefers ? "this build carries links by engines"
                            : "no WireGuard of the kernel's is seen",
                    prefers ? "" : ", or modprobe wireguard");
    else if (error)
        finding_add(
            findings, "carrier", known || prefers ? FOUND_FAIL : FOUND_WARN,
            "%s, and /dev/net/tun can't be opened for an engine (%s): as root, modprobe tun%s",
            prefers ? "this build carries links by engines"
                    : "no WireGuard of the kernel's is seen",
            strerror(error), prefers ? "" : ", or modprobe wireguard");
    else
        finding_add(
            findings, "carrier", FOUND_OK,
            "%s; /dev/net/tun can be opened for engines, and the trial shows if the engine is "
            "installed",
            prefers ? "this build carries links by engines"
                    : "no WireGuard of the kernel's is seen");
}

/* Asks each engine whose program is installed for its running containers. One that doesn't answer
 * may be one that nobody uses, if another does. */
static void check_engines(json_t *findings)
{
    struct failure troubles[ENGINES_MAX];
    char names[ENGINE_NAMES_SIZE] = "";
    size_t answers = 0, count = 0, length = 0;

    for (size_t i = 0; i < engine_count; i++) {
        struct failure failure = {.text = ""};
        int running = 0, asked;

        if (!engines[i].list)
            continue;
        if (length < sizeof(names))
            length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s",
                                       length ? ", " : "", engines[i].list[0]);
        asked = engine_ask(&engines[i], &running, &failure);
        answers += asked == 0;
        if (asked < 0)
            troubles[count++] = failure;
        else if (asked == 0)
            finding_add(findings, "engine", FOUND_OK, "%s answers: %d running that you may see",
                        engines[i].name, running);
    }
    for (size_t i = 0; i < count; i++)
        finding_add(findings, "engine", answers ? FOUND_NOTE : FOUND_WARN, "%s", troubles[i].text);
    if (answers + count == 0)
        finding_add(
            findings, "engine", FOUND_NOTE,
            "none of %s is in PATH: pid/N and netns/NAME name a container without an engine",
            names);
}

/* Does a process of this name run? One that is hidden from this user isn't seen. */
static bool process_runs(const char *name)
{
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    bool runs = false;

    while (processes && !runs && (entry = readdir(processes))) {
        char path[sizeof(entry->d_name) + 16];

        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        (void)snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
        runs = file_has_line(path, name);
    }
    if (processes)
        (void)closedir(processes);
    return runs;
}

/* Returns 1 if nftables has a chain that may drop packets of this machine's own; 0 if it has none;
 * -1 if that can't be seen, as by everybody but root. */
static int has_chain(void)
{
    static const char *const command[] = {"nft", "list", "ruleset", NULL};
    static const char *const chains[] = {
        "type filter hook input",       "type filter hook output", "type filter hook prerouting",
        "type filter hook postrouting", "type route hook output",  "type filter hook ingress",
        "type filter hook egress",
    };
    struct process_result *result = geteuid() == 0 ? malloc(sizeof(*result)) : NULL;
    int has = -1;

    if (result && process_run(command, NULL, FIREWALL_MS, result) == 0 && result->status == 0) {
        has = 0;
        for (size_t i = 0; i < sizeof(chains) / sizeof(chains[0]); i++)
            has |= strstr(result->out, chains[i]) != NULL;
    }
    free(result);
    return has;
}

/* Has iptables a table of the old kind? Only root may see it. */
static bool has_table(void)
{
    return file_has_line("/proc/net/ip_tables_names", "filter") ||
           file_has_line("/proc/net/ip6_tables_names", "filter");
}

static void check_firewalls(json_t *findings)
{
    static const char remedy[] =
        "let it pass UDP to the ports of links (--port chooses them, without it they are any)";
    const int chain = has_chain();
    const struct {
        bool seen;
        const char *text;
    } walls[] = {
        {file_has_line("/etc/ufw/ufw.conf", "ENABLED=yes"), "ufw is on (/etc/ufw/ufw.conf)"},
        {process_runs("firewalld"), "firewalld runs"},
        {has_table(), "iptables has a table filter (/proc/net/ip_tables_names)"},
        {chain > 0, "nftables has a chain that may drop packets (nft list ruleset)"},
    };
    bool any = false;

    for (size_t i = 0; i < sizeof(walls) / sizeof(walls[0]); i++) {
        any |= walls[i].seen;
        if (walls[i].seen)
            finding_add(findings, "firewall", FOUND_WARN, "%s: %s", walls[i].text, remedy);
    }
    if (!any && chain == 0)
        finding_add(findings, "firewall", FOUND_OK,
                    "ufw is off or not there, no firewalld is seen, nftables has no chain that "
                    "may drop this machine's own packets, and iptables no table filter");
    else if (!any)
        finding_add(findings, "firewall", FOUND_NOTE,
                    "ufw is off or not there, and no firewalld is seen; other rules %s",
                    geteuid() == 0 ? "weren't listed by nft" : "can't be seen without root");
}

void checkup_machine(json_t *findings, const char *version)
{
    check_session(findings);
    check_carrier(findings, version);
    check_engines(findings);
    check_firewalls(findings);
}
