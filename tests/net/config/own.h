/* The default settings, but a caller may act on his own containers alone. */
#include "../../../config.h"
#define CWG_OWN_CONTAINERS_ONLY
