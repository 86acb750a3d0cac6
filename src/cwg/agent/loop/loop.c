#include "cwg/agent/loop/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cwg/base/clock.h"

int loop_open(struct loop *loop)
{
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    return loop->epoll < 0 ? -errno : 0;
}

void loop_close(struct loop *loop)
{
    close(loop->epoll);
    loop->epoll = -1;
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

void loop_turn(struct loop *loop, int64_t deadline)
{
    struct epoll_event event;

    if (epoll_wait(loop->epoll, &event, 1, clock_until(deadline)) == 1) {
        struct watch *watch = event.data.ptr;

        watch->ready(watch, event.events);
    }
}
