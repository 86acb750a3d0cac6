/* Command lines, with '|' between their arguments, and what is to become of them. Texts that must
 * not be seen again have "Zq7" in them.
 *
 * In a line "@" stands for each word of a list, and "~" for "=" and for "|", between an option and
 * its value. A line that begins with a task's name is also meant with "net-admin-helper|" before
 * it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/command/arguments.h"

#define LINES_KEY     "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="
#define LINES_CONNECT "cwg_connect|7|5|1|198.51.100.7:51871|" LINES_KEY

/* Lines that are refused with the same text. */
struct refused_lines {
    const struct task *usage; /* whose synopsis is to be shown; NULL: none */
    const char *begins;       /* how the text begins: with the argument that is wrong */
    const char *line;
    const char *const *words; /* ends with NULL; or NULL: the line has no "@" */
};

extern const struct refused_lines refused_lines[];
extern const size_t refused_lines_count;

/* What an argument may be, in a table of each kind of argument. */
struct argument_words {
    const char *name;
    const char *const *good; /* ends with NULL */
    const char *const *bad;  /* the same; the first few go into the cross product of all */
};

extern const struct argument_words argument_words[];

/* Arguments of cwg_connect, and what comes of them; everything else is as if it weren't given. */
struct option_line {
    const char *line;
    enum {
        ENDPOINT_OF_IPV4, /* 198.51.100.7:51871 */
        ENDPOINT_OF_IPV6, /* [2001:db8::1]:51871 */
        ENDPOINT_OF_NONE,
    } endpoint;
    int32_t keepalive;
    uint32_t mtu;
    int preshared;
    const char *path;
    int descriptor;
};

extern const struct option_line option_lines[];
extern const size_t option_line_count;

/* Files of preshared keys that are names of files, whatever they look like; ends with NULL. */
extern const char *const preshared_paths[];

/* The key that LINES_KEY is. */
extern const struct key lines_key;

/* Lines that ask for something to be shown. "@" stands for each way to ask for it. */
struct shown_line {
    const char *line;
    enum command command;
    const struct task *task;
};

extern const struct shown_line shown_lines[];
extern const size_t shown_line_count;
