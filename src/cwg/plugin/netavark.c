#include <stdio.h>
#include <string.h>

#include "cwg/base/status.h"
#include "cwg/plugin/plugin.h"

int plugin_netavark(int argc, char *argv[])
{
    if (argc == 2 && strcmp(argv[1], "info") == 0) {
        (void)printf("{\"version\":\"%s\",\"api_version\":\"1.0.0\"}\n", VERSION);
        return EXIT_DONE;
    }
    (void)printf("{\"error\":\"give create, setup NETNS, teardown NETNS, or info\"}\n");
    return EXIT_FAILED;
}
