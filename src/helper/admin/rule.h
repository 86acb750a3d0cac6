/* Parses the policy file: a rule a line, each for a user or a group. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "link/endpoint.h"
#include "link/network.h"

enum {
    RULE_LIST_MAX = 32,   /* ranges or networks in a list */
    RULE_LINE_MAX = 4000, /* bytes; no rule needs more */
    RULE_LINKS_MAX = 65535,
};

struct range {
    uint32_t first;
    uint32_t last;
};

struct ranges {
    bool given; /* false: no limit, here and below */
    size_t count;
    struct range range[RULE_LIST_MAX]; /* ascending, without overlap */
};

struct peers {
    bool given;
    bool unknown; /* unknown endpoints ("-") are allowed */
    size_t count;
    struct network network[RULE_LIST_MAX];
};

struct rule {
    unsigned int line; /* from 1 */
    bool group;        /* for a group, not a user */
    uint32_t id;       /* the group or user */
    struct ranges nets;
    struct ranges ports;
    struct peers peers;
    bool has_links;
    uint32_t links; /* at most, in one container */
    bool own_containers;
};

/* The user and groups for whom a rule is searched. */
struct caller {
    uid_t user;
    gid_t group;
    const gid_t *groups; /* supplementary */
    size_t group_count;
};

struct mistake {
    unsigned int line;
    const char *reason;
};

enum rule_search {
    RULE_NONE,
    RULE_FOUND,
    RULE_MISTAKE,
};

/* The text of a policy file, and the lines read so far. */
struct rule_lines {
    char *next;
    const char *end;
    unsigned int count;
};

/* Reads the next rule, and cuts its line up. RULE_NONE is the end. Writes *ret_rule for RULE_FOUND
 * only, *ret_mistake for RULE_MISTAKE only. */
enum rule_search rule_next(struct rule_lines *lines, struct rule *ret_rule,
                           struct mistake *ret_mistake);

/* Finds the first rule for the caller's user, group or supplementary groups in the same way. A
 * mistake anywhere in the text counts. */
enum rule_search rule_search(char *text, size_t length, const struct caller *caller,
                             struct rule *ret_rule, struct mistake *ret_mistake);

bool rule_allows_net(const struct rule *rule, uint32_t net);
bool rule_allows_port(const struct rule *rule, uint16_t port);
bool rule_allows_peer(const struct rule *rule, const struct endpoint *endpoint);
