#include "engine/control/request.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define KEY     "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff"
#define KEY_BIG "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1EFF"
#define PEER    "set=1\npublic_key=" KEY "\n"

enum {
    RUNS = 20000,
    STACK = 1 << 20,
};

static const struct {
    const char *text;
    int error;
} cases[] = {
    {"get=1\n\n", 0},
    {PEER "\n", 0},
    {PEER "preshared_key=" KEY "\n\n", 0},
    {PEER "endpoint=192.0.2.1:1\n\n", 0},
    {PEER "endpoint=[2001:db8::1]:1\n\n", 0},
    {PEER "persistent_keepalive_interval=0\n\n", 0},
    {PEER "persistent_keepalive_interval=65535\n\n", 0},
    {PEER "replace_allowed_ips=true\n\n", 0},
    {PEER "allowed_ip=10.0.0.1/32\n\n", 0},
    {PEER "allowed_ip=10.0.0.1/32\nreplace_allowed_ips=true\n\n", 0},
    {PEER "endpoint=192.0.2.1:1\nendpoint=192.0.2.1:2\n\n", 0}, /* the last one */
    /* not of the form */
    {"", -EPROTO},
    {"\n", -EPROTO},
    {"\n\n", -EPROTO},
    {"get=1", -EPROTO},
    {"get=1\n", -EPROTO},
    {"get=1\n\n\n", -EPROTO},
    {"get=1\nset=1\n\n", -EPROTO},
    {"get=2\n\n", -EPROTO},
    {"set=1", -EPROTO},
    {"set=1\n", -EPROTO},
    {"set=1\n\n", -EPROTO}, /* of no peer */
    {"set=1\n\n\n", -EPROTO},
    {"set=1\n\nset=1\n\n", -EPROTO},
    {"set=1\n\npublic_key=" KEY "\n\n", -EPROTO},
    {"set=0\n\n", -EPROTO},
    {"SET=1\n\n", -EPROTO},
    {" set=1\n\n", -EPROTO},
    {PEER, -EPROTO},
    {PEER "replace_allowed_ips=true", -EPROTO},
    {PEER "replace_allowed_ips=true\n", -EPROTO},
    {PEER "replace_allowed_ips\n\n", -EPROTO},
    {"set=1\nreplace_allowed_ips=true\n\n", -EPROTO},
    {"set=1\npreshared_key=" KEY "\n\n", -EPROTO},
    {"set=1\nendpoint=192.0.2.1:1\n\n", -EPROTO},
    {"set=1\nendpoint=192.0.2.1:1\npublic_key=" KEY "\n\n", -EPROTO},
    {"set=1\nallowed_ip=10.0.0.1/32\n\n", -EPROTO},
    /* not known, or not allowed */
    {"set=1\nprivate_key=" KEY "\n\n", -EINVAL},
    {"set=1\nlisten_port=1\n\n", -EINVAL},
    {"set=1\nfwmark=0\n\n", -EINVAL},
    {"set=1\nset=1\n\n", -EINVAL},
    {"set=1\n=\n\n", -EINVAL},
    {"set=1\n=1\n\n", -EINVAL},
    {"set=1\nPUBLIC_KEY=" KEY "\n\n", -EINVAL},
    {"set=1\npublic_key =" KEY "\n\n", -EINVAL},
    {"set=1\npublic_ke=" KEY "\n\n", -EINVAL},
    {"set=1\npublic_key= " KEY "\n\n", -EINVAL},
    {"set=1\npublic_key=\n\n", -EINVAL},
    {"set=1\npublic_key=" KEY "0\n\n", -EINVAL},
    {"set=1\npublic_key=00\n\n", -EINVAL},
    {"set=1\npublic_key=g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff\n\n",
     -EINVAL},
    {"set=1\npublic_key=" KEY "\r\n\r\n", -EINVAL},
    {PEER "public_key=" KEY "\n\n", -EINVAL}, /* there is but one */
    {"set=1\npublic_key=" KEY_BIG "\n\n", -EINVAL},
    {PEER "remove=true\n\n", -EINVAL},
    {PEER "update_only=true\n\n", -EINVAL},
    {"set=1\nreplace_peers=true\npublic_key=" KEY "\n\n", -EINVAL},
    {PEER "replace_allowed_ips=false\n\n", -EINVAL},
    {PEER "replace_allowed_ips=1\n\n", -EINVAL},
    {PEER "replace_allowed_ips=\n\n", -EINVAL},
    {PEER "replace_allowed_ips=true=true\n\n", -EINVAL},
    {PEER "preshared_key=\n\n", -EINVAL},
    {PEER "preshared_key=0\n\n", -EINVAL},
    {PEER "endpoint=192.0.2.1\n\n", -EINVAL},
    {PEER "endpoint=192.0.2.1:0\n\n", -EINVAL},
    {PEER "endpoint=example.com:1\n\n", -EINVAL},
    {PEER "persistent_keepalive_interval=65536\n\n", -EINVAL},
    {PEER "persistent_keepalive_interval=off\n\n", -EINVAL},
    {PEER "persistent_keepalive_interval=-1\n\n", -EINVAL},
    {PEER "persistent_keepalive_interval=\n\n", -EINVAL},
    {PEER "allowed_ip=10.0.0.1\n\n", -EINVAL},
    {PEER "allowed_ip=10.0.0.1/\n\n", -EINVAL},
    {PEER "allowed_ip=10.0.0.1/31\n\n", -EINVAL},
    {PEER "allowed_ip=10.0.0.1/33\n\n", -EINVAL},
    {PEER "allowed_ip=10.0.0.1/32/32\n\n", -EINVAL},
    {PEER "allowed_ip=010.0.0.1/32\n\n", -EINVAL},
    {PEER "allowed_ip=0.0.0.0/32\n\n", -EINVAL},
    {PEER "allowed_ip=255.255.255.2555/32\n\n", -EINVAL},
    {PEER "allowed_ip=0000000000000000000000000000000000010.0.0.1/32\n\n", -EINVAL},
    {PEER "allowed_ip=/32\n\n", -EINVAL},
    {PEER "allowed_ip=fd00::1/128\n\n", -EINVAL},
    {PEER "allowed_ip=fd00::1/32\n\n", -EINVAL},
    {PEER "allowed_ip=\n\n", -EINVAL},
    {PEER "allowed_ip=10.0.0.1/32\nallowed_ip=10.0.0.1/32\n\n", -EINVAL}, /* there is but one */
    {PEER "protocol_version=1\n\n", -EINVAL},
};

