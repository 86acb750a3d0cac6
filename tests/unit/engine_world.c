#include "engine_world.h"

#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/control/configuration.h"
#include "engine/io/clock.h"
#include "engine/io/random.h"
#include "engine/packet/packet.h"
#include "engine/packet/split.h"
#include "engine/protocol/session.h"

enum {
    FD_BASE = 1000, /* of nothing that is open */
    FDS = 3,        /* of an end: device and sockets */
    ROUNDS_MAX = 100000,
    PROTOCOL = 253, /* for experiments (RFC 3692) */
};

struct world world;

static uint64_t random_state;

/* What an end has gathered for one call. */
static struct gathered {
    unsigned int count;
    struct world_datagram item[UDP_BATCH_MAX];
} gathered[WORLD_ENDS];

/* A promise that the engine hasn't kept. */
static void require(bool condition, const char *what)
{
    if (condition)
        return;
    (void)fprintf(stderr, "engine_world: %s\n", what);
    abort();
}

/* ---- The time and randomness ---- */

static uint64_t next_random(void)
{
    uint64_t value;

    random_state += UINT64_C(0x9e3779b97f4a7c15);
    value = random_state;
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

int random_bytes(void *ret_bytes, size_t size)
{
    uint8_t *bytes = ret_bytes;

    require(size <= 256, "randomness comes whole up to 256 bytes only");
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)next_random();
    return 0;
}

int64_t clock_nanoseconds(void)
{
    return world.now;
}

int64_t clock_jitter(void)
{
    return (int64_t)(next_random() % (SECONDS / 3));
}

void clock_timestamp(uint64_t last[static 1], uint8_t ret_timestamp[static CLOCK_TIMESTAMP_SIZE])
{
    static const uint64_t step = 1 << 24;
    uint64_t wall = (uint64_t)world.wall / step;
    uint64_t seconds;
    uint32_t rest;

    if (wall <= *last)
        wall = *last + 1;
    *last = wall;
    seconds = htobe64(UINT64_C(0x400000000000000a) + wall * step / SECONDS);
    rest = htobe32((uint32_t)(wall * step % SECONDS));
    memcpy(ret_timestamp, &seconds, sizeof(seconds));
    memcpy(ret_timestamp + sizeof(seconds), &rest, sizeof(rest));
}

/* ---- Queues ---- */

static uint8_t *copy(const uint8_t *bytes, size_t length)
{
    uint8_t *made = malloc(length ? length : 1);

    require(made, "no memory");
    if (length)
        memcpy(made, bytes, length);
    return made;
}

static void take_datagram(struct world_datagrams *queue, size_t place)
{
    queue->count--;
    memmove(queue->item + place, queue->item + place + 1,
            (queue->count - place) * sizeof(queue->item[0]));
}

static void add_datagram(struct world_datagrams *queue, const struct world_datagram *datagram)
{
    if (queue->count < WORLD_QUEUE)
        queue->item[queue->count++] = *datagram;
    else
        free(datagram->bytes);
}

static void clear_datagrams(struct world_datagrams *queue)
{
    for (size_t i = 0; i < queue->count; i++)
        free(queue->item[i].bytes);
    queue->count = 0;
}

static void take_packet(struct world_packets *queue)
{
    queue->count--;
    memmove(queue->item, queue->item + 1, queue->count * sizeof(queue->item[0]));
}

static void add_packet(struct world_packets *queue, const uint8_t *bytes, size_t length)
{
    if (queue->count == WORLD_QUEUE) {
        free(queue->item[0].bytes);
        take_packet(queue);
    }
    queue->item[queue->count++] = (struct world_packet){copy(bytes, length), length};
}

static void clear_packets(struct world_packets *queue)
{
    for (size_t i = 0; i < queue->count; i++)
        free(queue->item[i].bytes);
    queue->count = 0;
}

/* ---- The network ---- */

struct remote world_address(uint8_t last, uint16_t port)
{
    struct remote remote = {0};

    remote.address.v4.sin_family = AF_INET;
    remote.address.v4.sin_port = htobe16(port);
    remote.address.v4.sin_addr.s_addr = htobe32(0xc0000200U | last);
    return remote;
}

