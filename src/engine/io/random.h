/* The kernel's randomness. */
#pragma once

#include <stddef.h>

/* Fills in `size` bytes, 256 at most. Returns 0 or a negative errno. */
int random_bytes(void *ret_bytes, size_t size);
