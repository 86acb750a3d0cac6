#include "cwg/agent/house/rekey.h"

#include <limits.h>
#include <stdio.h>

#include "cwg/store/rotation.h"

static void carry_it(void *owner, const char *site)
{
    struct household *house = owner;

    house->carry(house, site, ROTATION_NAME);
}

int rekey_open(struct household *house, struct failure *failure)
{
    char path[PATH_MAX];
    int found;

    (void)snprintf(path, sizeof(path), "%.3500s/site.key", house->config.state);
    found = sitekey_read(path, &house->key, failure);
    return found > 0 ? sitekey_make(path, &house->key, failure) : found;
}

bool rekey_own(struct household *house)
{
    struct failure failure = {.text = ""};
    char path[PATH_MAX];
    struct sitekey key;
    bool changed = false;

    (void)snprintf(path, sizeof(path), "%.3500s/site.key", house->config.state);
    if (sitekey_read(path, &key, &failure) == 0 && !key_equal(&key.public, &house->key.public)) {
        sitekey_close(&house->key);
        house->key = key;
        changed = true;
    } else {
        sitekey_close(&key);
    }
    if (rotation_tell(house->config.state, &house->store, &house->key, carry_it, house, &failure) ||
        failure.text[0])
        journal_complain(&house->journal, failure.text);
    /* `cwg keys --new` may have signed the records itself, before this agent looked. */
    for (size_t i = 0; changed && i < house->trust.count; i++)
        carry_it(house, house->trust.sites[i].name);
    return changed;
}

bool rekey_others(struct household *house)
{
    bool changed = false;

    for (size_t i = 0; i < house->trust.count; i++) {
        struct failure failure = {.text = ""};

        changed |=
            rotation_hear(&house->store, house->site, house->trust.sites[i].name, &failure) > 0;
    }
    return changed;
}
