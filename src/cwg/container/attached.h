/* Containers of which plugins of networks tell. */
#pragma once

#include "cwg/container/container.h"
#include "cwg/container/engines.h"

/* Answers the questions (container_find_all()) for containers that are attached and have a process
 * or, unless the question is for a process, a namespace's file: `error` is 0 then, and the others
 * stay as they are. What this user's plugins tell counts before what root's do, and root's tell a
 * user only of containers whose engine has no program: a program tells each user of the user's own.
 * Of two containers of one name the one counts that was told of last. Returns the number of
 * answers. *ret_trouble says why a directory couldn't be read, or has no text: who isn't found then
 * may be there. */
size_t attached_answer(const struct engine *engine, struct container_answer *answers, size_t count,
                       struct failure *ret_trouble);

/* Adds the containers, of those that attached_answer() may find now, that aren't among the ends
 * yet: all processes are looked at once for each directory. *ret_trouble says why a directory
 * couldn't be read, or has no text. Returns the number of all, or -1. The caller frees *ends. */
int attached_list(struct end **ends, int count, struct failure *ret_trouble,
                  struct failure *failure);
