/* Any bytes as an agent's settings. What is read can be used without another look: texts end within
 * their arrays, paths are absolute, counts are in bounds. What isn't read has a line and a reason,
 * and changes nothing. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/agent/settings/config.h"
#include "cwg/container/labels.h"
#include "fuzz.h"
#include "parts.h"

static bool is_path(const char *text, size_t size)
{
    return strnlen(text, size) < size && (!text[0] || text[0] == '/');
}

static void check(const struct config *config)
{
    require(!config->site[0] || want_is_name(config->site));
    require(is_path(config->state, sizeof(config->state)));
    require(is_path(config->helper, sizeof(config->helper)));
    require(is_path(config->metrics, sizeof(config->metrics)) ||
            strncmp(config->metrics, "127.0.0.1:", 10) == 0 ||
            strncmp(config->metrics, "[::1]:", 6) == 0);
    require(is_path(config->etcd_prefix, sizeof(config->etcd_prefix)));
    require(is_path(config->etcd_ca, sizeof(config->etcd_ca)));
    require(is_path(config->etcd_cert, sizeof(config->etcd_cert)));
    require(is_path(config->etcd_key, sizeof(config->etcd_key)));
    require(is_path(config->etcd_password, sizeof(config->etcd_password)));
    require(!config->etcd_cert[0] == !config->etcd_key[0]);
    require(!config->etcd_user[0] == !config->etcd_password[0]);
    require(config->endpoints >= 0 && config->endpoints <= NEWS_ENDPOINTS_MAX);
    require(!config->endpoint_none || config->endpoints == 0);
    for (int i = 0; i < config->endpoints; i++)
        require(config->endpoint[i].port != 0);
    require(config->etcds >= 0 && config->etcds <= CONFIG_URLS_MAX);
    for (int i = 0; i < config->etcds; i++)
        require(strncmp(config->etcd[i], "http", 4) == 0 &&
                strnlen(config->etcd[i], CONFIG_URL_SIZE) < CONFIG_URL_SIZE);
    require(config->etcds > 0 || (!config->etcd_ca[0] && config->signers == 0));
    require(config->signers >= 0 && config->signers <= CONFIG_SIGNERS_MAX);
    for (int i = 0; i < config->signers; i++)
        require(want_is_name(config->signer[i].name));
    require(config->labels >= 0 && config->labels <= CONFIG_LABELS_MAX);
    for (int i = 0; i < config->labels; i++)
        require(labels_may(config->label[i]));
}

static void parse(const char *data, size_t size)
{
    struct failure failure = {.text = ""};
    struct config config, before;
    char *text = malloc(size ? size : 1);

    require(text);
    memcpy(text, data, size);
    memset(&config, 'x', sizeof(config));
    before = config;
    if (config_parse(text, size, "file", &config, &failure) == 0) {
        check(&config);
    } else {
        require(memcmp(&config, &before, sizeof(config)) == 0);
        require(strncmp(failure.text, "file:", 5) == 0 && atoi(failure.text + 5) > 0);
    }
    free(text);
}

static const char *const parts[] = {
    "site ",
    "state /",
    "helper /",
    "endpoint ",
    "endpoint none\n",
    "metrics ",
    "127.0.0.1:",
    "etcd http://a ",
    "https://b ",
    "etcd-prefix /",
    "etcd-ca /",
    "etcd-cert /",
    "etcd-key /",
    "etcd-user ",
    "etcd-password /",
    "operator ",
    "labels podman docker\n",
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    "192.0.2.",
    "2001:db8::",
    "\n",
    "#",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t length;
    char *text = parts_join(parts, sizeof(parts) / sizeof(parts[0]), data, size, &length);

    parse(text, length);
    free(text);
    return 0;
}
