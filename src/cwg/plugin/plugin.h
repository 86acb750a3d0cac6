/* What engines of containers call when they start a container and when it has stopped. A plugin
 * tells the agent by an attachment (attachment.h), and is done: it has no privilege, and waits for
 * no agent and no peer. */
#pragma once

/* Each is a kind of plugin: argv[0] is its name. It reads what the engine says on standard input,
 * and writes its answer on standard output. Returns the exit status. */

/* A plugin of podman's netavark: a network's driver. */
int plugin_netavark(int argc, char *argv[]);

/* A hook of an OCI runtime, for a podman that knows no plugins. */
int plugin_oci_hook(int argc, char *argv[]);

/* A chained plugin of CNI, which Kubernetes' runtimes, podman and Nomad call. */
int plugin_cni(int argc, char *argv[]);
