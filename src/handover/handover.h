/* Helper and engine agree on these: which descriptors an engine is started with, what is said on
 * the start socket, and where and how the engine is spoken to.
 *
 * Start socket (SOCK_SEQPACKET): the engine listens, enters its sandbox, and sends its public key,
 * KEY_SIZE bytes: then it is ready to serve. The helper answers with HANDOVER_GO when the link
 * stands. End of file before that means that the link is not to be, and the engine ends.
 *
 * Control socket (AF_UNIX, SOCK_SEQPACKET): it listens in the network namespace that the engine was
 * started in, which nobody else is in, and always has the same number. The helper takes a copy of
 * it by that number (pidfd_getfd()), so that it knows whom it connects to. A client sends one
 * request of engine/control/configuration.h, gets one answer, and is hung up on. */
#pragma once

enum handover_descriptor {
    HANDOVER_TUN = 3, /* the link's device, its frames with virtio headers; non-blocking, as the
                       * sockets */
    HANDOVER_UDP4,
    HANDOVER_UDP6, /* closed where there is no IPv6 */
    HANDOVER_START,
    HANDOVER_CONTROL, /* the engine's own doing */
    HANDOVER_PROGRAM, /* the helper's, until the program runs */
    HANDOVER_DESCRIPTORS,
};

enum {
    HANDOVER_GO = 'g',
    HANDOVER_MESSAGE_MAX = 4096, /* bytes of a request, and of an answer */
    HANDOVER_VNET_SIZE = 10,     /* of the virtio header: struct virtio_net_hdr, host byte order */
};

/* The request that asks how the engine is, and the line that a request to change something begins
 * with. */
#define HANDOVER_GET "get=1\n\n"
#define HANDOVER_SET "set=1\n"
