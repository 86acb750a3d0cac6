/* All tasks, on the caller's own containers only. */
#define CWG_PREFIX "wg"
#define ENABLE_CWG_CREATE
#define ENABLE_CWG_CONNECT
#define ENABLE_CWG_DELETE
#define ENABLE_CWG_IPV6
#define ENABLE_CWG_NAT
#define ENABLE_CWG_PRESHARED_KEY
#define ENABLE_CWG_MTU
#define ENABLE_CWG_ENGINE
#define CWG_OWN_CONTAINERS_ONLY
