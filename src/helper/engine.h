/* The engine's part in what has to be done before the sandbox is entered (engine.c). */
#pragma once

#include "helper/target.h"
#include "link/link.h"

struct failure;

/* Starts an engine for a new link, which engine_backend.make then finds. We are at home before and
 * after. Returns 0, or a negative errno. */
int engine_launch(const struct home *home, struct link_end end, struct failure *failure);

/* Lets go of it, before the next one. If it wasn't told to go on, it ends by that. */
void engine_forget(void);
