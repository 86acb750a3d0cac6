#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/command/command.h"
#include "cwg/command/fleet.h"
#include "cwg/etcd/fleet/fleet.h"

/* Where an operator declares, and by which key. */
struct operator
{
    struct config config;
    struct client_settings settings;
    struct client client;
    struct sitekey key;
};

bool is_for_fleet(int argc, char *argv[])
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--etcd") == 0)
            return true;
    }
    return false;
}

static int open_operator(struct operator* operator, const char * config, const char *key,
                         struct failure *failure)
{
    const struct config_options options = {.file = config};
    const int found = sitekey_read(key, &operator->key, failure);

    if (found)
        return found < 0 ? -1 : fail(failure, "key", "there is no %.300s", key);
    return config_load(&options, &operator->config, failure) ||
                   client_settings_of(&operator->config, &operator->settings, failure) ||
                   client_open(&operator->client, &operator->settings, -1, failure) ||
                   client_authenticate(&operator->client, failure)
               ? -1
               : 0;
}

static int declare_all(struct operator* operator, char * names[], struct failure *failure)
{
    size_t links = 0;
    char *text = read_whole(names[0], failure);
    const int error =
        text ? fleet_declare(&operator->client, &operator->key, text, &links, failure) : -1;

    free(text);
    if (links > 0 || !error)
        (void)printf("declared: %zu link%s\n", links, links == 1 ? "" : "s");
    return error;
}

static int forget_all(struct operator* operator, char * names[], struct failure *failure)
{
    int result = 0;

    for (; *names && !result; names++) {
        result = fleet_forget(&operator->client, &operator->key, *names, failure);
        if (result > 0)
            fail(failure, "declare", "no link is declared by the name %.100s", *names);
    }
    return result;
}

int run_fleet(int argc, char *argv[])
{
    static const struct option options[] = {{"config", required_argument, NULL, 'f'},
                                            {"operator-key", required_argument, NULL, 'k'},
                                            {"etcd", no_argument, NULL, 'e'},
                                            {0}};
    static struct operator operator; /* it is large, and there is one */
    const bool declares = strcmp(argv[0], "declare") == 0;
    const char *config = NULL, *key = NULL;
    struct failure failure = {.text = ""};
    int found, error;

    while ((found = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (found == 'f')
            config = optarg;
        else if (found == 'k')
            key = optarg;
        else if (found != 'e')
            return wrong_option(argv[0], found);
    }
    if (!key)
        return wrong("--etcd needs --operator-key FILE");
    if (declares ? argc - optind != 1 : optind == argc)
        return wrong(declares ? "declare takes one file, or - for standard input"
                              : "forget takes the names of links");
    error = open_operator(&operator, config, key, &failure);
    if (!error)
        error = declares ? declare_all(&operator, argv + optind, &failure)
                         : forget_all(&operator, argv + optind, &failure);
    if (operator.client.settings)
        client_close(&operator.client);
    sitekey_close(&operator.key);
    return error ? failed(failure.text) : EXIT_DONE;
}
