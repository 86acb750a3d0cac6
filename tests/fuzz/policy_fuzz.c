/* Any bytes as a policy file, for callers with various numbers. A found rule is a rule of the file.
 * A file that can't be read has a line and a reason. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "helper/admin/rule.h"
#include "parts.h"

enum {
    TEXT_MAX = 8192,
};

static const gid_t groups[] = {4, 990};
static const struct caller callers[] = {
    {.user = 1000, .group = 1000, .groups = groups, .group_count = 2},
    {.user = 7, .group = 0, .groups = NULL, .group_count = 0},
    {.user = 4294967294, .group = 1, .groups = groups, .group_count = 1},
};

static enum rule_search search(const void *text, size_t length, const struct caller *caller,
                               struct rule *ret_rule, struct mistake *ret_mistake)
{
    char *copy = malloc(length ? length : 1);
    enum rule_search found;

    require(copy);
    if (length > 0)
        memcpy(copy, text, length);
    found = rule_search(copy, length, caller, ret_rule, ret_mistake);
    free(copy);
    return found;
}

static size_t add_ranges(char *text, const char *word, const struct ranges *ranges, uint32_t max)
{
    size_t length = 0;

    if (!ranges->given)
        return 0;
    require(ranges->count > 0 && ranges->count <= RULE_LIST_MAX);
    length += (size_t)sprintf(text, " %s ", word);
    for (size_t i = 0; i < ranges->count; i++) {
        const struct range *range = &ranges->range[i];

        require(range->first <= range->last && range->last <= max);
        require(i == 0 || range->first > range[-1].last);
        length +=
            (size_t)sprintf(text + length, "%s%u-%u", i ? "," : "", range->first, range->last);
    }
    return length;
}

static size_t add_network(char *text, const struct network *network)
{
    const uint8_t *bytes = network->address;
    size_t length = 0;

    require(network->prefix_length <= (network->ipv6 ? 128 : 32));
    if (!network->ipv6)
        return (size_t)sprintf(text, "%u.%u.%u.%u/%u", bytes[0], bytes[1], bytes[2], bytes[3],
                               network->prefix_length);
    for (int i = 0; i < 16; i += 2)
        length +=
            (size_t)sprintf(text + length, "%s%x", i ? ":" : "", bytes[i] << 8 | bytes[i + 1]);
    return length + (size_t)sprintf(text + length, "/%u", network->prefix_length);
}

static size_t add_peers(char *text, const struct peers *peers)
{
    size_t length = 0;

    if (!peers->given)
        return 0;
    require(peers->count <= RULE_LIST_MAX && (peers->count > 0 || peers->unknown));
    length += (size_t)sprintf(text, " peers %s", peers->unknown ? "-" : "");
    for (size_t i = 0; i < peers->count; i++) {
        length += (size_t)sprintf(text + length, "%s", i || peers->unknown ? "," : "");
        length += add_network(text + length, &peers->network[i]);
    }
    return length;
}

/* The rule, written in one way, is read as the same rule again. */
static void check_rule(const struct rule *rule, const struct caller *caller)
{
    static char text[TEXT_MAX];
    struct rule again;
    struct mistake mistake;
    size_t length = (size_t)sprintf(text, "%s %u", rule->group ? "group" : "user", rule->id);

    require(rule->group || rule->id == caller->user);
    length += add_ranges(text + length, "nets", &rule->nets, 8388607);
    length += add_ranges(text + length, "ports", &rule->ports, 65535);
    length += add_peers(text + length, &rule->peers);
    if (rule->has_links)
        length += (size_t)sprintf(text + length, " links %u", rule->links);
    length += (size_t)sprintf(text + length, "%s\n", rule->own_containers ? " own-containers" : "");
    require(search(text, length, caller, &again, &mistake) == RULE_FOUND);
    again.line = rule->line;
    require(memcmp(&again, rule, sizeof(again)) == 0);
}

/* A file that ends earlier, after a whole line, gives the same rule or none. */
static void check_shorter(const uint8_t *data, size_t size, const struct caller *caller,
                          const struct rule *rule)
{
    struct rule other;
    struct mistake mistake;
    enum rule_search found;

    while (size > 0 && data[size - 1] != '\n')
        size--;
    found = search(data, size, caller, &other, &mistake);
    require(found != RULE_MISTAKE);
    require(found == RULE_NONE || !rule || memcmp(&other, rule, sizeof(other)) == 0);
}

static unsigned int count_lines(const uint8_t *data, size_t size)
{
    unsigned int lines = size > 0 && data[size - 1] != '\n';

    for (size_t i = 0; i < size; i++)
        lines += data[i] == '\n';
    return lines;
}

static void check_text(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < sizeof(callers) / sizeof(callers[0]); i++) {
        struct rule rule;
        struct mistake mistake = {0};
        enum rule_search found;

        memset(&rule, 0, sizeof(rule));
        found = search(data, size, &callers[i], &rule, &mistake);
        if (found == RULE_MISTAKE) {
            require(mistake.line >= 1 && mistake.line <= count_lines(data, size));
            require(mistake.reason && mistake.reason[0]);
            continue;
        }
        require(size == 0 || (data[size - 1] == '\n' && !memchr(data, 0, size)));
        if (found == RULE_FOUND) {
            require(rule.line >= 1 && rule.line <= count_lines(data, size));
            check_rule(&rule, &callers[i]);
        }
        if (size > 0)
            check_shorter(data, size - 1, &callers[i], found == RULE_FOUND ? &rule : NULL);
    }
}

static const char *const parts[] = {
    "user 1000 ",
    "group 990 ",
    "user 7",
    "group 0",
    "user ",
    "group ",
    " nets ",
    " ports ",
    " peers ",
    " links ",
    " own-containers",
    "-",
    ",",
    "\n",
    "user 1000\n",
    "192.0.2.0/24",
    "2001:db8::/32",
    "/0",
    "8388607",
    "65535",
    "4294967294",
    "::",
    "#",
    "0-99,200",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length;
    char *text = parts_join(parts, sizeof(parts) / sizeof(parts[0]), data, size, &length);

    check_text((const uint8_t *)text, length);
    free(text);
    return 0;
}
