#include "cwg/site/sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/clock.h"

struct site *sites_get(struct sites *sites, const char *host, struct failure *failure)
{
    struct site *site;

    for (size_t i = 0; i < sites->count; i++) {
        if (strcmp(sites->site[i]->host, host) == 0)
            return sites->site[i];
    }
    if (sites->count == SITES_MAX) {
        fail(failure, "limit", "more than %d machines at once", SITES_MAX);
        return NULL;
    }
    site = malloc(sizeof(*site));
    if (!site) {
        fail_errno(failure, ENOMEM, "can't start a session");
        return NULL;
    }
    if (site_open_bound(site, host, failure)) {
        free(site);
        return NULL;
    }
    sites->site[sites->count++] = site;
    return site;
}

void sites_renew(struct sites *sites)
{
    for (size_t i = 0; i < sites->count; i++) {
        struct site *site = sites->site[i];
        struct failure failure = {.text = ""};

        if (site->lost.text[0] && clock_now() - site->opened >= SITES_RENEW_MS)
            (void)site_reopen(site, &failure);
    }
}

int sites_close(struct sites *sites)
{
    int error = 0;

    while (sites->count > 0) {
        struct site *site = sites->site[--sites->count];

        if (site_close(site))
            error = -1;
        free(site);
    }
    return error;
}
