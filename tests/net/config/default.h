/* As it comes. */
#include "../../../config.h"
