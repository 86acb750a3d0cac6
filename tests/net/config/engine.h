/* The default settings, but engines on every kernel, and a limit that a test can reach. */
#include "../../../config.h"
#define CWG_PREFER_ENGINE
#undef CWG_MAX_LINKS
#define CWG_MAX_LINKS 4