static unsigned int end_of(int fd)
{
    unsigned int number = (unsigned int)(fd - FD_BASE) / FDS;

    require(fd >= FD_BASE && number < WORLD_ENDS, "that is no descriptor");
    return number;
}

void udp_init(struct udp *udp, int fd4, int fd6)
{
    udp->fd4 = fd4;
    udp->fd6 = fd6;
    udp_forget_path(udp);
}

void udp_forget_path(struct udp *udp)
{
    udp->segment_max = UDP_PAYLOAD_MAX;
    udp->refused = (struct remote){0};
}

uint16_t udp_port(const struct udp *udp)
{
    return be16toh(world.end[end_of(udp->fd4)].address.address.v4.sin_port);
}

static void send_one(unsigned int number, struct world_datagram *datagram, const struct remote *to)
{
    struct world_end *end = &world.end[number];
    uint32_t type = 0;

    if (datagram->length >= sizeof(type))
        memcpy(&type, datagram->bytes, sizeof(type));
    type = le32toh(type);
    end->count[type < WORLD_TYPES ? type : 0]++;
    end->last_length = datagram->length;
    datagram->from = end->address;
    datagram->to = *to;
    datagram->due = world.now + end->delay_min;
    if (end->delay_max > end->delay_min)
        datagram->due += (int64_t)(next_random() % (uint64_t)(end->delay_max - end->delay_min));
    if (end->cut || !remote_known(to))
        free(datagram->bytes);
    else
        add_datagram(&end->sent, datagram);
}

void udp_flush(struct udp *udp, struct remote *to)
{
    unsigned int number = end_of(udp->fd4);

    for (unsigned int i = 0; i < gathered[number].count; i++)
        send_one(number, &gathered[number].item[i], to);
    gathered[number].count = 0;
}

/* Each datagram in memory of its own length, so that writing behind it is seen. */
uint8_t *udp_reserve(struct udp *udp, struct remote *to, size_t length, uint8_t traffic_class)
{
    struct gathered *all = &gathered[end_of(udp->fd4)];
    const struct world_datagram *first = &all->item[0];
    struct world_datagram made = {
        .bytes = calloc(1, length), .length = length, .traffic_class = traffic_class};

    require(length > 0 && length <= UDP_PAYLOAD_MAX, "a datagram that no network takes");
    require(made.bytes, "no memory");
    if (all->count == UDP_BATCH_MAX ||
        (all->count > 0 && (length > first->length || traffic_class != first->traffic_class ||
                            all->item[all->count - 1].length < first->length)))
        udp_flush(udp, to);
    all->item[all->count++] = made;
    return made.bytes;
}

void udp_send(struct udp *udp, struct remote *to, const void *bytes, size_t length,
              uint8_t traffic_class)
{
    struct world_datagram datagram = {
        .bytes = copy(bytes, length), .length = length, .traffic_class = traffic_class};

    require(gathered[end_of(udp->fd4)].count == 0 ||
                to == &world.end[end_of(udp->fd4)].tunnel.remote,
            "what is gathered for the peer goes to somebody else");
    udp_flush(udp, to);
    send_one(end_of(udp->fd4), &datagram, to);
}

void udp_reply(const struct udp *udp, const struct remote *to, const void *bytes, size_t length,
               uint8_t traffic_class)
{
    struct world_datagram datagram = {
        .bytes = copy(bytes, length), .length = length, .traffic_class = traffic_class};

    send_one(end_of(udp->fd4), &datagram, to);
}

/* Whether the next one may come in the same batch. */
static bool goes_along(const struct udp_received *received, const struct world_datagram *next)
{
    return world.batches && received->length % received->segment == 0 &&
           next->length <= received->segment && next->length > 0 &&
           received->length + next->length <= UDP_PAYLOAD_MAX &&
           next->traffic_class == received->traffic_class &&
           remote_equal(&next->from, &received->from);
}

