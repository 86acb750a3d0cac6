/* How long the helper may live with something of a container open: what is open in it keeps the
 * container's network namespace, with its links and their UDP ports, even when the container has
 * ended. Its caller owns the process, and so may stop it (SIGSTOP), or never read what it writes.
 * The kernel ends such a process: a timer (timer_create(2)) sends it SIGKILL, which reaches a
 * process that is stopped, too. SIGKILL is among the signals that a timer may send
 * (good_sigevent(), kernel/time/posix-timers.c).
 *
 * Two cases it doesn't cover: process 1 of a pid namespace, which the kernel doesn't kill from
 * inside (sig_task_ignored(), kernel/signal.c); and a system call that can't be interrupted, as a
 * write() to a file of FUSE is. So nothing is written to a descriptor of the caller's while
 * something of a container is open: see target_leave(). And files of FUSE, and what may stand
 * before one, are refused for the descriptors 0 to 2, which even the end of the process waits for:
 * startup_check_standard(). */
#pragma once

enum {
    DEADLINE_SECONDS = 60, /* for each task, beside the time that it may take (task_seconds()) */
};

struct failure;

/* Makes the timer, which doesn't run yet; before the sandbox is entered. Returns 0, or a negative
 * errno: the kernel counts timers among the signals that may be queued (RLIMIT_SIGPENDING), and a
 * task isn't begun without one. */
int deadline_make(struct failure *failure);

/* How many seconds a container that is opened from now on may stay open. */
void deadline_allow(unsigned int seconds);

/* Start the timer, when something of a container is about to be opened; and stop it, when nothing
 * is open any more, or nothing ever was. */
void deadline_start(void);
void deadline_stop(void);
