/* The ends that a site wants: those that are declared in the store, want/LINK.HOST, and those that
 * containers declare by labels, label/LINK.HOST, which the agent writes. What is declared in the
 * store counts before a label. */
#pragma once

#include "cwg/store/store.h"
#include "cwg/store/want.h"

/* Reads an end by its name, LINK.HOST. Returns 0; 1 if nobody wants it; or -1, also for an end of
 * another name. *ret_labelled says whether a label declares it. */
int wanted_read(const struct store *store, const char *name, struct want *ret_want,
                bool *ret_labelled, struct failure *failure);

/* Lists their names, sorted by strcmp(3), each once. The caller frees the array, which ends with
 * NULL, in one piece. Returns NULL with a failure. */
char **wanted_list(const struct store *store, struct failure *failure);
