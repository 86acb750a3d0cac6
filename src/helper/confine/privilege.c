#include "helper/confine/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/base/failure.h"

static const struct {
    enum privilege privilege;
    int capability;
    const char *name;
} known[] = {
    {PRIVILEGE_PTRACE, CAP_SYS_PTRACE, "cap_sys_ptrace"},
    {PRIVILEGE_ADMIN, CAP_SYS_ADMIN, "cap_sys_admin"},
    {PRIVILEGE_NET, CAP_NET_ADMIN, "cap_net_admin"},
    {PRIVILEGE_BIND, CAP_NET_BIND_SERVICE, "cap_net_bind_service"},
};

enum {
    NEEDED = 3, /* the first three */
    KNOWN = sizeof(known) / sizeof(known[0]),
};

static uint64_t permitted; /* one bit a capability */

/* The kernel splits a set into two words of 32 bits (capset(2)). */
static int capabilities_get(uint64_t *ret_permitted)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

    if (syscall(SYS_capget, &header, data) < 0)
        return -errno;
    *ret_permitted = data[0].permitted | (uint64_t)data[1].permitted << 32;
    return 0;
}

/* Empties the inheritable set. The kernel then empties the ambient set, too (cap_capset(),
 * security/commoncap.c). */
static int capabilities_set(uint64_t new_permitted, uint64_t effective)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
        {.permitted = (uint32_t)new_permitted, .effective = (uint32_t)effective},
        {.permitted = (uint32_t)(new_permitted >> 32), .effective = (uint32_t)(effective >> 32)},
    };

    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

static uint64_t capability_set(unsigned int privileges)
{
    uint64_t set = 0;

    for (size_t i = 0; i < KNOWN; i++) {
        if (privileges & known[i].privilege)
            set |= UINT64_C(1) << known[i].capability;
    }
    return set;
}

/* Ends the process if it can't set the capabilities. */
static void set_or_die(uint64_t new_permitted, uint64_t effective)
{
    int saved = errno;

    if (capabilities_set(new_permitted, effective))
        _exit(EXIT_FAILURE);
    errno = saved;
}

int privilege_start(void)
{
    const bool root = getuid() == 0;
    int error = capabilities_get(&permitted);

    if (error)
        return error;
    permitted &= capability_set(PRIVILEGE_PTRACE | PRIVILEGE_ADMIN | PRIVILEGE_NET |
                                (root ? PRIVILEGE_BIND : 0U));
    return capabilities_set(permitted, 0);
}

/* Is the program on a mount whose files give no capabilities? */
static bool is_nosuid(void)
{
    struct statvfs status;
    int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);
    bool nosuid = fd >= 0 && fstatvfs(fd, &status) == 0 && status.f_flag & ST_NOSUID;

    if (fd >= 0)
        close(fd);
    return nosuid;
}

/* Finds why the program's file gave no capability (cap_bprm_creds_from_file(),
 * security/commoncap.c). A traced program looks like a file without capabilities. */
static const char *find_reason(int capability)
{
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
        return "it was started under no_new_privs, where a program's file gives no capability. A "
               "container gets no_new_privs from --security-opt no-new-privileges, a service of "
               "systemd's from NoNewPrivileges=, and, if it has User= or DynamicUser=, from "
               "SystemCallFilter=, RestrictNamespaces=, RestrictAddressFamilies=, PrivateDevices=, "
               "ProtectKernelTunables=, MemoryDenyWriteExecute=, RestrictSUIDSGID= and others: see "
               "systemd.exec(5), and examples/caller.service";
    if (prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 0)
        return "its caller's bounding set doesn't have it. A container gets it by --cap-add, a "
               "service of systemd's by CapabilityBoundingSet=CAP_NET_ADMIN CAP_SYS_ADMIN "
               "CAP_SYS_PTRACE";
    if (is_nosuid())
        return "it is on a file system that is mounted nosuid; install it on another, or mount "
               "that without nosuid";
    return "install it with `make install`, which does setcap "
           "'cap_net_admin,cap_sys_admin,cap_sys_ptrace=p'; and don't trace it";
}

int privilege_check(struct failure *failure)
{
    for (size_t i = 0; i < NEEDED; i++) {
        if (!(permitted & UINT64_C(1) << known[i].capability))
            return fail_as(failure, FAILURE_NOT_PERMITTED, -EPERM, "the program lacks %s: %s",
                           known[i].name, find_reason(known[i].capability));
    }
    return 0;
}

unsigned int privilege_to_bind(void)
{
    return (permitted & capability_set(PRIVILEGE_BIND)) ? PRIVILEGE_BIND : 0;
}

void privilege_raise(unsigned int privileges)
{
    set_or_die(permitted, capability_set(privileges));
}

void privilege_lower(void)
{
    set_or_die(permitted, 0);
}

void privilege_keep(unsigned int privileges)
{
    permitted &= capability_set(privileges);
    set_or_die(permitted, 0);
}

void privilege_end(void)
{
    permitted = 0;
    set_or_die(0, 0);
}
