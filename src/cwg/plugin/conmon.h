/* podman's conmon: the process that watches over a container, and that has started its runtime. */
#pragma once

#include "cwg/name/end.h"

/* Finds the name of a container, by its id, among the arguments of the conmon that has started this
 * process through a runtime. An OCI hook is not told the name. Returns 0, or -1 if there is none.
 */
int conmon_container_name(const char *id, char ret_name[static END_NAME_SIZE]);