bool udp_receive(int fd, uint8_t *buffer, size_t size, struct udp_received *ret_received)
{
    struct world_datagrams *queue = &world.end[end_of(fd)].arrived;
    const struct world_datagram *next = queue->item;

    if (queue->count == 0)
        return false;
    require(size > UDP_PAYLOAD_MAX, "the buffer is too small for a batch");
    *ret_received = (struct udp_received){.bytes = buffer,
                                          .segment = next->length,
                                          .traffic_class = next->traffic_class,
                                          .from = next->from};
    do {
        memcpy(buffer + ret_received->length, next->bytes, next->length);
        ret_received->length += next->length;
        free(next->bytes);
        take_datagram(queue, 0);
    } while (queue->count > 0 && ret_received->length > 0 && goes_along(ret_received, next));
    return true;
}

void world_arrive(unsigned int number, const struct remote *from, const uint8_t *bytes,
                  size_t length, uint8_t traffic_class)
{
    struct world_datagram datagram = {.bytes = copy(bytes, length),
                                      .length = length,
                                      .traffic_class = traffic_class,
                                      .from = *from,
                                      .to = world.end[number].address};

    add_datagram(&world.end[number].arrived, &datagram);
}

void world_let(unsigned int number, size_t place)
{
    struct world_datagram datagram = world.end[number].sent.item[place];

    take_datagram(&world.end[number].sent, place);
    for (unsigned int i = 0; i < WORLD_ENDS; i++) {
        if (remote_equal(&world.end[i].address, &datagram.to)) {
            add_datagram(&world.end[i].arrived, &datagram);
            return;
        }
    }
    free(datagram.bytes);
}

void world_lose(unsigned int number, size_t place)
{
    free(world.end[number].sent.item[place].bytes);
    take_datagram(&world.end[number].sent, place);
}

void world_lose_all(unsigned int number)
{
    clear_datagrams(&world.end[number].sent);
}

/* ---- The containers ---- */

void tun_init(struct tun *tun, int fd)
{
    *tun = (struct tun){.fd = fd, .tcp = true, .udp = true};
}

ssize_t tun_read(struct tun *tun, uint8_t *frame, size_t size)
{
    struct world_end *end = &world.end[end_of(tun->fd)];
    struct world_packet first = end->offered.item[0];

    if (end->gone)
        return -1;
    if (end->offered.count == 0)
        return 0;
    if (first.length > size)
        first.length = size;
    memcpy(frame, first.bytes, first.length);
    free(first.bytes);
    take_packet(&end->offered);
    return (ssize_t)first.length;
}

static void deliver(struct world_end *end, uint8_t *frame, size_t length)
{
    struct split split;
    uint8_t *packet;
    size_t packet_length;

    require(split_begin(&split, frame, length), "a frame that the kernel wouldn't take");
    while (split_next(&split, &packet, &packet_length))
        add_packet(&end->delivered, packet, packet_length);
}

void tun_count_error(struct tun *tun)
{
    world.end[end_of(tun->fd)].errors++;
}

int tun_write(struct tun *tun, const struct iovec *iov, int count)
{
    struct world_end *end = &world.end[end_of(tun->fd)];
    uint8_t frame[TUN_FRAME_MAX];
    size_t length = 0;

    end->writes++;
    if (end->gone)
        return -EBADFD;
    for (int i = 0; i < count; i++) {
        require(length + iov[i].iov_len <= sizeof(frame), "a frame that is too long");
        memcpy(frame + length, iov[i].iov_base, iov[i].iov_len);
        length += iov[i].iov_len;
    }
    require(length > HANDOVER_VNET_SIZE, "a frame without a packet");
    if (end->write_error && (frame[1] || end->write_error == -EIO) &&
        (!end->write_refused || end->write_refused == frame[1]))
        return end->write_error;
    deliver(end, frame, length);
    return 0;
}

void world_offer_frame(unsigned int number, const uint8_t *frame, size_t length)
{
    add_packet(&world.end[number].offered, frame, length);
}

void world_offer(unsigned int number, const uint8_t *packet, size_t length)
{
    uint8_t frame[TUN_FRAME_MAX] = {0};

    require(length <= sizeof(frame) - HANDOVER_VNET_SIZE, "a packet that is too long");
    memcpy(frame + HANDOVER_VNET_SIZE, packet, length);
    world_offer_frame(number, frame, HANDOVER_VNET_SIZE + length);
}

