/* Two ends of a link, and everything that can happen to them. The bytes choose: packets and frames
 * of two containers; datagrams that are delayed, lost, doubled, exchanged, changed, replayed and
 * invented; requests; and time. A packet that comes to a container was sent by the other one, and
 * comes no more often. In the end packets get through again. */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdint.h>
#include <string.h>

#include "engine/control/configuration.h"
#include "engine/packet/packet.h"
#include "engine/packet/split.h"
#include "engine/protocol/cookie.h"
#include "engine/protocol/session.h"
#include "engine_packets.h"
#include "engine_world.h"
#include "fuzz.h"

enum {
    FRAME_MAX = 4096,
    SLOTS = 1 << 13, /* of the table of what was sent; more packets than that are not sent */
    RECORDED = 64,
    CALM_SECONDS = 150,
    SCRIPT_MAX = 4096,
};

/* The input. */
static const uint8_t *script;
static size_t left;

static uint8_t next(void)
{
    if (left == 0)
        return 0;
    left--;
    return *script++;
}

static uint16_t next16(void)
{
    uint16_t high = next();

    return (uint16_t)(high << 8 | next());
}

/* ---- Sent packets ---- */

static struct {
    uint64_t hash[SLOTS]; /* 0: free */
    unsigned int count[SLOTS];
    size_t used;
} sent[WORLD_ENDS];

/* Hashes the parts of a packet that don't change on the way. The IPv4 identification changes in a
 * merged group, the network may set ECN, and the checksum covers both. */
static uint64_t hash_packet(const uint8_t *packet, size_t length)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < length; i++) {
        uint8_t byte = packet[i];

        if (packet[0] >> 4 == 4 && (i == 4 || i == 5 || i == 10 || i == 11))
            continue;
        if (i == 1)
            byte &= packet[0] >> 4 == 4 ? 0xfc : 0xcf;
        hash = (hash ^ byte) * UINT64_C(0x100000001b3);
    }
    return hash ? hash : 1;
}

static size_t find_slot(unsigned int from, uint64_t hash)
{
    size_t slot = hash % SLOTS;

    while (sent[from].hash[slot] && sent[from].hash[slot] != hash)
        slot = (slot + 1) % SLOTS;
    return slot;
}

static void note_sent(unsigned int from, const uint8_t *bytes, size_t size)
{
    struct packet packet;
    size_t slot;

    if (!packet_parse(bytes, size, &packet))
        return;
    slot = find_slot(from, hash_packet(bytes, packet.length));
    if (!sent[from].hash[slot])
        sent[from].used++;
    sent[from].hash[slot] = hash_packet(bytes, packet.length);
    sent[from].count[slot]++;
}

/* Says whether a packet is an end's own answer: there is nobody to send to. */
static bool is_unreachable(const uint8_t *packet, size_t length)
{
    return packet[0] >> 4 == 4 ? length >= 28 && packet[9] == 1 && packet[20] == 3
                               : length >= 48 && packet[6] == 58 && packet[40] == 1;
}

static void check_delivered(unsigned int to)
{
    const struct world_packets *delivered = &world.end[to].delivered;

    for (size_t i = 0; i < delivered->count; i++) {
        const struct world_packet *packet = &delivered->item[i];
        size_t slot;

        require(packet->length >= 20);
        slot = find_slot(1 - to, hash_packet(packet->bytes, packet->length));
        if (sent[1 - to].count[slot] > 0)
            sent[1 - to].count[slot]--;
        else
            require(is_unreachable(packet->bytes, packet->length));
    }
    world_forget(to);
}

/* ---- The containers ---- */

static void offer_frame(unsigned int from, const uint8_t *frame, size_t length)
{
    uint8_t copy[FRAME_MAX + HANDOVER_VNET_SIZE + 64];
    struct split split;
    uint8_t *packet;
    size_t packet_length;

    if (sent[from].used + length > SLOTS / 2)
        return;
    memcpy(copy, frame, length);
    if (split_begin(&split, copy, length)) {
        while (split_next(&split, &packet, &packet_length))
            note_sent(from, packet, packet_length);
    }
    world_offer_frame(from, frame, length);
}

/* Writes a TCP or UDP packet, or a packet that the engine doesn't look into. */
static size_t write_packet(unsigned int from, uint8_t kind, uint8_t *packet)
{
    struct sample sample = {
        .protocol = kind & 2 ? UDP : TCP,
        .class = next(),
        .ttl = 64,
        .fragment = DF,
        .port = kind & 4,
        .sequence = next(),
        .flags = kind & 8 ? ACK | PSH : ACK,
        .window = 1,
        .payload = next16() % 1400,
    };
    size_t length;

    if (kind & 16)
        return world_packet(from, next16(), WORLD_PACKET_MIN + next16() % 1400, packet);
    sample.sequence *= (uint32_t)sample.payload;
    length = packets_write(&sample, packet);
    if (kind & 1) {
        memcpy(packet + 12,
               (const uint8_t[]){10, 0, 0, (uint8_t)from, 10, 0, 0, (uint8_t)(1 - from)}, 8);
        packets_repair(packet, length, packets_transport(&sample));
    }
    return length;
}

