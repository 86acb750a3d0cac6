#include "cwg/agent/voice/manager.h"

#include <stdio.h>

#include "cwg/base/clock.h"
#include "cwg/base/notify.h"

enum {
    COUNT_MS = 1000,
};

void manager_open(struct manager *manager)
{
    *manager = (struct manager){.unready = true, .alive_ms = notify_alive_ms()};
}

void manager_reload(struct manager *manager)
{
    notify_reloading();
    manager->unready = true;
    manager->count_due = 0;
}

bool manager_wants_count(const struct manager *manager)
{
    return clock_now() >= manager->count_due;
}

void manager_count(struct manager *manager, size_t links, size_t connected, size_t in_session)
{
    char text[96];

    manager->count_due = clock_now() + COUNT_MS;
    manager->waiting = false;
    if (manager->counted && manager->links == links && manager->connected == connected &&
        manager->in_session == in_session)
        return;
    manager->counted = true;
    manager->links = links;
    manager->connected = connected;
    manager->in_session = in_session;
    (void)snprintf(text, sizeof(text), "%zu link%s, %zu connected, %zu in session", links,
                   links == 1 ? "" : "s", connected, in_session);
    notify_status(text);
}

int64_t manager_run(struct manager *manager)
{
    const int64_t now = clock_now();
    int64_t next = INT64_MAX;

    if (manager->unready && manager->counted)
        notify_ready();
    manager->unready = manager->unready && !manager->counted;
    if (manager->alive_ms > 0 && now >= manager->alive_due) {
        notify_alive();
        manager->alive_due = now + manager->alive_ms;
    }
    if (manager->alive_ms > 0)
        next = manager->alive_due;
    /* Of the turn that comes back from this one's wait nobody knows yet what it changes. */
    if (manager->waiting && manager->count_due < next)
        next = manager->count_due;
    manager->waiting = true;
    return next;
}
