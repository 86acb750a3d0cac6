#include "helper/admin/rule.h"

#include <string.h>

#include "link/decimal.h"
#include "link/link.h"

#define BLANKS " \t"

enum {
    PORT_MAX = 65535,
};

#define ID_MAX UINT32_C(4294967294) /* 4294967295 means "no id" (setresuid(2)) */

/* Cuts the next word off a line. Returns NULL at the end. */
static char *take_word(char **line)
{
    char *word;

    do
        word = strsep(line, BLANKS);
    while (word && !*word);
    return word;
}

/* A number, or two with a '-' between them. */
static int parse_range(char *text, uint32_t max, struct range *ret_range)
{
    const char *first = strsep(&text, "-");
    struct range range;

    if (decimal_parse(first, max, &range.first))
        return -1;
    range.last = range.first;
    if (text && decimal_parse(text, max, &range.last))
        return -1;
    if (range.first > range.last)
        return -1;
    *ret_range = range;
    return 0;
}

static int parse_ranges(char *list, uint32_t max, struct ranges *ranges)
{
    char *part;

    ranges->given = true;
    while ((part = strsep(&list, ","))) {
        struct range *range = &ranges->range[ranges->count];

        if (ranges->count == RULE_LIST_MAX || parse_range(part, max, range) ||
            (ranges->count > 0 && range->first <= range[-1].last))
            return -1;
        ranges->count++;
    }
    return 0;
}

static const char *parse_nets(char *list, struct rule *rule)
{
    return parse_ranges(list, LINK_NET_MAX, &rule->nets)
               ? "nets must be up to 32 numbers or ranges from 0 to 8388607, ascending, as in "
                 "0-99,200 without spaces"
               : NULL;
}

static const char *parse_ports(char *list, struct rule *rule)
{
    return parse_ranges(list, PORT_MAX, &rule->ports)
               ? "ports must be up to 32 numbers or ranges from 0 to 65535, ascending, as in "
                 "0,51800-51899 without spaces"
               : NULL;
}

static const char *parse_peers(char *list, struct rule *rule)
{
    static const char malformed[] = "peers must be up to 32 networks, as in "
                                    "192.0.2.0/24,2001:db8::1/128, and at most one - for unknown, "
                                    "without spaces";
    struct peers *peers = &rule->peers;
    char *part;

    peers->given = true;
    while ((part = strsep(&list, ","))) {
        enum network_flaw flaw = NETWORK_GOOD;

        if (strcmp(part, "-") == 0 && !peers->unknown) {
            peers->unknown = true;
            continue;
        }
        if (peers->count == RULE_LIST_MAX)
            return malformed;
        flaw = network_parse(part, &peers->network[peers->count]);
        if (flaw == NETWORK_HOST_BITS)
            return "peers has a network with bits set behind its prefix; write a network as in "
                   "192.0.2.0/24, a machine as in 192.0.2.1/32";
        if (flaw)
            return malformed;
        peers->count++;
    }
    return NULL;
}

static const char *parse_links(char *list, struct rule *rule)
{
    rule->has_links = true;
    return decimal_parse(list, RULE_LINKS_MAX, &rule->links)
               ? "links must be a number from 0 to 65535"
               : NULL;
}

static const struct {
    const char *word;
    const char *(*parse)(char *list, struct rule *rule); /* NULL: no list follows */
} words[] = {
    {"nets", parse_nets},   {"ports", parse_ports},   {"peers", parse_peers},
    {"links", parse_links}, {"own-containers", NULL},
};

enum {
    WORDS = sizeof(words) / sizeof(words[0]),
};

static const char *parse_limits(char *line, struct rule *rule)
{
    bool given[WORDS] = {0};
    const char *word;
    const char *reason = NULL;

    while (!reason && (word = take_word(&line))) {
        size_t found = 0;
        char *list;

        while (found < WORDS && strcmp(words[found].word, word) != 0)
            found++;
        if (found == WORDS)
            return "no such word: nets, ports, peers, links and own-containers are known";
        if (given[found])
            return "the rule has a word twice";
        given[found] = true;
        if (!words[found].parse) {
            rule->own_containers = true;
            continue;
        }
        list = take_word(&line);
        if (!list)
            return "the last word has no value";
        reason = words[found].parse(list, rule);
    }
    return reason;
}

