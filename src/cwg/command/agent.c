#include "cwg/agent/agent.h"
#include "cwg/agent/inbox.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/status.h"
#include "cwg/command/command.h"
#include "cwg/store/want.h"

#define SYSTEM_STATE "/var/lib/cwg"

/* Without --site it is the first part of the machine's name. */
static int find_site(const char *given, char ret_site[static WANT_SITE_SIZE])
{
    char name[256] = "";

    if (!given) {
        (void)gethostname(name, sizeof(name) - 1);
        name[strcspn(name, ".")] = '\0';
        given = name;
    }
    if (!want_is_name(given))
        return -1;
    (void)snprintf(ret_site, WANT_SITE_SIZE, "%.63s", given);
    return 0;
}

void state_directory(const char *given, char ret_path[static PATH_MAX])
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (given)
        (void)snprintf(ret_path, PATH_MAX, "%.3500s", given);
    else if (geteuid() == 0 || access(SYSTEM_STATE, W_OK) == 0)
        (void)snprintf(ret_path, PATH_MAX, SYSTEM_STATE);
    else if (state && state[0] == '/')
        (void)snprintf(ret_path, PATH_MAX, "%.3500s/cwg/agent", state);
    else
        (void)snprintf(ret_path, PATH_MAX, "%.3500s/.local/state/cwg/agent", home ? home : "");
}

int run_agent(int argc, char *argv[])
{
    static const struct option options[] = {
        {"site", required_argument, NULL, 's'}, {"state", required_argument, NULL, 'd'}, {0}};
    struct agent_options agent = {.state = NULL};
    struct failure failure = {.text = ""};
    char site[WANT_SITE_SIZE], state[PATH_MAX];
    const char *given = NULL;
    int found;

    while ((found = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (found == 's')
            given = optarg;
        else if (found == 'd')
            agent.state = optarg;
        else
            return wrong_option("agent", found);
    }
    if (optind < argc)
        return wrong("agent takes no arguments");
    if (find_site(given, site))
        return wrong("--site has to be a name: letters, digits, '_', '.' and '-'");
    state_directory(agent.state, state);
    agent.site = site;
    agent.state = state;
    return agent_run(&agent, &failure) ? failed(failure.text) : EXIT_DONE;
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
    if (argc - optind != 1 || !want_is_name(argv[optind]))
        return wrong("inbox takes the name of the site that calls");
    (void)snprintf(path, sizeof(path), "%.3500s/store", state);
    return inbox_run(path, argv[optind], &failure) ? failed(failure.text) : EXIT_DONE;
}
