/* One end of a handshake for noise_peer.py, which is the other end. It reads lines of text: a
 * command and its values, separated by spaces, bytes in hexadecimal ("-" is none). It answers each
 * line by a line. It is linked with -Wl,--wrap=random_bytes: noise_peer.py gives the random values.
 * */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/crypto/aead.h"
#include "engine/protocol/cookie.h"
#include "engine/protocol/noise.h"

enum {
    LINE_SIZE = 16384,
    BYTES_MAX = 4096,
    VALUES_MAX = 8,
};

struct bytes {
    size_t length;
    _Alignas(8) uint8_t at[BYTES_MAX];
};

static struct noise *noise;
static struct aead *scratch;
static struct aead *sender;
static struct aead *receiver;
static struct cookie_checker checker;
static struct cookie_maker maker;
static struct bytes next_random;

_Noreturn static void trouble(const char *what)
{
    (void)fprintf(stderr, "noise_driver: %s\n", what);
    exit(2);
}

int __wrap_random_bytes(void *ret_bytes, size_t size);

int __wrap_random_bytes(void *ret_bytes, size_t size)
{
    memset(ret_bytes, 0, size);
    if (next_random.length == size)
        memcpy(ret_bytes, next_random.at, size);
    next_random.length = 0;
    return 0;
}

/* ---- Text ---- */

static struct bytes from_text(const char *text)
{
    struct bytes bytes = {0};

    if (strcmp(text, "-") == 0)
        return bytes;
    for (; text[0] && text[1]; text += 2) {
        const char digits[] = {text[0], text[1], '\0'};
        char *end;

        bytes.at[bytes.length++] = (uint8_t)strtoul(digits, &end, 16);
        if (*end || bytes.length == BYTES_MAX)
            trouble("wrong bytes");
    }
    return bytes;
}

static struct bytes from_text_of(const char *text, size_t length)
{
    struct bytes bytes = from_text(text);

    if (bytes.length != length)
        trouble("wrong length");
    return bytes;
}

static struct key key_of(const char *text)
{
    struct bytes bytes = from_text_of(text, KEY_SIZE);
    struct key key;

    memcpy(key.bytes, bytes.at, KEY_SIZE);
    return key;
}

static void print(const void *bytes, size_t length)
{
    const uint8_t *at = bytes;

    if (length == 0)
        putchar('-');
    for (size_t i = 0; i < length; i++)
        printf("%02x", at[i]);
}

static void answer(const void *bytes, size_t length)
{
    print(bytes, length);
    putchar('\n');
}

static void answer_bool(bool yes)
{
    puts(yes ? "yes" : "no");
}

static void answer_verdict(enum noise_verdict verdict)
{
    static const char *const names[] = {"accepted", "forged", "replayed"};

    puts(names[verdict]);
}

static int64_t number(const char *text)
{
    return (int64_t)strtoull(text, NULL, 10);
}

/* ---- Commands ---- */

/* new <private key> */
static void do_new(char *const values[])
{
    struct key key = key_of(values[0]);

    noise_free(noise);
    noise = noise_new(&key);
    if (!noise)
        trouble("can't make an end");
    cookie_checker_init(&checker, noise_public_key(noise));
    answer(noise_public_key(noise)->bytes, KEY_SIZE);
}

/* peer <public key> */
static void do_peer(char *const values[])
{
    struct key key = key_of(values[0]);

    cookie_maker_init(&maker, &key);
    answer_bool(noise_set_peer(noise, &key));
}

/* preshared <key> */
static void do_preshared(char *const values[])
{
    struct key key = key_of(values[0]);

    noise_set_preshared_key(noise, &key);
    answer_bool(noise_has_preshared_key(noise));
}

/* initiate <index> <private ephemeral key> <timestamp> <time> */
static void do_initiate(char *const values[])
{
    struct bytes timestamp = from_text_of(values[2], CLOCK_TIMESTAMP_SIZE);
    struct message_initiation message;

    next_random = from_text_of(values[1], KEY_SIZE);
    if (!noise_make_initiation(noise, (uint32_t)number(values[0]), timestamp.at, &message)) {
        answer_bool(false);
        return;
    }
    cookie_add_macs(&maker, (uint8_t *)&message, sizeof(message), number(values[3]));
    answer(&message, sizeof(message));
}

/* respond <index> <private ephemeral key> <time> */
static void do_respond(char *const values[])
{
    struct message_response message;

    next_random = from_text_of(values[1], KEY_SIZE);
    if (!noise_make_response(noise, (uint32_t)number(values[0]), &message)) {
        answer_bool(false);
        return;
    }
    cookie_add_macs(&maker, (uint8_t *)&message, sizeof(message), number(values[2]));
    answer(&message, sizeof(message));
}

