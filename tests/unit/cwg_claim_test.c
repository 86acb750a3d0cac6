/* Which of the ends that labels claim hold. */
#include "cwg/agent/ends/claim.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

static struct site_record site = {.name = "s2"};
static const struct trust trust = {.sites = &site, .count = 1};

static struct want want(const char *link, uint32_t net, uint32_t host, const char *container)
{
    struct want want = {.net = net, .host = host, .keepalive = WANT_KEEPALIVE};

    (void)snprintf(want.link, sizeof(want.link), "%s", link);
    (void)snprintf(want.engine, sizeof(want.engine), "podman");
    (void)snprintf(want.name, sizeof(want.name), "%s", container);
    (void)snprintf(want.site, sizeof(want.site), "s2");
    return want;
}

/* A claim that stands alone beside one end. */
static struct claim beside(const struct want *claimed, const struct want *there, bool labelled)
{
    struct agent_end end = {.want = *there, .labelled = labelled};
    struct agent_end *ends = &end;
    struct claim claim = {.want = *claimed};

    claims_judge(&claim, 1, &ends, 1, &trust);
    return claim;
}

TEST(a_claim_beside_an_end_that_is_there)
{
    const struct want claimed = want("web-db", 7, 0, "web");
    const struct {
        struct want there;
        bool of_store, of_label; /* does it hold beside such an end? */
        const char *reason;      /* beside one of the store */
    } cases[] = {
        {want("other", 8, 0, "web"), true, true, ""},
        {want("web-db", 7, 1, "web"), true, true, ""},
        /* The same end: of the store, or of the same container. */
        {want("web-db", 7, 0, "web"), false, true, ""},
        {want("web-db", 8, 0, "web"), false, true,
         "podman/web has link web-db, of net 8, by what the store declares"},
        {want("web-db", 7, 0, "db"), false, false,
         "podman/db has link web-db, of net 7, by what the store declares"},
        /* The net, or the name, of another link. */
        {want("other", 7, 0, "web"), false, false,
         "podman/web has link other, of net 7, by what the store declares"},
        {want("other", 7, 1, "db"), false, false,
         "podman/db has link other, of net 7, by what the store declares"},
        {want("web-db", 8, 1, "web"), false, false,
         "podman/web has link web-db, of net 8, by what the store declares"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct claim claim = beside(&claimed, &cases[i].there, false);

        expect(claim.holds == cases[i].of_store && strcmp(claim.reason, cases[i].reason) == 0,
               "%zu: %d %s", i, claim.holds, claim.reason);
        claim = beside(&claimed, &cases[i].there, true);
        expect(claim.holds == cases[i].of_label, "%zu: %d %s", i, claim.holds, claim.reason);
        expect(claim.holds || strstr(claim.reason, "by its label"), "%zu: %s", i, claim.reason);
    }
}

TEST(a_container_of_the_same_name_at_another_engine_is_another_one)
{
    const struct want claimed = want("web-db", 7, 0, "web");
    struct want there = claimed;
    struct claim claim;

    (void)snprintf(there.engine, sizeof(there.engine), "docker");
    claim = beside(&claimed, &there, true);
    expect(!claim.holds &&
               strcmp(claim.reason,
                      "docker/web has link web-db, of net 7, by its label or network") == 0,
           "%s", claim.reason);
}

TEST(an_end_whose_engine_the_store_leaves_open_is_named_without_one)
{
    const struct want claimed = want("web-db", 7, 0, "web");
    struct want there = want("web-db", 7, 0, "db");
    struct claim claim;

    there.engine[0] = '\0';
    claim = beside(&claimed, &there, false);
    expect(strcmp(claim.reason, "db has link web-db, of net 7, by what the store declares") == 0,
           "%s", claim.reason);
}

TEST(an_end_that_no_label_declares_any_more_is_in_nobody_s_way)
{
    struct agent_end end = {.want = want("web-db", 7, 0, "db"), .labelled = true, .missing = 1};
    struct agent_end *ends = &end;
    struct claim claim = {.want = want("web-db", 7, 0, "web")};

    claims_judge(&claim, 1, &ends, 1, &trust);
    expect(claim.holds && !claim.held, "%s", claim.reason);
    end.labelled = false;
    claims_judge(&claim, 1, &ends, 1, &trust);
    expect(!claim.holds, "the store's end was missed for a moment");
}

TEST(the_other_site_has_to_be_known)
{
    struct claim claim = {.want = want("web-db", 7, 0, "web")};

    (void)snprintf(claim.want.site, sizeof(claim.want.site), "s3");
    claims_judge(&claim, 1, NULL, 0, &trust);
    expect(!claim.holds && strcmp(claim.reason, "site s3 isn't known here: declare it") == 0, "%s",
           claim.reason);
}

TEST(without_its_image_or_site_a_container_keeps_just_what_it_has)
{
    struct agent_end end = {.want = want("web-db", 7, 0, "web"), .labelled = true};
    struct agent_end *ends = &end;
    struct claim claims[] = {{.want = want("web-db", 7, 0, "web"), .unproven = true},
                             {.want = want("third", 9, 0, "web"), .unproven = true}};
    const struct trust nobody = {.count = 0};

    claims_judge(claims, COUNT(claims), &ends, 1, &trust);
    expect(claims[0].holds && claims[0].held, "%s", claims[0].reason);
    expect(!claims[1].holds && strcmp(claims[1].reason, "its image can't be looked at") == 0, "%s",
           claims[1].reason);
    claims[0].unproven = claims[1].unproven = false;
    claims_judge(claims, COUNT(claims), &ends, 1, &nobody);
    expect(claims[0].holds && claims[0].held && !claims[1].holds, "%s", claims[0].reason);
    claims[0].want.port = 51801;
    claims_judge(claims, COUNT(claims), &ends, 1, &nobody);
    expect(!claims[0].holds, "it has got another port");
    end.labelled = false;
    claims[0] = (struct claim){.want = end.want, .unproven = true};
    claims_judge(claims, 1, &ends, 1, &trust);
    expect(!claims[0].holds && strcmp(claims[0].reason, "its image can't be looked at") == 0,
           "it takes the store's end: %s", claims[0].reason);
}

TEST(of_two_that_claim_the_same_neither_gets_it_and_one_that_has_it_keeps_it)
{
    struct agent_end end = {.want = want("web-db", 7, 0, "web"), .labelled = true};
    struct agent_end *ends = &end;
    struct claim claims[] = {{.want = want("web-db", 7, 0, "web")},
                             {.want = want("web-db", 7, 0, "evil")},
                             {.want = want("third", 9, 0, "evil")}};

    claims_judge(claims, COUNT(claims), NULL, 0, &trust);
    expect(!claims[0].holds && !claims[1].holds && claims[2].holds, "%d %d %d", claims[0].holds,
           claims[1].holds, claims[2].holds);
    expect(strcmp(claims[0].reason, "the label of podman/evil claims link web-db, of net 7, too") ==
               0,
           "%s", claims[0].reason);
    claims[1].by_network = true;
    claims_judge(claims, COUNT(claims), NULL, 0, &trust);
    expect(strcmp(claims[0].reason, "a network of podman/evil claims link web-db, of net 7, too") ==
               0,
           "%s", claims[0].reason);
    expect(strcmp(claims[1].reason, "the label of podman/web claims link web-db, of net 7, too") ==
               0,
           "%s", claims[1].reason);
    claims_judge(claims, COUNT(claims), &ends, 1, &trust);
    expect(claims[0].holds && claims[0].held && !claims[1].holds && claims[2].holds, "%d %d %d",
           claims[0].holds, claims[1].holds, claims[2].holds);
    expect(!claims[0].reason[0], "%s", claims[0].reason);
    /* What can't be anyway takes nothing from anybody. */
    (void)snprintf(claims[1].want.site, sizeof(claims[1].want.site), "s3");
    claims_judge(claims, COUNT(claims), NULL, 0, &trust);
    expect(claims[0].holds && !claims[0].held && !claims[1].holds, "%s", claims[0].reason);
}

/* Each has an end, and the labels of both say something new: another net, or two things at once. */
TEST(two_that_have_ends_and_claim_the_same_net_both_get_nothing)
{
    struct agent_end web = {.want = want("web-db", 7, 0, "web"), .labelled = true};
    struct agent_end mail = {.want = want("mail", 8, 0, "mail"), .labelled = true};
    struct agent_end *ends[] = {&web, &mail};
    struct claim claims[] = {{.want = want("web-db", 9, 0, "web")},
                             {.want = want("mail", 9, 0, "mail")}};

    claims_judge(claims, COUNT(claims), ends, COUNT(ends), &trust);
    expect(!claims[0].holds && !claims[1].holds, "%d %d", claims[0].holds, claims[1].holds);
    claims[1].want = want("web-db", 9, 0, "web");
    claims[1].want.port = 51801;
    claims_judge(claims, COUNT(claims), ends, COUNT(ends), &trust);
    expect(!claims[0].holds && !claims[1].holds, "%d %d", claims[0].holds, claims[1].holds);
}

/* A container whose label says another net than before has the end still, and not the net yet. */
TEST(a_container_that_comes_back_with_another_net_takes_no_net_of_others)
{
    struct agent_end web = {.want = want("web-db", 7, 0, "web"), .labelled = true};
    struct agent_end mail = {.want = want("mail", 9, 0, "mail"), .labelled = true};
    struct agent_end *ends[] = {&web, &mail};
    struct claim claims[] = {{.want = want("web-db", 9, 0, "web")},
                             {.want = want("mail", 9, 0, "mail")}};

    claims_judge(claims, COUNT(claims), ends, COUNT(ends), &trust);
    expect(!claims[0].holds && claims[1].holds && claims[1].held, "%d %d", claims[0].holds,
           claims[1].holds);
}

/* The newcomer claims a net that nobody has yet. */
TEST(a_container_that_has_its_end_comes_before_a_newcomer_with_another_net_too)
{
    struct agent_end web = {.want = want("web-db", 7, 0, "web"), .labelled = true};
    struct agent_end *ends[] = {&web};
    struct claim claims[] = {{.want = want("web-db", 9, 0, "web")},
                             {.want = want("mail", 9, 0, "mail")}};

    claims_judge(claims, COUNT(claims), ends, COUNT(ends), &trust);
    expect(claims[0].holds && claims[0].held && !claims[1].holds, "%d %d", claims[0].holds,
           claims[1].holds);
}
