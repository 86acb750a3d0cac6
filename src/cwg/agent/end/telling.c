#include "cwg/agent/end/telling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/clock.h"
#include "cwg/record/record.h"

enum {
    SETTLED_MS = 3000, /* store_changed() knows a line that was just written by no stamp */
};

/* A serial is a time, too: if records are lost, by a loss of power or with the store, the next one
 * is above all that the other site has heard. */
static int64_t next_serial(const struct agent_end *end)
{
    const int64_t today = clock_today();

    return today > end->told.serial ? today : end->told.serial + 1;
}

/* A site needs nobody to carry what it tells itself. */
static void told_path(const struct agent_end *end, char ret_path[static STORE_PATH_SIZE])
{
    const bool home = strcmp(end->house->site, end->want.site) == 0;

    (void)snprintf(ret_path, STORE_PATH_SIZE, "%s/%s/%s", home ? "in" : "out", end->want.site,
                   end->path);
}

void telling_say(struct agent_end *end)
{
    struct household *house = end->house;
    const bool up = end->facts.device == DEVICE_SOUND;
    struct news news = {.serial = next_serial(end),
                        .net = end->want.net,
                        .host = end->want.host,
                        .up = up,
                        .heard = end->heard.serial > end->floor ? end->heard.serial : end->floor};
    const bool home = strcmp(house->site, end->want.site) == 0;
    struct failure failure = {.text = ""};
    char path[STORE_PATH_SIZE];
    json_t *body;
    char *line;

    told_path(end, path);
    if (up) {
        news.key = end->facts.key;
        news.peer = end->facts.peer;
        for (; news.endpoints < house->addresses; news.endpoints++) {
            news.endpoint[news.endpoints] = house->address[news.endpoints];
            news.endpoint[news.endpoints].port = end->port;
        }
    }
    body = news_pack(&news);
    line = record_sign(&house->key, end->want.site, end->path, body, &failure);
    if (line && store_write_lazily(&house->store, path, line, &failure) == 0) {
        end->told = news;
        end->told_lost = false;
        (void)store_changed(&house->store, path, &end->told_stamp);
        end_consider(end);
        if (!home)
            house->carry(house, end->want.site, end->path);
        end_rest(end, 0);
    } else {
        end_set_reason(end, failure.text);
        end_rest(end, end_about(END_UNWRITTEN_MS));
    }
    json_decref(body);
    free(line);
}

/* Reads a record's line. Returns 0, or -1. */
static int open_news(const char *line, const char *receiver, const char *path,
                     const struct key *signer, struct news *ret_news, struct failure *failure)
{
    json_t *body = NULL;
    const int error = record_open(line, receiver, path, signer, &body, failure) ||
                      news_unpack(body, ret_news, failure);

    json_decref(body);
    return error ? -1 : 0;
}

void telling_remember(struct agent_end *end)
{
    struct failure failure = {.text = ""};
    char line[STORE_LINE_SIZE], place[STORE_PATH_SIZE];
    int found;

    end->told = (struct news){.serial = 0};
    told_path(end, place);
    (void)store_changed(&end->house->store, place, &end->told_stamp);
    found = store_read(&end->house->store, place, line, &failure);
    if (found == 0)
        found = open_news(line, end->want.site, end->path, &end->house->key.public, &end->told,
                          &failure);
    end->told_lost = found < 0;
    end->floor = end->told.heard;
}

void telling_check(struct agent_end *end)
{
    const int64_t serial = end->told.serial, floor = end->floor, age = clock_today() - serial;
    char place[STORE_PATH_SIZE];

    told_path(end, place);
    if (serial == 0 || (age >= 0 && age < SETTLED_MS) ||
        !store_changed(&end->house->store, place, &end->told_stamp))
        return;
    telling_remember(end);
    if (end->told.serial >= serial)
        return;
    end->told = (struct news){.serial = serial};
    end->told_lost = true;
    end->floor = floor;
}

/* The other site's key: who is no known site tells nothing. */
static void take_signer(struct agent_end *end)
{
    const struct household *house = end->house;
    const struct site_record *site = trust_find(&house->trust, end->want.site);
    struct key key = site ? site->key : (struct key){.bytes = {0}};

    if (strcmp(house->site, end->want.site) == 0)
        key = house->key.public;
    if (key_equal(&key, &end->signer))
        return;
    end->signer = key;
    end->heard = (struct news){.serial = 0};
    free(end->heard_line);
    end->heard_line = NULL;
    end_wake(end);
}

/* Has the other site made the same end as this one, instead of the other one? */
static bool is_twin(const struct agent_end *end)
{
    struct failure failure = {.text = ""};
    struct news news = {.serial = 0};
    char line[STORE_LINE_SIZE], place[STORE_PATH_SIZE];

    (void)snprintf(place, sizeof(place), "in/%s/%s", end->want.site, end->path);
    return strcmp(end->house->site, end->want.site) != 0 &&
           store_read(&end->house->store, place, line, &failure) == 0 &&
           open_news(line, end->house->site, end->path, &end->signer, &news, &failure) == 0 &&
           news.up;
}

