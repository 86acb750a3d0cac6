#include <endian.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cwg/base/process.h"
#include "cwg/base/program.h"
#include "cwg/checkup/checkup.h"
#include "cwg/machine/group.h"

#define PROGRAM "net-admin-helper"
#define NEEDED  "cap_net_admin,cap_sys_admin,cap_sys_ptrace=p"

enum {
    PATH_SIZE = 512,
    RUN_MS = 10000,
    PROGRAM_MODE = 0750, /* as scripts/install and the Debian package set it */
};

struct program {
    char path[PROGRAM_PATH_SIZE];
    struct stat status;
    bool runs; /* this session may execute it */
};

static bool find_program(struct program *ret_program)
{
    const int found = program_find(PROGRAM, ret_program->path);

    ret_program->runs = found == 0;
    return found != -ENOENT && stat(ret_program->path, &ret_program->status) == 0;
}

static void check_mode(const struct program *program, json_t *findings)
{
    const mode_t mode = program->status.st_mode & 07777;

    if (program->status.st_uid != 0)
        finding_add(
            findings, "mode", FOUND_WARN,
            "%s is owned by user %u, who can change its rights: as root, chown root it, and then "
            "setcap " NEEDED " %s",
            program->path, program->status.st_uid, program->path);
    else if (mode == PROGRAM_MODE)
        finding_add(findings, "mode", FOUND_OK,
                    "root owns it, its group may run it, and nobody else");
    else if (mode & (S_IWGRP | S_IWOTH | S_ISUID | S_ISGID))
        finding_add(
            findings, "mode", FOUND_FAIL,
            "%s has mode %04o, with which others can write it, or it has more rights than it "
            "needs: as root, chmod 0750 it",
            program->path, mode);
    else if (mode & S_IXOTH)
        finding_add(
            findings, "mode", FOUND_WARN,
            "every user may run it (mode %04o): if only a group shall, as root chmod 0750 %s", mode,
            program->path);
    else
        finding_add(findings, "mode", program->runs ? FOUND_WARN : FOUND_FAIL,
                    "%s has mode %04o, and 0750 is right: as root, chmod 0750 it", program->path,
                    mode);
}

/* Tells which of the three capabilities are missing, as words. */
static void missing_to_text(uint32_t permitted, char *ret_text, size_t size)
{
    static const struct {
        int number;
        const char *name;
    } needed[] = {{CAP_NET_ADMIN, "cap_net_admin"},
                  {CAP_SYS_ADMIN, "cap_sys_admin"},
                  {CAP_SYS_PTRACE, "cap_sys_ptrace"}};
    size_t length = 0;

    ret_text[0] = '\0';
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]) && length < size; i++) {
        if (!(permitted & 1U << needed[i].number))
            length += (size_t)snprintf(ret_text + length, size - length, "%s%s", length ? ", " : "",
                                       needed[i].name);
    }
}

/* Reads the attribute security.capability, which everybody may read. Returns 0 or an errno. */
static int read_capabilities(const char *path, uint32_t *ret_permitted, bool *ret_foreign)
{
    struct vfs_ns_cap_data data = {0};
    const ssize_t length = getxattr(path, "security.capability", &data, sizeof(data));

    *ret_permitted = 0;
    *ret_foreign = false;
    if (length < 0)
        return errno == ENODATA ? 0 : errno;
    if ((size_t)length < XATTR_CAPS_SZ_2)
        return EINVAL;
    *ret_permitted = le32toh(data.data[0].permitted);
    *ret_foreign = (le32toh(data.magic_etc) & VFS_CAP_REVISION_MASK) == VFS_CAP_REVISION_3 &&
                   (size_t)length == XATTR_CAPS_SZ_3 && data.rootid != 0;
    return 0;
}

