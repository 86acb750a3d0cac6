/* The capabilities of a process, as the kernel tells them in /proc/self/status. Every case is a
 * forked child, since capabilities don't come back. */
#include "helper/confine/privilege.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "unit.h"

#define BIT(capability) (UINT64_C(1) << (capability))

static const uint64_t three = BIT(CAP_NET_ADMIN) | BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_PTRACE);

/* What a helper keeps that root has started: every test here is root's. */
static const uint64_t four =
    BIT(CAP_NET_ADMIN) | BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_PTRACE) | BIT(CAP_NET_BIND_SERVICE);

struct sets {
    uint64_t inheritable;
    uint64_t permitted;
    uint64_t effective;
    uint64_t ambient;
};

static struct sets sets_now(void)
{
    struct sets sets = {~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0), ~UINT64_C(0)};
    char line[128];
    FILE *status = fopen("/proc/self/status", "re");

    if (!status)
        unit_trouble("/proc/self/status");
    while (fgets(line, sizeof(line), status)) {
        uint64_t value = strtoull(line + strcspn(line, "\t"), NULL, 16);

        if (strncmp(line, "CapInh:", 7) == 0)
            sets.inheritable = value;
        else if (strncmp(line, "CapPrm:", 7) == 0)
            sets.permitted = value;
        else if (strncmp(line, "CapEff:", 7) == 0)
            sets.effective = value;
        else if (strncmp(line, "CapAmb:", 7) == 0)
            sets.ambient = value;
    }
    (void)fclose(status);
    return sets;
}

static void expect_sets(const char *when, uint64_t permitted, uint64_t effective)
{
    struct sets sets = sets_now();

    expect(sets.permitted == permitted && sets.effective == effective && !sets.inheritable &&
               !sets.ambient,
           "%s: permitted %llx, effective %llx, inheritable %llx, ambient %llx", when,
           (unsigned long long)sets.permitted, (unsigned long long)sets.effective,
           (unsigned long long)sets.inheritable, (unsigned long long)sets.ambient);
}

static void set(uint64_t permitted, uint64_t inheritable)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {(uint32_t)permitted, (uint32_t)permitted, (uint32_t)inheritable},
        {(uint32_t)(permitted >> 32), (uint32_t)(permitted >> 32), (uint32_t)(inheritable >> 32)},
    };

    if (syscall(SYS_capset, &header, data))
        unit_trouble("capset");
}

/* Of all that a root process has, four are left; none is effective, inheritable or ambient. */
static void start_body(void *context)
{
    uint64_t all = sets_now().permitted;
    struct failure failure = {.text = "untouched"};

    (void)context;
    expect((all & four) == four && all != four, "root has %llx", (unsigned long long)all);
    set(all, all);
    expect(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) == 0 &&
               prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0) == 0,
           "ambient: errno %d", errno);
    expect(sets_now().ambient == (BIT(CAP_NET_ADMIN) | BIT(CAP_CHOWN)), "ambient not set");
    expect(privilege_start() == 0, "privilege_start()");
    expect_sets("started", four, 0);
    expect(privilege_check(&failure) == 0, "privilege_check(): %s", failure.text);
    expect(strcmp(failure.text, "untouched") == 0, "privilege_check(): %s", failure.text);
    expect(privilege_to_bind() == PRIVILEGE_BIND, "privilege_to_bind()");
    expect_sets("checked", four, 0);
}

/* Of another user the fourth isn't kept, whoever gave it to the program. */
static void others_body(void *context)
{
    (void)context;
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) || syscall(SYS_setresuid, 61234, 61234, 61234))
        unit_trouble("setresuid");
    set(four, 0);
    expect(privilege_start() == 0, "privilege_start()");
    expect_sets("started", three, 0);
    expect(privilege_to_bind() == 0, "privilege_to_bind()");
}

/* And root need not have it. */
static void without_body(void *context)
{
    (void)context;
    set(three, 0);
    expect(privilege_start() == 0, "privilege_start()");
    expect_sets("started", three, 0);
    expect(privilege_to_bind() == 0, "privilege_to_bind()");
}

TEST_AS_ROOT(start)
{
    unit_in_child(start_body, NULL);
    unit_in_child(others_body, NULL);
    unit_in_child(without_body, NULL);
}

/* What each privilege makes effective, and nothing else. */
static const struct {
    unsigned int privileges;
    uint64_t effective;
} raised[] = {
    {0, 0},
    {PRIVILEGE_PTRACE, BIT(CAP_SYS_PTRACE)},
    {PRIVILEGE_ADMIN, BIT(CAP_SYS_ADMIN)},
    {PRIVILEGE_NET, BIT(CAP_NET_ADMIN)},
    {PRIVILEGE_PTRACE | PRIVILEGE_ADMIN | PRIVILEGE_NET,
     BIT(CAP_SYS_PTRACE) | BIT(CAP_SYS_ADMIN) | BIT(CAP_NET_ADMIN)},
    {PRIVILEGE_BIND, BIT(CAP_NET_BIND_SERVICE)},
    {PRIVILEGE_NET | PRIVILEGE_BIND, BIT(CAP_NET_ADMIN) | BIT(CAP_NET_BIND_SERVICE)},
};