size_t world_packet(unsigned int from, uint32_t mark, size_t length, uint8_t *ret_packet)
{
    struct packet_ipv4 ipv4 = {
        .version_words = 0x45,
        .length = htobe16((uint16_t)length),
        .ttl = 64,
        .protocol = PROTOCOL,
        .source = {10, 0, 0, (uint8_t)from},
        .destination = {10, 0, 0, (uint8_t)(1 - from)},
    };

    memset(ret_packet, (int)(mark & 0xff), length);
    memcpy(ret_packet, &ipv4, sizeof(ipv4));
    memcpy(ret_packet + sizeof(ipv4), &mark, sizeof(mark));
    return length;
}

void world_offer_mark(unsigned int number, uint32_t mark, size_t length)
{
    uint8_t packet[UINT16_MAX];

    world_offer(number, packet, world_packet(number, mark, length, packet));
}

/* All of it has to be there, and nothing else. */
unsigned int world_delivered(unsigned int number, uint32_t mark)
{
    const struct world_packets *delivered = &world.end[number].delivered;
    unsigned int count = 0;

    for (size_t i = 0; i < delivered->count; i++) {
        const struct world_packet *packet = &delivered->item[i];
        uint8_t right[UINT16_MAX];

        if (packet->length < WORLD_PACKET_MIN)
            continue;
        (void)world_packet(1 - number, mark, packet->length, right);
        count += memcmp(right, packet->bytes, packet->length) == 0;
    }
    return count;
}

void world_forget(unsigned int number)
{
    clear_packets(&world.end[number].delivered);
}

/* ---- The ends ---- */

static void make_end(unsigned int number)
{
    struct world_end *end = &world.end[number];
    int fd = FD_BASE + FDS * (int)number;

    require(tunnel_init(&end->tunnel, fd, fd + 1, -1), "tunnel_init()");
    noise_free(end->tunnel.noise);
    end->tunnel.noise = noise_new(&end->private_key);
    require(end->tunnel.noise, "noise_new()");
    cookie_checker_init(&end->tunnel.checker, noise_public_key(end->tunnel.noise));
}

static int answered(unsigned int number, const char *request, size_t length)
{
    char answer[CONFIGURATION_MAX + 1];
    size_t size = configuration_answer(&world.end[number].tunnel, request, length, answer);
    const char *found;

    require(size > 2 && size <= CONFIGURATION_MAX, "an answer's length");
    answer[size] = '\0';
    found = strstr(answer, "errno=");
    require(found && strlen(answer) == size && strcmp(answer + size - 2, "\n\n") == 0,
            "an answer without errno at its end");
    return atoi(found + strlen("errno="));
}

int world_configure(unsigned int number, const char *format, ...)
{
    char request[CONFIGURATION_MAX];
    va_list values;
    int length;

    va_start(values, format);
    length = vsnprintf(request, sizeof(request), format, values);
    va_end(values);
    require(length >= 0 && (size_t)length < sizeof(request), "a request that is too long");
    return answered(number, request, (size_t)length);
}

void world_introduce(unsigned int number)
{
    const struct world_end *other = &world.end[1 - number];
    struct endpoint endpoint = remote_to_endpoint(&other->address);
    char key[KEY_HEX_LENGTH + 1], address[ENDPOINT_TEXT_SIZE];

    key_to_hex(noise_public_key(other->tunnel.noise), key);
    endpoint_to_text(&endpoint, address);
    require(world_configure(number,
                            "set=1\npublic_key=%s\npreshared_key=%064d\n"
                            "endpoint=%s\npersistent_keepalive_interval=0\n"
                            "replace_allowed_ips=true\nallowed_ip=10.0.0.%u/32\n\n",
                            key, 0, address, 1 - number) == 0,
            "the ends can't be introduced to each other");
}

