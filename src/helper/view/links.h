/* The links that are there, and how each is: for the tasks that look, and change nothing. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/backend/device.h"
#include "helper/backend/status.h"
#include "helper/base/clock.h"
#include "helper/base/settings.h"
#include "helper/netns/target.h"

struct failure;

enum {
    /* Root in the container can make more than we do. */
    LINKS_MAX = CWG_MAX_LINKS + 64,
};

/* A link as its device tells. */
struct link_seen {
    struct device device;
    bool up;
    bool carrier;
    /* Of the container's packets, since the device was made. */
    uint64_t received_bytes;
    uint64_t received_packets;
    uint64_t sent_bytes;
    uint64_t sent_packets;
    /* Of the peer's, and dropped, since their source isn't the peer's address: the device's
     * rx_frame_errors (wg_packet_consume_data_done(), drivers/net/wireguard/receive.c), which an
     * engine has the TUN device count in the same way. */
    uint64_t dropped_packets;
};

/* Too large for a stack. */
struct links {
    size_t count;
    bool more; /* there are more: those at the end of the order are left out */
    struct link_seen link[LINKS_MAX]; /* in order of net and host */
};

/* All links in a target that are in a range of nets and that the caller may act on. Returns 0, or a
 * negative errno. */
int links_collect(struct target *target, struct link_nets nets, struct links *ret_links,
                  struct failure *failure);

/* The link of one end. Returns an enum device_presence, of which DEVICE_OURS alone writes
 * *ret_link, or a negative errno. */
int links_find(struct target *target, struct link_end end, struct link_seen *ret_link,
               struct failure *failure);

/* All that is known of a link, and the word for it. */
struct link_view {
    struct link_seen link;
    bool answered; /* what carries it has, and `status` holds what */
    struct link_status status;
    ino_t netns; /* the network namespace that it is in */
    enum link_state state;
};

/* The state of a link; `status` is NULL if what carries it can't be found or doesn't answer. Pure.
 */
enum link_state links_state(const struct link_seen *link, const struct link_status *status);

/* Asks what carries a link how it is. Returns 0; if there was no answer, with the reason and what
 * to do about it in *failure, a few words that follow on the link's name and a colon. Or -ENODEV if
 * the link has gone by now, or another negative errno if we couldn't ask, as with any task. */
int links_look(struct target *target, const struct link_seen *link, struct patience *patience,
               struct link_view *ret_view, struct failure *failure);

/* The other end of a device's net, if that is in the same container, and finished: its device, and
 * its status if it has answered. Returns DEVICE_OURS, and then alone writes *ret_view;
 * DEVICE_ABSENT; or a negative errno. */
int links_find_other_end(struct target *target, const struct device *device,
                         struct link_view *ret_view, struct failure *failure);