/* Is what was found the other end of this link, and not older than what was told before? Returns
 * `found`, or -1. */
static int check_news(const struct agent_end *end, const struct news *news, int found,
                      struct failure *failure)
{
    const struct want *want = &end->want;

    if (found > 0 && is_twin(end))
        return fail(failure, "record",
                    "site %s declares host %u of it, too: one of the two ends is host %u",
                    want->site, want->host, 1 - want->host);
    if (found != 0)
        return found;
    if (news->host != 1 - want->host)
        return fail(failure, "record", "the other site tells of another end");
    if (news->net != want->net)
        return fail(failure, "record", "site %s declares it with net %u, and this site with %u",
                    want->site, news->net, want->net);
    if (news->serial < end->floor || news->serial < end->heard.serial)
        return fail(failure, "record",
                    "site %s tells what it told before: an old record was brought again, or its "
                    "clock and its store were set back",
                    want->site);
    return 0;
}

void telling_hear(struct agent_end *end)
{
    struct failure failure = {.text = ""};
    struct news news = {.serial = 0};
    char line[STORE_LINE_SIZE], path[END_PATH_SIZE], place[STORE_PATH_SIZE];
    bool readable;
    int found;

    (void)snprintf(path, sizeof(path), "%.63s.%u", end->want.link, 1 - end->want.host);
    (void)snprintf(place, sizeof(place), "in/%s/%s", end->want.site, path);
    take_signer(end);
    if (!store_changed(&end->house->store, place, &end->heard_stamp) && end->heard_line)
        return;
    found = key_is_zero(&end->signer)
                ? fail(&failure, "trust", "site %s isn't known here: declare it, with its key",
                       end->want.site)
                : store_read(&end->house->store, place, line, &failure);
    /* A look at thousands of records that are the same must not check thousands of signatures. */
    if (found == 0 && end->heard_line && strcmp(line, end->heard_line) == 0)
        return;
    readable = found == 0;
    if (readable) {
        free(end->heard_line);
        end->heard_line = strdup(line);
        found = open_news(line, end->house->site, path, &end->signer, &news, &failure);
    }
    found = check_news(end, &news, found, &failure);
    if (found < 0 && failure_is(&failure, "signer"))
        failure_add(&failure,
                    ": if site %s has a new key, declare it here: `cwg keys` there prints it",
                    end->want.site);
    end->house->refused += readable && found < 0;
    if (found < 0 && !end->want.off && !end->forgotten)
        end_set_reason(end, failure.text);
    if (strncmp(end->fault, failure.text, sizeof(end->fault) - 1) != 0)
        end_consider(end); /* to be reported */
    (void)snprintf(end->fault, sizeof(end->fault), "%.255s", failure.text);
    if (found != 0 || news.serial == end->heard.serial)
        return;
    if (!news.up && end->heard.up)
        end_wake(end); /* what packets said before may not hold any more */
    else if (!news_equal(&news, &end->heard))
        end_consider(end);
    end->heard = news;
}

/* Reads a record of an end that is none any more. Returns 0; 1 if there is none; or -1. */
static int read_old(const struct household *house, const char *place, const char *receiver,
                    const char *path, const struct key *signer, struct news *ret_news)
{
    struct failure failure = {.text = ""};
    char line[STORE_LINE_SIZE];
    const int found = store_read(&house->store, place, line, &failure);

    return found ? found : open_news(line, receiver, path, signer, ret_news, &failure);
}

void telling_forget(const struct household *house, const char *site, const char *link,
                    unsigned host)
{
    const struct site_record *known = trust_find(&house->trust, site);
    const bool home = strcmp(house->site, site) == 0;
    char own[END_PATH_SIZE], other[END_PATH_SIZE], out[STORE_PATH_SIZE], in[STORE_PATH_SIZE];
    struct failure failure = {.text = ""};
    struct news told = {.up = false}, heard;

    (void)snprintf(own, sizeof(own), "%.63s.%u", link, host);
    (void)snprintf(other, sizeof(other), "%.63s.%u", link, 1 - host);
    (void)snprintf(out, sizeof(out), "%s/%.63s/%s", home ? "in" : "out", site, own);
    (void)snprintf(in, sizeof(in), "in/%.63s/%s", site, other);
    if (read_old(house, in, house->site, other, known ? &known->key : &house->key.public, &heard) ||
        heard.up || read_old(house, out, site, own, &house->key.public, &told) < 0 || told.up)
        return;
    (void)store_remove(&house->store, in, &failure);
    (void)store_remove(&house->store, out, &failure);
}
