/* `cwg status`: declared links, and both ends of the links that were joined. */
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/json.h"
#include "cwg/base/step.h"
#include "cwg/command/command.h"
#include "cwg/command/declared.h"
#include "cwg/command/overview.h"
#include "cwg/join/ends.h"
#include "cwg/site/signals.h"
#include "cwg/store/rotation.h"
#include "link/decimal.h"
#include "link/endpoint.h"
#include "link/link.h"

enum {
    SOON_MS = 2000,       /* after which the ends that are known are shown */
    WATCH_MS = 2000,      /* between two tables */
    WATCH_LOOK_MS = 5000, /* for one, but the first: the machines that answer are shown meanwhile */
};

struct options {
    bool json;
    bool watch;
    bool names;
    bool etcd;
    bool has_net;
    uint32_t net;
    const char *name;   /* of a declared link, or the net; NULL: all */
    const char *state;  /* the agent's directory; NULL: where it is */
    const char *config; /* the file that says where etcd is; NULL: where it is */
};

/* Reads the links to be shown. Returns their number, or -1. */
static int read_links(const struct options *options, struct joined **ret_links,
                      struct failure *failure)
{
    uint32_t *nets = NULL;
    int count = joined_list(&nets, failure);
    struct joined *links = count > 0 ? calloc((size_t)count, sizeof(*links)) : NULL;
    int taken = 0, found = 0;

    for (int i = 0; i < count && links && found >= 0; i++) {
        if (options->name && (!options->has_net || nets[i] != options->net))
            continue;
        found = joined_read(nets[i], &links[taken], failure);
        taken += found == 0;
    }
    free(nets);
    if (count < 0 || found < 0) {
        free(links);
        return -1;
    }
    *ret_links = links;
    return taken;
}

static const char *state_of(const struct end_seen *seen)
{
    if (seen->failure.text[0])
        return seen->failure.code;
    return seen->link ? json_words(seen->link, "state") : "gone";
}

/* Prints an end's row; with the net, unless the row above is one of the same link. */
static void print_end(const struct joined *joined, int host, bool with_net,
                      const struct end_seen *seen)
{
    const char *endpoint =
        json_text(json_object_get(seen->link, "peer"), "endpoint", ENDPOINT_TEXT_SIZE - 1);
    char name[END_TEXT_SIZE], net[12] = "";
    char address[ADDRESS_TEXT_SIZE];
    struct endpoint parsed;
    int64_t received = 0, sent = 0;

    end_to_text(&joined->end[host].end, name);
    link_address_to_text((struct link_end){.net = joined->net, .host = (uint32_t)host}, address);
    (void)json_whole(seen->link, "received_bytes", 0, INT64_MAX, &received);
    (void)json_whole(seen->link, "sent_bytes", 0, INT64_MAX, &sent);
    if (with_net)
        (void)snprintf(net, sizeof(net), "%u", joined->net);
    (void)printf("%-8s %-30s %-15s %-20s %-24s %12" PRId64 " %12" PRId64 "\n", net, name, address,
                 state_of(seen),
                 endpoint && endpoint_parse(endpoint, &parsed) == ENDPOINT_GOOD ? endpoint : "-",
                 received, sent);
}

static json_t *pack_end(const struct joined *joined, int host, const struct end_seen *seen)
{
    json_t *end = json_pack("{s:s,s:s,s:s,s:s}", "host", joined->end[host].end.host, "engine",
                            joined->end[host].end.engine, "container", joined->end[host].end.name,
                            "state", state_of(seen));

    if (seen->failure.text[0])
        (void)json_object_set_new(end, "failure", json_string(seen->failure.text));
    (void)json_object_set_new(end, "link", seen->link ? json_incref(seen->link) : json_null());
    return end;
}

static void print_json(const struct joined *links, int count, const struct end_seen *seen,
                       const struct standing *declared)
{
    json_t *object = json_object(), *all = json_array();

    for (int i = 0; i < count; i++, seen += 2)
        (void)json_array_append_new(all, json_pack("{s:i,s:[o,o]}", "net", (int)links[i].net,
                                                   "ends", pack_end(&links[i], 0, &seen[0]),
                                                   pack_end(&links[i], 1, &seen[1])));
    declared_pack(declared, object);
    (void)json_object_set_new(object, "joined", all);
    (void)json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    (void)putchar('\n');
    json_decref(object);
}

/* Was the session with the end's machine lost, or is it slow? The watch goes on asking. */
static bool is_away(const struct end_seen *seen)
{
    return !seen->site || seen->site->lost.text[0] || seen->site->owed > 0;
}