static void check_capabilities(const struct program *program, json_t *findings)
{
    const char *result = geteuid() == 0 ? FOUND_WARN : FOUND_FAIL;
    char missing[64];
    uint32_t permitted;
    bool foreign;
    int error = read_capabilities(program->path, &permitted, &foreign);

    missing_to_text(permitted, missing, sizeof(missing));
    if (error)
        finding_add(findings, "capabilities", FOUND_WARN,
                    "the attribute security.capability of %s can't be read: %s", program->path,
                    strerror(error));
    else if (foreign)
        finding_add(findings, "capabilities", result,
                    "the capabilities of %s hold in another user namespace alone: as root of this "
                    "machine, setcap " NEEDED " %s",
                    program->path, program->path);
    else if (missing[0])
        finding_add(findings, "capabilities", result,
                    "%s lacks %s: as root, setcap " NEEDED " %s%s", program->path, missing,
                    program->path,
                    geteuid() == 0 ? " (you are root and have them, other users don't)" : "");
    else
        finding_add(findings, "capabilities", FOUND_OK, "its file gives it all three");
}

static void check_mount(const struct program *program, json_t *findings)
{
    struct statvfs status;

    if (statvfs(program->path, &status) < 0)
        finding_add(findings, "mount", FOUND_WARN, "the file system of %s can't be looked at: %s",
                    program->path, strerror(errno));
    else if (status.f_flag & ST_NOSUID)
        finding_add(
            findings, "mount", geteuid() == 0 ? FOUND_WARN : FOUND_FAIL,
            "%s is on a file system that is mounted nosuid, where files give no capabilities: "
            "install it on another, or mount this one without nosuid",
            program->path);
    else
        finding_add(findings, "mount", FOUND_OK, "its file system isn't mounted nosuid");
}

static void check_group(const struct program *program, json_t *findings)
{
    char text[GROUP_TEXT_SIZE];
    const bool may = group_tell(program->status.st_gid, program->runs, text);

    finding_add(findings, "group",
                may                 ? FOUND_OK
                : group_is_spared() ? FOUND_NOTE
                                    : FOUND_FAIL,
                "%s", text);
}

/* Looks for a word of a line of `net-admin-helper --version`: "tasks: A B C". */
static bool has_word(const char *version, const char *line, const char *word)
{
    const char *at = strstr(version, line);
    const size_t length = strlen(word);
    const char *end;

    if (!at)
        return false;
    at += strlen(line);
    end = strchrnul(at, '\n');
    while ((at = strstr(at, word)) && at < end) {
        if (at[-1] == ' ' && (at[length] == ' ' || at[length] == '\n' || !at[length]))
            return true;
        at += length;
    }
    return false;
}

/* The first task of those which cwg needs that isn't in the program; NULL if all are. */
static const char *missing_task(const char *version)
{
    static const char *const needed[] = {"cwg_create", "cwg_connect", "cwg_destroy",
                                         "cwg_show",   "cwg_wait",    "batch"};

    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (!has_word(version, "\ntasks:", needed[i]))
            return needed[i];
    }
    return NULL;
}

/* Runs the program for its version. Writes what it says, if it is its own word. */
static void check_version(json_t *findings, char ret_version[static VERSION_TEXT_SIZE])
{
    static const char *const command[] = {PROGRAM, "--version", NULL};
    struct process_result *result = malloc(sizeof(*result));
    int error = result ? process_run(command, NULL, RUN_MS, result) : -ENOMEM;
    const char *task;
    int length;

    if (error) {
        finding_add(findings, "version", FOUND_FAIL, PROGRAM " --version can't be run: %s",
                    strerror(-error));
    } else if (result->status < 0) {
        finding_add(findings, "version", FOUND_FAIL, PROGRAM " --version doesn't end");
    } else if (result->status != 0 || strncmp(result->out, PROGRAM " ", sizeof(PROGRAM)) != 0) {
        finding_add(
            findings, "version", FOUND_FAIL,
            PROGRAM " --version ends with status %d and doesn't tell its version: install it "
                    "anew, as its README says%s%.200s",
            result->status, result->err[0] ? "; it says: " : "", process_last_line(result->err));
    } else {
        (void)snprintf(ret_version, VERSION_TEXT_SIZE, "%.*s", VERSION_TEXT_SIZE - 1, result->out);
        length = (int)strcspn(ret_version, "\n") - (int)sizeof(PROGRAM);
        task = missing_task(ret_version);
        if (task)
            finding_add(findings, "version", FOUND_FAIL,
                        PROGRAM " has no task %s, which cwg needs: install a build that has it",
                        task);
        else if (strncmp(ret_version + sizeof(PROGRAM), VERSION "\n", sizeof(VERSION)) != 0)
            finding_add(findings, "version", FOUND_WARN,
                        PROGRAM " is version %.*s, and this cwg is " VERSION
                                ": install both of one "
                                "release",
                        length < 64 ? length : 64, ret_version + sizeof(PROGRAM));
        else
            finding_add(findings, "version", FOUND_OK, PROGRAM " and cwg are " VERSION);
    }
    free(result);
}

