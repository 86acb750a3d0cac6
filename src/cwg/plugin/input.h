/* What an engine says to a plugin, on standard input. */
#pragma once

#include <jansson.h>

#include "cwg/base/failure.h"

enum {
    INPUT_MAX = 1 << 20, /* bytes; the annotations of a pod alone may be 256 KiB */
};

/* Reads standard input to its end. It has to be one JSON object. The caller drops its reference.
 * Returns NULL with a failure if the input is something else, or is longer than INPUT_MAX. */
json_t *input_read(struct failure *failure);
