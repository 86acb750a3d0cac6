#include "cwg/etcd/carry/etcd.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cwg/command/command.h"
#include "cwg/command/fleet.h"

/* An empty text is none. */
static const char *given_or_null(const char *text)
{
    return text[0] ? text : NULL;
}

int client_settings_of(const struct config *config, struct client_settings *client,
                       struct failure *failure)
{
    char password[CLIENT_USER_SIZE];

    for (int i = 0; i < config->etcds; i++) {
        if (client_add_url(client, config->etcd[i], failure))
            return -1;
    }
    client->http.ca = given_or_null(config->etcd_ca);
    client->http.cert = given_or_null(config->etcd_cert);
    client->http.key = given_or_null(config->etcd_key);
    (void)snprintf(client->user, sizeof(client->user), "%s", config->etcd_user);
    client->password_file = given_or_null(config->etcd_password);
    if (client_set_prefix(client, config->etcd_prefix, failure) ||
        (client->password_file && client_read_password(client->password_file, password, failure)))
        return -1;
    explicit_bzero(password, sizeof(password));
    return client_check(client, failure);
}

static int take_config(const struct config *config, struct etcd_options *etcd,
                       struct failure *failure)
{
    if (config_need_site(config, failure) || client_settings_of(config, &etcd->client, failure))
        return -1;
    for (int i = 0; i < config->signers && i < ORDERS_OPERATORS_MAX; i++)
        etcd->orders.operator[etcd->orders.operators++] = config->signer[i].key;
    etcd->site = config->site;
    etcd->state = config->state;
    return 0;
}

/* The agent starts it, and it ends with the agent, however that does. */
static void end_with_parent(const char *pid)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    if (getppid() != (pid_t)strtol(pid, NULL, 10)) /* it has ended meanwhile */
        (void)raise(SIGTERM);
}

int run_etcd(int argc, char *argv[])
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'f'}, {"site", required_argument, NULL, 's'},
        {"state", required_argument, NULL, 'd'},  {"parent", required_argument, NULL, 'p'},
        {"takeover", no_argument, NULL, 't'},     {0}};
    static struct config config; /* both are large, and there is one */
    static struct etcd_options etcd;
    struct config_options given = {.file = NULL};
    struct failure failure = {.text = ""};
    int found;

    while ((found = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (found == 'f')
            given.file = optarg;
        else if (found == 's')
            given.site = optarg;
        else if (found == 'd')
            given.state = optarg;
        else if (found == 'p')
            end_with_parent(optarg);
        else if (found == 't')
            etcd.takeover = true;
        else
            return wrong_option("etcd", found);
    }
    if (optind < argc)
        return wrong("etcd takes no arguments");
    if (config_load(&given, &config, &failure) || take_config(&config, &etcd, &failure) ||
        etcd_run(&etcd, &failure))
        return failed(failure.text);
    return EXIT_DONE;
}
