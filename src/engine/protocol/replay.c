#include "engine/protocol/replay.h"

#include <string.h>

enum { WORD_BITS = 64 };

/* The paper, section 6.2: Reject-After-Messages. */
static const uint64_t counter_limit = UINT64_MAX - (1 << 13);

void replay_init(struct replay *replay)
{
    memset(replay, 0, sizeof(*replay));
}

/* Empties the words from the greatest counter's up to the new one's: they hold counters of long
 * ago. */
static void advance(struct replay *replay, uint64_t counter)
{
    uint64_t last = replay->next > 0 ? (replay->next - 1) / WORD_BITS : 0;
    uint64_t words = counter / WORD_BITS - last;

    if (words > REPLAY_WORDS)
        words = REPLAY_WORDS;
    for (uint64_t i = 1; i <= words; i++)
        replay->word[(last + i) % REPLAY_WORDS] = 0;
    replay->next = counter + 1;
}

bool replay_accept(struct replay *replay, uint64_t counter)
{
    uint64_t *word = &replay->word[counter / WORD_BITS % REPLAY_WORDS];
    uint64_t bit = UINT64_C(1) << counter % WORD_BITS;

    if (counter >= counter_limit)
        return false;
    if (counter >= replay->next)
        advance(replay, counter);
    else if (replay->next - 1 - counter > REPLAY_WINDOW)
        return false;
    if (*word & bit)
        return false;
    *word |= bit;
    return true;
}
