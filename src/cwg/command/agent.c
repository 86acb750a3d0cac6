#include "cwg/agent/agent.h"
#include "cwg/agent/carrier/inbox.h"

#include <getopt.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "cwg/base/status.h"
#include "cwg/command/command.h"
#include "cwg/command/fleet.h"
#include "cwg/store/want.h"

void state_directory(const char *given, char ret_path[static PATH_MAX])
{
    const struct config_options options = {.state = given};
    struct failure failure = {.text = ""};
    struct config config;

    if (config_load(&options, &config, &failure)) {
        (void)fprintf(stderr, "cwg: %s\n", failure.text);
        config_state(given, config.state);
    }
    (void)snprintf(ret_path, PATH_MAX, "%s", config.state);
}

/* Also what is for `cwg etcd`, which the agent starts. */
static int check_agent(const struct config_options *given)
{
    static struct config config; /* both are large, and there is one */
    static struct client_settings client;
    struct failure failure = {.text = ""};

    if (agent_check(given))
        return EXIT_FAILED;
    if (config_load(given, &config, &failure) ||
        (config.etcds > 0 && client_settings_of(&config, &client, &failure)))
        return failed(failure.text);
    return EXIT_DONE;
}

int run_agent(int argc, char *argv[])
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'f'}, {"site", required_argument, NULL, 's'},
        {"state", required_argument, NULL, 'd'},  {"helper", required_argument, NULL, 'h'},
        {"check", no_argument, NULL, 'c'},        {0}};
    struct config_options given = {.file = NULL};
    struct failure failure = {.text = ""};
    bool check = false;
    int found;

    while ((found = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (found == 'f')
            given.file = optarg;
        else if (found == 's')
            given.site = optarg;
        else if (found == 'd')
            given.state = optarg;
        else if (found == 'h')
            given.helper = optarg;
        else if (found == 'c')
            check = true;
        else
            return wrong_option("agent", found);
    }
    if (optind < argc)
        return wrong("agent takes no arguments");
    if (given.site && !want_is_site(given.site))
        return wrong("--site has to be a name: letters, digits, '_', '.' and '-', and not etcd");
    if (given.helper && given.helper[0] != '/')
        return wrong("--helper takes the absolute path of a socket");
    if (check)
        return check_agent(&given);
    return agent_run(&given, &failure) ? failed(failure.text) : EXIT_DONE;
}

int run_inbox(int argc, char *argv[])
{
    static const struct option options[] = {{"state", required_argument, NULL, 'd'}, {0}};
    struct failure failure = {.text = ""};
    const char *given = NULL;
    char state[PATH_MAX], path[PATH_MAX];
    int found;

    while ((found = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (found != 'd')
            return wrong_option("inbox", found);
        given = optarg;
    }
    state_directory(given, state);
    if (argc - optind != 1 || !want_is_site(argv[optind]))
        return wrong("inbox takes the name of the site that calls");
    (void)snprintf(path, sizeof(path), "%.3500s/store", state);
    return inbox_run(path, argv[optind], &failure) ? failed(failure.text) : EXIT_DONE;
}
