#include "cwg/agent/loop/due.h"

#include <stdlib.h>

#include "unit.h"

enum {
    THINGS = 300,
    ROUNDS = 20000,
};

static struct due thing[THINGS];

/* What a look at all of them finds. */
static int64_t earliest(void)
{
    int64_t found = INT64_MAX;

    for (size_t i = 0; i < THINGS; i++) {
        if (thing[i].place && thing[i].at < found)
            found = thing[i].at;
    }
    return found;
}

static size_t count_of(void)
{
    size_t count = 0;

    for (size_t i = 0; i < THINGS; i++)
        count += thing[i].place != 0;
    return count;
}

static size_t count_misplaced(const struct dues *dues)
{
    size_t count = 0;

    for (size_t place = 2; place <= dues->count; place++)
        count += dues->heap[place / 2]->at > dues->heap[place]->at;
    return count;
}

TEST(the_first_is_the_earliest_whatever_is_done)
{
    struct dues dues = {.heap = NULL};

    srandom(1);
    expect(!dues_first(&dues), "nothing is in");
    for (int i = 0; i < ROUNDS; i++) {
        struct due *one = &thing[random() % THINGS];
        const int64_t at = random() % 100;
        const struct due *first;

        if (!one->place)
            (void)dues_add(&dues, one, at);
        else if (random() % 3 == 0)
            dues_remove(&dues, one);
        else
            dues_set(&dues, one, at);
        first = dues_first(&dues);
        expect(dues.count == count_of(), "round %d: %zu things", i, dues.count);
        expect(count_misplaced(&dues) == 0, "round %d: one is above an earlier one", i);
        expect(first ? first->at == earliest() : count_of() == 0, "round %d: a later one", i);
    }
    dues_close(&dues);
    expect(count_of() == 0, "none is in");
}

TEST(all_come_in_the_order_of_their_times)
{
    struct dues dues = {.heap = NULL};
    int64_t last = -1;
    size_t seen = 0;

    for (size_t i = 0; i < THINGS; i++)
        (void)dues_add(&dues, &thing[i], (int64_t)(i * 7919 % THINGS));
    for (struct due *first; (first = dues_first(&dues)) && first->at != INT64_MAX; seen++) {
        expect(first->at >= last, "%zu: %d after %d", seen, (int)first->at, (int)last);
        last = first->at;
        dues_set(&dues, first, INT64_MAX);
    }
    expect(seen == THINGS && dues.count == THINGS, "%zu of %zu", seen, dues.count);
    dues_remove(&dues, &thing[0]);
    dues_remove(&dues, &thing[0]);
    expect(dues.count == THINGS - 1, "one has gone, once");
    dues_close(&dues);
}
