/* The backend that has a link carried by a process of its own, the engine, for kernels without
 * WireGuard: a TUN device in the container, UDP sockets at home, and nothing else shared. */
#include "helper/engine.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "helper/backend.h"
#include "helper/clock.h"
#include "helper/control.h"
#include "helper/failure.h"
#include "helper/launch.h"
#include "helper/launcher.h"
#include "helper/port.h"
#include "helper/rtmsg.h"
#include "helper/settings.h"

#ifdef ENABLE_CWG_ENGINE

#ifdef ENABLE_CWG_CREATE

enum {
    /* 1500 less an IPv6 and a UDP header and WireGuard's own: as the kernel's driver has it. */
    LINK_MTU = 1420,
    CHOICES = 4,
    BIND_TRIES = 25,
    BIND_PAUSE = 20 * 1000 * 1000, /* nanoseconds, between two tries */
};

/* The engine that this run of the program has started, and the index of its device where that is
 * now in the container. */
#define NONE                                                                                       \
    {                                                                                              \
        .pidfd = -1, .start = -1, .udp4 = -1, .udp6 = -1, .scratch.fd = -1                         \
    }

static struct launch launched = NONE;
static int made;

int engine_launch(const struct home *home, struct link_end end, struct failure *failure)
{
    char name[LINK_NAME_SIZE];
    int error = device_name(end, name, failure);

#ifdef ENABLE_CWG_BATCH
    if (!error && launcher_is_there())
        return launcher_ask(end, &launched, failure);
#endif

    return error ? error : launch_engine(home, name, &launched, failure);
}

#ifdef ENABLE_CWG_BATCH

static void close_one(int fd)
{
    if (fd >= 0)
        close(fd);
}

void engine_forget(void)
{
    static const struct launch none = NONE;

    close_one(launched.pidfd);
    close_one(launched.start);
    close_one(launched.udp4);
    close_one(launched.udp6);
    close_one(launched.scratch.fd);
    launched = none;
    made = 0;
}

#endif

/* One message brings the device where it belongs, marked as unfinished and told its process. Where
 * the kernel has no IPv6 it doesn't understand that part (rtnl_af_lookup(), net/core/rtnetlink.c).
 */
static int move_device(const struct target *target, struct link_end end, struct failure *failure)
{
    struct rtmsg_move move = {
        .netns = target->netns.fd,
        .group = DEVICE_GROUP_IN_THE_MAKING,
        .mtu = LINK_MTU,
        .ipv6 = launched.udp6 >= 0,
    };
    struct message request;
    int error = device_name(end, move.name, failure);

    if (error)
        return error;
    ctlmsg_alias(&launched.engine, move.alias);
    rtmsg_link_move(&request, &move);
    error = netlink_request(&launched.scratch, &request, true, NULL, NULL);
    if (error && error != -EEXIST)
        fail_unexpected(failure, error, "can't move the device into the container");
    return error;
}

/* The key, and the device where it is now. */
static int learn(struct target *target, int moved, struct link_end end, struct device *ret_device,
                 struct key *ret_public_key, struct failure *failure)
{
    int error = launch_tell_place(&launched, target->netns.inode, failure);

    /* One that couldn't start says why, and has taken its device with it. */
    if (!error)
        error = launch_await_key(&launched, ret_public_key, failure);
    if (!error)
        error = moved;
    if (error)
        return error;
    error = device_find(target, end, ret_device, failure);
    if (error < 0)
        return error;
    if (error != DEVICE_OURS ||
        memcmp(&ret_device->engine, &launched.engine, sizeof(launched.engine)) != 0)
        return fail_step(failure, -ENODEV, "can't finish the new device");
    return 0;
}

/* Ends the engine, whatever keeps it, and its device with it: it is of our own user. */
static void discard(void)
{
    if (control_kill(launched.pidfd) == 0)
        (void)control_await_end(launched.pidfd);
}

static int engine_make(struct target *target, struct link_end end, uint16_t port,
                       struct device *ret_device, struct key *ret_public_key,
                       struct failure *failure)
{
    struct device device = {0};
    struct key public_key;
    int moved = move_device(target, end, failure);
    int error;

    (void)port; /* bound when the link is started */
    if (moved == -EEXIST)
        return moved;
    error = learn(target, moved, end, &device, &public_key, failure);
    if (error) {
        discard();
        return error;
    }
    made = device.index;
    *ret_device = device;
    *ret_public_key = public_key;
    return 0;
}

/* A socket that chose its port itself gives it back when it is disconnected (__udp_disconnect(),
 * net/ipv4/udp.c). One whose port was given keeps it, and can't be bound again. */
