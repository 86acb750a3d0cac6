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
    LINE_SIZE = 400,
    LONG_SIZE = 100000,
    CROSSED_MAX = 6, /* bad words of an argument that go into the cross product */
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

/* The ways to write a line of command_lines.h: with "net-admin-helper|" before it, and with "~"
 * as "|". */
enum {
    FORM_PROGRAM = 1,
    FORM_TWO_WORDS = 2,
    FORMS = 4,
};

/* Writes a line in one of the ways, with `word` for "@". False if it can't be written so. */
static bool write_line(const char *line, const char *word, unsigned int form,
                       char ret_text[static LINE_SIZE])
{
    bool has_task = strncmp(line, "cwg_", 4) == 0 || strncmp(line, "batch", 5) == 0;
    const char *program = form & FORM_PROGRAM ? "net-admin-helper|" : "";
    int length = snprintf(ret_text, LINE_SIZE, "%s", program);
    char *option;

    for (const char *next = line; *next; next++) {
        bool is_word = *next == '@';

        length += snprintf(ret_text + length, (size_t)(LINE_SIZE - length), "%.*s",
                           is_word ? LINE_SIZE : 1, is_word ? word : next);
        if (length >= LINE_SIZE)
            unit_trouble("write_line");
    }
    if ((form & FORM_PROGRAM && !has_task) || (form & FORM_TWO_WORDS && !strchr(ret_text, '~')))
        return false;
    while ((option = strchr(ret_text, '~')))
        *option = form & FORM_TWO_WORDS ? '|' : '=';
    return true;
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

static void check_refused_line(const char *text, const struct task *usage, const char *begins)
{
    struct words words;

    split(text, &words);
    check_refused(text, &words, usage, begins);
    drop(&words);
}

TEST(refused)
{
    static const char *const no_words[] = {"", NULL};

    for (size_t i = 0; i < refused_lines_count; i++) {
        const struct refused_lines *lines = &refused_lines[i];

        for (const char *const *word = lines->words ? lines->words : no_words; *word; word++) {
            for (unsigned int form = 0; form < FORMS; form++) {
                char text[LINE_SIZE];

                if (write_line(lines->line, *word, form, text))
                    check_refused_line(text, lines->usage, lines->begins);
            }
        }
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

/* The same with a line. What is read is good until the next line. */
static bool parse_line(const char *line, struct command_line *ret_line)
{
    static struct words words;

    drop(&words);
    split(line, &words);
    return parse_good(line, &words, ret_line);
}

/* What a line with a target, an end and a port, or an endpoint and a key, comes to. */
struct values {
    const struct task *task;
    int kind;
    int number;
    uint32_t net;
    uint32_t host;
    uint16_t port;
    uint32_t address;
    uint16_t peer_port;
};

static void check_values(const char *what, const struct command_line *line,
                         const struct values *wanted)
{
    static const struct key no_key = {{0}};
    const struct request *request = &line->request;

    expect(line->command == COMMAND_RUN, "%s: command %d", what, line->command);
    expect(line->task == wanted->task, "%s: task", what);
    expect((int)request->target.kind == wanted->kind && request->target.number == wanted->number,
           "%s: target %d %d", what, (int)request->target.kind, request->target.number);
    expect(request->end.net == wanted->net && request->end.host == wanted->host, "%s: end %u %u",
           what, request->end.net, request->end.host);
    expect(request->port == wanted->port, "%s: port %u", what, request->port);
    expect(request->peer.endpoint.address == wanted->address &&
               request->peer.endpoint.port == wanted->peer_port,
           "%s: endpoint %08x %u", what, request->peer.endpoint.address,
           request->peer.endpoint.port);
    expect(
        key_equal(&request->peer.public_key, wanted->task == &task_connect ? &lines_key : &no_key),
        "%s: key", what);
    expect(!request->peer.endpoint.ipv6 && !request->peer.preshared_key &&
               request->peer.keepalive == PEER_KEEPALIVE_KEPT && request->mtu == 0 &&
               request->preshared_key.kind == PRESHARED_NONE,
           "%s: something that wasn't given", what);
}

static void check_taken(const char *text, const struct values *wanted)
{
    struct command_line line;

    memset(&line, 0xa5, sizeof(line));
    if (parse_line(text, &line))
        check_values(text, &line, wanted);
}

/* Under each name that the program may have, and with each task. */
TEST(taken)
{
    static const char *const names[] = {"",
                                        "./",
                                        "/",
                                        "/usr/local/bin/",
                                        "//",
                                        "a b/",
                                        "../",
                                        "/cwg_destroy/",
                                        "|",
                                        "/|",
                                        "net-admin-helper|",
                                        "./net-admin-helper|",
                                        "/usr/local/bin/net-admin-helper|",
                                        "Zq7|",
                                        "%s|",
                                        "cwg_create/|",
                                        "cwg_creat|",
                                        "CWG_CREATE|"};

    for (size_t i = 0; i < COUNT(names); i++) {
        char text[LINE_SIZE];

        (void)snprintf(text, sizeof(text), "%scwg_create|7|5|1|51871", names[i]);
        check_taken(text, &(struct values){&task_create, TARGET_PID, 7, 5, 1, .port = 51871});
        (void)snprintf(text, sizeof(text), "%scwg_destroy|7|5|1", names[i]);
        check_taken(text, &(struct values){&task_destroy, TARGET_PID, 7, 5, 1, .port = 0});
        (void)snprintf(text, sizeof(text), "%s%s", names[i], LINES_CONNECT);
        check_taken(text, &(struct values){&task_connect, TARGET_PID, 7, 5, 1,
                                           .address = 0xc6336407, .peer_port = 51871});
    }
}

/* A line with these values, and what is behind the end. */
static void check_numbers(struct values wanted, const char *rest)
{
    char text[LINE_SIZE];

    (void)snprintf(text, sizeof(text), "x|%s|%s%d|%u|%u%s", wanted.task->name,
                   wanted.kind == TARGET_DESCRIPTOR ? "fd:" : "", wanted.number, wanted.net,
                   wanted.host, rest);
    check_taken(text, &wanted);
}

/* The smallest and largest numbers, those where there is a digit more, and most ports. */
TEST(values)
{
    static const int numbers[] = {1, 2, 9, 10, 32768, 65536, 1048576, 4194303, 4194304};
    static const uint32_t nets[] = {0,   1,   5,     9,     10,      99,     100,
                                    255, 256, 65535, 65536, 8388606, 8388607};
    static const struct {
        const char *text;
        uint32_t address;
        uint16_t port;
    } endpoints[] = {
        {"|1.0.0.0:1|" LINES_KEY, 0x01000000, 1},
        {"|127.0.0.1:51871|" LINES_KEY, 0x7f000001, 51871},
        {"|10.0.0.1:9|" LINES_KEY, 0x0a000001, 9},
        {"|192.168.255.255:65535|" LINES_KEY, 0xc0a8ffff, 65535},
        {"|223.255.255.255:443|" LINES_KEY, 0xdfffffff, 443},
        {"|240.0.0.1:2|" LINES_KEY, 0xf0000001, 2},
        {"|255.255.255.254:65535|" LINES_KEY, 0xfffffffe, 65535},
    };

    for (uint32_t port = 0; port <= 65535; port += port < 65000 ? 97 : 1) {
        size_t peer = port % COUNT(endpoints);
        struct values wanted = {
            .task = &task_destroy,
            .kind = port % 2 ? TARGET_DESCRIPTOR : TARGET_PID,
            .number = numbers[port % COUNT(numbers)],
            .net = nets[port % COUNT(nets)],
            .host = port / 2 % 2,
        };
        char rest[16];

        check_numbers(wanted, "");
        wanted.task = &task_connect;
        wanted.address = endpoints[peer].address;
        wanted.peer_port = endpoints[peer].port;
        check_numbers(wanted, endpoints[peer].text);
        wanted.task = &task_create;
        wanted.address = wanted.peer_port = 0;
        wanted.port = (uint16_t)port;
        (void)snprintf(rest, sizeof(rest), "|%u", port);
        check_numbers(wanted, rest);
    }
    check_numbers((struct values){&task_destroy, TARGET_DESCRIPTOR, 0, 5, 1, .port = 0}, "");
    check_numbers((struct values){&task_destroy, TARGET_DESCRIPTOR, INT_MAX, 5, 1, .port = 0}, "");
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

static void check_option_line(const char *text, const struct option_line *wanted)
{
    struct command_line line;

    memset(&line, 0xa5, sizeof(line));
    if (parse_line(text, &line))
        check_options(text, &line, wanted);
}

TEST(options_taken)
{
    char text[LINE_SIZE];

    for (unsigned int form = 0; form < FORMS; form++) {
        for (size_t i = 0; i < option_line_count; i++) {
            if (write_line(option_lines[i].line, "", form, text))
                check_option_line(text, &option_lines[i]);
        }
        for (const char *const *path = preshared_paths; *path; path++) {
            const struct option_line wanted = {
                .preshared = PRESHARED_PATH, .path = *path, .keepalive = PEER_KEEPALIVE_KEPT};

            if (write_line(LINES_CONNECT "|--preshared-key-file~@", *path, form, text))
                check_option_line(text, &wanted);
        }
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
    static const char *const arguments[] = {"7", "5", "1", "198.51.100.7:51871", LINES_KEY};
    const struct option_line wanted = {
        .mtu = 1280, .keepalive = 25, .preshared = PRESHARED_DESCRIPTOR, .descriptor = 9};
    const size_t places = COUNT(arguments) + 1;

    for (size_t number = 0; number < COUNT(orders) * places * places * places * 8; number++) {
        size_t forms = number % 8, rest = number / 8;
        size_t place[3] = {rest % places, rest / places % places, rest / places / places % places};
        const int *order = orders[rest / places / places / places];
        char text[LINE_SIZE] = "cwg_connect";

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
        check_option_line(text, &wanted);
    }
}

static void check_shown(const char *text, const struct shown_line *wanted)
{
    struct command_line line;

    if (parse_line(text, &line))
        expect(line.command == wanted->command && line.task == wanted->task, "%s: command %d, %s",
               text, line.command, line.task ? line.task->name : "no task");
}

TEST(shown)
{
    static const char *const words[][2] = {
        [COMMAND_HELP] = {"--help", "-h"}, [COMMAND_VERSION] = {"--version", "-V"}};

    for (size_t i = 0; i < shown_line_count * 2; i++) {
        const struct shown_line *line = &shown_lines[i / 2];
        char text[LINE_SIZE];

        for (unsigned int form = 0; form < FORMS; form++) {
            if (write_line(line->line, words[line->command][i % 2], form, text))
                check_shown(text, line);
        }
    }
}

/* What may be left out, and what it is then: an end, JSON, the seconds of a wait, the file of a
 * batch, nets. */
TEST(left_out)
{
    static const struct {
        const char *line;
        const char *file;
        uint32_t seconds;      /* of cwg_wait */
        struct link_nets nets; /* with --nets */
        bool has_end;
        bool json;
    } lines[] = {
        {"cwg_show|7", .json = false},
        {"cwg_show|--json|7", .json = true},
        {"cwg_show|7|--json", .json = true},
        {"net-admin-helper|cwg_show|7|5|1", .has_end = true},
        {"cwg_show|7|5|1|--json", .has_end = true, .json = true},
        {"cwg_show|7|5|--json|1", .has_end = true, .json = true},
        {"cwg_show|--json|fd:7|5|1", .has_end = true, .json = true},
        {"cwg_create|7|5|1|0", .has_end = true},
        {"cwg_create|7|5|1|0|--json", .has_end = true, .json = true},
        {"cwg_create|--json|7|5|1|0", .has_end = true, .json = true},
        {"cwg_wait|7|5|1", .seconds = 30, .has_end = true},
        {"cwg_wait|7|5|1|0", .seconds = 0, .has_end = true},
        {"cwg_wait|--alive|7|5|--json|1|12", .seconds = 12, .has_end = true, .json = true},
        {"cwg_wait|fd:7|5|1|1", .seconds = 1, .has_end = true},
        {"cwg_wait|7|5|1|3600", .seconds = 3600, .has_end = true},
        {"batch", .file = NULL},
        {"batch|-", .file = NULL},
        {"net-admin-helper|batch|lines", .file = "lines"},
        {"batch|/tmp/a b", .file = "/tmp/a b"},
        {"batch|-x", .file = "-x"},
        {"batch|fd:7", .file = "fd:7"},
        {"batch|batch", .file = "batch"},
        {"cwg_list|--nets|0", .nets = {0, 0}},
        {"cwg_list|--nets|7", .nets = {7, 7}},
        {"cwg_list|--nets|8388607", .nets = {LINK_NET_MAX, LINK_NET_MAX}},
        {"cwg_list|--nets=7-7", .nets = {7, 7}},
        {"cwg_list|--nets|0-0", .nets = {0, 0}},
        {"cwg_list|--nets|7-8", .nets = {7, 8}},
        {"cwg_list|--nets|9-10", .nets = {9, 10}},
        {"cwg_list|--nets|0-8388607", .nets = {0, LINK_NET_MAX}},
    };

    for (size_t i = 0; i < COUNT(lines); i++) {
        const char *text = lines[i].line;
        const struct link_nets all = {0, LINK_NET_MAX};
        const struct link_nets *nets = strstr(text, "--nets") ? &lines[i].nets : &all;
        const struct request *request;
        struct command_line line;

        if (!parse_line(text, &line))
            continue;
        request = &line.request;
        expect(strstr(text, line.task->name), "%s: %s", text, line.task->name);
        expect(request->has_end == lines[i].has_end &&
                   request->end.net == (lines[i].has_end ? 5 : 0) &&
                   request->end.host == (lines[i].has_end ? 1 : 0),
               "%s: end %u %u", text, request->end.net, request->end.host);
        expect(request->given[OPTION_JSON] == lines[i].json, "%s: JSON", text);
        expect(request->seconds == (line.task == &task_wait ? lines[i].seconds : 30),
               "%s: %u seconds", text, request->seconds);
        expect(same_text(request->file, lines[i].file), "%s: file", text);
        expect(request->nets.first == nets->first && request->nets.last == nets->last,
               "%s: nets %u to %u", text, request->nets.first, request->nets.last);
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

static const struct signature {
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

static size_t count_words(const char *const *words, size_t max)
{
    size_t count = 0;

    while (count < max && words[count])
        count++;
    return count;
}

/* How many words of an argument, good and bad, go into the cross product. */
static size_t count_choices(enum argument argument)
{
    return count_words(argument_words[argument].good, SIZE_MAX) +
           count_words(argument_words[argument].bad, CROSSED_MAX);
}

/* One command line of the cross product: `number` says which of the choices each argument is. */
static void check_combination(const struct signature *signature, size_t number, bool by_name)
{
    struct words words = {0};
    struct command_line line;
    const char *first_bad = NULL;
    char what[300];
    size_t used = (size_t)snprintf(what, sizeof(what), "%s", signature->name);

    if (!by_name)
        add_word(&words, "net-admin-helper", strlen("net-admin-helper"));
    add_word(&words, signature->name, strlen(signature->name));
    for (size_t i = 0; i < signature->count; i++) {
        const struct argument_words *argument = &argument_words[signature->arguments[i]];
        size_t choices = count_choices(signature->arguments[i]);
        size_t good = count_words(argument->good, SIZE_MAX), choice = number % choices;
        const char *text = choice < good ? argument->good[choice] : argument->bad[choice - good];

        number /= choices;
        if (choice >= good && !first_bad)
            first_bad = argument->name;
        add_word(&words, text, strlen(text));
        used += (size_t)snprintf(what + used, sizeof(what) - used, " \"%s\"", text);
    }
    if (first_bad) {
        char begins[64];

        (void)snprintf(begins, sizeof(begins), "%s: must ", first_bad);
        check_refused(what, &words, signature->task, begins);
    } else if (parse_good(what, &words, &line)) {
        expect(line.task == signature->task, "%s: task", what);
    }
    drop(&words);
}

TEST(cross_product)
{
    for (size_t i = 0; i < COUNT(signatures); i++) {
        size_t combinations = 1;

        for (size_t j = 0; j < signatures[i].count; j++)
            combinations *= count_choices(signatures[i].arguments[j]);
        for (size_t number = 0; number < combinations; number++)
            check_combination(&signatures[i], number, number % 5 == 0);
    }
}

/* A text of any length in the place of an argument whose others are good. */
static void check_wrong(const struct signature *signature, size_t place, const char *text,
                        size_t length, const char *begins)
{
    struct words words = {0};
    char what[LINE_SIZE];

    (void)snprintf(what, sizeof(what), "%s, place %zu, \"%.*s\"", signature->name, place,
                   length < 100 ? (int)length : 9, text);
    add_word(&words, signature->name, strlen(signature->name));
    for (size_t i = 0; i < signature->count; i++) {
        const char *good = argument_words[signature->arguments[i]].good[0];

        add_word(&words, i == place ? text : good, i == place ? length : strlen(good));
    }
    check_refused(what, &words, signature->task, begins);
    drop(&words);
}

/* Each bad word alone, in each task that takes the argument. */
TEST(bad_words)
{
    for (size_t i = 0; i < COUNT(signatures); i++) {
        for (size_t place = 0; place < signatures[i].count; place++) {
            const struct argument_words *argument = &argument_words[signatures[i].arguments[place]];
            char begins[64];

            (void)snprintf(begins, sizeof(begins), "%s: must ", argument->name);
            for (const char *const *word = argument->bad; *word; word++)
                check_wrong(&signatures[i], place, *word, strlen(*word), begins);
        }
    }
}

/* 100 kB of one character in the place of each argument in turn. */
TEST(very_long_arguments)
{
    static const char fillers[] = {'1', '0', 'A', '.', ':', '/', '-', '%', '\x1b', '\xff', ' '};
    static char text[LONG_SIZE + 1];

    for (size_t i = 0; i < COUNT(signatures); i++) {
        for (size_t number = 0; number < signatures[i].count * COUNT(fillers); number++) {
            size_t place = number / COUNT(fillers), filler = number % COUNT(fillers);
            enum argument argument = signatures[i].arguments[place];
            char begins[64];

            if (argument == ARGUMENT_FILE || argument == ARGUMENT_POLICY)
                continue; /* may be of any length */
            memset(text, fillers[filler], LONG_SIZE);
            if (filler % 3 == 2)
                memcpy(text, "fd:", 3);
            (void)snprintf(begins, sizeof(begins), "%s: must ", argument_words[argument].name);
            if (text[0] == '-')
                (void)snprintf(begins, sizeof(begins), "no such option; %s takes ",
                               signatures[i].name);
            check_wrong(&signatures[i], place, text, LONG_SIZE, begins);
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

/* Every byte in the place of each argument of cwg_create, behind a good beginning. */
TEST(every_byte)
{
    static const char *const begins[] = {"pid: must", "net: must", "host: must", "port: must"};

    for (int byte = 1; byte < 256; byte++) {
        const char text[] = {'1', (char)byte, 'Z', 'q', '7', '\0'};

        for (size_t place = 0; place < COUNT(begins); place++)
            check_wrong(&signatures[0], place, text, strlen(text), begins[place]);
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
            expect(strcmp(argument_wordings[task->arguments[j]].name,
                          argument_words[task->arguments[j]].name) == 0,
                   "%s: argument %zu", task->name, j);
            expect(unit_is_printable(argument_wordings[task->arguments[j]].range),
                   "%s: argument %zu", task->name, j);
        }
        expect(unit_is_printable(task->summary) && (task->run || task->run_at_home) &&
                   task->details,
               "%s", task->name);
    }
    for (size_t i = 0; i < task_count; i++) {
        for (const enum option *option = tasks[i]->options; *option; option++) {
            const char *value = option_wordings[*option].value;

            expect(unit_is_printable(option_wordings[*option].name) &&
                       unit_is_printable(option_wordings[*option].range),
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
