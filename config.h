/* Settings of net-admin-helper: edit this file, then `make`. Or keep a copy of your own elsewhere
 * and `make CONFIG=path/to/config.h`. A setting that is left out gets its value from
 * src/helper/base/settings.h. */

/* The helper's network devices are called <prefix>-<net>-<host>, and it can touch no others. A
 * prefix of up to 5 characters (letters, digits, '_', '.', '-') leaves room for all 8388608 nets
 * in the 15 characters of a device name.
 */
#define CWG_PREFIX "wg"

/* The tasks. A task that is commented out is not in the program at all. */
#define ENABLE_CWG_CREATE
#define ENABLE_CWG_CONNECT
#define ENABLE_CWG_DELETE

/* batch: many tasks in one run, a line each. */
#define ENABLE_CWG_BATCH

/* Where the kernel has no WireGuard, a link is carried by a process of its own, the engine. Without
 * ENABLE_CWG_ENGINE only the kernel's WireGuard carries links. With CWG_PREFER_ENGINE the engine
 * carries new links on every kernel.
 */
#define ENABLE_CWG_ENGINE
/* #define CWG_PREFER_ENGINE */

/* Which caller may do what is in this file, if it exists: see net-admin-helper-policy(5). */
#define ENABLE_CWG_POLICY
#define CWG_POLICY_PATH "/etc/net-admin-helper/policy"

/* The program writes a line for each change to the machine's journal or syslog. */
#define ENABLE_CWG_AUDIT

/* How many links one container may have. */
#define CWG_MAX_LINKS 256

/* By default callers may act on every network namespace but the helper's own and the machine's.
 * With this setting they may act only on containers in a user namespace that they own (rootless
 * containers). The program answers for all others as if the process didn't exist. Root is not
 * restricted.
 */
/* #define CWG_OWN_CONTAINERS_ONLY */
