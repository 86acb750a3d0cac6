/* A preshared key, which comes from a file or a descriptor of the caller's: no argument is secret.
 */
#pragma once

#include "helper/base/request.h"

struct failure;

/* Reads the key into `secret`: 44 characters of base64, and at most a newline behind them. A file
 * is opened by the caller's own rights, before other descriptors are closed; a pipe is waited for.
 * Returns 0, or a negative errno. */
int preshared_read(const struct preshared_source *source, struct failure *failure);
