/* Command lines: those of command_lines.c, and thousands more that are put together of good and bad
 * arguments. */
#include "helper/command/arguments.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command_lines.h"
#include "helper/base/failure.h"
#include "unit.h"

enum {
    WORDS_MAX = 32,
    LONG_SIZE = 100000,
};

static const struct task *const task_of[] = {
    [TASK_NONE] = NULL,
    [TASK_CREATE] = &task_create,
    [TASK_CONNECT] = &task_connect,
    [TASK_DESTROY] = &task_destroy,
    [TASK_SHOW] = &task_show,
    [TASK_LIST] = &task_list,
    [TASK_WAIT] = &task_wait,
    [TASK_DESTROY_ALL] = &task_destroy_all,
    [TASK_BATCH] = &task_batch,
};

/* A command line as the kernel hands it over: each argument in memory of its own size. */
struct words {
    int count;
    char *list[WORDS_MAX + 1];
};

static void add_word(struct words *words, const char *text, size_t length)
{
    char *copy = malloc(length + 1);

    if (!copy || words->count == WORDS_MAX)
        unit_trouble("add_word");
    memcpy(copy, text, length);
    copy[length] = '\0';
    words->list[words->count++] = copy;
    words->list[words->count] = NULL;
}

static void split(const char *line, struct words *ret_words)
{
    *ret_words = (struct words){0};
    for (;;) {
        size_t length = strcspn(line, "|");

        add_word(ret_words, line, length);
        if (line[length] == '\0')
            return;
        line += length + 1;
    }
}

static void drop(struct words *words)
{
    for (int i = 0; i < words->count; i++)
        free(words->list[i]);
}

/* The lists of tasks and options are in some texts, and what is very short is in many. */
static bool may_be_repeated(const char *word)
{
    return strstr(" --alive cwg_create cwg_connect cwg_destroy cwg_show cwg_list cwg_wait "
                  "cwg_destroy_all "
                  "batch, or --help",
                  word) ||
           strstr("--preshared-key-file --persistent-keepalive --mtu --json --nets "
                  "--adopt, --replace --if-exists --allow-overlap",
                  word) ||
           strlen(word) < 5;
}

/* A failure is one line that can be printed anywhere, and repeats nothing of the command line. */
static void check_text(const char *what, const struct words *words, const struct failure *failure)
{
    expect(unit_is_printable(failure->text), "%s: text \"%s\"", what, failure->text);
    expect(strlen(failure->text) < sizeof(failure->text) - 1, "%s: text is cut off", what);
    expect(!strstr(failure->text, "Zq7"), "%s: text \"%s\"", what, failure->text);
    for (int i = 0; i < words->count; i++)
        expect(may_be_repeated(words->list[i]) || !strstr(failure->text, words->list[i]),
               "%s: text repeats argument %d: \"%s\"", what, i, failure->text);
}

static void check_refused(const char *what, const struct words *words, const struct task *usage,
                          const char *begins)
{
    struct failure failure = {.text = ""};
    struct command_line line;
    struct command_line before;
    int result;

    memset(&line, 0xa5, sizeof(line));
    memcpy(&before, &line, sizeof(line));
    result = arguments_parse(words->count, words->list, &line, &failure);
    expect(result == -EINVAL, "%s: %d", what, result);
    expect(memcmp(&line, &before, sizeof(line)) == 0, "%s: written", what);
    expect(failure.usage == usage, "%s: usage of %s", what,
           failure.usage ? failure.usage->name : "none");
    expect(strncmp(failure.text, begins, strlen(begins)) == 0, "%s: text \"%s\"", what,
           failure.text);
    check_text(what, words, &failure);
}

TEST(refused)
{
    for (size_t i = 0; i < refused_line_count; i++) {
        struct words words;
        char what[300];

        (void)snprintf(what, sizeof(what), "case %zu, %s", i, refused_lines[i].line);
        split(refused_lines[i].line, &words);
        check_refused(what, &words, task_of[refused_lines[i].usage], refused_lines[i].begins);
        drop(&words);
    }
}

/* Parses what is good, and sees that nothing is said about it. */
static bool parse_good(const char *what, const struct words *words, struct command_line *ret_line)
{
    struct failure failure = {.text = "untouched"};
    int result = arguments_parse(words->count, words->list, ret_line, &failure);

    expect(result == 0, "%s: %d, \"%s\"", what, result, failure.text);
    expect(result || strcmp(failure.text, "untouched") == 0, "%s: text \"%s\"", what, failure.text);
    expect(result || !failure.usage, "%s: usage", what);
    return result == 0;
}

