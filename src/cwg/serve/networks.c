#include "cwg/serve/networks.h"

#include <stdlib.h>
#include <string.h>

#include "cwg/agent/settings/config.h"
#include "cwg/checkup/checkup.h"
#include "cwg/container/attachment.h"
#include "cwg/container/labels.h"

#define CHECK "networks"

/* Do the settings let networks declare ends? */
static bool is_allowed(const struct config *config)
{
    for (int i = 0; i < config->labels; i++) {
        if (strcmp(config->label[i], LABELS_OF_NETWORKS) == 0)
            return true;
    }
    return false;
}

static void tell(json_t *findings, size_t count, size_t declare, bool allowed)
{
    static const char counted[] = "attachments of containers that plugins tell of: %zu; of these, "
                                  "the network declares ends for %zu%s%s";
    char path[CONFIG_PATH_SIZE];

    config_path(path);
    if (count == 0 && allowed)
        finding_add(findings, CHECK, FOUND_NOTE,
                    "no plugin has told of a container yet, though `labels networks` expects it; "
                    "see cwg-plugins(7)");
    else if (declare > 0 && !allowed)
        finding_add(findings, CHECK, FOUND_WARN, counted, count, declare,
                    config_is_system()
                        ? ", and the agent doesn't look: systemctl reload cwg-agent, once there is "
                          "`labels networks` in "
                        : ", and the agent doesn't look: systemctl --user reload cwg-agent, once "
                          "there is `labels networks` in ",
                    path);
    else if (count > 0)
        finding_add(findings, CHECK, FOUND_OK, counted, count, declare, "", "");
}

/* Why no attachment can be read, with what to do. */
static void tell_trouble(json_t *findings, const struct failure *failure)
{
    finding_add(findings, CHECK, FOUND_FAIL, "no container that a plugin tells of is found: %s%s",
                failure->text,
                failure_is(failure, "limit") ? "; remove those of containers that have gone" : "");
}

void networks_check(json_t *findings)
{
    const struct config_options options = {.file = NULL};
    static struct config config; /* it is large, and there is one */
    struct failure failure = {.text = ""};
    struct attachment *all;
    size_t count, declare = 0;

    if (attachments_read(NULL, &all, &count, &failure)) {
        tell_trouble(findings, &failure);
        return;
    }
    for (size_t i = 0; i < count; i++)
        declare += all[i].link[0] != '\0';
    free(all);
    if (config_load(&options, &config, &failure) == 0)
        tell(findings, count, declare, is_allowed(&config));
}
