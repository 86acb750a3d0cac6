#include "cwg/agent/ends/claim.h"

#include <stdio.h>
#include <string.h>

/* Can't both be? A link has one net, a net one link, and an end one container. */
static bool excludes(const struct want *a, const struct want *b)
{
    if (strcmp(a->link, b->link) != 0)
        return a->net == b->net;
    return a->host == b->host || a->net != b->net;
}

static bool is_same_end(const struct want *a, const struct want *b)
{
    return strcmp(a->link, b->link) == 0 && a->host == b->host;
}

static bool is_same_container(const struct want *a, const struct want *b)
{
    return strcmp(a->engine, b->engine) == 0 && strcmp(a->name, b->name) == 0;
}

/* Has this claim held before? */
static bool is_own(const struct claim *claim, const struct agent_end *end)
{
    return end->labelled && is_same_end(&claim->want, &end->want) &&
           is_same_container(&claim->want, &end->want);
}

static void refuse(struct claim *claim, const struct want *other, const char *how)
{
    claim->single = false;
    (void)snprintf(claim->reason, sizeof(claim->reason), "%s%s%.64s has link %s, of net %u, by %s",
                   other->engine, other->engine[0] ? "/" : "", other->name, other->link, other->net,
                   how);
}

/* Has the container just this end? */
static bool has_it(const struct claim *claim, struct agent_end *const *ends, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_own(claim, ends[i]) && want_equal(&claim->want, &ends[i]->want))
            return true;
    }
    return false;
}

/* May a container get what it claims? */
static bool is_sure(struct claim *claim, const struct trust *trust)
{
    const bool known = trust_find(trust, claim->want.site) != NULL;

    if (claim->unproven)
        (void)snprintf(claim->reason, sizeof(claim->reason), "its image can't be looked at");
    else if (!known)
        (void)snprintf(claim->reason, sizeof(claim->reason), "site %s isn't known here: declare it",
                       claim->want.site);
    return known && !claim->unproven;
}

/* Looks at one claim alone. */
static void judge(struct claim *claim, struct agent_end *const *ends, size_t count,
                  const struct trust *trust)
{
    claim->held = false;
    claim->reason[0] = '\0';
    claim->single = has_it(claim, ends, count) || is_sure(claim, trust);
    for (size_t i = 0; i < count && claim->single; i++) {
        const struct agent_end *other = ends[i];

        if (is_own(claim, other)) {
            claim->held = true;
            continue;
        }
        /* An end that nothing of the container's declares any more is on its way out. */
        if (!excludes(&claim->want, &other->want) || (other->labelled && other->missing))
            continue;
        refuse(claim, &other->want,
               other->labelled ? "its label or network" : "what the store declares");
        if (want_equal(&claim->want, &other->want))
            claim->reason[0] = '\0';
    }
}

/* Looks at one claim beside the others. */
static void compare(struct claim *claim, const struct claim *claims, size_t count)
{
    claim->holds = claim->single;
    for (size_t i = 0; i < count && claim->holds; i++) {
        const struct want *other = &claims[i].want;

        /* A container may say the same twice: by its label and a network, or by two networks. */
        if (want_equal(&claim->want, other) || !claims[i].single ||
            (claim->held && !claims[i].held) || !excludes(&claim->want, other))
            continue;
        claim->holds = false;
        (void)snprintf(claim->reason, sizeof(claim->reason),
                       "%s of %s/%.64s claims link %s, of net %u, too",
                       claims[i].by_network ? "a network" : "the label", other->engine, other->name,
                       other->link, other->net);
    }
}

void claims_judge(struct claim *claims, size_t count, struct agent_end *const *ends,
                  size_t end_count, const struct trust *trust)
{
    for (size_t i = 0; i < count; i++)
        judge(&claims[i], ends, end_count, trust);
    for (size_t i = 0; i < count; i++)
        compare(&claims[i], claims, count);
}
