/* Reads a preshared key from the caller's file or descriptor: no argument is secret. */
#pragma once

#include "helper/base/request.h"

struct failure;

/* Reads the key into `secret`: 44 characters of base64, and perhaps a newline. Opens a file with
 * the caller's own rights, before other descriptors are closed, and waits for a pipe. Returns 0, or
 * a negative errno. */
int preshared_read(const struct request *request, struct failure *failure);
