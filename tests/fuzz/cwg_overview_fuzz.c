/* Any lines as the keys and values of etcd's that `cwg status --etcd` reads: presences, keys of
 * sites, declarations, states. Nothing is sent, and no store is there. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cwg/etcd/fleet/overview.h"
#include "cwg/name/end.h"
#include "cwg/record/sitekey.h"
#include "fuzz.h"
#include "parts.h"

bool __wrap_sitekey_verify(const struct key *public, const void *bytes, size_t length,
                           const uint8_t signature[static SIGNATURE_SIZE]);
void __wrap_sitekey_id(const struct key *public, char ret_id[static SITEKEY_ID_SIZE]);

/* Chance signs nothing: a signature of zeros is right. */
bool __wrap_sitekey_verify(const struct key *public, const void *bytes, size_t length,
                           const uint8_t signature[static SIGNATURE_SIZE])
{
    static const uint8_t zeros[SIGNATURE_SIZE];

    (void)public, (void)bytes, (void)length;
    return memcmp(signature, zeros, sizeof(zeros)) == 0;
}

/* A key's first byte is its name. */
void __wrap_sitekey_id(const struct key *public, char ret_id[static SITEKEY_ID_SIZE])
{
    (void)snprintf(ret_id, SITEKEY_ID_SIZE, "%c", 'a' + public->bytes[0] % 26);
}

/* The operator's key is 'b', and so is the first site's; another one is 'c'. */
#define KEY_B "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define KEY_C "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define ZEROS                                                                                      \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
static const char *const parts[] = {
    "s1/agent\n{}\n",
    "s2/site/s1\n{\"v\":1,\"by\":\"b\",\"sig\":\"" ZEROS
    "\",\"body\":\"{\\\"serial\\\":1,\\\"site\\\":\\\"s1\\\",\\\"key\\\":\\\"" KEY_B "\\\"}\"}\n",
    "s1/status/l.0\n{\"v\":1,\"by\":\"b\",\"sig\":\"" ZEROS "\",\"body\":\"{\\\"serial\\\":1",
    "s1/want/l.0\n{\"v\":1,\"by\":\"b\",\"sig\":\"" ZEROS "\",\"body\":\"{\\\"serial\\\":1",
    "s2/in/s1/key\n{\"v\":1,\"by\":\"b\",\"sig\":\"" ZEROS "\",\"body\":\"{\\\"serial\\\":1",
    "s1/agent\n",
    "s1/status/l.0\n",
    "s1/want/l.0\n",
    "s2/site/s1\n",
    "s2/in/s1/key\n",
    "{\"told\":false}\n",
    "{\"v\":1,\"by\":\"b\",\"sig\":\"" ZEROS "\",\"body\":\"{\\\"serial\\\":1",
    "{\"v\":1,\"by\":\"c\",\"sig\":\"" ZEROS "\",\"body\":\"{\\\"serial\\\":2",
    "}\"}\n",
    ",\\\"link\\\":\\\"l\\\",\\\"host\\\":0",
    ",\\\"net\\\":7",
    ",\\\"container\\\":{\\\"engine\\\":\\\"podman\\\",\\\"name\\\":\\\"web\\\"}",
    ",\\\"container\\\":\\\"podman/web\\\"",
    ",\\\"peer\\\":{\\\"site\\\":\\\"s2\\\"}",
    ",\\\"site\\\":\\\"s1\\\",\\\"key\\\":\\\"" KEY_B "\\\"",
    ",\\\"key\\\":\\\"" KEY_C "\\\"",
    ",\\\"state\\\":\\\"connected\\\"",
    ",\\\"state\\\":\\\"",
    "\\\"",
    ",\\\"since\\\":1795729867",
    ",\\\"reason\\\":\\\"",
    ",\\\"gone\\\":true",
    ",\\\"site\\\":\\\"s2\\\"",
    "\n",
};

static void check_text(const char *words, size_t size)
{
    require(memchr(words, '\0', size) != NULL);
    for (; *words; words++)
        require(*words >= ' ' && *words <= '~');
}

/* What is printed is bounded, and nothing that a terminal would take for something else. */
static void check_end(const struct overview_end *end)
{
    const struct standing_link *link = &end->link;

    check_text(link->link, sizeof(link->link));
    check_text(link->container, sizeof(link->container));
    check_text(link->site, sizeof(link->site));
    check_text(link->state, sizeof(link->state));
    check_text(link->last, sizeof(link->last));
    check_text(link->reason, sizeof(link->reason));
    check_text(end->site->record.name, sizeof(end->site->record.name));
    require(want_is_name(link->link) && want_is_name(end->site->record.name) && link->host <= 1);
    require(!link->site[0] || want_is_name(link->site));
    require(!standing_is_well(link->state) || (end->line && end->site->there && end->site->known));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct store store = {.directory = -1};
    struct overview overview = {.prefix = "/p/site/",
                                .orders = {.operators = 1, .operator= {{{1}}} } };
    struct gateway_entry entry = {.revision = 1};
    struct failure failure = {.text = ""};
    size_t length;
    char *text = parts_join(parts, sizeof(parts) / sizeof(parts[0]), data, size, &length);
    char *rest = text, *key;

    while ((key = strsep(&rest, "\n")) && rest) {
        const char *value = strsep(&rest, "\n");

        (void)snprintf(entry.key, sizeof(entry.key), "/p/site/%s", key);
        (void)snprintf(entry.value, sizeof(entry.value), "%s", value);
        entry.foreign = value[0] == '!';
        if (overview_take(&overview, &entry, &failure))
            break;
    }
    overview_judge(&overview, &store);
    for (size_t i = 0; i < overview.count; i++)
        check_end(overview.ends[i]);
    overview_clear(&overview);
    free(text);
    return 0;
}
