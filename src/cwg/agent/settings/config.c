#include "cwg/agent/settings/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cwg/agent/loop/metrics.h"
#include "cwg/container/labels.h"
#include "link/address.h"
#include "link/decimal.h"

#define DIGITS  "0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

enum {
    LINE_MAX_SIZE = 4096,
    WORDS_MAX = CONFIG_URLS_MAX + 2, /* one more than any line may have */
};

enum word {
    SITE,
    STATE,
    HELPER,
    ENDPOINT,
    METRICS,
    ETCD,
    ETCD_PREFIX,
    ETCD_CA,
    ETCD_CERT,
    ETCD_KEY,
    ETCD_USER,
    ETCD_PASSWORD,
    OPERATOR,
    LABELS,
    WORDS,
};

/* A line, in words. */
struct reading {
    const char *name; /* the file's */
    unsigned int line;
    char *word[WORDS_MAX];
    int words;
    unsigned int seen[WORDS]; /* the line of each word; 0: not given */
    struct config *config;
    struct failure *failure;
};

static int __attribute__((format(printf, 2, 3)))
wrong(const struct reading *reading, const char *format, ...)
{
    char text[FAILURE_TEXT_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    return fail(reading->failure, "config", "%.300s:%u: %s", reading->name, reading->line, text);
}

/* Copies a value. The setters below have looked at it. */
static int set_text(const struct reading *reading, char *ret_text, size_t size)
{
    if (strlen(reading->word[1]) >= size)
        return wrong(reading, "the value of %s is longer than %zu characters", reading->word[0],
                     size - 1);
    (void)snprintf(ret_text, size, "%s", reading->word[1]);
    return 0;
}

/* Paths are absolute: an agent has no directory that people would expect it to be in. */
static int set_path(const struct reading *reading, char *ret_path, size_t size)
{
    if (reading->word[1][0] != '/')
        return wrong(reading, "%s takes an absolute path", reading->word[0]);
    return set_text(reading, ret_path, size);
}

static int set_site(const struct reading *reading)
{
    if (!want_is_site(reading->word[1]))
        return wrong(reading, "site takes a name: letters, digits, '_', '.' and '-', and not etcd");
    return set_text(reading, reading->config->site, sizeof(reading->config->site));
}

static int set_endpoint(const struct reading *reading)
{
    struct config *config = reading->config;
    const char *address = reading->word[1];
    struct endpoint *endpoint = &config->endpoint[config->endpoints];
    char text[ENDPOINT_TEXT_SIZE];

    if (config->endpoint_none || (strcmp(address, "none") == 0 && config->endpoints > 0))
        return wrong(reading, "\"endpoint none\" stands alone: remove it, or the addresses");
    if (strcmp(address, "none") == 0) {
        config->endpoint_none = true;
        return 0;
    }
    if (config->endpoints == NEWS_ENDPOINTS_MAX)
        return wrong(reading, "there are more than %d endpoints", NEWS_ENDPOINTS_MAX);
    if (snprintf(text, sizeof(text), strchr(address, ':') ? "[%s]:1" : "%s:1", address) >=
            (int)sizeof(text) ||
        endpoint_parse(text, endpoint) != ENDPOINT_GOOD)
        return wrong(reading, "endpoint takes an IPv4 or IPv6 address of one machine, without a "
                              "port, or none");
    for (int i = 0; i < config->endpoints; i++) {
        if (news_same_place(&config->endpoint[i], endpoint))
            return wrong(reading, "this endpoint is there already");
    }
    config->endpoints++;
    return 0;
}

static int set_metrics(const struct reading *reading)
{
    struct failure failure;

    if (metrics_check(reading->word[1], &failure))
        return wrong(reading, "metrics takes the absolute path of a socket, 127.0.0.1:PORT or "
                              "[::1]:PORT");
    return set_text(reading, reading->config->metrics, sizeof(reading->config->metrics));
}

/* http[s]://HOST[:PORT], and no user, path or query. */
static bool is_url(const char *text)
{
    const size_t scheme = strncmp(text, "https://", 8) == 0  ? 8
                          : strncmp(text, "http://", 7) == 0 ? 7
                                                             : 0;
    const char *host = text + scheme;

    return scheme > 0 && host[0] && host[0] != ':' &&
           host[strspn(host, LETTERS DIGITS ".-:[]")] == '\0';
}

static int set_etcd(const struct reading *reading)
{
    struct config *config = reading->config;

    for (int i = 1; i < reading->words; i++) {
        const char *url = reading->word[i];

        if (!is_url(url) || strlen(url) >= CONFIG_URL_SIZE)
            return wrong(reading, "etcd takes URLs such as https://etcd.example:2379");
        if (config->etcds == CONFIG_URLS_MAX)
            return wrong(reading, "there are more than %d URLs", CONFIG_URLS_MAX);
        (void)snprintf(config->etcd[config->etcds++], CONFIG_URL_SIZE, "%s", url);
    }
    return 0;
}

static int set_prefix(const struct reading *reading)
{
    const char *value = reading->word[1];
    const size_t length = strlen(value);

    if (value[0] != '/' || length < 2 || value[length - 1] == '/' || strstr(value, "//") ||
        value[strspn(value, LETTERS DIGITS "/._-")] != '\0')
        return wrong(reading, "etcd-prefix takes a path of letters, digits, '.', '_' and '-', such "
                              "as /cwg/v1");
    return set_text(reading, reading->config->etcd_prefix, sizeof(reading->config->etcd_prefix));
}

static int set_operator(const struct reading *reading)
{
    struct config *config = reading->config;
    struct config_signer *signer = &config->signer[config->signers];

    if (config->signers == CONFIG_SIGNERS_MAX)
        return wrong(reading, "there are more than %d operators", CONFIG_SIGNERS_MAX);
    if (!want_is_name(reading->word[1]))
        return wrong(reading, "operator takes a name: letters, digits, '_', '.' and '-'");
    if (key_from_text(reading->word[2], &signer->key))
        return wrong(reading, "operator takes a public key of 44 characters, as cwg keys prints "
                              "it");
    for (int i = 0; i < config->signers; i++) {
        if (strcmp(config->signer[i].name, reading->word[1]) == 0)
            return wrong(reading, "this operator is there already");
    }
    (void)snprintf(signer->name, sizeof(signer->name), "%.63s", reading->word[1]);
    config->signers++;
    return 0;
}

static int set_labels(const struct reading *reading)
{
    struct config *config = reading->config;

    for (int i = 1; i < reading->words; i++) {
        const char *engine = reading->word[i];

        if (!labels_may(engine))
            return wrong(reading, "labels takes engines whose containers have labels: podman, "
                                  "docker; or networks");
        for (int j = 0; j < config->labels; j++) {
            if (strcmp(config->label[j], engine) == 0)
                return wrong(reading, "%s stands there already", engine);
        }
        (void)snprintf(config->label[config->labels++], END_ENGINE_SIZE, "%s", engine);
    }
    return 0;
}

/* What a line may begin with. */
static const struct {
    const char *word;
    int values; /* 0: one or more */
    bool often; /* it may be given more than once */
} words[WORDS] = {
    [SITE] = {"site", 1, false},
    [STATE] = {"state", 1, false},
    [HELPER] = {"helper", 1, false},
    [ENDPOINT] = {"endpoint", 1, true},
    [METRICS] = {"metrics", 1, false},
    [ETCD] = {"etcd", 0, false},
    [ETCD_PREFIX] = {"etcd-prefix", 1, false},
    [ETCD_CA] = {"etcd-ca", 1, false},
    [ETCD_CERT] = {"etcd-cert", 1, false},
    [ETCD_KEY] = {"etcd-key", 1, false},
    [ETCD_USER] = {"etcd-user", 1, false},
    [ETCD_PASSWORD] = {"etcd-password", 1, false},
    [OPERATOR] = {"operator", 2, true},
    [LABELS] = {"labels", 0, false},
};

static int set(const struct reading *reading, enum word word)
{
    struct config *config = reading->config;

    switch (word) {
    case SITE:
        return set_site(reading);
    case STATE:
        return set_path(reading, config->state, sizeof(config->state));
    case HELPER:
        return set_path(reading, config->helper, sizeof(config->helper));
    case ENDPOINT:
        return set_endpoint(reading);
    case METRICS:
        return set_metrics(reading);
    case ETCD:
        return set_etcd(reading);
    case ETCD_PREFIX:
        return set_prefix(reading);
    case ETCD_CA:
        return set_path(reading, config->etcd_ca, sizeof(config->etcd_ca));
    case ETCD_CERT:
        return set_path(reading, config->etcd_cert, sizeof(config->etcd_cert));
    case ETCD_KEY:
        return set_path(reading, config->etcd_key, sizeof(config->etcd_key));
    case ETCD_USER:
        return set_text(reading, config->etcd_user, sizeof(config->etcd_user));
    case ETCD_PASSWORD:
        return set_path(reading, config->etcd_password, sizeof(config->etcd_password));
    case OPERATOR:
        return set_operator(reading);
    default:
        return set_labels(reading);
    }
}

/* Cuts a line into its words, up to a comment. */
static int split(struct reading *reading, char *line)
{
    static const char blanks[] = " \t";

    reading->words = 0;
    for (char *next = line + strspn(line, blanks); *next && *next != '#';
         next += strspn(next, blanks)) {
        if (reading->words == WORDS_MAX)
            return wrong(reading, "too many words");
        reading->word[reading->words++] = next;
        next += strcspn(next, blanks);
        if (*next)
            *next++ = '\0';
    }
    return 0;
}

static int read_line(struct reading *reading, char *line)
{
    enum word word = SITE;

    for (const char *byte = line; *byte; byte++) {
        if ((*byte < ' ' || *byte > '~') && *byte != '\t')
            return wrong(reading, "a character that isn't printable ASCII");
    }
    if (split(reading, line))
        return -1;
    if (reading->words == 0)
        return 0;
    while (word < WORDS && strcmp(words[word].word, reading->word[0]) != 0)
        word++;
    if (word == WORDS)
        return wrong(reading, "no setting is called %.32s: cwg.conf(5) lists all",
                     reading->word[0]);
    if (words[word].values ? reading->words != words[word].values + 1 : reading->words < 2)
        return wrong(reading, "%s takes %s", words[word].word,
                     words[word].values == 1   ? "one value"
                     : words[word].values == 2 ? "two values"
                                               : "one value or more");
    if (reading->seen[word] && !words[word].often)
        return wrong(reading, "%s stands in line %u already", words[word].word,
                     reading->seen[word]);
    reading->seen[word] = reading->line;
    return set(reading, word);
}

/* One setting without the other is a mistake. */
static int needs(struct reading *reading, enum word given, enum word needed)
{
    if (!reading->seen[given] || reading->seen[needed])
        return 0;
    reading->line = reading->seen[given];
    return wrong(reading, "%s needs %s, too", words[given].word, words[needed].word);
}

static int check_pairs(struct reading *reading)
{
    static const enum word pairs[][2] = {
        {ETCD_PREFIX, ETCD},        {ETCD_CA, ETCD},           {ETCD_CERT, ETCD},
        {ETCD_KEY, ETCD},           {ETCD_USER, ETCD},         {ETCD_PASSWORD, ETCD},
        {OPERATOR, ETCD},           {ETCD_CERT, ETCD_KEY},     {ETCD_KEY, ETCD_CERT},
        {ETCD_USER, ETCD_PASSWORD}, {ETCD_PASSWORD, ETCD_USER}};

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        if (needs(reading, pairs[i][0], pairs[i][1]))
            return -1;
    }
    return 0;
}

