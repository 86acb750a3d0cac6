/* The other end of a carrier: what `cwg inbox` does, which ssh runs for another site. */
#pragma once

#include "cwg/base/failure.h"

/* Carries records between the store in a directory, and the program at standard input and output,
 * until that has gone. It needs no agent: the store is all that it works on. Returns 0, or -1. */
int inbox_run(const char *store, const char *site, struct failure *failure);
