/* The text of the policy file: what is a rule, whose it is, what it allows, and what is a mistake
 * on which line. */
#include "helper/admin/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

enum {
    TEXT_MAX = 1 << 16,
};

/* User 1000, group 1000, supplementary groups 4, 990 and 4294967294. */
static const gid_t groups[] = {4, 990, 4294967294};
static const struct caller caller = {
    .user = 1000, .group = 1001, .groups = groups, .group_count = COUNT(groups)};

/* On a copy that is exactly as large: nothing is read or written behind it. */
static enum rule_search search(const char *text, size_t length, struct rule *ret_rule,
                               struct mistake *ret_mistake)
{
    char *copy = unit_copy(text, length);
    enum rule_search found = rule_search(copy, length, &caller, ret_rule, ret_mistake);

    free(copy);
    return found;
}

static const struct {
    const char *text;
    unsigned int line; /* of the caller's rule; 0: there is none */
} good[] = {
    {"", 0},
    {"\n", 0},
    {"\n\n# nothing\n   # nothing\n\t#\n \t \n", 0},
    {"user 1000\n", 1},
    {"group 1001\n", 1},
    {"group 4\n", 1},
    {"group 990\n", 1},
    {"group 4294967294\n", 1},
    {"group 0\n", 0},
    {"user 999\ngroup 5\n", 0},
    {"user 1001\n", 0}, /* the number of its group */
    {"group 1000\n", 0},
    {"user 4294967294\n", 0},
    {"\n\nuser 1000\n", 3},
    {"user 1\nuser 1000 links 3\nuser 1000 links 4\n", 2},
    {"group 990\nuser 1000\n", 1},
    {"user 1000\ngroup 990\n", 1},
    {"  \tuser \t 1000\t\n", 1},
    {"user 1000#\n", 1},
    {"user 1000 # who\n", 1},
    {"# user 1000\nuser 1000\n", 2},
    {"user 1000 nets 0-99,200 ports 51800-51899 peers 192.0.2.0/24,2001:db8::/32 links 16\n", 1},
    {"user 1000 own-containers links 0 peers - ports 0 nets 8388607 # all\n", 1},
    {"user 1000 nets 0,1,2-2,3-4,8388607\n", 1},
    {"user 1000 nets 0-8388607 ports 0-65535 links 65535 peers ::/0,-,0.0.0.0/0\n", 1},
    {"# M\xc3\xbcller\nuser 1000 # \xe2\x82\xac\n", 2},
};

TEST(good_texts)
{
    for (size_t i = 0; i < COUNT(good); i++) {
        struct rule rule;
        struct mistake mistake = {0};
        enum rule_search found = search(good[i].text, strlen(good[i].text), &rule, &mistake);

        expect(found == (good[i].line ? RULE_FOUND : RULE_NONE), "case %zu: %d, line %u: %s", i,
               found, mistake.line, mistake.reason ? mistake.reason : "");
        if (found == RULE_FOUND)
            expect(rule.line == good[i].line, "case %zu: line %u", i, rule.line);
    }
}

#define NETS    "nets must be"
#define FIRST   "a rule begins with user or group"
#define CONTROL "the line has a control character"
#define CUT_OFF "the last line has no newline"

/* Texts with a mistake on the same line, for the same reason. Where there are several, the first
 * counts, whosever rule it is in, and wherever the caller's is. */
