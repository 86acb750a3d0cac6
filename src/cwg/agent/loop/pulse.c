#include "cwg/agent/loop/pulse.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/clock.h"

enum {
    DEVICES_MAX_BYTES = 16384, /* some hundred devices: a container that has more has no pulse */
    INITIATION_BYTES = 148,
};

/* Reads all of the file, as far as there is room. Nothing stays open: it would keep the container's
 * network, with its links, when the container has ended. Returns false if there isn't. */
static bool read_devices(pid_t pid, char ret_text[static DEVICES_MAX_BYTES])
{
    char path[32];
    ssize_t got = 1;
    size_t length = 0;
    int fd;

    (void)snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    while (got > 0 && length < DEVICES_MAX_BYTES - 1) {
        got = read(fd, ret_text + length, DEVICES_MAX_BYTES - 1 - length);
        length += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    ret_text[length] = '\0';
    return got == 0;
}

/* Takes a number off the start of a line. Returns false if there is none. */
static bool take_number(char **line, uint64_t *ret_number)
{
    char *end;

    *ret_number = strtoull(*line, &end, 10);
    if (end == *line)
        return false;
    *line = end;
    return true;
}

/* Reads a device's counters. Returns false if it isn't there. */
static bool read_counters(pid_t pid, struct pulse *pulse)
{
    char text[DEVICES_MAX_BYTES], *rest = text;
    const size_t length = strlen(pulse->device);

    if (!read_devices(pid, text))
        return false;
    for (char *line; (line = strsep(&rest, "\n"));) {
        line += strspn(line, " ");
        if (strncmp(line, pulse->device, length) != 0 || line[length] != ':')
            continue;
        line += length + 1;
        return take_number(&line, &pulse->bytes) && take_number(&line, &pulse->packets) &&
               take_number(&line, &pulse->errors);
    }
    return false;
}

void pulse_begin(struct pulse *pulse, pid_t pid, const char *device)
{
    if (pulse->there && strcmp(device, pulse->device) == 0 && pulse_feel(pulse, pid) != PULSE_NONE)
        return;
    (void)snprintf(pulse->device, sizeof(pulse->device), "%s", device);
    pulse->there = read_counters(pid, pulse);
    pulse->beat = clock_now();
}

enum pulse_word pulse_feel(struct pulse *pulse, pid_t pid)
{
    struct pulse now = *pulse;
    uint64_t bytes, packets;

    if (!read_counters(pid, &now) || now.packets < pulse->packets || now.bytes < pulse->bytes ||
        now.errors != pulse->errors)
        return PULSE_NONE;
    bytes = now.bytes - pulse->bytes;
    packets = now.packets - pulse->packets;
    *pulse = now;
    /* An initiation has no time limit: somebody on the way may have held it back. */
    if (bytes == packets * INITIATION_BYTES)
        return PULSE_STILL;
    pulse->beat = clock_now();
    return PULSE_BEATS;
}
