/* All tasks, and a limit that a test can reach. */
#define ENABLE_CWG_CREATE
#define ENABLE_CWG_CONNECT
#define ENABLE_CWG_DELETE
#define ENABLE_CWG_ENGINE
#define CWG_MAX_LINKS 2
