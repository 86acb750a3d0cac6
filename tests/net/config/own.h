/* As it comes, but on the caller's own containers only. */
#include "../../../config.h"
#define CWG_OWN_CONTAINERS_ONLY
