/* The policy file as text: a rule a line, each for a user or a group. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "link/endpoint.h"
#include "link/network.h"

enum {
    RULE_LIST_MAX = 32,   /* of ranges or networks */
    RULE_LINE_MAX = 4000, /* bytes; more than any rule needs */
    RULE_LINKS_MAX = 65535,
};

struct range {
    uint32_t first;
    uint32_t last;
};

struct ranges {
    bool given; /* if not, there is no limit; the same with those below */
    size_t count;
    struct range range[RULE_LIST_MAX]; /* ascending, and none overlaps another */
};

struct peers {
    bool given;
    bool unknown; /* an endpoint that isn't known is among them */
    size_t count;
    struct network network[RULE_LIST_MAX];
};

struct rule {
    unsigned int line; /* from 1 */
    bool group;        /* it is for a group, not for a user */
    uint32_t id;       /* of that */
    struct ranges nets;
    struct ranges ports;
    struct peers peers;
    bool has_links;
    uint32_t links; /* in one container */
    bool own_containers;
};

/* Whom a rule is looked for. */
struct caller {
    uid_t user;
    gid_t group;
    const gid_t *groups; /* the supplementary ones */
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

/* Reads the whole text of a policy file, cutting it up on the way, and calls `each` for each rule,
 * up to the first mistake. Returns whether there is none; if there is, writes *ret_mistake. */
bool rule_each(char *text, size_t length, void (*each)(const struct rule *rule, void *context),
               void *context, struct mistake *ret_mistake);

/* Reads the whole text of a policy file, too, and finds the first rule that is
 * for the caller's user, its group or one of its supplementary ones. A mistake anywhere counts, and
 * the first one is told. Writes *ret_rule for RULE_FOUND only, and *ret_mistake for RULE_MISTAKE
 * only. */
enum rule_search rule_search(char *text, size_t length, const struct caller *caller,
                             struct rule *ret_rule, struct mistake *ret_mistake);

bool rule_allows_net(const struct rule *rule, uint32_t net);
bool rule_allows_port(const struct rule *rule, uint16_t port);
bool rule_allows_peer(const struct rule *rule, const struct endpoint *endpoint);
