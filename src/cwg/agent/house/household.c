#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "cwg/agent/house/household.h"
#include "cwg/machine/addresses.h"

void household_take_addresses(struct household *house)
{
    struct addresses found;

    house->addresses = house->config.endpoints;
    memcpy(house->address, house->config.endpoint, sizeof(house->address));
    if (house->config.endpoint_none || house->config.endpoints > 0)
        return;
    addresses_list(&found);
    for (int i = 0; i < found.count && house->addresses < NEWS_ENDPOINTS_MAX; i++) {
        struct endpoint *endpoint = &house->address[house->addresses];
        char text[ENDPOINT_TEXT_SIZE];

        *endpoint = (struct endpoint){.port = 0};
        (void)snprintf(text, sizeof(text), strchr(found.text[i], ':') ? "[%s]:1" : "%s:1",
                       found.text[i]);
        if (endpoint_parse(text, endpoint) == ENDPOINT_GOOD)
            house->addresses++;
    }
}

int household_read(struct household *house, const struct config_options *options,
                   struct failure *failure)
{
    house->settings_time = config_stamp(options->file);
    return config_load(options, &house->config, failure) ||
                   config_need_site(&house->config, failure)
               ? -1
               : 0;
}

void household_reread(struct household *house, const struct config_options *options)
{
    const int64_t settings_time = config_stamp(options->file);
    struct failure failure = {.text = ""};
    struct config fresh;

    if (config_load(options, &fresh, &failure)) {
        (void)fprintf(stderr, "cwg: the settings stay as they were: %s\n", failure.text);
        return;
    }
    house->settings_time = settings_time;
    house->kept = config_take(&house->config, &fresh);
    if (house->kept)
        (void)fprintf(stderr, "cwg: %s has changed in cwg.conf: restart the agent to have it\n",
                      house->kept);
}

void household_raise_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}
