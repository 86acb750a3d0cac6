/* Settings of net-admin-helper: edit this file, then `make`. Or keep a copy of your own elsewhere
 * and `make CONFIG=path/to/config.h`. What is left out gets the value that
 * src/helper/base/settings.h has. */

/* The helper's network devices are called <prefix>-<net>-<host>, and it can touch no others. A
 * prefix of up to 5 characters (letters, digits, '_', '.', '-') leaves room for all 8388608 nets
 * in the 15 characters of a device name.
 */
#define CWG_PREFIX "wg"

/* The tasks. One that is commented out is not in the program at all. */
#define ENABLE_CWG_CREATE
#define ENABLE_CWG_CONNECT
#define ENABLE_CWG_DELETE

/* batch: many tasks in one run, a line each. */
#define ENABLE_CWG_BATCH

/* Where the kernel has no WireGuard, a link is carried by a process of its own, the engine. Without
 * this, the kernel's WireGuard is all there is. With the second, the engine carries new links on
 * every kernel.
 */
#define ENABLE_CWG_ENGINE
/* #define CWG_PREFER_ENGINE */

/* Who may do what, in a file, if there is one: see net-admin-helper-policy(5). */
#define ENABLE_CWG_POLICY
#define CWG_POLICY_PATH "/etc/net-admin-helper/policy"

/* A line for each change to the machine's journal or syslog, if there is one. */
#define ENABLE_CWG_AUDIT

/* How many links one container may have. */
#define CWG_MAX_LINKS 256

/* Who may be acted on. As it stands: every network namespace but the helper's own and the
 * machine's. With this, only containers with a user namespace that the caller owns (rootless
 * containers); all others are answered as if the process didn't exist. Root is not restricted.
 */
/* #define CWG_OWN_CONTAINERS_ONLY */
