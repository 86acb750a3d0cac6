/* The file of a container's network namespace. */
#pragma once

/* Returns the name of a namespace's file, if the agent can find it by that name: it is in
 * /run/netns, in no folder below. Else "": a user's podman has its files in a folder of the user's,
 * where only podman sees them. The result is a part of `path`, or lasts for ever. */
const char *netns_file(const char *path);
