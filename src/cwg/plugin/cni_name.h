/* The name by which an end means a container of CNI's. */
#pragma once

#include "cwg/base/failure.h"
#include "cwg/name/end.h"

/* Writes the container's name, from what the runtime tells in CNI_ARGS ("KEY=VALUE;KEY=VALUE"):
 *
 *   podman       K8S_POD_NAME is podman's name of the container
 *   Kubernetes   NAMESPACE.POD: K8S_POD_NAMESPACE, which has no dot, and K8S_POD_NAME
 *   Nomad        NAMESPACE.JOB.GROUP: NOMAD_NAMESPACE, NOMAD_JOB_ID and NOMAD_GROUP_NAME
 *
 * Where the arguments have no such name, or one that is no name (end_is_name()), the container's id
 * is the name. A value that tells of further arguments could claim another's name: so an argument
 * that is there twice is a failure, and so are arguments of Kubernetes and of Nomad together.
 * Returns 0, or -1. */
int cni_name(const char *args, const char *engine, const char *id,
             char ret_name[static END_NAME_SIZE], struct failure *failure);
