/* First steps of a program with more rights than its caller: the caller chose its descriptors,
 * limits, signals and directory. No step needs a capability. */
#pragma once

#include <sys/types.h>

struct failure;
struct target_name;

/* Comes before anything else. Returns 0, or a negative errno. */
int startup_harden(void);

/* Splits off a second process, for work that the sandbox forbids a batch: forks without libc's
 * handlers. Returns 0 in the new process, its number in this one, or -1 with errno. */
pid_t startup_split_off(void);

/* Gives up the caller's descriptors 0, 1 and 2. Returns 0, or a negative errno. */
int startup_detach(void);

/* After the caller's last file was opened: leaves the caller's directory, and closes every
 * descriptor but 0, 1, 2 and the target's, if a descriptor names the target. Refuses a caller other
 * than root whose standard input, output or error is a file of FUSE, may pass a call on to one, or
 * may wait for a user's process in another way. Refuses one who leads a session on a terminal that
 * may wait so. Returns 0, or a negative errno. */
int startup_shed(const struct target_name *target, struct failure *failure);

/* Closes every descriptor but 0, 1 and 2, at the end and before privileges are given up: nobody
 * shall find a privileged descriptor in a process without privileges. */
void startup_close_all(void);
