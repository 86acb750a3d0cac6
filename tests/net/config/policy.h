/* The default settings, but a policy that a test can write. */
#include "../../../config.h"
#undef CWG_POLICY_PATH
#define CWG_POLICY_PATH "/var/lib/net-admin-helper-test/policy"
