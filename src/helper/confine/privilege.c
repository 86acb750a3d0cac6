#include "helper/confine/privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/base/settings.h"

static unsigned int permitted; /* a set of enum privilege */

/* Sets both sets, or ends the process. Empties the inheritable set; the kernel then empties the
 * ambient set, too (cap_capset(), security/commoncap.c). */
static void set_or_die(unsigned int new_permitted, unsigned int effective)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
        {.permitted = new_permitted, .effective = effective},
    };
    int saved = errno;

    if (syscall(SYS_capset, &header, data) < 0)
        _exit(EXIT_FAILURE);
    errno = saved;
}

int privilege_start(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    unsigned int kept = PRIVILEGE_PTRACE | PRIVILEGE_ADMIN | PRIVILEGE_NET;

    if (getuid() == 0)
        kept |= PRIVILEGE_BIND;
    if (syscall(SYS_capget, &header, data) < 0)
        return -errno;
    permitted = data[0].permitted & kept;
    set_or_die(permitted, 0);
    return 0;
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
    return "install it with `" INSTALLER "`, which does setcap "
           "'cap_net_admin,cap_sys_admin,cap_sys_ptrace=p'; and don't trace it";
}

int privilege_check(struct failure *failure)
{
    static const struct {
        int capability;
        const char *name;
    } needed[] = {
        {CAP_SYS_PTRACE, "cap_sys_ptrace"},
        {CAP_SYS_ADMIN, "cap_sys_admin"},
        {CAP_NET_ADMIN, "cap_net_admin"},
    };

    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        if (!(permitted & 1U << needed[i].capability))
            return fail_as(failure, FAILURE_NOT_PERMITTED, -EPERM, "the program lacks %s: %s",
                           needed[i].name, find_reason(needed[i].capability));
    }
    return 0;
}

unsigned int privilege_to_bind(void)
{
    return permitted & PRIVILEGE_BIND;
}

void privilege_raise(unsigned int privileges)
{
    set_or_die(permitted, privileges);
}

void privilege_lower(void)
{
    set_or_die(permitted, 0);
}

void privilege_keep(unsigned int privileges)
{
    permitted &= privileges;
    set_or_die(permitted, 0);
}

void privilege_end(void)
{
    privilege_keep(0);
}
