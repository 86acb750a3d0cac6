/* The default settings, with room for the links of tests/bench/growth in one container. */
#include "../../config.h"
#undef CWG_MAX_LINKS
#define CWG_MAX_LINKS 8192