/* Prints why ends couldn't be looked up, once for all ends with the same reason. */
static void print_failures(const struct end_seen *seen, int count, bool watch)
{
    for (int i = 0; i < count; i++) {
        const char *text = seen[i].failure.text;
        int same = 0;

        while (strcmp(seen[same].failure.text, text) != 0)
            same++;
        if (text[0] && same == i)
            (void)fprintf(stderr, "cwg: %s%s\n", text,
                          watch && is_away(&seen[i]) ? "; trying again" : "");
    }
}

/* Prints declared links, if an agent runs or has something to do, or another site's calls. Returns
 * whether it did. */
static bool print_declared(const struct options *options, const struct standing *declared)
{
    const bool alive = declared->runs || declared->sites > 0;
    char state[PATH_MAX];

    if (options->json || (declared->links == 0 && (!alive || options->name)))
        return false;
    declared_print(declared);
    state_directory(options->state, state);
    if (rotation_is_kept(state))
        (void)puts(
            "This site's old key is kept, too: cwg keys --drop-old, once all sites have taken "
            "the new one.");
    (void)fflush(stdout);
    return true;
}

static void print_head(void)
{
    (void)printf("%-8s %-30s %-15s %-20s %-24s %12s %12s\n", "NET", "END", "ADDRESS", "STATE",
                 "PEER'S ENDPOINT", "RECEIVED", "SENT");
}

/* Prints the rows of the ends that are late, or those of all others. */
static void print_rows(const struct joined *links, int count, const struct end_seen *seen,
                       bool late)
{
    int last = -1;

    for (int i = 0; i < 2 * count; i++) {
        if (seen[i].late != late)
            continue;
        print_end(&links[i / 2], i % 2, last != i / 2, &seen[i]);
        last = i / 2;
    }
}

/* Prints the ends whose machines have answered, and waits for the others. */
static void wait_for_late(struct sites *sites, const struct joined *links, int count,
                          struct end_seen *seen)
{
    print_head();
    print_rows(links, count, seen, false);
    (void)fflush(stdout);
    ends_show_wait(links, (size_t)count, seen);
    ends_look_late(sites, links, (size_t)count, ENDS_LOOK_MS, seen);
    step_show("");
    print_rows(links, count, seen, true);
}

/* Prints all that was seen, over the table before. */
static void print(const struct options *options, const struct joined *links, int count,
                  const struct end_seen *seen, const struct standing *declared)
{
    bool above = false;

    if (options->watch) {
        (void)fputs("\033[H\033[J", stdout);
        above = print_declared(options, declared);
    }
    if (options->json)
        print_json(links, count, seen, declared);
    if (options->json || (count == 0 && above))
        return;
    if (count == 0) {
        char state[PATH_MAX];

        /* Others may have joined links, and have agents of their own. */
        state_directory(options->state, state);
        (void)printf("You have joined nothing here, and no agent runs (on %s).\n", state);
        return;
    }
    if (above)
        (void)putchar('\n');
    print_head();
    print_rows(links, count, seen, false);
}

/* An idle end may work: the kernel's WireGuard sends no keepalives of its own while it hears those
 * of an engine. */
static bool is_well(const struct end_seen *seen)
{
    static const char *const well[] = {"connected", "in session", "idle"};

    for (size_t i = 0; i < sizeof(well) / sizeof(well[0]); i++) {
        if (strcmp(state_of(seen), well[i]) == 0)
            return true;
    }
    return false;
}

static int status_of(const struct end_seen *seen, int count)
{
    for (int i = 0; i < count; i++) {
        if (!is_well(&seen[i]))
            return EXIT_FAILED;
    }
    return EXIT_DONE;
}

/* Shows all joined links once. Returns the exit status. */
static int show(const struct options *options, struct sites *sites, const struct joined *links,
                int count, const struct standing *declared)
{
    const bool at_once = !options->json && !options->watch;
    struct end_seen *seen = calloc(2 * (size_t)count + 1, sizeof(*seen));
    int status;

    if (!seen)
        return failed("out of memory");
    if (at_once)
        ends_show_wait(links, (size_t)count, NULL);
    ends_look(sites, links, (size_t)count,
              at_once        ? SOON_MS
              : sites->count ? WATCH_LOOK_MS
                             : ENDS_LOOK_MS,
              seen);
    if (at_once)
        step_show("");
    if (at_once && !site_interrupted && ends_find_late(seen, 2 * (size_t)count))
        wait_for_late(sites, links, count, seen);
    else if (!options->watch || !site_interrupted) /* Ctrl-C is how the watch is left */
        print(options, links, count, seen, declared);
    (void)fflush(stdout);
    if (!options->json && (!options->watch || !site_interrupted))
        print_failures(seen, 2 * count, options->watch);
    status = options->watch ? EXIT_DONE : status_of(seen, 2 * count);
    ends_free(seen, 2 * (size_t)count);
    free(seen);
    return status;
}

