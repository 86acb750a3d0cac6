/* The engine backend, for kernels without WireGuard: a process of its own, the engine, carries the
 * link. It has a TUN device in the container, UDP sockets at home, and shares nothing else. */
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper/backend/alias.h"
#include "helper/backend/backend.h"
#include "helper/backend/engine/control.h"
#include "helper/backend/engine/launch.h"
#include "helper/backend/engine/launcher.h"
#include "helper/backend/engine/proof.h"
#include "helper/base/clock.h"
#include "helper/base/failure.h"
#include "helper/base/settings.h"
#include "helper/netlink/rtmsg.h"
#include "helper/netns/port.h"

enum {
    /* 1500 less the headers of IPv6, UDP and WireGuard, as in the kernel's driver. */
    LINK_MTU = 1420,
    CHOICES = 4, /* ports of the kernel's choice; then port_search() */
    BIND_TRIES = 25,
    BIND_PAUSE = 20, /* milliseconds, between two tries */
};

static int engine_prepare(const struct home *home, int launcher, struct link_end end,
                          struct launch *ret_launch, struct failure *failure)
{
    if (HAS_BATCH && launcher >= 0)
        return launcher_ask(launcher, end, ret_launch, failure);
    return launch_engine(home, end, ret_launch, failure);
}

/* Moves the device into the container, marked as unfinished and with the engine's process in its
 * alias, by one message. A kernel without IPv6 doesn't know that part of it (rtnl_af_lookup(),
 * net/core/rtnetlink.c). */
static int move_device(const struct target *target, struct link_end end, struct launch *launch,
                       struct failure *failure)
{
    struct rtmsg_move move = {
        .netns = target->netns.fd,
        .group = DEVICE_GROUP_IN_THE_MAKING,
        .mtu = LINK_MTU,
        .ipv6 = launch->udp6 >= 0,
    };
    struct netlink scratch = {.fd = launch->scratch};
    struct message request;
    int error = device_name(end, move.name, failure);

    if (error)
        return error;
    alias_write(launch->process, move.alias);
    rtmsg_link_move(&request, &move);
    error = netlink_change(&scratch, &request);
    if (error && error != -EEXIST)
        fail_unexpected(failure, error, "can't move the device into the container");
    return error;
}

/* Checks that the found device is our engine's, and that the engine can be proven: a link without a
 * proof could never be connected. */
static int check_found(const struct target *target, const struct device *device,
                       const struct launch *launch, struct failure *failure)
{
    struct proof proof;
    int error = proof_open(target, device, &proof);

    proof_close(&proof);
    if (failure_is_shortage(error))
        return fail_unexpected(failure, error, "can't look for the new link's engine");
    if (proof.gap == PROOF_BLIND)
        return fail_as(failure, FAILURE_UNSUPPORTED, -EPERM,
                       "can't check here that an engine is genuine: %s", proof_text(proof.gap));
    if (error || device->process != launch->process)
        return fail_on_device(failure, -ENODEV, "can't finish the new device");
    return 0;
}

/* Learns the key, and finds the device in the container. */
static int learn(struct target *target, int moved, struct link_end end, const struct launch *launch,
                 struct device *ret_device, struct key *ret_public_key, struct failure *failure)
{
    /* An engine that couldn't start says why, and has taken its device with it. */
    int error = launch_await_key(launch, ret_public_key, failure);

    if (!error)
        error = moved;
    if (error)
        return error;
    error = device_find(target, end, ret_device, failure);
    if (error < 0)
        return error;
    if (error != DEVICE_OURS)
        return fail_on_device(failure, -ENODEV, "can't finish the new device");
    return check_found(target, ret_device, launch, failure);
}

/* Kills the engine, and so its device. The engine runs as our own user. */
static void discard(const struct launch *launch)
{
    if (control_kill(launch->pidfd) == 0)
        (void)control_await_end(launch->pidfd);
}

/* Refuses a link in home itself. The engine's UDP sockets keep their namespace in being, with the
 * device in it, so neither would ever go. The machine's own namespace never goes anyway. The
 * kernel's driver gives its sockets up. */
static int engine_make(struct target *target, struct link_end end, uint16_t port,
                       struct launch *launch, struct device *ret_device, struct key *ret_public_key,
                       struct failure *failure)
{
    struct device device = {0};
    struct key public_key;
    int moved, error;