static void raise_body(void *context)
{
    (void)context;
    expect(privilege_start() == 0, "privilege_start()");
    for (size_t i = 0; i < COUNT(raised); i++) {
        char when[32];

        (void)snprintf(when, sizeof(when), "case %zu, raised", i);
        errno = 4711;
        privilege_raise(raised[i].privileges);
        expect(errno == 4711, "case %zu: errno %d", i, errno);
        expect_sets(when, four, raised[i].effective);
        /* from one to another, without a pause: not their union */
        privilege_raise(raised[COUNT(raised) - 1 - i].privileges);
        expect_sets("another", four, raised[COUNT(raised) - 1 - i].effective);
        errno = 4712;
        privilege_lower();
        expect(errno == 4712, "case %zu: errno %d", i, errno);
        expect_sets("lowered", four, 0);
        privilege_lower();
        expect_sets("lowered twice", four, 0);
    }
}

TEST_AS_ROOT(raise_and_lower)
{
    unit_in_child(raise_body, NULL);
}

/* The end is one: nothing can be raised then, and who tries that is ended. */
static void end_body(void *context)
{
    bool again = *(bool *)context;

    expect(privilege_start() == 0, "privilege_start()");
    privilege_raise(PRIVILEGE_NET);
    errno = 4713;
    privilege_end();
    expect(errno == 4713, "errno %d", errno);
    expect_sets("ended", 0, 0);
    privilege_lower();
    expect_sets("lowered after the end", 0, 0);
    privilege_end();
    expect_sets("ended twice", 0, 0);
    if (!again)
        return;
    privilege_raise(PRIVILEGE_NET);
    expect(false, "raised after the end");
}

TEST_AS_ROOT(end)
{
    bool again = false;
    int status;

    unit_in_child(end_body, &again);
    again = true;
    status = unit_fork(end_body, &again);
    expect(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE, "status 0x%x",
           (unsigned)status);
}

static const struct {
    uint64_t missing;
    const char *named; /* the one that the text is about, or NULL */
} subsets[] = {
    {0, NULL},
    {BIT(CAP_SYS_PTRACE), "cap_sys_ptrace"},
    {BIT(CAP_SYS_ADMIN), "cap_sys_admin"},
    {BIT(CAP_NET_ADMIN), "cap_net_admin"},
    {BIT(CAP_SYS_PTRACE) | BIT(CAP_SYS_ADMIN) | BIT(CAP_NET_ADMIN), "cap_"},
};

struct subset_case {
    size_t number;
    bool others; /* whether the process has all others, or none */
};

static void missing_body(void *context)
{
    const struct subset_case *at = context;
    uint64_t missing = subsets[at->number].missing;
    const char *named = subsets[at->number].named;
    struct failure failure = {.text = ""};
    char begin[64];
    int result;

    set(at->others ? sets_now().permitted & ~missing : three & ~missing, 0);
    expect(privilege_start() == 0, "case %zu: start", at->number);
    expect_sets("with some missing", (at->others ? four : three) & ~missing, 0);
    result = privilege_check(&failure);
    expect(result == (named ? -EPERM : 0), "case %zu: %d", at->number, result);
    expect(failure.usage == NULL, "case %zu: usage", at->number);
    if (!named)
        return;
    (void)snprintf(begin, sizeof(begin), "the program lacks %s", named);
    expect(strncmp(failure.text, begin, strlen(begin)) == 0, "case %zu: %s", at->number,
           failure.text);
    expect(strlen(failure.text) < sizeof(failure.text) - 1 && unit_is_printable(failure.text),
           "case %zu: %s", at->number, failure.text);
}

TEST_AS_ROOT(missing_ones)
{
    for (size_t i = 0; i < COUNT(subsets); i++) {
        struct subset_case with = {.number = i, .others = true};
        struct subset_case without = {.number = i, .others = false};

        unit_in_child(missing_body, &with);
        unit_in_child(missing_body, &without);
    }
}

/* To raise what is missing is fatal: better no program than one with a wrong set. */
static void raise_missing_body(void *context)
{
    size_t number = *(size_t *)context;

    set(four & ~raised[number].effective, 0);
    if (privilege_start())
        unit_trouble("privilege_start");
    privilege_raise(raised[number].privileges);
    expect(false, "case %zu: raised", number);
}

TEST_AS_ROOT(raise_missing)
{
    for (size_t i = 1; i < COUNT(raised); i++) {
        int status = unit_fork(raise_missing_body, &i);

        expect(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_FAILURE, "case %zu: status 0x%x", i,
               (unsigned)status);
    }
}
