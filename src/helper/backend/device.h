/* A link's network device in the target namespace, whichever backend carries it. It is found by its
 * exact name, and known by its index from then on. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "helper/base/settings.h"
#include "helper/netns/target.h"
#include "link/link.h"

struct failure;
struct launch;
struct rtmsg_link;

/* The device group of unfinished devices: "nah!". A new device is in it, and leaves it when the
 * caller has the result. A device found in it was left by a command that was killed. */
#define DEVICE_GROUP_IN_THE_MAKING UINT32_C(0x6e616821)

/* The kind of a link's device; other kinds are no links. */
enum device_kind {
    KIND_KERNEL,
    KIND_ENGINE,
    KINDS = HAS_ENGINE ? 2 : 1,
};

/* Translate a kind to the kernel's word (IFLA_INFO_KIND), and back. */
const char *device_kind_text(enum device_kind kind);
bool device_kind_parse(const char *text, enum device_kind *ret_kind);

struct device {
    int index;
    char name[LINK_NAME_SIZE];
    struct link_end end;
    enum device_kind kind;
    bool finished;
    uint32_t mtu;
    struct launch *launch; /* the engine that this run has started for it (backend.h); or NULL */
    int process; /* the alias names it as the engine, which is only a hint (proof.h); 0: none */
};

/* Writes the name of an end's device. Returns 0, or -ENAMETOOLONG, and says which nets have a name
 * that fits. */
int device_name(struct link_end end, char ret_name[static LINK_NAME_SIZE], struct failure *failure);

enum device_presence {
    DEVICE_ABSENT,
    DEVICE_OURS,    /* writes *ret_device */
    DEVICE_FOREIGN, /* a device of another kind, or another device's altname */
};

/* Fails for an end without a link's device: "no such link: ", the reason, and advice, which may be
 * "" with DEVICE_FOREIGN. `presence` is device_find()'s result. Returns -ENODEV. */
int device_fail_none(struct link_end end, int presence, const char *foreign_advice,
                     const char *absent_advice, struct failure *failure);

/* Reads a link's device from the kernel's answer. Returns false if it isn't one. */
bool device_read(const struct rtmsg_link *told, struct device *ret_device);

/* Looks for the device of an end. Returns an enum device_presence, or a negative errno. */
int device_find(struct target *target, struct link_end end, struct device *ret_device,
                struct failure *failure);

/* Check that the new device may stay beside the namespace's other devices: at most CWG_MAX_LINKS
 * links, or as many as the policy allows; no route, address or gateway in its /31; and, without
 * `allow_around`, no subnet on another device's link that contains its /31. The device exists
 * already, so that of several commands at once none can overlook another's. Return 0, or -EDQUOT or
 * -EADDRINUSE. */
int device_check_limit(struct target *target, struct failure *failure);
int device_check_addresses(struct target *target, const struct device *device, bool allow_around,
                           struct failure *failure);

/* Sets the end's address, with prefix length 31. */
int device_set_address(struct target *target, const struct device *device, struct failure *failure);

/* Sets the device up. Returns 0, or the kernel's negative errno without a text. */
int device_set_up(struct target *target, const struct device *device);

int device_set_mtu(struct target *target, const struct device *device, uint32_t mtu,
                   struct failure *failure);

/* Takes the device out of the group of unfinished devices. `ip link` shows people the alias. */
int device_finish(struct target *target, const struct device *device, const char *alias,
                  struct failure *failure);

/* Removes the device, or does nothing if it is gone. */
int device_delete(struct target *target, const struct device *device, struct failure *failure);