    (void)port; /* engine_start() binds it */
    if (netns_same(&target->netns, &target->home->netns) && !target->initial)
        return fail_as(failure, FAILURE_UNSUPPORTED, -EOPNOTSUPP,
                       "pid: that process is in the network namespace that this program runs in; "
                       "an engine's link there would keep the namespace alive for ever; run this "
                       "program in the host's network namespace");
    moved = move_device(target, end, launch, failure);
    if (moved == -EEXIST)
        return moved;
    error = learn(target, moved, end, launch, &device, &public_key, failure);
    if (error) {
        discard(launch);
        return error;
    }
    device.launch = launch;
    *ret_device = device;
    *ret_public_key = public_key;
    return 0;
}

/* Disconnects a socket, which gives a port back that the kernel chose (__udp_disconnect(),
 * net/ipv4/udp.c). A port that was asked for stays, and the socket can't be bound again. */
static void unbind(int fd)
{
    static const struct sockaddr nowhere = {.sa_family = AF_UNSPEC};

    (void)connect(fd, &nowhere, sizeof(nowhere));
}

/* Lets the kernel choose a port for one socket, and binds the other socket to it. */
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

/* Tries for half a second: the engine of a command that was killed, or of a link just destroyed,
 * may need a moment to end. */
static int bind_given(const struct launch *launch, uint16_t port)
{
    bool bound = false;
    int error = -EADDRINUSE;

    for (int tries = 0; tries < BIND_TRIES && error == -EADDRINUSE; tries++) {
        if (tries > 0)
            clock_pause(BIND_PAUSE);
        error = bound ? 0 : port_bind(launch->udp4, AF_INET, port);
        if (error)
            continue;
        bound = true;
        error = launch->udp6 < 0 ? 0 : port_bind(launch->udp6, AF_INET6, port);
    }
    return error;
}

/* Binds a port that is free for both families. After some tries of the kernel's choices, searches
 * for one. */
static int bind_somewhere(const struct launch *launch)
{
    uint16_t port = 0;
    int error = -EADDRINUSE;

    if (launch->udp6 < 0)
        return port_bind(launch->udp4, AF_INET, 0);
    for (int tries = 0; tries < CHOICES && error == -EADDRINUSE; tries++) {
        error = bind_any(launch->udp4, AF_INET, launch->udp6, AF_INET6);
        if (error == -EADDRINUSE)
            error = bind_any(launch->udp6, AF_INET6, launch->udp4, AF_INET);
    }
    if (error != -EADDRINUSE)
        return error;
    error = port_search(&port);
    return error ? error : bind_given(launch, port);
}

static int engine_start(struct target *target, const struct device *device, uint16_t port,
                        struct failure *failure)
{
    int error = port ? bind_given(device->launch, port) : bind_somewhere(device->launch);

    if (error == -EADDRINUSE || error == -EACCES || error == -EPERM)
        return port_fail(error, port, failure);
    if (error)
        return fail_unexpected(failure, error, "can't bind the link's UDP port");
    error = device_set_up(target, device);
    return error ? fail_on_device(failure, error, "can't set the link up") : 0;
}

/* Asks our own descriptor of the socket: the engine doesn't answer yet. */
static int engine_port(struct target *target, const struct device *device, uint16_t *ret_port,
                       struct failure *failure)
{
    int error = port_of(device->launch->udp4, ret_port);

    (void)target;
    return error ? fail_unexpected(failure, error, "can't read the link's UDP port") : 0;
}

/* Tells the engine to go on. Until then it ends with this process, and its device with it.
 * Afterwards only the device's group marks the link as unfinished, as with any backend. */
static int engine_finish(struct target *target, const struct device *device,
                         struct failure *failure)
{
    char alias[ALIAS_SIZE];
    int error = launch_go(device->launch, failure);

    alias_write(device->launch->process, alias);
    return error ? error : device_finish(target, device, alias, failure);
}

/* Says why a link's engine can't be spoken to. The text begins with the engine's `article` and the
 * link's `name`, which may be "". Returns `error`. */
static int fail_engine(int error, const struct proof *engine, const char *article, const char *name,
                       struct failure *failure)
{
    if (failure_is_shortage(error))
        return fail_unexpected(failure, error, "can't look for the link's engine");
    if (engine->gap != PROOF_COMPLETE)
        return fail_as(failure, FAILURE_ENGINE_LOST, error,
                       "%s%s can't be found: %s; cwg_destroy the link, and create it again",
                       article, name, proof_text(engine->gap));
    if (error == -ETIMEDOUT)
        return fail_as(failure, FAILURE_ENGINE_BUSY, error,
                       "%s%s, process %d, doesn't answer; if it is stopped, let it go on: kill "
                       "-CONT %d",
                       article, name, engine->process, engine->process);
    if (error == -EPROTO || error == -EBADMSG)
        return fail_as(failure, FAILURE_ENGINE_LOST, error,
                       "%s%s is of another version: cwg_destroy the link, and create it again",
                       article, name);
    return fail_as(failure, FAILURE_ENGINE_LOST, error,
                   "%s%s, process %d, is ending, or can't be asked (errno %d)", article, name,
                   engine->process, -error);
}

