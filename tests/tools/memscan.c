// Looks for a key in the memory of another process.
//
// A private key must not outlive its use. Stop the process where it should have forgotten the key,
// then scan all that it can read:
//
//     memscan PID KEY      KEY: 32 bytes in base64, 44 characters; "-" reads it from standard input
//
// Found are the raw bytes, the base64 text and the text in hexadecimal, each also where only half
// of it is left, at any offset. One line per find: address, what, which part, name of the mapping.
// The last line says how many bytes were read.
//
// Exit status: 0 nothing found, 1 found, 2 wrong arguments or the memory cannot be read.
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

enum {
    KEY_SIZE = 32,
    KEY_TEXT = 44, // with one '=' at the end
    PATTERN_MAX = 2 * KEY_SIZE,
    CHUNK = 1 << 20,
    PAGE = 4096,
};

// Something to look for; any `window` bytes of it in a row are a find.
struct pattern {
    const char *name;
    size_t size;
    size_t window;
    unsigned char bytes[PATTERN_MAX];
};

struct mapping {
    uint64_t start;
    uint64_t end;
    char name[256];
};

struct scan {
    int memory;
    struct pattern patterns[4];
    size_t pattern_count;
    uint64_t bytes;
    long finds;
};

static int digit_value(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c == '\0' ? NULL : strchr(digits, c);
    return found == NULL ? -1 : (int)(found - digits);
}

static bool decode(const char *text, unsigned char ret[static KEY_SIZE])
{
    uint32_t bits = 0;
    int held = 0;
    size_t used = 0;

    if (strlen(text) != KEY_TEXT || text[KEY_TEXT - 1] != '=')
        return false;
    for (size_t i = 0; i < KEY_TEXT - 1; i++) {
        int value = digit_value(text[i]);
        if (value < 0)
            return false;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            ret[used++] = (unsigned char)(bits >> held & 0xff);
        }
    }
    return true;
}

static struct pattern hexadecimal(const unsigned char key[static KEY_SIZE], const char *digits,
                                  const char *name)
{
    struct pattern made = {.name = name, .size = 2 * KEY_SIZE, .window = KEY_SIZE};

    for (size_t i = 0; i < KEY_SIZE; i++) {
        made.bytes[2 * i] = (unsigned char)digits[key[i] >> 4];
        made.bytes[2 * i + 1] = (unsigned char)digits[key[i] & 15];
    }
    return made;
}

static bool make_patterns(const char *text, struct scan *scan)
{
    struct pattern raw = {.name = "raw", .size = KEY_SIZE, .window = KEY_SIZE / 2};
    struct pattern base64 = {.name = "base64", .size = KEY_TEXT - 1, .window = KEY_TEXT / 2};

    if (!decode(text, raw.bytes))
        return false;
    memcpy(base64.bytes, text, base64.size);
    scan->patterns[0] = raw;
    scan->patterns[1] = base64;
    scan->patterns[2] = hexadecimal(raw.bytes, "0123456789abcdef", "hex");
    scan->patterns[3] = hexadecimal(raw.bytes, "0123456789ABCDEF", "HEX");
    scan->pattern_count = 4;
    return true;
}

// The part of the pattern from `from` on stands at data[at]. Reports it, unless the byte before
// matches, too: then the part one byte earlier is the reported one.
static void report(struct scan *scan, const struct mapping *mapping, uint64_t address,
                   const struct pattern *pattern, size_t from, const unsigned char *data, size_t at,
                   size_t size)
{
    size_t length = pattern->window;

    if (from > 0 && at > 0 && data[at - 1] == pattern->bytes[from - 1])
        return;
    while (from + length < pattern->size && at + length < size &&
           data[at + length] == pattern->bytes[from + length])
        length++;
    scan->finds++;
    printf("%#" PRIx64 " %s bytes %zu to %zu of %zu in %s\n", address + at, pattern->name, from,
           from + length - 1, pattern->size, mapping->name);
}

static void search(struct scan *scan, const struct mapping *mapping, uint64_t address,
                   const unsigned char *data, size_t size)
{
    for (size_t p = 0; p < scan->pattern_count; p++) {
        const struct pattern *pattern = &scan->patterns[p];
        for (size_t from = 0; from + pattern->window <= pattern->size; from++) {
            const unsigned char *next = data;
            const unsigned char *found;
            while ((found = memmem(next, size - (size_t)(next - data), pattern->bytes + from,
                                   pattern->window)) != NULL) {
                report(scan, mapping, address, pattern, from, data, (size_t)(found - data), size);
                next = found + 1;
            }
        }
    }
}

// Reads a mapping piece by piece. In front of each piece stand the last bytes of the piece before,
// so that no find is cut in two. Leaves out pages that can't be read, such as [vvar]'s.
static void scan_mapping(struct scan *scan, const struct mapping *mapping)
{
    static unsigned char data[PATTERN_MAX + CHUNK];
    size_t kept = 0;
    uint64_t address = mapping->start;

    while (address < mapping->end) {
        uint64_t left = mapping->end - address;
        ssize_t got = pread(scan->memory, data + kept, left < CHUNK ? left : CHUNK, (off_t)address);
        if (got <= 0) {
            kept = 0;
            address += PAGE;
            continue;
        }
        size_t size = kept + (size_t)got;
        search(scan, mapping, address - kept, data, size);
        scan->bytes += (uint64_t)got;
        address += (uint64_t)got;
        kept = size < PATTERN_MAX ? size : PATTERN_MAX;
        memmove(data, data + size - kept, kept);
    }
    memset(data, 0, sizeof(data));
}

static void scan_process(struct scan *scan, long pid)
{
    char path[48], line[512];

    snprintf(path, sizeof(path), "/proc/%ld/mem", pid);
    scan->memory = open(path, O_RDONLY | O_CLOEXEC);
    if (scan->memory < 0)
        fail(TROUBLE, "%s", path);
    snprintf(path, sizeof(path), "/proc/%ld/maps", pid);
    FILE *maps = fopen(path, "re");
    if (maps == NULL)
        fail(TROUBLE, "%s", path);

    while (fgets(line, sizeof(line), maps) != NULL) {
        struct mapping mapping = {.name = "(anonymous)"};
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s %255s", &mapping.start,
                   &mapping.end, mapping.name) >= 2)
            scan_mapping(scan, &mapping);
    }
    fclose(maps);
    close(scan->memory);
}

static _Noreturn void usage(void)
{
    fputs("usage: memscan PID KEY   (32 bytes in base64; - reads it from standard input)\n",
          stderr);
    exit(TROUBLE);
}

int main(int argc, char **argv)
{
    static struct scan scan;
    char text[KEY_TEXT + 2];
    long pid;

    if (argc != 3 || !parse_number(argv[1], 1, INT32_MAX, &pid) || pid == getpid())
        usage();
    if (strcmp(argv[2], "-") != 0)
        snprintf(text, sizeof(text), "%s", argv[2]);
    else if (fgets(text, sizeof(text), stdin) == NULL)
        usage();
    text[strcspn(text, "\n")] = '\0';
    if (!make_patterns(text, &scan))
        usage();

    scan_process(&scan, pid);
    errno = 0;
    if (scan.bytes == 0)
        fail(TROUBLE, "nothing of process %ld could be read", pid);
    printf("scanned %" PRIu64 " bytes, found %ld\n", scan.bytes, scan.finds);
    return scan.finds == 0 ? 0 : 1;
}