/* read-initiation <message> */
static void do_read_initiation(char *const values[])
{
    struct bytes bytes = from_text_of(values[0], sizeof(struct message_initiation));

    answer_verdict(noise_read_initiation(noise, (const void *)bytes.at));
}

/* read-response <message> */
static void do_read_response(char *const values[])
{
    struct bytes bytes = from_text_of(values[0], sizeof(struct message_response));

    answer_verdict(noise_read_response(noise, (const void *)bytes.at));
}

/* session <role, keys and indices>: seal and open use these keys from then on */
static void do_session(char *const values[])
{
    struct noise_keys keys;

    (void)values;
    if (!noise_begin_session(noise, &keys)) {
        answer_bool(false);
        return;
    }
    aead_set_key(sender, keys.send);
    aead_set_key(receiver, keys.receive);
    printf("%s ", keys.initiator ? "initiator" : "responder");
    print(keys.send, sizeof(keys.send));
    putchar(' ');
    print(keys.receive, sizeof(keys.receive));
    printf(" %u %u\n", keys.local, keys.remote);
}

/* check <message> <under load: 0 or 1> <source> <time> */
static void do_check(char *const values[])
{
    static const char *const names[] = {"invalid", "mac", "cookie"};
    struct bytes message = from_text(values[0]);
    struct bytes source = from_text_of(values[2], COOKIE_SOURCE_SIZE);

    puts(names[cookie_check(&checker, message.at, message.length, number(values[1]) != 0, source.at,
                            number(values[3]))]);
}

/* make-cookie <message> <index> <source> <secret> <nonce> <time> */
static void do_make_cookie(char *const values[])
{
    struct bytes message = from_text(values[0]);
    struct bytes source = from_text_of(values[2], COOKIE_SOURCE_SIZE);
    struct bytes secret = from_text_of(values[3], 32);
    struct bytes nonce = from_text_of(values[4], AEAD_XNONCE_SIZE);
    struct message_macs macs;
    struct message_cookie reply;

    if (message.length < sizeof(macs))
        trouble("wrong length");
    memcpy(&macs, message.at + message.length - sizeof(macs), sizeof(macs));
    cookie_make_reply(&checker, scratch, &macs, (uint32_t)number(values[1]), source.at, secret.at,
                      nonce.at, number(values[5]), &reply);
    answer(&reply, sizeof(reply));
}

/* read-cookie <message> <time> */
static void do_read_cookie(char *const values[])
{
    struct bytes bytes = from_text_of(values[0], sizeof(struct message_cookie));

    answer_bool(cookie_read_reply(&maker, scratch, (const void *)bytes.at, number(values[1])));
}

/* seal <counter> <plain> */
static void do_seal(char *const values[])
{
    struct bytes plain = from_text(values[1]);
    uint8_t sealed[BYTES_MAX + AEAD_TAG_SIZE];

    aead_seal(sender, (uint64_t)number(values[0]), plain.at, plain.length, sealed);
    answer(sealed, plain.length + AEAD_TAG_SIZE);
}

/* open <counter> <sealed> */
static void do_open(char *const values[])
{
    struct bytes sealed = from_text(values[1]);
    uint8_t plain[BYTES_MAX];

    if (aead_open(receiver, (uint64_t)number(values[0]), sealed.at, sealed.length, plain))
        answer(plain, sealed.length - AEAD_TAG_SIZE);
    else
        puts("forged");
}

static const struct command {
    const char *name;
    int values;
    void (*run)(char *const values[]);
} commands[] = {
    {"new", 1, do_new},
    {"peer", 1, do_peer},
    {"preshared", 1, do_preshared},
    {"initiate", 4, do_initiate},
    {"respond", 3, do_respond},
    {"read-initiation", 1, do_read_initiation},
    {"read-response", 1, do_read_response},
    {"session", 0, do_session},
    {"check", 4, do_check},
    {"make-cookie", 6, do_make_cookie},
    {"read-cookie", 2, do_read_cookie},
    {"seal", 2, do_seal},
    {"open", 2, do_open},
};

static void run(char *line)
{
    char *values[VALUES_MAX] = {NULL};
    int count = 0;
    const char *name = strtok(line, " \n");

    for (char *value = strtok(NULL, " \n"); value && count < VALUES_MAX;
         value = strtok(NULL, " \n"))
        values[count++] = value;
    for (size_t i = 0; name && i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0 && commands[i].values == count) {
            commands[i].run(values);
            return;
        }
    }
    trouble("no such command");
}

int main(void)
{
    static char line[LINE_SIZE];

    scratch = aead_new();
    sender = aead_new();
    receiver = aead_new();
    if (!scratch || !sender || !receiver || setvbuf(stdout, NULL, _IOLBF, 0))
        trouble("can't start");
    while (fgets(line, sizeof(line), stdin))
        run(line);
    noise_free(noise);
    aead_free(scratch);
    aead_free(sender);
    aead_free(receiver);
    return 0;
}
