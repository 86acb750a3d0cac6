#include "cwg/store/label.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link/decimal.h"
#include "link/link.h"

enum member {
    NET,
    HOST,
    PORT,
    KEEPALIVE,
    MTU,
    SITE, /* the only one that is no number */
    MEMBERS,
};

static const char *const members[MEMBERS] = {
    [NET] = "net", [HOST] = "host", [PORT] = "port", [KEEPALIVE] = "keepalive",
    [MTU] = "mtu", [SITE] = "site",
};

/* Where a label is wrong: its link, and what is to be said of its blanks; "" if it has none. */
struct place {
    const char *link, *blanks;
    struct failure *failure;
};

/* Takes "MEMBER=VALUE". Each member may be there once. Returns 0, or -1. */
static int take_member(const struct place *place, char *word, uint32_t numbers[static MEMBERS],
                       unsigned int *seen, struct want *want)
{
    char quote[FAILURE_QUOTE_SIZE];
    const char *whole = failure_quote(word, quote), *name;
    enum member member = NET;
    bool right;

    name = strsep(&word, "=");
    while (member < MEMBERS && strcmp(members[member], name) != 0)
        member++;
    if (member == MEMBERS)
        return fail(place->failure, "label",
                    "link %s: \"%s\" is no word of a link: net=, host=, site=, port=, keepalive= "
                    "and mtu= are%s",
                    place->link, whole, place->blanks);
    if (*seen & 1U << member)
        return fail(place->failure, "label", "link %s: %s stands there twice", place->link, name);
    *seen |= 1U << member;
    if (member == SITE)
        right = word && want_is_name(word);
    else
        right = word && decimal_parse(word, UINT32_MAX, &numbers[member]) == 0 &&
                want_fits(name, numbers[member]);
    if (!right)
        return fail(place->failure, "label", "link %s: \"%s\": %s takes %s%s", place->link, whole,
                    name,
                    member == SITE ? "a name: letters, digits, '_', '.' and '-', 63 at most"
                                   : want_rule(name),
                    place->blanks);
    if (member == SITE)
        (void)snprintf(want->site, sizeof(want->site), "%s", word);
    return 0;
}

/* A want is right if want_read() says so. */
static int check(const struct want *want, struct failure *failure)
{
    char *line = want_write(want);
    struct want read;
    const int error = line ? want_read(line, &read, failure) : fail(failure, "system", "no memory");

    free(line);
    return error;
}

static int take_end(char *end, const char *blanks, struct want *want, struct failure *failure)
{
    uint32_t numbers[MEMBERS] = {[KEEPALIVE] = WANT_KEEPALIVE};
    const unsigned int needed = 1U << NET | 1U << HOST | 1U << SITE;
    const char *link = strsep(&end, ",");
    const struct place place = {.link = link, .blanks = blanks, .failure = failure};
    unsigned int seen = 0;

    if (!want_is_name(link))
        return fail(failure, "label", "it has to begin with the link's name%s", blanks);
    (void)snprintf(want->link, sizeof(want->link), "%s", link);
    for (char *word = strsep(&end, ","); word; word = strsep(&end, ",")) {
        if (!word[0])
            return fail(failure, "label", "link %s: nothing stands behind a comma%s", link, blanks);
        if (take_member(&place, word, numbers, &seen, want))
            return -1;
    }
    if ((seen & needed) != needed)
        return fail(failure, "label", "link %s: it needs net=N, host=0 or host=1, and site=NAME%s",
                    link, blanks);
    want->net = numbers[NET];
    want->host = numbers[HOST];
    want->port = (uint16_t)numbers[PORT];
    want->keepalive = (uint16_t)numbers[KEEPALIVE];
    want->mtu = numbers[MTU];
    return check(want, failure);
}

int label_parse(const char *text, const char *engine, const char *name,
                struct want ret_wants[static LABEL_ENDS_MAX], struct failure *failure)
{
    char copy[LABEL_TEXT_MAX + 1];
    const char *blanks =
        strchr(text, ' ') ? "; a blank begins another link, so that none may stand within one" : "";
    char *rest = copy;
    int count = 0;

    if (strlen(text) > LABEL_TEXT_MAX)
        return fail(failure, "label", "it is longer than %d characters", LABEL_TEXT_MAX);
    memcpy(copy, text, strlen(text) + 1);
    for (char *end = strsep(&rest, " "); end; end = strsep(&rest, " ")) {
        struct want want = {.net = 0};

        if (!end[0])
            continue;
        if (count == LABEL_ENDS_MAX)
            return fail(failure, "label", "it declares more than %d ends", LABEL_ENDS_MAX);
        (void)snprintf(want.engine, sizeof(want.engine), "%s", engine);
        (void)snprintf(want.name, sizeof(want.name), "%s", name);
        if (take_end(end, blanks, &want, failure))
            return -1;
        ret_wants[count++] = want;
    }
    return count > 0 ? count : fail(failure, "label", "it declares nothing");
}