static int parse(const char *text, size_t length, struct engine_request *request)
{
    char *copy = unit_copy(text, length);
    int error = request_parse(copy, length, request);

    free(copy);
    return error;
}

TEST(forms)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct engine_request request, before;
        int error;

        memset(&request, 0x5a, sizeof(request));
        before = request;
        error = parse(cases[i].text, strlen(cases[i].text), &request);
        expect(error == cases[i].error, "case %zu: %d", i, error);
        expect(!error || memcmp(&request, &before, sizeof(before)) == 0, "case %zu: written to", i);
        /* shorter by some bytes, it is never taken for whole */
        for (size_t length = 0; !error && length < strlen(cases[i].text); length++)
            expect(parse(cases[i].text, length, &request) < 0, "case %zu: %zu bytes", i, length);
    }
}

TEST(nul)
{
    static const char texts[][24] = {"set=1\n\0\n", "set=1\npublic_key=00\0\n\n", "set=1\n\n\0",
                                     "\0"};
    static const size_t lengths[] = {8, 23, 8, 1};
    struct engine_request request;

    for (size_t i = 0; i < COUNT(texts); i++)
        expect(parse(texts[i], lengths[i], &request) == -EPROTO, "case %zu", i);
}

TEST(long_lines)
{
    for (int length = 1; length < 300; length++) {
        char text[512] = PEER "endpoint=";
        struct engine_request request;

        for (int i = (int)strlen("endpoint="); i < length; i++)
            (void)strcat(text, "0");
        (void)strcat(text, "\n\n");
        expect(parse(text, strlen(text), &request) == (length <= 127 ? -EINVAL : -EPROTO), "%d",
               length);
    }
}