static const struct {
    unsigned int line;
    const char *reason;       /* how it begins */
    const char *const *texts; /* ends with NULL */
} bad[] = {
    {1, CUT_OFF, TEXTS("user", "user 1000", "#", " ")},
    {2, CUT_OFF, TEXTS("user 1\nuser 1000")},
    {3, CUT_OFF, TEXTS("user 1000\n\n#")},
    {1, "users and groups are numbers",
     TEXTS("user\n", "group\n", "user #1000\n", "user app\n", "user 01000\n", "user -1\n",
           "user +1\n", "user 1000,1001\n", "user 1000-1001\n", "user 4294967295\n",
           "group 4294967295\n", "group 4294968286\n", "user 18446744073709552616\n")},
    {1, "user 0 is root", TEXTS("user 0\n")},
    {2, "user 0 is root", TEXTS("user 1000\nuser 0 nets 1\n")},
    {1, FIRST,
     TEXTS("users 1000\n", "User 1000\n", "1000\n", "nets 1 user 1000\n",
           "\xef\xbb\xbfuser 1000\n")},
    {1, "no such word",
     TEXTS("user 1000 nest 1\n", "user 1000 Nets 1\n", "user 1000 nets 1 2\n",
           "user 1000 own-containers yes\n", "user 1000 user 1001\n",
           "user 1000 nets\xc2\xa0"
           "1\n")},
    {1, "the rule has a word twice",
     TEXTS("user 1000 nets 1 nets 2\n", "user 1000 links 1 nets 1 links 1\n",
           "user 1000 own-containers own-containers\n")},
    {1, "the last word has no value",
     TEXTS("user 1000 nets\n", "user 1000 nets \t\n", "user 1000 nets # 1\n",
           "user 1000 nets 1 links\n")},
    {1, NETS,
     TEXTS("user 1000 nets links 1\n", "user 1000 nets ,\n", "user 1000 nets 1,\n",
           "user 1000 nets ,1\n", "user 1000 nets 1,,2\n", "user 1000 nets 1, 2\n",
           "user 1000 nets -\n", "user 1000 nets -1\n", "user 1000 nets 1-\n",
           "user 1000 nets 1-2-3\n", "user 1000 nets 1--2\n", "user 1000 nets 2-1\n",
           "user 1000 nets 2,1\n", "user 1000 nets 1,1\n", "user 1000 nets 1-5,5-6\n",
           "user 1000 nets 1-5,3\n", "user 1000 nets 01\n", "user 1000 nets 1-02\n",
           "user 1000 nets 0x1\n", "user 1000 nets 8388608\n", "user 1000 nets 0-8388608\n",
           "user 1000 nets 4294967297\n", "user 1000 nets *\n", "user 7 nets x\nuser 1000")},
    {1, "ports must be",
     TEXTS("user 1000 ports 65536\n", "user 1000 ports 1-65536\n", "user 1000 ports 5-4\n",
           "user 1000 ports http\n")},
    {1, "peers must be",
     TEXTS("user 1000 peers 192.0.2.0\n", "user 1000 peers 192.0.2.0/33\n",
           "user 1000 peers 192.0.2.0/24,\n", "user 1000 peers ,192.0.2.0/24\n",
           "user 1000 peers -,-\n", "user 1000 peers --\n", "user 1000 peers 2001:db8::/129\n",
           "user 1000 peers [2001:db8::]/32\n", "user 1000 peers 192.0.2.1:51820\n",
           "user 1000 peers localhost/32\n")},
    {1, "peers has a network with bits",
     TEXTS("user 1000 peers 192.0.2.1/24\n", "user 1000 peers -,2001:db8::1/32\n")},
    {1, "links must be",
     TEXTS("user 1000 links 65536\n", "user 1000 links -1\n", "user 1000 links 1-2\n",
           "user 1000 links 1,2\n", "user 1000 links 016\n")},
    {1, CONTROL, TEXTS("user 1000\r\n", "# comment\r\n", "user 1000\vnets 1\n", "# \x7f\n")},
    {2, CONTROL, TEXTS("user 1000\n\033[2Jx\n")},
    {2, NETS, TEXTS("user 1000\nuser 7 nets x\nuser 8 ports x\n")},
    {5, FIRST, TEXTS("user 1000\n\n\n\nfoo\n")},
};

static void check_bad(const char *text, unsigned int line, const char *reason)
{
    struct rule rule, untouched;
    struct mistake mistake = {0};
    enum rule_search found;

    memset(&rule, 0x5a, sizeof(rule));
    untouched = rule;
    found = search(text, strlen(text), &rule, &mistake);
    expect(found == RULE_MISTAKE, "'%s': %d", text, found);
    if (found != RULE_MISTAKE)
        return;
    expect(mistake.line == line && strncmp(mistake.reason, reason, strlen(reason)) == 0,
           "'%s': line %u, '%s'", text, mistake.line, mistake.reason);
    expect(unit_is_printable(mistake.reason), "'%s': not printable", text);
    expect(memcmp(&rule, &untouched, sizeof(rule)) == 0, "'%s': written", text);
}