static void unbind(int fd)
{
    static const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

    (void)connect(fd, &nowhere, sizeof(nowhere));
}

/* Lets the kernel choose a port for one of the two sockets, and binds the other to it. */
static int bind_any(int first, int first_family, int second, int second_family)
{
    uint16_t port = 0;
    int error = port_bind(first, first_family, 0);

    if (error)
        return error;
    error = port_of(first, &port);
    if (!error)
        error = port_bind(second, second_family, port);
    if (error)
        unbind(first);
    return error;
}

/* Tried for half a second: the engine of a command that was killed, or of a link that has just been
 * destroyed, may take a moment to end. */
static int bind_given(uint16_t port)
{
    static const struct timespec pause = {.tv_nsec = BIND_PAUSE};
    bool bound = false;
    int error = -EADDRINUSE;

    for (int tries = 0; tries < BIND_TRIES && error == -EADDRINUSE; tries++) {
        if (tries > 0)
            clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
        error = bound ? 0 : port_bind(launched.udp4, AF_INET, port);
        if (error)
            continue;
        bound = true;
        error = launched.udp6 < 0 ? 0 : port_bind(launched.udp6, AF_INET6, port);
    }
    return error;
}

/* A port that is free for one family may be taken for the other. After some tries one is searched
 * for that isn't. */
static int bind_somewhere(void)
{
    uint16_t port = 0;
    int error = -EADDRINUSE;

    if (launched.udp6 < 0)
        return port_bind(launched.udp4, AF_INET, 0);
    for (int tries = 0; tries < CHOICES && error == -EADDRINUSE; tries++) {
        error = bind_any(launched.udp4, AF_INET, launched.udp6, AF_INET6);
        if (error == -EADDRINUSE)
            error = bind_any(launched.udp6, AF_INET6, launched.udp4, AF_INET);
    }
    if (error != -EADDRINUSE)
        return error;
    error = port_search(&port);
    return error ? error : bind_given(port);
}

static int engine_start(struct target *target, const struct device *device, uint16_t port,
                        struct failure *failure)
{
    int error = port ? bind_given(port) : bind_somewhere();

    if (error == -EADDRINUSE || error == -EACCES || error == -EPERM)
        return port_fail(error, port, failure);
    if (error)
        return fail_unexpected(failure, error, "can't bind the link's UDP port");
    error = device_set_up(target, device);
    return error ? fail_step(failure, error, "can't set the link up") : 0;
}

/* By our own descriptor of the socket: the engine doesn't listen to us as yet. */
static int engine_port(struct target *target, const struct device *device, uint16_t *ret_port,
                       struct failure *failure)
{
    int error = port_of(launched.udp4, ret_port);

    (void)target;
    (void)device;
    return error ? fail_unexpected(failure, error, "can't read the link's UDP port") : 0;
}

/* As long as the engine isn't told to go on, it ends with us, and the device with it. From then on
 * the device's mark alone says that we weren't done, as with any backend. */
static int engine_finish(struct target *target, const struct device *device,
                         struct failure *failure)
{
    char alias[CTLMSG_ALIAS_SIZE];
    int error = launch_go(&launched, failure);

    ctlmsg_alias(&launched.engine, alias);
    return error ? error : device_finish(target, device, alias, failure);
}

/* The link of this very run, which isn't to be after all. Our own sockets hold its port, too. */
static bool is_launched(const struct device *device)
{
    return made > 0 && device->index == made;
}

static void abandon(void)
{
    close(launched.start);
    close(launched.udp4);
    if (launched.udp6 >= 0)
        close(launched.udp6);
    launched.start = launched.udp4 = launched.udp6 = -1;
}

#endif

#ifdef ENABLE_CWG_CONNECT

static int engine_join(struct target *target, const struct device *device, const struct peer *peer,
                       struct failure *failure)
{
    struct control control;
    int error = control_open(target, device, false, &control);

    if (failure_is_shortage(error)) {
        control_close(&control);
        return fail_unexpected(failure, error, "can't look for the link's engine");
    }
    if (error == -ETIMEDOUT) {
        control_close(&control);
        return fail(failure, error,
                    "the engine of the link %s answers none of those who have asked it already: "
                    "if it is stopped, let it go on, or cwg_destroy the link",
                    device->name);
    }
    if (error) {
        control_close(&control);
        return fail(failure, error,
                    "the engine of the link %s can't be found: the device's alias, which says "
                    "where it is, was changed; cwg_destroy the link, and create it again",
                    device->name);
    }
    error = control_set_peer(&control, peer);
    control_close(&control);
    if (error == -ETIMEDOUT)
        return fail(failure, error,
                    "the engine of the link %s, process %d, doesn't answer; if it is stopped, let "
                    "it go on: kill -CONT %d",
                    device->name, control.process, control.process);
    if (error == -ECONNRESET)
        return fail(failure, -EINVAL,
                    "peer_key: this is the link's own public key, or none that a peer can have; "
                    "give the one that cwg_create printed at the other site");
    return error ? fail_unexpected(failure, error, "can't set the link's peer") : 0;
}