TEST(values)
{
    static const char text[] = PEER "preshared_key=" KEY "\nendpoint=192.0.2.1:258\n"
                                    "persistent_keepalive_interval=25\nreplace_allowed_ips=true\n"
                                    "allowed_ip=10.0.0.1/32\n\n";
    struct engine_request request = {0}, nothing = {0};

    expect(parse(text, sizeof(text) - 1, &request) == 0, "all of it");
    expect(!request.get && request.has_peer, "flags");
    for (int i = 0; i < KEY_SIZE - 1; i++)
        expect(request.peer.bytes[i] == i && request.preshared_key.bytes[i] == i, "byte %d", i);
    expect(request.peer.bytes[31] == 255 && request.has_preshared_key, "the last byte");
    expect(remote_known(&request.endpoint) && request.endpoint.address.v4.sin_port == 0x201 &&
               request.endpoint.address.any.sa_family == AF_INET,
           "endpoint");
    expect(request.has_persistent_keepalive && request.persistent_keepalive == 25, "keepalive");
    expect(request.has_allowed && request.allowed_address == 0x0a000001, "allowed");
    expect(parse("get=1\n\n", 7, &request) == 0 && request.get && !request.has_peer &&
               !request.has_allowed && !request.allowed_address,
           "nothing of the one before");
    expect(parse(PEER "\n", sizeof(PEER), &request) == 0, "only a peer");
    nothing.has_peer = true;
    nothing.peer = request.peer;
    expect(memcmp(&request, &nothing, sizeof(nothing)) == 0, "only a peer");
}

/* A right request in which some bytes are others: never more than an error. */
TEST(changed)
{
    static const char text[] = PEER "preshared_key=" KEY "\nendpoint=[2001:db8::1]:258\n"
                                    "allowed_ip=10.0.0.1/32\n\n";

    for (int run = 0; run < RUNS; run++) {
        char copy[sizeof(text)];
        size_t length = 1 + unit_random_below(sizeof(text) - 1);
        struct engine_request request;
        int error;

        memcpy(copy, text, sizeof(text));
        for (uint32_t i = 0; i < 1 + unit_random_below(3); i++)
            copy[unit_random_below((uint32_t)length)] = (char)unit_random();
        error = parse(copy, length, &request);
        expect(error == 0 || error == -EINVAL || error == -EPROTO, "run %d: %d", run, error);
    }
}

static const char *secret; /* the request that is read */
static int secret_error;

static void *read_secret(void *unused)
{
    static struct engine_request request;

    (void)unused;
    secret_error = request_parse(secret, strlen(secret), &request);
    explicit_bzero(&request, sizeof(request));
    return NULL;
}

/* What is left of a key on the stack of who has read it, for whoever reads memory later. The first
 * round doesn't count: when a function of a sanitizer's library is called first, the dynamic linker
 * saves the processor's vector registers on the stack. The engine has no dynamic linker. */
TEST(wiped)
{
    static const char *const requests[] = {
        PEER "preshared_key=" KEY "\n\n",
        PEER "preshared_key=" KEY "\nnonsense=1\n\n",
        PEER "preshared_key=000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e0g\n\n",
    };
    uint8_t *stack = aligned_alloc(4096, STACK);

    for (size_t round = 0; stack && round < 2 * COUNT(requests); round++) {
        const size_t i = round % COUNT(requests);
        pthread_attr_t attributes;
        pthread_t thread;
        const uint8_t part[] = {8, 9, 10, 11, 12, 13, 14, 15};

        memset(stack, 0, STACK);
        secret = requests[i];
        if (pthread_attr_init(&attributes) || pthread_attr_setstack(&attributes, stack, STACK) ||
            pthread_create(&thread, &attributes, read_secret, NULL) || pthread_join(thread, NULL))
            unit_trouble("a thread");
        (void)pthread_attr_destroy(&attributes);
        expect(secret_error == (i == 0 ? 0 : -EINVAL), "case %zu: %d", i, secret_error);
        if (round < COUNT(requests))
            continue;
        expect(!memmem(stack, STACK, part, sizeof(part)), "case %zu: the key is there", i);
        expect(!memmem(stack, STACK, "08090a0b0c", 10), "case %zu: its digits are", i);
    }
    free(stack);
}
