/* What the helper and the engine agree on, said once: which descriptors an engine is started with,
 * what is said on the start socket, and where the engine is spoken to.
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
    HANDOVER_TUN = 3, /* a device with virtio headers of 10 bytes; non-blocking, as the sockets */
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
};
