#include "cwg/agent/loop/names.h"

#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

enum {
    EVENTS = IN_CREATE | IN_DELETE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE_SELF | IN_ONLYDIR,
};

static void see_change(struct watch *watch, uint32_t events)
{
    struct names *names = watch->owner;
    char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    const ssize_t length = read(watch->fd, buffer, sizeof(buffer));

    (void)events;
    for (const char *next = buffer; length > 0 && next < buffer + length;) {
        const struct inotify_event *event = (const void *)next;

        names->changed(names->owner, event->len > 0 ? event->name : NULL);
        next += sizeof(*event) + event->len;
    }
}

void names_watch(struct names *names, struct loop *loop)
{
    struct watch *watch = &names->watch;

    if (!names->loop) {
        names->loop = loop;
        *watch = (struct watch){
            .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), .ready = see_change, .owner = names};
        if (watch->fd >= 0)
            (void)loop_add(loop, watch, EPOLLIN);
    }
    /* Of a directory that is watched already this changes nothing. */
    if (watch->fd >= 0)
        (void)inotify_add_watch(watch->fd, names->directory, EVENTS);
}

void names_close(struct names *names)
{
    const int fd = names->watch.fd;

    if (!names->loop || fd < 0)
        return;
    loop_remove(names->loop, &names->watch);
    close(fd);
}
