/* How large packets may be between two machines, measured in both directions at once. */
#pragma once

#include "cwg/checkup/measure.h"
#include "cwg/join/trial.h"

/* Measures where a trial was: `ret_measured[0]` is what passes from `one` to `other`. The trial
 * knows the MTU of both ends. Returns 0, or -1. */
int path_measure(struct site *one, struct site *other, const struct trial *trial,
                 struct measured ret_measured[static 2], struct failure *failure);
