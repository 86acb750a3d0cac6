/* The ends that a network or a container declares, in an option or an annotation (label.h). */
#pragma once

#include <jansson.h>

#include "cwg/container/attachment.h"

/* Takes the text of a member as an attachment's link: "" if there is none. The attachment has its
 * engine and name. `which` is the word for the member in a failure. Returns 0, or -1 if the text is
 * no label, or the name no container's. */
int declared_take(const json_t *object, const char *member, const char *which,
                  struct attachment *attachment, struct failure *failure);
