/* The default settings. */
#include "../../../config.h"
