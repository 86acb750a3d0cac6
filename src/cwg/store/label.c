#include "cwg/store/label.h"

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

static const struct {
    const char *name;
    uint32_t max; /* want_read() looks closer */
} members[MEMBERS] = {
    [NET] = {"net", LINK_NET_MAX}, [HOST] = {"host", LINK_HOST_MAX},
    [PORT] = {"port", UINT16_MAX}, [KEEPALIVE] = {"keepalive", UINT16_MAX},
    [MTU] = {"mtu", UINT16_MAX},   [SITE] = {"site", 0},
};

/* Takes "MEMBER=VALUE". Each member may be there once. Returns 0, or -1. */
static int take_member(char *word, uint32_t numbers[static MEMBERS], unsigned int *seen,
                       struct want *want)
{
    char *value = word;
    const char *name = strsep(&value, "=");
    enum member member = NET;

    while (member < MEMBERS && strcmp(members[member].name, name) != 0)
        member++;
    if (member == MEMBERS || !value || *seen & 1U << member)
        return -1;
    *seen |= 1U << member;
    if (member != SITE)
        return decimal_parse(value, members[member].max, &numbers[member]);
    if (!want_is_name(value))
        return -1;
    (void)snprintf(want->site, sizeof(want->site), "%s", value);
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

static int take_end(char *end, struct want *want, struct failure *failure)
{
    uint32_t numbers[MEMBERS] = {[KEEPALIVE] = WANT_KEEPALIVE};
    const unsigned int needed = 1U << NET | 1U << HOST | 1U << SITE;
    const char *link = strsep(&end, ",");
    unsigned int seen = 0;

    if (!want_is_name(link))
        return fail(failure, "label", "it has to begin with the link's name");
    (void)snprintf(want->link, sizeof(want->link), "%s", link);
    for (char *word = strsep(&end, ","); word; word = strsep(&end, ",")) {
        char quote[FAILURE_QUOTE_SIZE];

        (void)failure_quote(word, quote);
        if (take_member(word, numbers, &seen, want))
            return fail(failure, "label", "link %s: \"%s\" is wrong, or stands there twice", link,
                        quote);
    }
    if ((seen & needed) != needed)
        return fail(failure, "label", "link %s: it needs net=N, host=0 or host=1, and site=NAME",
                    link);
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
        if (take_end(end, &want, failure))
            return -1;
        ret_wants[count++] = want;
    }
    return count > 0 ? count : fail(failure, "label", "it declares nothing");
}
