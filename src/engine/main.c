/* cwg-engine: WireGuard for one end of one link, where the kernel has none.
 *
 * net-admin-helper starts it with the descriptors of handover/handover.h and nothing else: a TUN
 * device, which the helper will move into the container; UDP sockets, which the helper will bind;
 * and the start socket, on which the engine sends its public key and gets a byte when the link
 * stands.
 *
 * If the helper ends before it has sent that byte, the engine ends, too, and the device with it.
 * After that byte the engine lives as long as the device.
 *
 *     key pair ─ control socket ─ sandbox ─ public key to the helper ─ its go ─ rounds
 */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/control/control.h"
#include "engine/flow/tunnel.h"
#include "engine/io/clock.h"
#include "engine/sandbox.h"
#include "handover/handover.h"

enum {
    POLL_TUN,
    POLL_UDP4,
    POLL_UDP6,
    POLL_CONTROL,
    POLLED = POLL_CONTROL + CONTROL_POLLED,
};

/* A loop that is always busy asks poll() this often, or the control socket would wait for ever. */
#define UNPOLLED_MAX (SECONDS / 50)

struct engine {
    struct tunnel tunnel;
    struct control control;
};

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* Returns milliseconds for poll(), rounded up: a round that comes early finds nothing to do. */
static int timeout(const struct tunnel *tunnel)
{
    int64_t next = tunnel_next(tunnel), left;

    if (next == INT64_MAX)
        return -1;
    left = (next - tunnel->now + 999999) / 1000000;
    if (left < 0)
        return 0;
    return left < INT_MAX ? (int)left : INT_MAX;
}

/* Descriptors that may have something to read. */
struct ready {
    bool tun;
    bool udp4;
    bool udp6;
};

/* The only errors of these sockets are answers to time stamps: they aren't connected, so ICMP says
 * nothing to them. */
static bool is_readable(struct tunnel *tunnel, const struct pollfd *polled)
{
    if (polled->revents & POLLERR)
        (void)udp_read_answers(&tunnel->udp, polled->fd, &tunnel->remote);
    return polled->revents;
}

static void wait_for_something(struct engine *engine, struct ready *ready)
{
    struct tunnel *tunnel = &engine->tunnel;
    bool busy = ready->tun || ready->udp4 || ready->udp6;
    struct pollfd polled[POLLED] = {
        [POLL_TUN] = {.fd = HANDOVER_TUN, .events = POLLIN},
        [POLL_UDP4] = {.fd = tunnel->udp.fd4, .events = POLLIN},
        [POLL_UDP6] = {.fd = tunnel->udp.fd6, .events = POLLIN},
    };

    control_poll(&engine->control, polled + POLL_CONTROL);
    if (poll(polled, POLLED, busy ? 0 : timeout(tunnel)) <= 0)
        return;
    ready->tun = polled[POLL_TUN].revents;
    ready->udp4 = is_readable(tunnel, &polled[POLL_UDP4]);
    ready->udp6 = is_readable(tunnel, &polled[POLL_UDP6]);
    tunnel->now = clock_nanoseconds();
    control_run(&engine->control, polled + POLL_CONTROL, tunnel);
}

static void run(struct engine *engine)
{
    struct tunnel *tunnel = &engine->tunnel;
    int64_t polled = tunnel->now;
    struct ready ready = {0};

    while (!tunnel->device_gone) {
        if (!(ready.tun || ready.udp4 || ready.udp6) || tunnel->now - polled >= UNPOLLED_MAX) {
            wait_for_something(engine, &ready);
            polled = clock_nanoseconds();
        }
        tunnel->now = clock_nanoseconds();
        tunnel_run_timers(tunnel);
        if (ready.udp4) {
            ready.udp4 = inbound_run(tunnel, tunnel->udp.fd4);
            ready.tun = true;
        }
        if (ready.udp6) {
            ready.udp6 = inbound_run(tunnel, tunnel->udp.fd6);
            ready.tun = true;
        }
        if (ready.tun)
            ready.tun = outbound_run(tunnel);
    }
}

/* Sends the public key, and returns whether the helper's answer is to go on. */
static bool report(const struct tunnel *tunnel)
{
    const struct key *key = noise_public_key(tunnel->noise);
    char go = 0;

    if (send(HANDOVER_START, key->bytes, KEY_SIZE, MSG_NOSIGNAL) != KEY_SIZE ||
        recv(HANDOVER_START, &go, 1, 0) != 1)
        return false;
    close(HANDOVER_START);
    return go == HANDOVER_GO;
}

static int serve(void)
{
    static struct engine engine; /* of a size that a stack may not have */
    struct tunnel *tunnel = &engine.tunnel;
    int udp6 = is_open(HANDOVER_UDP6) ? HANDOVER_UDP6 : -1;

    if (!tunnel_init(tunnel, HANDOVER_TUN, HANDOVER_UDP4, udp6) || control_init(&engine.control) ||
        sandbox_enter())
        return EXIT_FAILURE;
    if (report(tunnel))
        run(&engine);
    tunnel_end(tunnel);
    return EXIT_SUCCESS;
}

static int usage(FILE *out)
{
    (void)fputs(
        "cwg-engine " VERSION ": carries a WireGuard link where the kernel has no WireGuard.\n"
        "net-admin-helper starts it, with descriptors that nobody else has; there is nothing to\n"
        "be gained by starting it by hand. See cwg-engine(8).\n",
        out);
    return out == stdout ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        return puts("cwg-engine " VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    if (argc > 1 || !is_open(HANDOVER_TUN) || !is_open(HANDOVER_UDP4) || !is_open(HANDOVER_START))
        return usage(stderr);
    /* Before Linux 6.14 a program that is run by its descriptor gets the descriptor's number as its
     * name (fs/exec.c). */
    (void)prctl(PR_SET_NAME, "cwg-engine");
    /* Not exit(): libcrypto would clean up by system calls that the sandbox forbids. */
    _exit(serve());
}