static void check_values(const char *what, const struct command_line *line,
                         const struct taken_line *wanted)
{
    static const struct key no_key = {{0}};
    const struct request *request = &line->request;

    expect(line->command == COMMAND_RUN, "%s: command %d", what, line->command);
    expect(line->task == task_of[wanted->task], "%s: task", what);
    expect((int)request->target.kind == wanted->kind && request->target.number == wanted->number,
           "%s: target %d %d", what, (int)request->target.kind, request->target.number);
    expect(request->end.net == wanted->net && request->end.host == wanted->host, "%s: end %u %u",
           what, request->end.net, request->end.host);
    expect(request->port == wanted->port, "%s: port %u", what, request->port);
    expect(request->peer.endpoint.address == wanted->address &&
               request->peer.endpoint.port == wanted->peer_port,
           "%s: endpoint %08x %u", what, request->peer.endpoint.address,
           request->peer.endpoint.port);
    expect(key_equal(&request->peer.public_key, wanted->key ? &lines_key : &no_key), "%s: key",
           what);
    expect(!request->peer.endpoint.ipv6 && !request->peer.preshared_key &&
               request->peer.keepalive == PEER_KEEPALIVE_KEPT && request->mtu == 0 &&
               request->preshared_key.kind == PRESHARED_NONE,
           "%s: something that wasn't given", what);
}

TEST(taken)
{
    for (size_t i = 0; i < taken_line_count; i++) {
        struct command_line line;
        struct words words;
        char what[300];

        (void)snprintf(what, sizeof(what), "case %zu, %s", i, taken_lines[i].line);
        memset(&line, 0xa5, sizeof(line));
        split(taken_lines[i].line, &words);
        if (parse_good(what, &words, &line))
            check_values(what, &line, &taken_lines[i]);
        drop(&words);
    }
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_options(const char *what, const struct command_line *line,
                          const struct option_line *wanted)
{
    static const uint8_t address6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1}, no_address6[16];
    const struct request *request = &line->request;
    const struct endpoint *endpoint = &request->peer.endpoint;
    bool ipv6 = wanted->endpoint == ENDPOINT_OF_IPV6;

    expect(line->command == COMMAND_RUN && line->task == &task_connect, "%s: task", what);
    expect(endpoint->ipv6 == ipv6 &&
               endpoint->address == (wanted->endpoint == ENDPOINT_OF_IPV4 ? 0xc6336407 : 0) &&
               memcmp(endpoint->address6, ipv6 ? address6 : no_address6, 16) == 0 &&
               endpoint->port == (wanted->endpoint == ENDPOINT_OF_NONE ? 0 : 51871),
           "%s: endpoint %d %08x %u", what, endpoint->ipv6, endpoint->address, endpoint->port);
    expect(key_equal(&request->peer.public_key, &lines_key), "%s: key", what);
    expect(request->peer.keepalive == wanted->keepalive, "%s: keepalive %d", what,
           request->peer.keepalive);
    expect(request->mtu == wanted->mtu, "%s: MTU %u", what, request->mtu);
    expect((int)request->preshared_key.kind == wanted->preshared &&
               same_text(request->preshared_key.path, wanted->path) &&
               request->preshared_key.descriptor == wanted->descriptor,
           "%s: preshared key %d %s %d", what, (int)request->preshared_key.kind,
           request->preshared_key.path ? request->preshared_key.path : "none",
           request->preshared_key.descriptor);
}

TEST(options_taken)
{
    for (size_t i = 0; i < option_line_count; i++) {
        struct command_line line;
        struct words words;
        char what[300];

        (void)snprintf(what, sizeof(what), "case %zu, %s", i, option_lines[i].line);
        memset(&line, 0xa5, sizeof(line));
        split(option_lines[i].line, &words);
        if (parse_good(what, &words, &line))
            check_options(what, &line, &option_lines[i]);
        drop(&words);
    }
}

/* The options of cwg_connect, each with a value, as one word and as two. */
static const char *const some_options[][2] = {
    {"--mtu=1280", "--mtu|1280"},
    {"--persistent-keepalive=25", "--persistent-keepalive|25"},
    {"--preshared-key-file=fd:9", "--preshared-key-file|fd:9"},
};

