/* The preshared key of an end's peer: a file, of which nobody but its owner may know what is in it.
 */
#pragma once

#include "cwg/agent/end/end.h"

/* Opens the file for the helper, and takes its stamp. Returns a descriptor, or -1. */
int secret_open(const char *path, struct store_stamp *ret_stamp, struct failure *failure);

/* Returns whether the device is to get the key: it has none, or the file was written anew since it
 * got one. An agent that has just started takes a key that the device has for the file's. */
bool secret_is_due(struct agent_end *end);