void world_stop(void)
{
    for (unsigned int i = 0; world.begun && i < WORLD_ENDS; i++) {
        struct world_end *end = &world.end[i];

        require(gathered[i].count == 0, "datagrams that were gathered, and never sent");
        tunnel_end(&end->tunnel);
        clear_datagrams(&end->sent);
        clear_datagrams(&end->arrived);
        clear_packets(&end->offered);
        clear_packets(&end->delivered);
    }
    world.begun = false;
}

void world_begin(uint64_t seed)
{
    static bool registered;

    world_stop();
    registered = registered || atexit(world_stop) == 0;
    require(registered, "atexit()");
    world.begun = true;
    random_state = seed;
    world.now = 1000 * SECONDS;
    world.wall = 1700000000 * SECONDS;
    world.batches = true;
    for (unsigned int i = 0; i < WORLD_ENDS; i++) {
        struct world_end *end = &world.end[i];

        (void)random_bytes(end->private_key.bytes, KEY_SIZE);
        key_clamp(&end->private_key);
        end->address = world_address((uint8_t)(i + 1), (uint16_t)(1000 * (i + 1)));
        end->cut = end->gone = false;
        end->delay_min = end->delay_max = 0;
        end->write_error = 0;
        end->write_refused = 0;
        end->writes = end->errors = 0;
        end->last_length = 0;
        memset(end->count, 0, sizeof(end->count));
        make_end(i);
    }
    world_introduce(0);
    world_introduce(1);
}

void world_renew(unsigned int number)
{
    tunnel_end(&world.end[number].tunnel);
    make_end(number);
}

void world_restart(unsigned int number)
{
    world_renew(number);
    world_introduce(number);
}

bool world_round(unsigned int number)
{
    struct tunnel *tunnel = &world.end[number].tunnel;
    bool busy;

    tunnel->now = clock_nanoseconds();
    tunnel_run_timers(tunnel);
    busy = inbound_run(tunnel, tunnel->udp.fd4);
    if (tunnel->udp.fd6 >= 0)
        busy = inbound_run(tunnel, tunnel->udp.fd6) || busy;
    busy = outbound_run(tunnel) || busy;
    require(gathered[number].count == 0, "a round that ends with datagrams that weren't sent");
    return busy;
}

void world_run(unsigned int number)
{
    const struct tunnel *tunnel = &world.end[number].tunnel;
    int rounds = 0;

    while (world_round(number) ||
           (timers_next(&tunnel->timers) <= world.now && !tunnel->device_gone))
        require(++rounds < ROUNDS_MAX, "an end that is never done");
}

/* The one of those on their way from an end that arrives first, the longest sent if there are
 * several; NULL if there is none. */
static const struct world_datagram *first_due(unsigned int number)
{
    const struct world_datagrams *sent = &world.end[number].sent;
    const struct world_datagram *first = NULL;

    for (size_t i = 0; i < sent->count; i++) {
        if (!first || sent->item[i].due < first->due)
            first = &sent->item[i];
    }
    return first;
}

static bool is_due(unsigned int number)
{
    const struct world_datagram *first = first_due(number);

    return first && first->due <= world.now;
}

void world_pass(void)
{
    int rounds = 0;

    do {
        for (unsigned int i = 0; i < WORLD_ENDS; i++) {
            while (is_due(i))
                world_let(i, (size_t)(first_due(i) - world.end[i].sent.item));
        }
        for (unsigned int i = 0; i < WORLD_ENDS; i++)
            world_run(i);
        require(++rounds < ROUNDS_MAX, "two ends that are never done");
    } while (is_due(0) || is_due(1));
}

void world_advance_to(int64_t time)
{
    world_pass();
    while (world.now < time) {
        int64_t next = time;

        for (unsigned int i = 0; i < WORLD_ENDS; i++) {
            int64_t due = timers_next(&world.end[i].tunnel.timers);
            const struct world_datagram *first = first_due(i);

            if (due < next)
                next = due;
            if (first && first->due < next)
                next = first->due;
        }
        require(next > world.now, "a timer that was due");
        world.wall += next - world.now;
        world.now = next;
        world_pass();
    }
}

void world_advance(int64_t nanoseconds)
{
    world_advance_to(world.now + nanoseconds);
}