/* All three, in each order, each at each place among the arguments, as one word and as two. */
TEST(options_anywhere)
{
    static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                    {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const char *const arguments[] = {"7", "5", "1", "198.51.100.7:51871",
                                            "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="};
    const struct option_line wanted = {
        .mtu = 1280, .keepalive = 25, .preshared = PRESHARED_DESCRIPTOR, .descriptor = 9};
    const size_t places = COUNT(arguments) + 1;

    for (size_t number = 0; number < COUNT(orders) * places * places * places * 8; number++) {
        size_t forms = number % 8, rest = number / 8;
        size_t place[3] = {rest % places, rest / places % places, rest / places / places % places};
        const int *order = orders[rest / places / places / places];
        char text[400] = "cwg_connect";
        struct command_line line;
        struct words words;

        for (size_t i = 0; i <= COUNT(arguments); i++) {
            for (size_t j = 0; j < 3; j++) {
                if (place[order[j]] == i)
                    (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "|%s",
                                   some_options[order[j]][forms >> j & 1]);
            }
            if (i < COUNT(arguments))
                (void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "|%s",
                               arguments[i]);
        }
        split(text, &words);
        if (parse_good(text, &words, &line))
            check_options(text, &line, &wanted);
        drop(&words);
    }
}

TEST(shown)
{
    for (size_t i = 0; i < shown_line_count; i++) {
        struct command_line line;
        struct words words;
        char what[300];

        (void)snprintf(what, sizeof(what), "case %zu, %s", i, shown_lines[i].line);
        split(shown_lines[i].line, &words);
        if (parse_good(what, &words, &line)) {
            expect(line.command == shown_lines[i].command, "%s: command %d", what, line.command);
            expect(line.task == task_of[shown_lines[i].task], "%s: task", what);
        }
        drop(&words);
    }
}

/* What may be left out, and what has no value, given or not. */
TEST(left_out)
{
    static const struct {
        const char *line;
        bool has_end;
        bool json;
    } lines[] = {
        {"cwg_show|7", false, false},
        {"cwg_show|--json|7", false, true},
        {"cwg_show|7|--json", false, true},
        {"net-admin-helper|cwg_show|7|5|1", true, false},
        {"cwg_show|7|5|1|--json", true, true},
        {"cwg_show|7|5|--json|1", true, true},
        {"cwg_show|--json|fd:7|5|1", true, true},
        {"cwg_create|7|5|1|0", true, false},
        {"cwg_create|7|5|1|0|--json", true, true},
        {"net-admin-helper|cwg_create|--json|7|5|1|0", true, true},
    };

    for (size_t i = 0; i < COUNT(lines); i++) {
        struct command_line line;
        struct words words;

        split(lines[i].line, &words);
        if (parse_good(lines[i].line, &words, &line)) {
            expect(line.request.has_end == lines[i].has_end, "%s: end", lines[i].line);
            expect(line.request.given[OPTION_JSON] == lines[i].json, "%s: JSON", lines[i].line);
            expect(line.request.target.number == 7, "%s: target", lines[i].line);
            expect(line.request.end.net == (lines[i].has_end ? 5 : 0), "%s: net", lines[i].line);
        }
        drop(&words);
    }
}

TEST(seconds)
{
    static const struct {
        const char *line;
        uint32_t seconds;
    } lines[] = {
        {"cwg_wait|7|5|1", 30},
        {"cwg_wait|7|5|1|0", 0},
        {"cwg_wait|--alive|7|5|--json|1|12", 12},
        {"cwg_wait|fd:7|5|1|1", 1},
        {"net-admin-helper|cwg_wait|7|5|1|3600", 3600},
    };

    for (size_t i = 0; i < COUNT(lines); i++) {
        struct command_line line;
        struct words words;

        split(lines[i].line, &words);
        if (parse_good(lines[i].line, &words, &line)) {
            expect(line.task == &task_wait, "%s: task", lines[i].line);
            expect(line.request.seconds == lines[i].seconds, "%s: %u", lines[i].line,
                   line.request.seconds);
            expect(line.request.end.net == 5 && line.request.end.host == 1, "%s: end",
                   lines[i].line);
        }
        drop(&words);
    }
}

/* The file of a batch is whatever name is given, but for -. */
TEST(files)
{
    static const struct {
        const char *line;
        const char *file;
    } lines[] = {
        {"net-admin-helper|batch", NULL},
        {"batch", NULL},
        {"net-admin-helper|batch|-", NULL},
        {"net-admin-helper|batch|lines", "lines"},
        {"batch|/tmp/a b", "/tmp/a b"},
        {"batch|-x", "-x"},
        {"batch|fd:7", "fd:7"},
        {"batch|batch", "batch"},
    };

    for (size_t i = 0; i < COUNT(lines); i++) {
        struct command_line line;
        struct words words;

        split(lines[i].line, &words);
        if (parse_good(lines[i].line, &words, &line)) {
            expect(line.task == &task_batch, "%s: task", lines[i].line);
            expect(same_text(line.request.file, lines[i].file), "%s: file", lines[i].line);
        }
        drop(&words);
    }
}

/* execve() with an empty argument list; since Linux 5.18 the kernel puts an empty argv[0] there. */
TEST(no_arguments_at_all)
{
    struct words none = {0};
    struct words empty = {0};
    struct words one = {0};

    check_refused("argc 0", &none, NULL, "no task given; give one of: cwg_create");
    add_word(&empty, "", 0);
    check_refused("argc 1", &empty, NULL, "no task given; give one of: cwg_create");
    drop(&empty);
    /* what is behind the end is the environment: it is none of ours */
    add_word(&one, "cwg_create", 10);
    one.count = 0;
    check_refused("argc 0 before a name", &one, NULL, "no task given");
    one.count = 1;
    drop(&one);
}

/* Arguments to make command lines of. */
static const char *const good_pids[] = {"1", "4194304", "fd:0", "fd:2147483647"};
static const char *const bad_pids[] = {"", "0", "Zq7", "4194305", "fd:", "fd:Zq7", "fd:2147483648"};
static const char *const good_nets[] = {"0", "8388607"};
static const char *const bad_nets[] = {"", "8388608", "-1", "01", "Zq7", "18446744073709551616"};
static const char *const good_hosts[] = {"0", "1"};
static const char *const bad_hosts[] = {"", "2", "Zq7", "-0", "00"};
static const char *const good_ports[] = {"0", "65535"};
static const char *const bad_ports[] = {"", "65536", "Zq7", "0080"};
static const char *const good_endpoints[] = {"1.0.0.0:1", "255.255.255.254:65535",
                                             "[2001:db8::1]:1", "-"};
static const char *const bad_endpoints[] = {"",      "1.2.3.4",   "1.2.3.4:0",
                                            "Zq7:1", "0.0.0.0:1", "[fe80::1]:1"};
static const char *const good_keys[] = {"hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo="};
static const char *const bad_keys[] = {"", "Zq7", "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmp=",
                                       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="};

static const char *const good_seconds[] = {"0", "3600"};
static const char *const bad_seconds[] = {"", "3601", "Zq7", "-1", "030", "30s"};

static const char *const good_files[] = {"-", "lines", "/tmp/a b", "fd:7", "\x1b"};
static const char *const bad_files[] = {""};

static const struct {
    const char *name;
    const char *const *good;
    size_t good_count;
    const char *const *bad;
    size_t bad_count;
} choices[] = {
    [ARGUMENT_PID] = {"pid", good_pids, COUNT(good_pids), bad_pids, COUNT(bad_pids)},
    [ARGUMENT_NET] = {"net", good_nets, COUNT(good_nets), bad_nets, COUNT(bad_nets)},
    [ARGUMENT_HOST] = {"host", good_hosts, COUNT(good_hosts), bad_hosts, COUNT(bad_hosts)},
    [ARGUMENT_PORT] = {"port", good_ports, COUNT(good_ports), bad_ports, COUNT(bad_ports)},
    [ARGUMENT_ENDPOINT] = {"peer_endpoint", good_endpoints, COUNT(good_endpoints), bad_endpoints,
                           COUNT(bad_endpoints)},
    [ARGUMENT_KEY] = {"peer_key", good_keys, COUNT(good_keys), bad_keys, COUNT(bad_keys)},
    [ARGUMENT_SECONDS] = {"seconds", good_seconds, COUNT(good_seconds), bad_seconds,
                          COUNT(bad_seconds)},
    [ARGUMENT_FILE] = {"file", good_files, COUNT(good_files), bad_files, COUNT(bad_files)},
    [ARGUMENT_POLICY] = {"file", good_files, COUNT(good_files), bad_files, COUNT(bad_files)},
};

static const enum argument create_arguments[] = {ARGUMENT_PID, ARGUMENT_NET, ARGUMENT_HOST,
                                                 ARGUMENT_PORT};
static const enum argument connect_arguments[] = {ARGUMENT_PID, ARGUMENT_NET, ARGUMENT_HOST,
                                                  ARGUMENT_ENDPOINT, ARGUMENT_KEY};
static const enum argument destroy_arguments[] = {ARGUMENT_PID, ARGUMENT_NET, ARGUMENT_HOST};

static const enum argument show_arguments[] = {ARGUMENT_PID, ARGUMENT_NET, ARGUMENT_HOST};
static const enum argument wait_arguments[] = {ARGUMENT_PID, ARGUMENT_NET, ARGUMENT_HOST,
                                               ARGUMENT_SECONDS};
static const enum argument destroy_all_arguments[] = {ARGUMENT_PID};
static const enum argument batch_arguments[] = {ARGUMENT_FILE};
static const enum argument policy_arguments[] = {ARGUMENT_POLICY};

static const struct {
    const struct task *task;
    const char *name;
    const enum argument *arguments;
    size_t count;
} signatures[] = {
    {&task_create, "cwg_create", create_arguments, COUNT(create_arguments)},
    {&task_connect, "cwg_connect", connect_arguments, COUNT(connect_arguments)},
    {&task_destroy, "cwg_destroy", destroy_arguments, COUNT(destroy_arguments)},
    {&task_show, "cwg_show", show_arguments, COUNT(show_arguments)},
    {&task_list, "cwg_list", NULL, 0},
    {&task_wait, "cwg_wait", wait_arguments, COUNT(wait_arguments)},
    {&task_destroy_all, "cwg_destroy_all", destroy_all_arguments, COUNT(destroy_all_arguments)},
    {&task_batch, "batch", batch_arguments, COUNT(batch_arguments)},
    {&task_check_policy, "check-policy", policy_arguments, COUNT(policy_arguments)},
};

/* One command line of the cross product: `number` says which of the choices each argument is. */
static void check_combination(size_t signature, size_t number, bool by_name)
{
    struct words words = {0};
    struct command_line line;
    const char *first_bad = NULL;
    char what[300];
    size_t used = (size_t)snprintf(what, sizeof(what), "%s", signatures[signature].name);

    if (!by_name)
        add_word(&words, "net-admin-helper", strlen("net-admin-helper"));
    add_word(&words, signatures[signature].name, strlen(signatures[signature].name));
    for (size_t i = 0; i < signatures[signature].count; i++) {
        enum argument argument = signatures[signature].arguments[i];
        size_t good_count = choices[argument].good_count;
        size_t choice = number % (good_count + choices[argument].bad_count);
        const char *text = choice < good_count ? choices[argument].good[choice]
                                               : choices[argument].bad[choice - good_count];

        number /= good_count + choices[argument].bad_count;
        if (choice >= good_count && !first_bad)
            first_bad = choices[argument].name;
        add_word(&words, text, strlen(text));
        used += (size_t)snprintf(what + used, sizeof(what) - used, " \"%s\"", text);
    }
    if (first_bad) {
        char begins[64];

        (void)snprintf(begins, sizeof(begins), "%s: must ", first_bad);
        check_refused(what, &words, signatures[signature].task, begins);
    } else if (parse_good(what, &words, &line)) {
        expect(line.task == signatures[signature].task, "%s: task", what);
    }
    drop(&words);
}

TEST(cross_product)
{
    for (size_t signature = 0; signature < COUNT(signatures); signature++) {
        size_t combinations = 1;

        for (size_t i = 0; i < signatures[signature].count; i++) {
            enum argument argument = signatures[signature].arguments[i];

            combinations *= choices[argument].good_count + choices[argument].bad_count;
        }
        for (size_t number = 0; number < combinations; number++)
            check_combination(signature, number, number % 5 == 0);
    }
}

/* Every number of a range's edges, by the values that come out. */
TEST(values)
{
    static const uint32_t nets[] = {0, 1, 255, 256, 65535, 65536, 8388606, 8388607};

    for (uint32_t port = 0; port <= 65535; port += port < 65000 ? 97 : 1) {
        char text[100];
        struct words words;
        struct command_line line;
        struct taken_line wanted = {
            .task = TASK_CREATE,
            .kind = port % 2 ? TARGET_DESCRIPTOR : TARGET_PID,
            .number = (int)port + 1,
            .net = nets[port % COUNT(nets)],
            .host = port / 2 % 2,
            .port = (uint16_t)port,
        };

        (void)snprintf(text, sizeof(text), "x|cwg_create|%s%d|%u|%u|%u", port % 2 ? "fd:" : "",
                       wanted.number, wanted.net, wanted.host, port);
        split(text, &words);
        if (parse_good(text, &words, &line))
            check_values(text, &line, &wanted);
        drop(&words);
    }
}

/* 100 kB of one character in the place of each argument in turn. */
TEST(very_long_arguments)
{
    static const char fillers[] = {'1', '0', 'A', '.', ':', '/', '-', '%', '\x1b', '\xff', ' '};
    static char text[LONG_SIZE + 1];

    for (size_t signature = 0; signature < COUNT(signatures); signature++) {
        for (size_t place = 0; place < signatures[signature].count; place++) {
            if (signatures[signature].arguments[place] == ARGUMENT_FILE ||
                signatures[signature].arguments[place] == ARGUMENT_POLICY)
                continue; /* may be of any length */
            for (size_t filler = 0; filler < COUNT(fillers); filler++) {
                struct words words = {0};
                char what[64];
                char begins[64];

                memset(text, fillers[filler], LONG_SIZE);
                if (filler % 3 == 2)
                    memcpy(text, "fd:", 3);
                add_word(&words, signatures[signature].name, strlen(signatures[signature].name));
                for (size_t i = 0; i < signatures[signature].count; i++) {
                    const char *good = choices[signatures[signature].arguments[i]].good[0];

                    add_word(&words, i == place ? text : good,
                             i == place ? LONG_SIZE : strlen(good));
                }
                (void)snprintf(what, sizeof(what), "%s, place %zu, filler %zu",
                               signatures[signature].name, place, filler);
                (void)snprintf(begins, sizeof(begins), "%s: must ",
                               choices[signatures[signature].arguments[place]].name);
                if (text[0] == '-')
                    (void)snprintf(begins, sizeof(begins), "no such option; %s takes ",
                                   signatures[signature].name);
                check_refused(what, &words, signatures[signature].task, begins);
                drop(&words);
            }
        }
    }
}

/* As the program's name, and as a task's. */
TEST(very_long_names)
{
    static char text[LONG_SIZE + 20];
    struct words words = {0};

    memset(text, 'Z', LONG_SIZE);
    add_word(&words, text, LONG_SIZE);
    check_refused("a long argv[0]", &words, NULL, "no task given");
    add_word(&words, text, LONG_SIZE);
    check_refused("a long task", &words, NULL, "no such task");
    drop(&words);
    memset(text, '/', LONG_SIZE);
    memcpy(text + LONG_SIZE, "cwg_destroy", 12);
    words = (struct words){0};
    add_word(&words, text, strlen(text));
    check_refused("a long path", &words, &task_destroy, "pid: missing");
    drop(&words);
}

/* Every byte in the place of each argument, alone and behind a good beginning. */
TEST(every_byte)
{
    for (int byte = 1; byte < 256; byte++) {
        for (size_t place = 0; place < 4; place++) {
            static const char *const good[] = {"cwg_create", "7", "5", "1", "80"};
            static const char *const names[] = {"pid: must", "net: must", "host: must",
                                                "port: must"};
            struct words words = {0};
            char text[] = {'1', (char)byte, 'Z', 'q', '7', '\0'};
            char what[64];

            for (size_t i = 0; i < COUNT(good); i++)
                add_word(&words, i == place + 1 ? text : good[i],
                         i == place + 1 ? strlen(text) : strlen(good[i]));
            (void)snprintf(what, sizeof(what), "byte %d, place %zu", byte, place);
            check_refused(what, &words, &task_create, names[place]);
            drop(&words);
        }
    }
}

/* These options, and no others. 0 ends them. */
static void expect_options(const struct task *task, const enum option wanted[])
{
    size_t i = 0;

    while (wanted[i] && task->options[i] == wanted[i])
        i++;
    expect(wanted[i] == task->options[i], "%s: option %zu", task->name, i);
}

/* What usage and help are made of: each task's arguments are those above, named and described. */
TEST(descriptions)
{
    expect(task_count == COUNT(signatures), "%zu tasks", task_count);
    for (size_t i = 0; i < COUNT(signatures); i++) {
        const struct task *task = signatures[i].task;
        size_t count = 0;

        expect(strcmp(task->name, signatures[i].name) == 0, "%s", task->name);
        expect(task_by_name(signatures[i].name) == task, "%s by its name", task->name);
        while (task->arguments[count])
            count++;
        expect(count == signatures[i].count, "%s: %zu arguments", task->name, count);
        for (size_t j = 0; j < count; j++) {
            expect(task->arguments[j] == signatures[i].arguments[j], "%s: argument %zu", task->name,
                   j);
            expect(strcmp(argument_name(task->arguments[j]), choices[task->arguments[j]].name) == 0,
                   "%s: argument %zu", task->name, j);
            expect(unit_is_printable(argument_range(task->arguments[j])), "%s: argument %zu",
                   task->name, j);
        }
        expect(unit_is_printable(task->summary) && (task->run || task->run_at_home) &&
                   task->details,
               "%s", task->name);
    }
    for (size_t i = 0; i < task_count; i++) {
        for (const enum option *option = tasks[i]->options; *option; option++) {
            const char *value = option_value(*option);

            expect(unit_is_printable(option_name(*option)) &&
                       unit_is_printable(option_range(*option)),
                   "%s: option %d", tasks[i]->name, (int)*option);
            expect(!value || unit_is_printable(value), "%s: value of option %d", tasks[i]->name,
                   (int)*option);
        }
    }
    expect_options(&task_create, (const enum option[]){OPTION_JSON, OPTION_ADOPT, OPTION_REPLACE,
                                                       OPTION_ALLOW_OVERLAP, 0});
    expect_options(&task_connect,
                   (const enum option[]){OPTION_PRESHARED_KEY_FILE, OPTION_PERSISTENT_KEEPALIVE,
                                         OPTION_MTU, OPTION_JSON, 0});
    expect_options(&task_destroy, (const enum option[]){OPTION_IF_EXISTS, OPTION_JSON, 0});
    expect_options(&task_destroy_all, (const enum option[]){OPTION_IF_EXISTS, OPTION_JSON, 0});
    expect_options(&task_show, (const enum option[]){OPTION_JSON, OPTION_NETS, 0});
    expect_options(&task_list, (const enum option[]){OPTION_JSON, OPTION_NETS, 0});
    expect_options(&task_wait, (const enum option[]){OPTION_ALIVE, OPTION_JSON, 0});
    expect_options(&task_batch, (const enum option[]){OPTION_UNDO, OPTION_ANSWERED, 0});
    expect(task_destroy_all.changes && !task_wait.changes && !task_list.changes &&
               !task_batch.changes,
           "what changes");
    expect(task_create.in_batch && task_connect.in_batch && task_destroy.in_batch &&
               task_destroy_all.in_batch && task_wait.in_batch && task_show.in_batch &&
               task_list.in_batch && !task_batch.in_batch && !task_check_policy.in_batch,
           "what can stand in a batch");
    /* in the container, or at home */
    for (size_t i = 0; i < task_count; i++)
        expect(!tasks[i]->run != !tasks[i]->run_at_home, "%s: where it runs", tasks[i]->name);
    expect(!task_by_name(""), "a task without a name");
    expect(!task_by_name("cwg_creat") && !task_by_name("cwg_create2"), "a part of a name");
}

/* Which nets are asked for: all, one, or those from one to another. */
TEST(nets)
{
    static const struct {
        const char *given; /* NULL: nothing */
        struct link_nets nets;
    } cases[] = {
        {NULL, {0, LINK_NET_MAX}},
        {"0", {0, 0}},
        {"7", {7, 7}},
        {"8388607", {LINK_NET_MAX, LINK_NET_MAX}},
        {"7-7", {7, 7}},
        {"0-0", {0, 0}},
        {"7-8", {7, 8}},
        {"9-10", {9, 10}},
        {"0-8388607", {0, LINK_NET_MAX}},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct words words = {0};
        struct command_line line;

        add_word(&words, "cwg_list", strlen("cwg_list"));
        if (cases[i].given) {
            add_word(&words, "--nets", strlen("--nets"));
            add_word(&words, cases[i].given, strlen(cases[i].given));
        }
        if (parse_good("nets", &words, &line))
            expect(line.request.nets.first == cases[i].nets.first &&
                       line.request.nets.last == cases[i].nets.last,
                   "case %zu: %u to %u", i, line.request.nets.first, line.request.nets.last);
        drop(&words);
    }
}
