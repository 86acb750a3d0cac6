/* All tasks, the engine on every kernel, and room for the links of tests/bench/idle. */
#define CWG_PREFIX "wg"
#define ENABLE_CWG_CREATE
#define ENABLE_CWG_CONNECT
#define ENABLE_CWG_DELETE
#define ENABLE_CWG_ENGINE
#define CWG_PREFER_ENGINE
#define CWG_MAX_LINKS 4096
