/* Randomness for what is not secret: so that two ends don't act in step. */
#pragma once

#include <stdint.h>

/* A number from 0 to below `limit`, which is above 0 and no more than 65536; or always 0, if the
 * kernel has no randomness yet. */
uint32_t random_below(uint32_t limit);
