/* What a program has to do first that is started with more rights than its caller has, since the
 * caller chose its descriptors, limits, signals and directory. No capability is needed for it. */
#pragma once

struct failure;
struct target_name;

/* Before anything else. Returns 0, or a negative errno. */
int startup_harden(void);

/* Gives up the caller's descriptors 0, 1 and 2. Returns 0, or a negative errno. */
int startup_detach(void);

/* Leaves the caller's directory, when the last file of the caller's was opened. Returns 0, or a
 * negative errno. */
int startup_leave(struct failure *failure);

/* Refuses a caller other than root whose standard input, output or error is a file of FUSE, may
 * pass a call on to one, or may wait for a process of some user's in another way; and one who leads
 * a session on a terminal that may. Returns 0, or a negative errno. */
int startup_check_standard(struct failure *failure);

/* Closes every descriptor but 0, 1, 2 and the one that names the target, if one does. Returns 0, or
 * a negative errno. */
int startup_close_others(const struct target_name *target, struct failure *failure);

/* At the end: closes every descriptor but 0, 1 and 2, before privileges are given up, so that
 * nobody finds a privileged one in a process without privileges. */
void startup_close_all(void);
