/* Command lines, their arguments apart by '|', and what is to become of them. Texts that must not
 * be seen again have "Zq7" in them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "helper/command/arguments.h"

enum task_number {
    TASK_NONE,
    TASK_CREATE,
    TASK_CONNECT,
    TASK_DESTROY,
    TASK_SHOW,
    TASK_LIST,
    TASK_WAIT,
    TASK_DESTROY_ALL,
    TASK_BATCH,
};

struct refused_line {
    const char *line;
    enum task_number usage; /* whose synopsis is to be shown */
    const char *begins;     /* how the text begins: with the argument that is wrong */
};

extern const struct refused_line refused_lines[];
extern const size_t refused_line_count;

struct taken_line {
    const char *line;
    enum task_number task;
    int kind;
    int number;
    uint32_t net;
    uint32_t host;
    uint16_t port;
    uint32_t address;
    uint16_t peer_port;
    bool key; /* that of lines_key */
};

extern const struct taken_line taken_lines[];
extern const size_t taken_line_count;

/* What options and the newer endpoints come to: of lines whose other values don't matter. */
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

/* The key of all taken lines that have one. */
extern const struct key lines_key;

/* Those that ask for something to be shown. */
struct shown_line {
    const char *line;
    enum command command;
    enum task_number task;
};

extern const struct shown_line shown_lines[];
extern const size_t shown_line_count;