int config_parse(const char *text, size_t length, const char *name, struct config *ret_config,
                 struct failure *failure)
{
    struct config config = {.site = ""};
    struct reading reading = {.name = name, .config = &config, .failure = failure};
    const char *end = text + length;
    char line[LINE_MAX_SIZE];

    while (text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const size_t size = (size_t)((newline ? newline : end) - text);

        reading.line++;
        if (size >= sizeof(line))
            return wrong(&reading, "the line is longer than %d characters", LINE_MAX_SIZE - 1);
        memcpy(line, text, size);
        line[size] = '\0';
        if (strlen(line) != size)
            return wrong(&reading, "a character that isn't printable ASCII");
        if (read_line(&reading, line))
            return -1;
        text += size + 1;
    }
    if (check_pairs(&reading))
        return -1;
    *ret_config = config;
    return 0;
}

const char *config_take(struct config *config, const struct config *fresh)
{
    const struct {
        const char *word;
        const void *old, *new;
        size_t size;
    } kept[] = {
        {"site", config->site, fresh->site, sizeof(config->site)},
        {"state", config->state, fresh->state, sizeof(config->state)},
        {"helper", config->helper, fresh->helper, sizeof(config->helper)},
        {"metrics", config->metrics, fresh->metrics, sizeof(config->metrics)},
        {"etcd", config->etcd, fresh->etcd, sizeof(config->etcd)},
        {"etcd-prefix", config->etcd_prefix, fresh->etcd_prefix, sizeof(config->etcd_prefix)},
        {"etcd-ca", config->etcd_ca, fresh->etcd_ca, sizeof(config->etcd_ca)},
        {"etcd-cert", config->etcd_cert, fresh->etcd_cert, sizeof(config->etcd_cert)},
        {"etcd-key", config->etcd_key, fresh->etcd_key, sizeof(config->etcd_key)},
        {"etcd-user", config->etcd_user, fresh->etcd_user, sizeof(config->etcd_user)},
        {"etcd-password", config->etcd_password, fresh->etcd_password,
         sizeof(config->etcd_password)},
    };

    memcpy(config->endpoint, fresh->endpoint, sizeof(config->endpoint));
    config->endpoints = fresh->endpoints;
    config->endpoint_none = fresh->endpoint_none;
    memcpy(config->signer, fresh->signer, sizeof(config->signer));
    config->signers = fresh->signers;
    memcpy(config->label, fresh->label, sizeof(config->label));
    config->labels = fresh->labels;
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (memcmp(kept[i].old, kept[i].new, kept[i].size) != 0)
            return kept[i].word;
    }
    return NULL;
}
