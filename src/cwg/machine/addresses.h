/* The addresses of this machine, at which a peer may reach it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    ADDRESS_MAX = 64,  /* each bridge of an engine's has one */
    ADDRESS_SIZE = 46, /* INET6_ADDRSTRLEN */
};

struct addresses {
    char text[ADDRESS_MAX][ADDRESS_SIZE];
    int count;
};

/* Lists the addresses of devices that are up, without loopback and link-local ones. */
void addresses_list(struct addresses *ret_addresses);

/* The source address of a packet from here to an address. Returns false if there is no route. */
bool addresses_source(const char *to, char ret_from[static ADDRESS_SIZE]);

/* Reads a word of SSH_CONNECTION, "client port server port" (ssh(1)). Returns false if there is
 * none that is an address. */
bool addresses_of_ssh(int word, char ret_address[static ADDRESS_SIZE]);

/* Returns whether the list has the address. */
bool addresses_have(const struct addresses *addresses, const char *text);

/* Adds an address that the list doesn't have yet, if there is room. */
void addresses_add(struct addresses *addresses, const char *text);

/* Returns whether an address means the machine itself, on every machine. */
bool addresses_is_loopback(const char *text);

/* The socket address of an IPv4 or IPv6 address and a port. Returns its size, or 0 for another
 * text.
 */
socklen_t addresses_to_socket(const char *text, uint16_t port,
                              struct sockaddr_storage *ret_address);

/* Writes an IPv4 or IPv6 address as the list has it. IPv4 in IPv6 becomes IPv4. Returns 0; or -1
 * for a text that is no address, or one with a zone, or of no single machine. */
int addresses_canonical(const char *text, char ret_text[static ADDRESS_SIZE]);
