/* `cwg join`: the options. */
#include "cwg/join/join.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cwg/command/command.h"
#include "cwg/store/want.h"
#include "link/decimal.h"
#include "link/link.h"

enum {
    PORT_MAX = 65535,
    MTU_MIN = 576,
    MTU_MAX = 65455,
};

/* "A", or "A,B": one for each end. Returns 0, or -1. */
static int parse_ports(char *text, uint16_t port[2])
{
    for (int i = 0; i < 2 && text; i++) {
        const char *part = strsep(&text, ",");
        uint32_t number;

        if (decimal_parse(part, PORT_MAX, &number))
            return -1;
        port[i] = (uint16_t)number;
    }
    return text ? -1 : 0;
}

static int parse_endpoints(char *text, char endpoint[2][ADDRESS_SIZE])
{
    for (int i = 0; i < 2 && text; i++) {
        const char *part = strsep(&text, ",");

        if (strcmp(part, "-") != 0 && addresses_canonical(part, endpoint[i]))
            return -1;
    }
    return text ? -1 : 0;
}

static int take_option(int option, char *value, struct join_options *options)
{
    uint32_t number;

    switch (option) {
    case 'n':
        options->has_net = true;
        return decimal_parse(value, LINK_NET_MAX, &options->net)
                   ? wrong("--net: must be a number from 0 to 8388607")
                   : 0;
    case 'p':
        return parse_ports(value, options->port)
                   ? wrong("--port: must be a UDP port, or two with a comma between them; 0 is any")
                   : 0;
    case 'e':
        return parse_endpoints(value, options->endpoint)
                   ? wrong("--endpoint: must be an IP address, or two with a comma between them; - "
                           "leaves one to be found")
                   : 0;
    case 'N':
        if (decimal_parse(value, 2, &number) || number == 0)
            return wrong("--nat: must be 1 or 2, the end that is behind a NAT");
        options->nat = (int)number;
        return 0;
    case 'm':
        if (decimal_parse(value, MTU_MAX, &number) || number < MTU_MIN)
            return wrong("--mtu: must be a number of bytes from 576 to 65455");
        options->mtu = (int)number;
        return 0;
    case 'k':
        options->psk = true;
        return 0;
    case 'K':
        options->keep = true;
        if (value && !want_is_name(value))
            return wrong("--keep: the link's name has to be of letters, digits, '_', '.' and '-'");
        (void)snprintf(options->link, sizeof(options->link), "%s", value ? value : "");
        return 0;
    case 'j':
        options->json = true;
        return 0;
    default:
        return wrong_option("join", option);
    }
}

/* An agent makes a link anew by what it knows of it. */
static int check_keep(const struct join_options *options, struct failure *failure)
{
    const char *host[2] = {options->end[0].host, options->end[1].host};

    for (int i = 0; i < 2; i++) {
        if (strcmp(options->end[i].engine, "pid") == 0)
            return fail(failure, "usage", "--keep: a pid ends with its process: name a container");
    }
    if (options->psk)
        return fail(failure, "usage",
                    "--keep: nobody would know the preshared key of --psk for the next link");
    if (host[0][0] && host[1][0] && strcmp(host[0], host[1]) != 0)
        return fail(
            failure, "usage",
            "--keep: one of the ends has to be on this machine, whose agent calls the other "
            "one's: call cwg join there");
    return 0;
}

int run_join(int argc, char *argv[])
{
    static const struct option known[] = {
        {"net", required_argument, NULL, 'n'},
        {"port", required_argument, NULL, 'p'},
        {"endpoint", required_argument, NULL, 'e'},
        {"nat", required_argument, NULL, 'N'},
        {"mtu", required_argument, NULL, 'm'},
        {"psk", no_argument, NULL, 'k'},
        {"keep", optional_argument, NULL, 'K'},
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    static const char *const which[] = {"the first END", "the second END"};
    struct join_options options = {.json = false};
    struct failure failure = {.text = ""};
    int option;

    while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        int status = take_option(option, optarg, &options);

        if (status)
            return status;
    }
    if (argc - optind != 2)
        return wrong("join takes two ends, each [[USER@]HOST:][ENGINE/]NAME");
    for (int i = 0; i < 2; i++) {
        if (end_parse(argv[optind + i], which[i], &options.end[i], &failure))
            return wrong(failure.text);
    }
    if (options.keep && check_keep(&options, &failure))
        return wrong(failure.text);
    return join(&options);
}
