/* `cwg join`: the options. */
#include "cwg/join/join.h"

#include <getopt.h>
#include <string.h>

#include "cwg/command/command.h"
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
    case 'j':
        options->json = true;
        return 0;
    default:
        return wrong_option("join", option);
    }
}

int run_join(int argc, char *argv[])
{
    static const struct option known[] = {
        {"net", required_argument, NULL, 'n'},      {"port", required_argument, NULL, 'p'},
        {"endpoint", required_argument, NULL, 'e'}, {"nat", required_argument, NULL, 'N'},
        {"mtu", required_argument, NULL, 'm'},      {"psk", no_argument, NULL, 'k'},
        {"json", no_argument, NULL, 'j'},           {NULL, 0, NULL, 0},
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
    return join(&options);
}
