/* The files of namespaces that have names, which `ip netns` and engines keep. */
#pragma once

/* Where they are. */
#define NETNS_DIRECTORY "/run/netns"

/* Opens a namespace of this name. Returns a descriptor; -1 with errno; or -2 if the file is no
 * namespace: `ip netns add` makes a file that nobody may read, and then the namespace over it. */
int netns_open(const char *name);
