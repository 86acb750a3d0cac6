/* The default settings, but a limit that a test can reach. */
#include "../../../config.h"
#undef CWG_MAX_LINKS
#define CWG_MAX_LINKS 2