static void container_sends(unsigned int from)
{
    uint8_t frame[FRAME_MAX] = {0};

    offer_frame(from, frame,
                HANDOVER_VNET_SIZE + write_packet(from, next(), frame + HANDOVER_VNET_SIZE));
}

/* Sends a frame that the engine has to cut or complete, with some bytes changed. */
static void container_sends_anything(unsigned int from)
{
    uint8_t frame[FRAME_MAX] = {0};
    uint8_t kind = next();
    size_t length = HANDOVER_VNET_SIZE + write_packet(from, kind, frame + HANDOVER_VNET_SIZE);
    struct virtio_net_hdr vnet = {
        .flags = next() & 1,
        .gso_type = next(),
        .hdr_len = next16(),
        .gso_size = next16(),
        .csum_start = next(),
        .csum_offset = next(),
    };

    memcpy(frame, &vnet, sizeof(vnet));
    for (uint8_t changes = next() % 4; changes > 0; changes--)
        frame[next16() % length] = next();
    if (next() & 1)
        length -= next16() % length;
    offer_frame(from, frame, length);
}

/* ---- The network ---- */

static struct {
    uint8_t bytes[FRAME_MAX];
    size_t length;
    struct remote from;
} recorded[RECORDED];
static size_t records;

static void record(const struct world_datagram *datagram)
{
    size_t place = records++ % RECORDED;

    if (datagram->length > FRAME_MAX)
        return;
    memcpy(recorded[place].bytes, datagram->bytes, datagram->length);
    recorded[place].length = datagram->length;
    recorded[place].from = datagram->from;
}

static struct remote some_address(void)
{
    uint8_t which = next();

    if (which < WORLD_ENDS)
        return world.end[which].address;
    return world_address((uint8_t)(which % 8), (uint16_t)(1 + which));
}

/* Does something with a datagram on its way. */
static void handle(unsigned int from, uint8_t what)
{
    struct world_datagrams *queue = &world.end[from].sent;
    size_t place = queue->count ? next() % queue->count : 0;
    struct world_datagram *datagram = &queue->item[place];

    if (queue->count == 0)
        return;
    record(datagram);
    switch (what % 6) {
    case 0:
        world_let(from, place);
        break;
    case 1:
        world_lose(from, place);
        break;
    case 2: /* comes twice */
        world_arrive(1 - from, &datagram->from, datagram->bytes, datagram->length, next());
        break;
    case 3:
        datagram->bytes[next16() % datagram->length] ^= (uint8_t)(1 << next() % 8);
        break;
    case 4: /* shortened or lengthened */
        datagram->length -= next() % datagram->length;
        break;
    default: /* as if from another address */
        datagram->from = some_address();
        datagram->traffic_class = next();
        break;
    }
}

static void replay(unsigned int to)
{
    size_t place = next() % RECORDED;
    struct remote from = next() & 1 ? some_address() : recorded[place].from;

    if (place < records)
        world_arrive(to, &from, recorded[place].bytes, recorded[place].length, next());
}

static uint32_t some_index(unsigned int to)
{
    const struct tunnel *tunnel = &world.end[to].tunnel;
    uint8_t which = next() % 5;

    if (which < 3)
        return tunnel->sessions.slot[which].local;
    return which == 3 ? noise_local_index(tunnel->noise) : next();
}

/* Everyone who knows the public key can make a right mac1. */
static void make_up(unsigned int to)
{
    static const size_t lengths[] = {0, sizeof(struct message_initiation),
                                     sizeof(struct message_response),
                                     sizeof(struct message_cookie)};
    uint8_t bytes[512] = {0};
    uint8_t type = next() % 6;
    uint32_t head[3] = {htole32(type), 0, 0};
    size_t length = type > 0 && type < 4 ? lengths[type] : next16() % sizeof(bytes);
    struct remote from = some_address();

    head[1] = htole32(some_index(to));
    head[2] = htole32(some_index(to));
    memcpy(bytes, head, sizeof(head));
    for (size_t i = sizeof(head); i < length; i++)
        bytes[i] = i % 16 ? bytes[i - 1] : next();
    if ((type == MESSAGE_INITIATION || type == MESSAGE_RESPONSE) && next() & 3) {
        struct cookie_maker maker;

        cookie_maker_init(&maker, noise_public_key(world.end[to].tunnel.noise));
        cookie_add_macs(&maker, bytes, length, world.now);
    }
    for (uint8_t times = next() & 1 ? 40 : 1; times > 0; times--)
        world_arrive(to, &from, bytes, length, next());
}

/* ---- Requests and time ---- */

