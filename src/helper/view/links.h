/* Finds links, and how each is, for the tasks that change nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/backend/device.h"
#include "helper/backend/status.h"
#include "helper/base/clock.h"
#include "helper/base/settings.h"
#include "helper/netlink/rtmsg.h"
#include "helper/netns/target.h"

struct failure;

enum {
    /* Root in the container can make more than the helper does. */
    LINKS_MAX = CWG_MAX_LINKS + 64,
};

/* A link, from its device. */
struct link_seen {
    struct device device;
    bool up;
    bool carrier;
    struct rtmsg_counters counters;
};

/* Too large for a stack. */
struct links {
    size_t count;
    bool more;                        /* more than LINKS_MAX: the last in order are left out */
    struct link_seen link[LINKS_MAX]; /* in order of net and host */
};

/* Collects all links of a target that are in a range of nets, and on which the caller may act.
 * Returns 0, or a negative errno. */
int links_collect(struct target *target, struct link_nets nets, struct links *ret_links,
                  struct failure *failure);

/* Finds the link of one end. Returns an enum device_presence, and writes *ret_link for DEVICE_OURS
 * only; or a negative errno. */
int links_find(struct target *target, struct link_end end, struct link_seen *ret_link,
               struct failure *failure);

/* A link with its status and state. */
struct link_view {
    struct link_seen link;
    bool answered; /* the backend has answered, with `status` */
    struct link_status status;
    ino_t netns; /* inode of its network namespace */
    enum link_state state;
};

/* The state of a link; `status` is NULL if its carrier can't be found or doesn't answer. Pure. */
enum link_state links_state(const struct link_seen *link, const struct link_status *status);

/* Asks a link's carrier for its status. Returns 0 also without an answer, and then *failure has the
 * reason and advice, to follow the link's name and a colon. Returns -ENODEV if the link has gone,
 * or another negative errno if we couldn't ask. */
int links_look(struct target *target, const struct link_seen *link, struct patience *patience,
               struct link_view *ret_view, struct failure *failure);

/* Finds the other end of a device's net, if it is finished and in the same container, and its
 * status if it answers. Returns DEVICE_OURS, and only then writes *ret_view; DEVICE_ABSENT; or a
 * negative errno. */
int links_find_other_end(struct target *target, const struct device *device,
                         struct link_view *ret_view, struct failure *failure);