TEST(bad_texts)
{
    for (size_t i = 0; i < COUNT(bad); i++) {
        for (const char *const *text = bad[i].texts; *text; text++)
            check_bad(*text, bad[i].line, bad[i].reason);
    }
}

/* Each byte in a comment, and in the place of each byte of a rule. */
TEST(every_byte)
{
    static const char text[] = "user 1000 nets 7 ports 8\n";

    for (unsigned int byte = 0; byte < 256; byte++) {
        bool control = (byte < 32 && byte != '\t' && byte != '\n') || byte == 127;
        char comment[] = "#x#\n";
        struct rule rule;
        struct mistake mistake;

        comment[1] = (char)byte;
        expect(search(comment, 4, &rule, &mistake) == (control ? RULE_MISTAKE : RULE_NONE),
               "byte %u in a comment", byte);
        for (size_t at = 0; at < sizeof(text) - 1; at++) {
            char changed[sizeof(text)];

            memcpy(changed, text, sizeof(text));
            changed[at] = (char)byte;
            expect(!control || search(changed, sizeof(text) - 1, &rule, &mistake) == RULE_MISTAKE,
                   "byte %u at %zu", byte, at);
        }
    }
}

/* A rule with a list of so many: 1, 2, 3 and so on, in between what stands before and behind. */
static void fill(char *text, const char *word, const char *const around[2], size_t count)
{
    char *end = text + sprintf(text, "user 1000 %s ", word);

    for (size_t i = 0; i < count; i++)
        end += sprintf(end, "%s%s%zu%s", i ? "," : "", around[0], i + 1, around[1]);
    (void)sprintf(end, "\n");
}

TEST(full_lists)
{
    static const struct {
        const char *word;
        const char *around[2];
    } lists[] = {{"nets", {"", ""}}, {"ports", {"", ""}}, {"peers", {"10.0.", ".0/24"}}};

    for (size_t i = 0; i < COUNT(lists); i++) {
        const char *word = lists[i].word;
        char text[2048];
        struct rule rule;
        struct mistake mistake = {0};

        fill(text, word, lists[i].around, RULE_LIST_MAX);
        expect(search(text, strlen(text), &rule, &mistake) == RULE_FOUND, "32 of %s", word);
        fill(text, word, lists[i].around, RULE_LIST_MAX + 1);
        expect(search(text, strlen(text), &rule, &mistake) == RULE_MISTAKE &&
                   strncmp(mistake.reason, word, strlen(word)) == 0,
               "33 of %s: '%s'", word, mistake.reason ? mistake.reason : "");
    }
}

TEST(long_lines)
{
    static char text[RULE_LINE_MAX + 2];
    struct rule rule;
    struct mistake mistake;

    memset(text, ' ', sizeof(text));
    memcpy(text, "user 1000", 9);
    text[RULE_LINE_MAX] = '\n';
    expect(search(text, RULE_LINE_MAX + 1, &rule, &mistake) == RULE_FOUND, "4000 bytes");
    text[RULE_LINE_MAX] = ' ';
    text[RULE_LINE_MAX + 1] = '\n';
    expect(search(text, RULE_LINE_MAX + 2, &rule, &mistake) == RULE_MISTAKE &&
               strcmp(mistake.reason, "the line is longer than 4000 bytes") == 0,
           "4001 bytes");
}

/* As many lines as fit, the caller's rule the last. */
TEST(many_lines)
{
    static char text[TEXT_MAX];
    struct rule rule;
    struct mistake mistake;

    memset(text, '\n', sizeof(text));
    memcpy(text + sizeof(text) - 10, "user 1000\n", 10);
    expect(search(text, sizeof(text), &rule, &mistake) == RULE_FOUND && rule.line == TEXT_MAX - 9,
           "line %u", rule.line);
}

