/* What ssh's configuration says about a host. */
#pragma once

#include "cwg/join/candidates.h"

/* Asks `ssh -G` for the name that ssh dials for a host, and DNS for the name's addresses. What
 * can't be found out is left empty. */
void dial_look_up(const char *host, struct dialled *ret_dialled);