static const char *parse_rule(char *line, struct rule *rule)
{
    const char *who = take_word(&line);
    const char *id;

    rule->group = strcmp(who, "group") == 0;
    if (!rule->group && strcmp(who, "user") != 0)
        return "a rule begins with user or group";
    id = take_word(&line);
    if (!id || decimal_parse(id, ID_MAX, &rule->id))
        return "users and groups are numbers, from 0 to 4294967294; `id` tells those of a name";
    if (!rule->group && rule->id == 0)
        return "user 0 is root, who isn't limited";
    return parse_limits(line, rule);
}

/* Allows bytes from 0x80 up, which comments in other alphabets have. No word of a rule has one. */
static const char *check_bytes(const char *line, size_t length)
{
    if (length > RULE_LINE_MAX)
        return "the line is longer than 4000 bytes";
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)line[i];

        if ((byte < ' ' && byte != '\t') || byte == 0x7f)
            return "the line has a control character, perhaps a carriage return at its end";
    }
    return NULL;
}

/* Parses a line without its newline. For an empty line or a comment the rule's line stays 0. */
static const char *parse_line(char *line, size_t length, unsigned int number, struct rule *ret_rule)
{
    const char *reason = check_bytes(line, length);

    if (reason)
        return reason;
    line[length] = '\0';
    line[strcspn(line, "#")] = '\0';
    if (line[strspn(line, BLANKS)] == '\0')
        return NULL;
    ret_rule->line = number;
    return parse_rule(line, ret_rule);
}

static bool is_for(const struct rule *rule, const struct caller *caller)
{
    if (!rule->group)
        return rule->id == caller->user;
    if (rule->id == caller->group)
        return true;
    for (size_t i = 0; i < caller->group_count; i++) {
        if (rule->id == caller->groups[i])
            return true;
    }
    return false;
}

enum rule_search rule_next(struct rule_lines *lines, struct rule *ret_rule,
                           struct mistake *ret_mistake)
{
    struct rule rule = {0};

    while (lines->next < lines->end && !rule.line) {
        char *line = lines->next;
        char *newline = memchr(line, '\n', (size_t)(lines->end - line));
        const char *reason = "the last line has no newline at its end: the file may be cut off";

        lines->count++;
        if (newline)
            reason = parse_line(line, (size_t)(newline - line), lines->count, &rule);
        if (reason) {
            *ret_mistake = (struct mistake){lines->count, reason};
            return RULE_MISTAKE;
        }
        lines->next = newline + 1;
    }
    if (rule.line)
        *ret_rule = rule;
    return rule.line ? RULE_FOUND : RULE_NONE;
}

enum rule_search rule_search(char *text, size_t length, const struct caller *caller,
                             struct rule *ret_rule, struct mistake *ret_mistake)
{
    struct rule_lines lines = {.next = text, .end = text + length};
    struct rule rule, found = {0};
    enum rule_search result;

    while ((result = rule_next(&lines, &rule, ret_mistake)) == RULE_FOUND) {
        if (!found.line && is_for(&rule, caller))
            found = rule;
    }
    if (result == RULE_MISTAKE || !found.line)
        return result;
    *ret_rule = found;
    return RULE_FOUND;
}

static bool allows(const struct ranges *ranges, uint32_t number)
{
    for (size_t i = 0; i < ranges->count; i++) {
        if (number >= ranges->range[i].first && number <= ranges->range[i].last)
            return true;
    }
    return !ranges->given;
}

bool rule_allows_net(const struct rule *rule, uint32_t net)
{
    return allows(&rule->nets, net);
}

bool rule_allows_port(const struct rule *rule, uint16_t port)
{
    return allows(&rule->ports, port);
}

bool rule_allows_peer(const struct rule *rule, const struct endpoint *endpoint)
{
    const struct peers *peers = &rule->peers;

    if (!peers->given)
        return true;
    if (endpoint->port == 0)
        return peers->unknown;
    for (size_t i = 0; i < peers->count; i++) {
        if (network_contains(&peers->network[i], endpoint))
            return true;
    }
    return false;
}
