/* `cwg plugin KIND ...`: what engines of containers call at a container's start and stop. */
#include <string.h>

#include "cwg/command/command.h"
#include "cwg/plugin/plugin.h"

static const struct {
    const char *name;
    int (*run)(int argc, char *argv[]);
} kinds[] = {
    {"cni", plugin_cni},
    {"netavark", plugin_netavark},
    {"oci-hook", plugin_oci_hook},
};

int run_plugin(int argc, char *argv[])
{
    if (argc < 2)
        return wrong("plugin needs a kind: engines of containers call it, see cwg-plugins(7)");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, argv[1]) == 0)
            return kinds[i].run(argc - 1, argv + 1);
    }
    return wrong("no such kind of plugin");
}
