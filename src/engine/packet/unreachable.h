/* The answer to a packet of the container's that can't be sent. The kernel's driver sends the same
 * where there is no peer, no endpoint, or another destination than the peer's address (wg_xmit(),
 * drivers/net/wireguard/device.c). A link carries no IPv6: each IPv6 packet is answered. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
    UNREACHABLE_IPV4_MAX = 576, /* bytes of an answer: RFC 1812, 4.3.2.3 */
    UNREACHABLE_MAX = 1280,     /* of an ICMPv6 answer: RFC 4443, 2.4(c) */
};

/* Writes an ICMP "host unreachable" or ICMPv6 "address unreachable" that answers the packet in
 * `bytes`. The ICMP message is from the address `from` (host byte order), or, if that is 0, from
 * the packet's destination, as each ICMPv6 message is. Returns the answer's length, or 0 if there
 * must be no answer (RFC 1122 3.2.2, RFC 4443 2.4(e)): to an ICMP error, a fragment that isn't the
 * first, a multicast or unspecified address, or to something else than an IP packet. */
size_t unreachable_answer(const uint8_t *bytes, size_t size, uint32_t from,
                          uint8_t ret_answer[static UNREACHABLE_MAX]);