#endif

static int fail_look(int error, int process, struct failure *failure)
{
    switch (error) {
    case -ETIMEDOUT:
        fail(failure, error,
             "its engine, process %d, doesn't answer; if it is stopped: kill -CONT %d", process,
             process);
        break;
    case -EPROTO:
        fail(failure, error, "its engine is of another version: create the link again to see it");
        break;
    case -EBADMSG:
        fail(failure, error,
             "what its engine says makes no sense: cwg_destroy the link, create it again");
        break;
    default:
        fail(failure, error,
             "its engine can't be found: cwg_destroy the link, and create it again");
    }
    return -ENOLINK;
}

static int engine_look(struct target *target, const struct device *device,
                       struct patience *patience, struct link_status *ret_status,
                       struct failure *failure)
{
    struct control control;
    int error = control_open(target, device, true, &control);

    if (!error)
        error = control_look(&control, patience, ret_status);
    control_close(&control);
    if (failure_is_shortage(error))
        return fail_unexpected(failure, error, "can't look for the link's engine");
    if (error)
        return fail_look(error, control.process, failure);
    ret_status->engine_process = control.process;
    if (ret_status->has_handshake)
        ret_status->handshake = (clock_wall() - ret_status->handshake_age_ms) / 1000;
    return 0;
}

/* The process of a link that is about to be removed. Returns 0 if it is the link's engine for
 * certain, or a negative errno of control_open(). */
static int find_process(const struct target *target, const struct device *device,
                        struct control *ret_control)
{
    int error;

#ifdef ENABLE_CWG_CREATE
    if (is_launched(device)) {
        abandon();
        *ret_control = (struct control){.process = launched.engine.process,
                                        .pidfd = launched.pidfd,
                                        .socket = -1,
                                        .netlink = -1};
        launched.pidfd = -1; /* who has that closes it */
        return 0;
    }
#endif
    error = control_open(target, device, false, ret_control);
    control_hang_up(ret_control); /* there is nothing to be said */
    return error;
}

/* Waits for the end of a process that holds the port of a link that has been removed. One that is
 * stopped, or hangs, is ended by force, but only if it is the link's engine for certain. */
static int await_end(const struct control *control, bool certain, struct failure *failure)
{
    int error = control_await_end(control->pidfd);

    if (error && certain) {
        error = control_kill(control->pidfd);
        if (!error)
            error = control_await_end(control->pidfd);
    }
    if (error && certain)
        return fail(failure, error,
                    "the link was removed, but its engine, process %d, doesn't end, and may "
                    "hold the UDP port; have its owner or root end it: kill -KILL %d",
                    control->process, control->process);
    return error ? fail(failure, error,
                        "the link was removed, but what its alias named as its engine doesn't end, "
                        "and may hold the UDP port: as root, `ss -ulpn` shows who does")
                 : 0;
}

/* The engine ends because its device is gone. Where it can't be found there is nobody to wait for;
 * but where we couldn't look for it the device stays, by which it can be found later. */
static int engine_remove(struct target *target, const struct device *device,
                         struct failure *failure)
{
    struct control control = {.pidfd = -1, .socket = -1, .netlink = -1};
    int found = find_process(target, device, &control);
    int error;

    if (failure_is_shortage(found)) {
        control_close(&control);
        return fail_unexpected(failure, found, "can't look for the link's engine");
    }
    error = device_delete(target, device, failure);
    if (!error && (found == 0 || found == -ETIMEDOUT))
        error = await_end(&control, found == 0, failure);
    control_close(&control);
    return error;
}

const struct backend engine_backend = {
    .kind = "tun",
    .title = "userspace engine",
    .word = "engine",
    .without_carrier = STATE_DOWN, /* somebody took it: the engine keeps its sockets' namespace */
#ifdef ENABLE_CWG_CREATE
    .make = engine_make,
    .start = engine_start,
    .port = engine_port,
    .finish = engine_finish,
#endif
#ifdef ENABLE_CWG_CONNECT
    .join = engine_join,
#endif
    .look = engine_look,
    .remove = engine_remove,
};

#endif
