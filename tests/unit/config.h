/* What the unit tests are compiled with, so that they don't depend on what a user wants. */
#define CWG_PREFIX "wg"
#define ENABLE_CWG_CREATE
#define ENABLE_CWG_CONNECT
#define ENABLE_CWG_DELETE
#define ENABLE_CWG_BATCH
#define ENABLE_CWG_AUDIT
#define CWG_MAX_LINKS 256
/* Both filters of the sandbox are tested: sandbox_test and sandbox_own_test. A policy can limit
 * callers to their own containers, too. */
#ifndef SANDBOX_FOR_ALL
#define ENABLE_CWG_POLICY
#endif
#ifndef CWG_OWN_CONTAINERS_ONLY
#define ENABLE_CWG_ENGINE
#endif
