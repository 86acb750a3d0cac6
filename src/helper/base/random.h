/* The kernel's randomness. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Returns a number from 0 to `limit` - 1; `limit` is from 1 to 65536. Returns 0 if the kernel has
 * no randomness yet. */
uint32_t random_below(uint32_t limit);

/* Fills memory with bytes that nobody can guess. Returns 0, or a negative errno. */
int random_fill(void *ret_bytes, size_t size);