static void ask(unsigned int number)
{
    static const char *const lines[] = {
        "persistent_keepalive_interval=1\n",
        "persistent_keepalive_interval=0\n",
        "replace_allowed_ips=true\n",
        "allowed_ip=10.0.0.0/32\n",
        "allowed_ip=10.0.0.1/32\n",
        "endpoint=192.0.2.1:1000\n",
        "endpoint=192.0.2.2:2000\n",
        "endpoint=[::1]:7\n",
        "\n",
        "preshared_key=0102030405060708010203040506070801020304050607080102030405060708\n",
        "public_key=0900000000000000000000000000000000000000000000000000000000000000\n",
    };
    const struct key *peer = noise_public_key(world.end[1 - number].tunnel.noise);
    char request[1024] = "set=1\n", answer[CONFIGURATION_MAX];

    if (next() & 7) {
        key_to_hex(peer, request + strlen(strcat(request, "public_key=")));
        (void)strcat(request, "\n");
    }
    for (uint8_t count = next() % 6; count > 0; count--)
        (void)strcat(request, lines[next() % (sizeof(lines) / sizeof(lines[0]))]);
    (void)strcat(request, "\n");
    require(configuration_answer(&world.end[number].tunnel, request, strlen(request), answer) > 8);
}

/* Time passes in steps from a millisecond to some minutes. Either no end acts, or both do. */
static void wait_some(void)
{
    static const int64_t steps[] = {1,     20,    100,    1000,   5000,  10000,
                                    15334, 60000, 120000, 181000, 541000};
    int64_t step = steps[next() % (sizeof(steps) / sizeof(steps[0]))] * (SECONDS / 1000);

    if (next() & 1) {
        world_advance(step);
    } else {
        world.now += step;
        world.wall += step;
    }
}

static void change_world(unsigned int number)
{
    static const int errors[] = {0, -EINVAL, -EIO, -EAGAIN};

    switch (next() % 5) {
    case 0:
        world.end[number].address = some_address();
        if (remote_equal(&world.end[0].address, &world.end[1].address))
            world.end[number].address = world_address((uint8_t)(100 + number), 1);
        break;
    case 1:
        world.wall += ((int64_t)next16() - 32768) * SECONDS;
        break;
    case 2:
        world.batches = next() & 1;
        break;
    case 3:
        world.end[number].cut = next() & 1;
        break;
    default:
        world.end[number].write_error = errors[next() % 4];
        break;
    }
}

static void one_step(void)
{
    uint8_t what = next();
    unsigned int number = what >> 7;

    switch (what % 11) {
    case 0:
    case 1:
        container_sends(number);
        break;
    case 2:
        container_sends_anything(number);
        break;
    case 3:
        handle(number, 0);
        break;
    case 4:
        handle(number, next());
        break;
    case 5:
        replay(number);
        break;
    case 6:
        make_up(number);
        break;
    case 7:
        ask(number);
        break;
    case 8:
        wait_some();
        break;
    case 9:
        change_world(number);
        break;
    default:
        world_pass();
        break;
    }
}

static void check(void)
{
    for (unsigned int i = 0; i < WORLD_ENDS; i++) {
        const struct tunnel *tunnel = &world.end[i].tunnel;

        world_run(i);
        check_delivered(i);
        require(tunnel->staging.frames <= STAGING_FRAMES && tunnel->staging.bytes <= STAGING_BYTES);
        require(tunnel->merge.groups == 0 && !tunnel->device_gone);
    }
}

static bool comes_through(unsigned int from, uint32_t mark)
{
    uint8_t packet[100];

    world_offer(from, packet, world_packet(from, mark, sizeof(packet), packet));
    world_pass();
    return world_delivered(1 - from, mark) > 0;
}

/* Nothing disturbs the ends any more. Each is told the other's endpoint once more. */
static void calm(void)
{
    bool through[WORLD_ENDS] = {false};

    for (unsigned int i = 0; i < WORLD_ENDS; i++) {
        world_lose_all(i);
        world.end[i].cut = false;
        world.end[i].write_error = 0;
    }
    for (unsigned int i = 0; i < WORLD_ENDS; i++)
        world_introduce(i);
    for (uint32_t second = 0; second < CALM_SECONDS && !(through[0] && through[1]); second++) {
        for (unsigned int i = 0; i < WORLD_ENDS; i++)
            through[i] = comes_through(i, UINT32_C(0xff000000) + second);
        world_advance(SECONDS);
    }
    require(through[0] && through[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > SCRIPT_MAX)
        return 0;
    memset(sent, 0, sizeof(sent));
    records = 0;
    script = data;
    left = size;
    world_begin(next());
    if (next() & 1) {
        require(comes_through(0, 1));
        world_forget(1);
    }
    while (left > 0) {
        one_step();
        check();
    }
    calm();
    world_stop();
    return 0;
}
