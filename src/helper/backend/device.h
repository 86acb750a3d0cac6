/* A link's network device in the target namespace, whichever backend carries it: found by its exact
 * name, and from then on known by its index. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "helper/base/settings.h"
#include "helper/netns/target.h"
#include "link/link.h"

struct failure;
struct launch;
struct rtmsg_link;

/* The device group of a device that isn't finished: "nah!". A device is born in it, and leaves it
 * when the caller has the result, so that one left by a command that was killed is known for what
 * it is. */
#define DEVICE_GROUP_IN_THE_MAKING UINT32_C(0x6e616821)

/* What carries a link. A device of another kind is no link of ours. */
enum device_kind {
    KIND_KERNEL,
    KIND_ENGINE,
    KINDS = HAS_ENGINE ? 2 : 1,
};

/* The kind as the kernel has it (IFLA_INFO_KIND), and the other way round. */
const char *device_kind_text(enum device_kind kind);
bool device_kind_parse(const char *text, enum device_kind *ret_kind);

struct device {
    int index;
    char name[LINK_NAME_SIZE];
    struct link_end end;
    enum device_kind kind;
    bool finished;
    uint32_t mtu;
    struct launch *launch; /* of the engine that this run has started for it (backend.h); or NULL */
    int process; /* that its alias names as its engine, a hint and no more (proof.h); 0: none */
};

/* The name of an end's device. Returns 0, or -ENAMETOOLONG with which nets have a name that fits.
 */
int device_name(struct link_end end, char ret_name[static LINK_NAME_SIZE], struct failure *failure);

enum device_presence {
    DEVICE_ABSENT,
    DEVICE_OURS,    /* *ret_device is written */
    DEVICE_FOREIGN, /* the name is a device's of another kind, or another device's altname */
};

/* Sets the text for an end that has no device of ours: "no such link: ", why, and an advice, which
 * may be "" for a name that is a foreign device's. `presence` is DEVICE_ABSENT or DEVICE_FOREIGN,
 * as device_find() returned it. Returns -ENODEV. */
int device_fail_none(struct link_end end, int presence, const char *foreign_advice,
                     const char *absent_advice, struct failure *failure);

/* Reads a device of ours out of what the kernel tells of one. Returns whether it is one. */
bool device_read(const struct rtmsg_link *told, struct device *ret_device);

/* Lists the devices of each kind, by `dump`, one of rtmsg.h's. A kernel that doesn't know a kind
 * shows all devices (link_kind_filtered(), net/core/rtnetlink.c): who takes them looks at the kind.
 * Returns 0, or a negative errno. */
int device_dump(struct target *target, enum device_kind kind,
                void (*dump)(struct message *message, const char *kind), netlink_answer *take,
                void *context, struct failure *failure);

/* Looks for the device of an end. Returns an enum device_presence, or a negative errno. */
int device_find(struct target *target, struct link_end end, struct device *ret_device,
                struct failure *failure);

/* Whether the new device may stay beside what is in the namespace already: no more than
 * CWG_MAX_LINKS links, or than the policy allows; no route, address or gateway within its /31; and,
 * but for `allow_around`, no subnet on link of another device that its /31 would take two addresses
 * from. It is there when this is asked, so that of several commands at once none can overlook
 * another's. Returns 0, or -EDQUOT or -EADDRINUSE. */
int device_check_limit(struct target *target, const struct device *device, struct failure *failure);
int device_check_addresses(struct target *target, const struct device *device, bool allow_around,
                           struct failure *failure);

/* Gives it the end's address, with prefix length 31. */
int device_set_address(struct target *target, const struct device *device, struct failure *failure);

/* Sets it up. Returns 0, or the kernel's negative errno, for the backend's failure texts. */
int device_set_up(struct target *target, const struct device *device);

/* Gives it another MTU. */
int device_set_mtu(struct target *target, const struct device *device, uint32_t mtu,
                   struct failure *failure);

/* Takes it out of the group of unfinished ones. The alias is for whoever looks at it with `ip
 * link`.
 */
int device_finish(struct target *target, const struct device *device, const char *alias,
                  struct failure *failure);

/* Removes it. One that is gone already is fine. */
int device_delete(struct target *target, const struct device *device, struct failure *failure);
