/* Randomness, of the kernel. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A number from 0 to below `limit`, which is above 0 and no more than 65536; or always 0, if the
 * kernel has no randomness yet. */
uint32_t random_below(uint32_t limit);

/* Bytes that nobody can guess. Returns 0, or a negative errno. */
int random_fill(void *ret_bytes, size_t size);