/* Asks the program about its policy file. */
static void check_rules(const char *path, json_t *findings)
{
    const char *const command[] = {PROGRAM, "check-policy", path, NULL};
    struct process_result *result = malloc(sizeof(*result));
    int error = result ? process_run(command, NULL, RUN_MS, result) : -ENOMEM;
    int rules = 0;

    for (const char *at = error ? NULL : result->out; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        rules += strncmp(at, "line ", 5) == 0;
    }
    if (error)
        finding_add(findings, "policy", FOUND_WARN, PROGRAM " check-policy can't be run: %s",
                    strerror(-error));
    else if (result->status < 0)
        finding_add(findings, "policy", FOUND_FAIL, PROGRAM " check-policy %s doesn't end", path);
    else if (result->status != 0)
        finding_add(findings, "policy", FOUND_FAIL,
                    "`" PROGRAM " check-policy %s` finds a mistake: %.300s", path,
                    process_last_line(result->err));
    else
        finding_add(findings, "policy", FOUND_OK, "%s has %d rule%s and no mistake", path, rules,
                    rules == 1 ? "" : "s");
    free(result);
}

static void check_policy(const char *version, json_t *findings)
{
    const char *line = strstr(version, "\npolicy: ");
    char path[PATH_SIZE];
    struct stat status;
    int error;

    if (!line) {
        finding_add(findings, "policy", FOUND_NOTE,
                    "this build of " PROGRAM
                    " reads no policy: whoever may run it may do everything");
        return;
    }
    line += strlen("\npolicy: ");
    (void)snprintf(path, sizeof(path), "%.*s", (int)strcspn(line, "\n"), line);
    error = lstat(path, &status) < 0 ? errno : 0;
    if (error == ENOENT)
        finding_add(findings, "policy", FOUND_OK,
                    "there is no %s: whoever may run " PROGRAM " may do everything", path);
    else if (error)
        finding_add(
            findings, "policy", FOUND_FAIL,
            "%s can't be looked at: %s; each caller has to read it: as root, chmod 0755 its "
            "directory",
            path, strerror(error));
    else if (!S_ISREG(status.st_mode) || status.st_uid != 0 || status.st_mode & (S_IWGRP | S_IWOTH))
        finding_add(
            findings, "policy", FOUND_FAIL,
            "%s must be a regular file that root owns and nobody else can write, or only root "
            "may do anything: as root, chown root: and chmod 0644 it",
            path);
    else
        check_rules(path, findings);
}

void checkup_program(json_t *findings, char ret_version[static VERSION_TEXT_SIZE])
{
    struct program program = {.runs = false};

    ret_version[0] = '\0';
    if (!find_program(&program)) {
        const char *path = getenv("PATH");

        finding_add(findings, "helper", FOUND_FAIL,
                    PROGRAM
                    " isn't in PATH (%.200s): install it as its README says, or set PATH, for "
                    "sessions of ssh as well",
                    path ? path : "");
        return;
    }
    finding_add(findings, "helper", FOUND_OK, "%s", program.path);
    check_mode(&program, findings);
    check_capabilities(&program, findings);
    check_mount(&program, findings);
    check_group(&program, findings);
    if (!program.runs)
        return;
    check_version(findings, ret_version);
    if (ret_version[0])
        check_policy(ret_version, findings);
}
