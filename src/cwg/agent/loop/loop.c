#include "cwg/agent/loop/loop.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cwg/base/clock.h"

int loop_open(struct loop *loop)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    int error;

    loop->armed = 0;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    loop->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (loop->epoll >= 0 && loop->timer >= 0 &&
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->timer, &event) == 0)
        return 0;
    error = -errno;
    loop_close(loop);
    return error;
}

void loop_close(struct loop *loop)
{
    close(loop->epoll);
    close(loop->timer);
    loop->epoll = loop->timer = -1;
}

int loop_add(struct loop *loop, struct watch *watch, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};

    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, watch->fd, &event) < 0 ? -errno : 0;
}

void loop_remove(struct loop *loop, struct watch *watch)
{
    if (watch->fd >= 0)
        (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL);
    watch->fd = -1;
}

/* Sets the timer, or takes it back. Unlike the timeout of epoll_wait(2) it goes on while the
 * machine is suspended. */
static void arm(struct loop *loop, int64_t deadline)
{
    const struct itimerspec when = {
        .it_value = {.tv_sec = deadline / 1000, .tv_nsec = deadline % 1000 * 1000000}};

    if (loop->armed == deadline)
        return;
    (void)timerfd_settime(loop->timer, TFD_TIMER_ABSTIME, &when, NULL);
    loop->armed = deadline;
}

void loop_turn(struct loop *loop, int64_t deadline)
{
    const bool waits = deadline > clock_now();
    struct epoll_event event;
    struct watch *watch;

    arm(loop, waits ? deadline : 0);
    if (epoll_wait(loop->epoll, &event, 1, waits ? -1 : 0) != 1)
        return;
    watch = event.data.ptr;
    if (watch)
        watch->ready(watch, event.events);
}
