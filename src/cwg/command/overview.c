#include "cwg/command/overview.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cwg/agent/settings/self.h"
#include "cwg/command/command.h"
#include "cwg/command/declared.h"
#include "cwg/command/fleet.h"
#include "cwg/command/table.h"
#include "cwg/etcd/fleet/overview.h"

enum {
    TIME_SIZE = 24, /* "2026-11-27 08:15:00" */
};

/* What is needed to look. */
struct look {
    struct config config;
    struct client_settings settings;
    struct client client;
    struct store store; /* this machine's */
    struct overview overview;
};

/* What this machine knows of sites itself. It may know none, or be no site. */
static void open_site(struct look *look)
{
    struct failure none = {.text = ""};
    struct overview *overview = &look->overview;
    char path[PATH_MAX];
    struct sitekey key;

    (void)snprintf(path, sizeof(path), "%.3500s/store", look->config.state);
    look->store.directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)snprintf(path, sizeof(path), "%.3500s/site.key", look->config.state);
    if (look->store.directory < 0 || sitekey_read(path, &key, &none))
        return;
    self_find_site(&look->store, &look->config, overview->own.name);
    overview->own.key = key.public;
    sitekey_close(&key);
}

static int open_look(struct look *look, const struct overview_options *options,
                     struct failure *failure)
{
    const struct config_options given = {.file = options->config, .state = options->state};
    struct orders *orders = &look->overview.orders;

    look->store.directory = -1;
    if (config_load(&given, &look->config, failure) ||
        client_settings_of(&look->config, &look->settings, failure) ||
        client_open(&look->client, &look->settings, -1, failure))
        return -1;
    for (int i = 0; i < look->config.signers && i < ORDERS_OPERATORS_MAX; i++)
        orders->operator[orders->operators++] = look->config.signer[i].key;
    open_site(look);
    return 0;
}

static void close_look(struct look *look)
{
    overview_clear(&look->overview);
    store_close(&look->store);
    if (look->client.settings)
        client_close(&look->client);
}

/* May another server do better? Not if all have the same to tell, or this machine lacks memory. */
static bool is_of_server(const struct client *client, const struct failure *failure)
{
    return (client->code == GATEWAY_FINE || client->code == GATEWAY_UNAVAILABLE) &&
           !failure_is(failure, "limit") && !failure_is(failure, "system");
}

/* Asks one server after the other, until one answers. */
static int read_it(struct look *look, struct failure *failure)
{
    struct client *client = &look->client;
    int error = -1;

    for (int i = 0; i < look->settings.urls && error; i++) {
        overview_clear(&look->overview);
        error =
            client_authenticate(client, failure) || overview_read(&look->overview, client, failure);
        if (error && !is_of_server(client, failure))
            break;
        if (error)
            client_next(client);
    }
    return error;
}

/* Leaves the ends of a link, by its name or its net, at the beginning. Returns their number. */
static size_t choose(struct overview *overview, const char *name)
{
    size_t count = 0;

    for (size_t i = 0; i < overview->count; i++) {
        struct overview_end *end = overview->ends[i];

        if (standing_is_meant(&end->link, name)) {
            overview->ends[i] = overview->ends[count];
            overview->ends[count++] = end;
        }
    }
    return count;
}

/* A time in UTC: not "since so long", because the clock is another machine's. */
static const char *time_text(int64_t seconds, char ret_text[static TIME_SIZE])
{
    const time_t when = (time_t)seconds;
    struct tm parts;

    if (seconds <= 0 || !gmtime_r(&when, &parts) || parts.tm_year > 9999 - 1900 ||
        strftime(ret_text, TIME_SIZE, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        return "-";
    return ret_text;
}

struct made {
    char since[TIME_SIZE], reason[DECLARED_REASON_SIZE];
};

static struct row end_row(const void *owner, size_t i, void *cells)
{
    const struct overview *overview = owner;
    const struct overview_end *end = overview->ends[i];
    const struct standing_link *link = &end->link;
    struct made *made = cells;

    return (struct row){{link->link, end->site->record.name, link->container, link->address,
                         link->site, link->state, time_text(link->since, made->since),
                         declared_reason(link->last, link->reason, made->reason)}};
}

static void print_table(const struct overview *overview, size_t count)
{
    static const struct row head = {{"LINK", "SITE", "CONTAINER", "ADDRESS", "PEER'S SITE", "STATE",
                                     "SINCE (ITS CLOCK, UTC)", "REASON"}};
    struct made made;

    table_print(&head, count, end_row, overview, &made);
}

static json_t *pack(const struct overview_end *end)
{
    const struct standing_link *link = &end->link;
    const bool placed = link->address[0];

    return json_pack(
        "{s:s,s:o,s:i,s:s,s:o,s:b,s:o,s:o,s:o,s:s,s:o,s:o,s:s}", "link", link->link, "net",
        placed ? json_integer(link->net) : json_null(), "host", (int)link->host, "site",
        end->site->record.name, "container", declared_text_or_null(link->container), "declared",
        end->declared, "address", declared_text_or_null(link->address), "peer_address",
        declared_text_or_null(link->peer), "peer_site", declared_text_or_null(link->site), "state",
        link->state, "last_state", declared_text_or_null(link->last), "since",
        declared_time_or_null(link->since), "reason", link->reason);
}

static void print_json(const struct overview *overview, size_t count)
{
    json_t *object = json_object(), *ends = json_array();

    for (size_t i = 0; i < count; i++)
        (void)json_array_append_new(ends, pack(overview->ends[i]));
    (void)json_object_set_new(object, "ends", ends);
    (void)json_dumpf(object, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
    (void)putchar('\n');
    json_decref(object);
}

static int print(const struct overview_options *options, struct look *look)
{
    struct overview *overview = &look->overview;
    const size_t count = options->name ? choose(overview, options->name) : overview->count;
    int status = EXIT_DONE;

    if (options->name && count == 0)
        return failed("etcd has no link of this name or net");
    if (options->json)
        print_json(overview, count);
    else
        print_table(overview, count);
    (void)fflush(stdout);
    if (overview->foreign > 0)
        (void)fprintf(stderr,
                      "cwg: %zu declarations in etcd count for nothing: no operator of this "
                      "configuration has signed them\n",
                      overview->foreign);
    for (size_t i = 0; i < count; i++) {
        if (!standing_is_well(overview->ends[i]->link.state))
            status = EXIT_FAILED;
    }
    return status;
}

int overview_show(const struct overview_options *options)
{
    static struct look look; /* it is large, and there is one */
    struct failure failure = {.text = ""};
    int status;

    if (open_look(&look, options, &failure) || read_it(&look, &failure)) {
        status = failed(failure.text);
    } else {
        overview_judge(&look.overview, &look.store);
        status = print(options, &look);
    }
    close_look(&look);
    return status;
}
