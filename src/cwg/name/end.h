/* The name of an end, as a person types it: [[USER@]HOST:][ENGINE/]NAME. */
#pragma once

#include <stdbool.h>

#include "cwg/base/failure.h"

enum {
    END_HOST_SIZE = 256,
    END_ENGINE_SIZE = 16,
    END_NAME_SIZE = 254,
    END_TEXT_SIZE = END_HOST_SIZE + END_ENGINE_SIZE + END_NAME_SIZE + 4,
};

struct end {
    char host[END_HOST_SIZE];     /* for ssh: USER@HOST or HOST; "" is this machine */
    char engine[END_ENGINE_SIZE]; /* "" if none was named */
    char name[END_NAME_SIZE];
};

/* Reads a name. HOST is a name of ssh's configuration or of DNS, an IPv4 address, or an IPv6
 * address in brackets, which the result lacks. Each part is letters, digits and a few signs, and
 * doesn't begin with '-': no part can be taken for an option or for anything of a shell's. `which`
 * is the word for the argument in a failure. Writes *ret_end on success only. Returns 0, or -1. */
int end_parse(const char *text, const char *which, struct end *ret_end, struct failure *failure);

/* Writes a name for people, without USER: "web", "podman/web", "site2:podman/db". */
void end_to_text(const struct end *end, char ret_text[static END_TEXT_SIZE]);

/* Reads HOST or USER@HOST alone. */
int end_parse_host(const char *text, char ret_host[static END_HOST_SIZE], struct failure *failure);

/* Returns whether a text is a container's name: a letter or digit, and then letters, digits, '_',
 * '.' and '-', at most 253 in all. */
bool end_is_name(const char *text);
