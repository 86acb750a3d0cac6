#include "cwg/serve/resident.h"

#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "cwg/agent/settings/self.h"
#include "cwg/checkup/checkup.h"
#include "cwg/container/attachment.h"
#include "cwg/store/standing.h"

#define CHECK "agent"

/* The program that restarts the agent's unit, with who has to call it. */
static const char *manager(void)
{
    if (!config_is_system())
        return "systemctl --user";
    return geteuid() == 0 ? "systemctl" : "as root, systemctl";
}

static bool has_attachments(void)
{
    struct failure unreadable = {.text = ""};
    struct attachment *all;
    size_t count = 0;

    if (attachments_read(NULL, &all, &count, &unreadable))
        return false;
    free(all);
    return count > 0;
}

static void tell_absence(json_t *findings, const struct standing *standing)
{
    static const char format[] = "no agent runs here, though %s%s: %s";
    char path[CONFIG_PATH_SIZE];

    config_path(path);
    if (standing->links > 0)
        finding_add(findings, CHECK, FOUND_FAIL, format, "links are declared", "", self_start());
    else if (has_attachments())
        finding_add(findings, CHECK, FOUND_FAIL, format, "plugins of networks tell of containers",
                    "", self_start());
    else if (config_stamp(NULL) != 0)
        finding_add(findings, CHECK, FOUND_FAIL, format, "there is ", path, self_start());
}

static void tell_presence(json_t *findings, const struct standing *standing)
{
    if (standing->settings[0] && config_stamp(standing->settings) != standing->settings_time)
        finding_add(findings, CHECK, FOUND_WARN,
                    "%s has changed since the agent read it: %s reload cwg-agent",
                    standing->settings, manager());
    else if (standing->kept[0])
        finding_add(findings, CHECK, FOUND_WARN,
                    "the agent doesn't know the new `%s` of %s before its next start: %s restart "
                    "cwg-agent",
                    standing->kept, standing->settings, manager());
    else
        finding_add(findings, CHECK, FOUND_OK, "an agent runs here, that of site %s",
                    standing->own);
}

void resident_check(json_t *findings)
{
    const struct config_options options = {.file = NULL};
    static struct config config; /* it is large, and there is one */
    struct standing standing = {.runs = false};
    struct failure failure = {.text = ""};

    if (config_load(&options, &config, &failure)) {
        finding_add(findings, "settings", FOUND_FAIL, "%s", failure.text);
        return;
    }
    if (standing_read(config.state, &standing, &failure) < 0)
        finding_add(findings, CHECK, FOUND_WARN, "%s", failure.text);
    else if (standing.runs)
        tell_presence(findings, &standing);
    else
        tell_absence(findings, &standing);
    standing_free(&standing);
}
