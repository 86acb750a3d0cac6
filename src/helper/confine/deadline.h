/* Limits how long the helper may hold a container open. An open descriptor keeps the container's
 * network namespace in being, with its links and their UDP ports, even when the container has
 * ended. The caller owns the helper's process, and can stop it (SIGSTOP), or never read its output.
 * So a timer (timer_create(2)) sends SIGKILL to the process, which also ends a stopped process.
 * Timers may send SIGKILL (good_sigevent(), kernel/time/posix-timers.c).
 *
 * The timer fails in two cases. The kernel doesn't kill process 1 of a pid namespace from inside
 * (sig_task_ignored(), kernel/signal.c). And some system calls can't be interrupted, such as a
 * write() to a file of FUSE. So the helper writes to no descriptor of the caller's while something
 * of a container is open: see target_leave(). It refuses files of FUSE, and files that may pass a
 * call on to FUSE, as descriptors 0 to 2, since even the end of the process waits for such a file:
 * startup_shed(). */
#pragma once

enum {
    DEADLINE_SECONDS = 60, /* for each task, plus its own `seconds` */
};

struct failure;

/* Makes the timer, stopped, before the sandbox is entered. Returns 0, or a negative errno, and then
 * the task isn't begun. The kernel counts timers among the queued signals (RLIMIT_SIGPENDING). */
int deadline_make(struct failure *failure);

/* Sets how many seconds a container may stay open, from the next start on. */
void deadline_allow(unsigned int seconds);

/* Start the timer before something of a container is opened; stop it when nothing of a container is
 * open. */
void deadline_start(void);
void deadline_stop(void);
