/* The settings of an application that is older than this program: a prefix of six characters, an
 * earlier name of ENABLE_CWG_DELETE, and settings that mean nothing here. */
#define IP_PATH "/usr/sbin/ip"
#define WG_PATH "/usr/bin/wg"

#define CWG_PREFIX "mahiru"

#define ENABLE_CWG_CREATE
#define ENABLE_CWG_CONNECT
#define ENABLE_CWG_DESTROY