/* Of a file that is cut off behind a line, the rule is the same, or there is none. */
TEST(cut_off)
{
    static const char text[] = "user 7\n# x\ngroup 990 nets 5\nuser 1000 links 2\n";
    struct rule rule;
    struct mistake mistake;

    for (size_t length = 0; length < sizeof(text); length++) {
        enum rule_search expected = length == 0 || text[length - 1] == '\n'
                                        ? (length < 28 ? RULE_NONE : RULE_FOUND)
                                        : RULE_MISTAKE;
        enum rule_search found = search(text, length, &rule, &mistake);

        expect(found == expected, "%zu bytes: %d", length, found);
        expect(found != RULE_FOUND || rule.line == 3, "%zu bytes: line %u", length, rule.line);
    }
}

static struct rule rule_of(const char *limits)
{
    char text[512];
    struct rule rule = {0};
    struct mistake mistake = {0};
    int length = snprintf(text, sizeof(text), "user 1000 %s\n", limits);

    expect(search(text, (size_t)length, &rule, &mistake) == RULE_FOUND, "'%s': %s", limits,
           mistake.reason);
    return rule;
}

TEST(nets_and_ports)
{
    struct rule rule = rule_of("nets 0-99,200,300-301 ports 0,51800-51899,65535");
    struct rule free_rule = rule_of("");

    for (uint32_t net = 0; net < 400; net++)
        expect(rule_allows_net(&rule, net) == (net <= 99 || net == 200 || net == 300 || net == 301),
               "net %u", net);
    expect(!rule_allows_net(&rule, 8388607) && rule_allows_net(&free_rule, 8388607), "last net");
    for (uint32_t port = 0; port <= 65535; port++)
        expect(rule_allows_port(&rule, (uint16_t)port) ==
                       (port == 0 || (port >= 51800 && port <= 51899) || port == 65535) &&
                   rule_allows_port(&free_rule, (uint16_t)port),
               "port %u", port);
    expect(!rule.has_links && !rule.own_containers, "what isn't there");
    rule = rule_of("links 3 own-containers ports 5000");
    expect(rule.has_links && rule.links == 3 && rule.own_containers, "links, own-containers");
    expect(!rule_allows_port(&rule, 0), "a port of the kernel's choice");
}

static const struct {
    const char *limits;
    const char *endpoint; /* NULL: not known */
    bool allowed;
} peers[] = {
    {"", "192.0.2.1:1", true},
    {"", "[2001:db8::1]:1", true},
    {"", NULL, true},
    {"peers 192.0.2.0/24", "192.0.2.1:1", true},
    {"peers 192.0.2.0/24", "192.0.3.1:1", false},
    {"peers 192.0.2.0/24", "[2001:db8::1]:1", false},
    {"peers 192.0.2.0/24", NULL, false},
    {"peers 0.0.0.0/0,::/0", NULL, false},
    {"peers -", NULL, true},
    {"peers -", "192.0.2.1:1", false},
    {"peers -,192.0.2.0/24", NULL, true},
    {"peers -,192.0.2.0/24", "192.0.2.9:1", true},
    {"peers 10.0.0.0/8,192.0.2.0/24,2001:db8::/32", "[2001:db8::1]:1", true},
    {"peers 10.0.0.0/8,192.0.2.0/24,2001:db8::/32", "192.0.2.7:1", true},
    {"peers 10.0.0.0/8,192.0.2.0/24,2001:db8::/32", "192.0.4.7:1", false},
};

TEST(peer_networks)
{
    for (size_t i = 0; i < COUNT(peers); i++) {
        struct rule rule = rule_of(peers[i].limits);
        const char *text = peers[i].endpoint;
        struct endpoint endpoint = {.port = 0};

        if (text)
            (void)endpoint_parse(text, &endpoint);
        expect(rule_allows_peer(&rule, &endpoint) == peers[i].allowed, "case %zu", i);
    }
}