static int engine_join(struct target *target, const struct device *device, const struct peer *peer,
                       struct failure *failure)
{
    struct proof engine;
    int error = proof_open(target, device, &engine);

    if (!error)
        error = control_connect(&engine);
    if (!error)
        error = control_set_peer(&engine, peer);
    proof_close(&engine);
    if (error == -EADDRINUSE)
        return fail_as(failure, FAILURE_OWN_KEY, -EINVAL,
                       "peer_key: this is the link's own public key; give the one that cwg_create "
                       "printed at the other site");
    if (error == -EINVAL)
        return fail_as(failure, FAILURE_USAGE, error,
                       "peer_key: no peer can have this public key; give the one that cwg_create "
                       "printed at the other site");
    return error ? fail_engine(error, &engine, "the engine of the link ", device->name, failure)
                 : 0;
}

static int engine_look(struct target *target, const struct device *device,
                       struct patience *patience, struct link_status *ret_status,
                       struct failure *failure)
{
    struct proof engine;
    struct link_status status = {0};
    int error = proof_open(target, device, &engine);

    if (!error)
        error = control_connect(&engine);
    if (!error)
        error = control_look(&engine, patience, &status);
    proof_close(&engine);
    if (engine.gap == PROOF_COMPLETE)
        status.engine_process = engine.process;
    if (status.has_handshake)
        status.handshake = (clock_wall() - status.handshake_age_ms) / 1000;
    *ret_status = status;
    if (error)
        (void)fail_engine(error, &engine, "its engine", "", failure);
    return error && !failure_is_shortage(error) ? -ENOLINK : error;
}

/* Finds the engine of a link that is about to be removed. Returns as proof_open(). */
static int find_process(const struct target *target, const struct device *device,
                        struct proof *ret_engine)
{
    struct launch *launch = device->launch;

    /* An engine of this run. Its sockets here hold the port, too. */
    if (HAS_CREATE && launch && launch->pidfd >= 0) {
        *ret_engine = PROOF_NONE;
        ret_engine->process = launch->process;
        ret_engine->pidfd = launch->pidfd;
        launch->pidfd = -1; /* proof_close() closes it */
        launch_close(launch);
        return 0;
    }
    return proof_open(target, device, ret_engine);
}

/* Waits until a removed link's engine has ended, since it holds the port. Kills an engine that is
 * stopped or hangs. */
static int await_end(const struct proof *engine, struct failure *failure)
{
    int error = control_await_end(engine->pidfd);

    if (!error)
        return 0;
    error = control_kill(engine->pidfd);
    if (error == -ESRCH) /* it has just ended by itself */
        return 0;
    if (!error)
        error = control_await_end(engine->pidfd);
    return error ? fail_as(failure, FAILURE_ENGINE_BUSY, error,
                           "the link was removed, but its engine, process %d, doesn't end, and may "
                           "hold the UDP port; have its owner or root end it: kill -KILL %d",
                           engine->process, engine->process)
                 : 0;
}

/* Removes the device, whereupon its engine ends. A process that isn't proven is neither waited for
 * nor killed. If we couldn't look for the engine, the device stays, so that the engine can be found
 * later. */
static int engine_remove(struct target *target, const struct device *device,
                         struct failure *failure)
{
    struct proof engine;
    int found = find_process(target, device, &engine);
    int error;

    if (failure_is_shortage(found)) {
        proof_close(&engine);
        return fail_unexpected(failure, found, "can't look for the link's engine");
    }
    error = device_delete(target, device, failure);
    if (!error && !found)
        error = await_end(&engine, failure);
    proof_close(&engine);
    return error;
}

const struct backend engine_backend = {
    .display_name = "userspace engine",
    .json_name = "engine",
    .without_carrier = STATE_DOWN, /* only somebody in the container can have taken it down: the
                                      engine's sockets keep their namespace in being */
    .prepare = HAS_CREATE ? engine_prepare : NULL,
    .prepare_batch = HAS_CREATE && HAS_BATCH ? launcher_start : NULL,
    .forget = HAS_CREATE && HAS_BATCH ? launch_close : NULL,
    .make = HAS_CREATE ? engine_make : NULL,
    .start = HAS_CREATE ? engine_start : NULL,
    .port = HAS_CREATE ? engine_port : NULL,
    .finish = HAS_CREATE ? engine_finish : NULL,
    .join = HAS_CONNECT ? engine_join : NULL,
    .look = engine_look,
    .remove = engine_remove,
};
