#include "cwg/join/candidates.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

static struct addresses list(const char *const *texts)
{
    struct addresses addresses = {.count = 0};

    for (; *texts; texts++)
        addresses_add(&addresses, *texts);
    return addresses;
}

static struct site *new_site(const char *host, const char *const *addresses)
{
    struct site *site = calloc(1, sizeof(*site));

    if (!site)
        unit_trouble("calloc");
    (void)snprintf(site->host, sizeof(site->host), "%s", host);
    site->addresses = list(addresses);
    return site;
}

static void expect_candidates(const struct addresses *found, const char *const *expected)
{
    int count = 0;

    for (; expected[count]; count++)
        expect(count < found->count && strcmp(found->text[count], expected[count]) == 0,
               "candidate %d is %s, not %s", count,
               count < found->count ? found->text[count] : "none", expected[count]);
    expect(found->count == count, "%d candidates, not %d", found->count, count);
}

TEST(the_route_counts_before_ssh_and_ssh_before_the_rest)
{
    struct site *here = new_site("", TEXTS("10.0.0.1", "192.0.2.1", "198.51.100.1"));
    struct site *there = new_site("there", TEXTS("10.88.0.1", "192.0.2.2", "198.51.100.2"));
    const struct addresses here_sources = list(TEXTS("192.0.2.1"));
    const struct addresses there_sources = list(TEXTS("192.0.2.2"));
    struct addresses found;

    (void)snprintf(there->ssh_client, ADDRESS_SIZE, "198.51.100.1");
    (void)snprintf(there->ssh_server, ADDRESS_SIZE, "198.51.100.2");
    candidates_find(here, there, &here_sources, &found);
    expect_candidates(&found, TEXTS("192.0.2.1", "198.51.100.1", "10.0.0.1"));
    candidates_find(there, here, &there_sources, &found);
    expect_candidates(&found, TEXTS("192.0.2.2", "198.51.100.2", "10.88.0.1"));
    free(here);
    free(there);
}

TEST(an_address_that_is_not_the_machines_own_is_no_candidate)
{
    struct site *here = new_site("", TEXTS("192.0.2.1"));
    struct site *there = new_site("there", TEXTS("192.0.2.2"));
    const struct addresses claimed = list(TEXTS("203.0.113.66"));
    struct addresses found;

    (void)snprintf(there->ssh_client, ADDRESS_SIZE, "203.0.113.67");
    candidates_find(here, there, &claimed, &found);
    expect_candidates(&found, TEXTS("192.0.2.1"));
    free(here);
    free(there);
}

TEST(a_family_that_the_other_machine_lacks_is_left_out)
{
    struct site *here = new_site("", TEXTS("2001:db8::1", "192.0.2.1"));
    struct site *there = new_site("there", TEXTS("2001:db8::2"));
    const struct addresses none = {.count = 0};
    struct addresses found;

    candidates_find(here, there, &none, &found);
    expect_candidates(&found, TEXTS("2001:db8::1"));
    free(here);
    free(there);
}

TEST(there_are_four_candidates_at_most)
{
    struct site *here =
        new_site("", TEXTS("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"));
    struct site *there = new_site("there", TEXTS("10.0.0.9"));
    const struct addresses none = {.count = 0};
    struct addresses found;

    candidates_find(here, there, &none, &found);
    expect_candidates(&found, TEXTS("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"));
    free(here);
    free(there);
}

TEST(two_ends_of_one_machine_need_no_network)
{
    struct site *here = new_site("", TEXTS("192.0.2.1", "10.0.0.1"));
    struct site *alone = new_site("", TEXTS(NULL));
    const struct addresses none = {.count = 0};
    struct addresses found;

    candidates_find(here, here, &none, &found);
    expect_candidates(&found, TEXTS("192.0.2.1"));
    candidates_find(alone, alone, &none, &found);
    expect_candidates(&found, TEXTS("127.0.0.1"));
    free(here);
    free(alone);
}

TEST(a_machine_that_is_seen_at_another_address_is_behind_a_nat)
{
    static const struct {
        const char *client;  /* this machine's address as the other one sees it */
        const char *dialled; /* the other's address as this machine dials it */
        bool proxied, here, there;
    } cases[] = {
        {"192.168.1.5", "203.0.113.9", false, false, false},
        {"198.51.100.7", "203.0.113.9", false, true, false},
        {"192.168.1.5", "198.51.100.8", false, false, true},
        {"198.51.100.7", "198.51.100.8", false, true, true},
        /* a jump host's addresses tell nothing */
        {"198.51.100.7", "198.51.100.8", true, false, false},
        /* ssh to a namespace of this machine */
        {"127.0.0.1", "127.0.0.1", false, false, false},
        {"::1", "::1", false, false, false},
        {"", "", false, false, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct site *here = new_site("", TEXTS("192.168.1.5"));
        struct site *there = new_site("there", TEXTS("203.0.113.9"));
        struct dialled dialled = {.proxied = cases[i].proxied};

        (void)snprintf(there->ssh_client, ADDRESS_SIZE, "%s", cases[i].client);
        if (cases[i].dialled[0])
            addresses_add(&dialled.addresses, cases[i].dialled);
        expect(candidates_behind_nat(here, there, &dialled) == cases[i].here, "case %zu: here", i);
        expect(candidates_behind_nat(there, here, &dialled) == cases[i].there, "case %zu: there",
               i);
        free(here);
        free(there);
    }
}