/* Prints what a shell may complete: names of declared links, and nets that were joined. */
static int print_names(const struct options *options)
{
    struct failure failure = {.text = ""};
    struct standing declared;
    uint32_t *nets = NULL;
    const int count = joined_list(&nets, &failure);
    char state[PATH_MAX];

    state_directory(options->state, state);
    if (standing_read(state, &declared, &failure) == 0) {
        for (size_t i = 0; i < declared.links; i++)
            (void)puts(declared.link[i].link);
        standing_free(&declared);
    }
    for (int i = 0; i < count; i++)
        (void)printf("%u\n", nets[i]);
    free(nets);
    return failure.text[0] ? failed(failure.text) : EXIT_DONE;
}

/* Reads and shows what is declared, and then the joined links. Returns the exit status. */
static int show_all(const struct options *options, struct sites *sites, const struct joined *links,
                    int count)
{
    struct failure failure = {.text = ""};
    struct standing declared;
    char state[PATH_MAX];
    int status;

    state_directory(options->state, state);
    if (standing_read(state, &declared, &failure) < 0)
        return failed(failure.text);
    if (options->name)
        declared_choose(&declared, options->name);
    if (options->name && count == 0 && declared.links == 0) {
        status = failed("no link of this name or net is declared here, or was joined by you");
    } else {
        const bool above = !options->watch && print_declared(options, &declared);

        if (above && count > 0)
            (void)putchar('\n');
        status = above && count == 0 ? EXIT_DONE : show(options, sites, links, count, &declared);
        if (status == EXIT_DONE && !options->watch && !declared_is_well(&declared))
            status = EXIT_FAILED;
    }
    standing_free(&declared);
    return status;
}

static int parse(int argc, char *argv[], struct options *options)
{
    static const struct option known[] = {{"json", no_argument, NULL, 'j'},
                                          {"watch", no_argument, NULL, 'w'},
                                          {"names", no_argument, NULL, 'n'},
                                          {"state", required_argument, NULL, 'd'},
                                          {"etcd", no_argument, NULL, 'e'},
                                          {"config", required_argument, NULL, 'f'},
                                          {NULL, 0, NULL, 0}};
    int option;

    while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (option == '?' || option == ':')
            return wrong_option("status", option);
        options->json |= option == 'j';
        options->watch |= option == 'w';
        options->names |= option == 'n';
        options->etcd |= option == 'e';
        if (option == 'd')
            options->state = optarg;
        else if (option == 'f')
            options->config = optarg;
    }
    if (argc - optind > 1)
        return wrong("status takes one link, by its name or net, or none");
    options->name = argv[optind];
    if (options->name && !want_is_name(options->name))
        return wrong("LINK must be the name of a declared link, or a net from 0 to 8388607");
    options->has_net =
        options->name && decimal_parse(options->name, LINK_NET_MAX, &options->net) == 0;
    if (options->json + options->watch + options->names > 1)
        return wrong("--json, --watch, --names: exclude each other");
    if (options->etcd && (options->watch || options->names))
        return wrong("--etcd shows all ends once: not with --watch or --names");
    return options->config && !options->etcd ? wrong("--config is for --etcd") : 0;
}

int run_status(int argc, char *argv[])
{
    struct options options = {.json = false};
    struct sites sites = {.count = 0};
    struct failure failure = {.text = ""};
    struct joined *links = NULL;
    int status = parse(argc, argv, &options);
    int count;

    if (status)
        return status;
    if (options.etcd)
        return overview_show(&(struct overview_options){.config = options.config,
                                                        .state = options.state,
                                                        .name = options.name,
                                                        .json = options.json});
    if (options.names)
        return print_names(&options);
    count = read_links(&options, &links, &failure);
    if (count < 0)
        return failed(failure.text);
    signals_catch();
    for (;;) {
        status = show_all(&options, &sites, links, count);
        if (!options.watch || site_interrupted || status == EXIT_FAILED)
            break;
        (void)poll(NULL, 0, WATCH_MS);
        sites_renew(&sites);
    }
    (void)sites_close(&sites);
    free(links);
    return status;
}
