#include "cwg/agent/loop/due.h"

#include <stdlib.h>

static void put(struct dues *dues, size_t place, struct due *due)
{
    dues->heap[place] = due;
    due->place = place;
}

/* Moves a thing that may be too early for its place. */
static void rise(struct dues *dues, struct due *due)
{
    size_t place = due->place;

    for (; place > 1 && dues->heap[place / 2]->at > due->at; place /= 2)
        put(dues, place, dues->heap[place / 2]);
    put(dues, place, due);
}

/* Moves a thing that may be too late for its place. */
static void sink(struct dues *dues, struct due *due)
{
    size_t place = due->place;

    for (size_t below = 2 * place; below <= dues->count; below = 2 * place) {
        if (below < dues->count && dues->heap[below + 1]->at < dues->heap[below]->at)
            below++;
        if (dues->heap[below]->at >= due->at)
            break;
        put(dues, place, dues->heap[below]);
        place = below;
    }
    put(dues, place, due);
}

int dues_add(struct dues *dues, struct due *due, int64_t at)
{
    if (dues->count + 1 >= dues->room) {
        const size_t room = 2 * dues->room + 16;
        struct due **more = reallocarray(dues->heap, room, sizeof(void *));

        if (!more)
            return -1;
        dues->heap = more;
        dues->room = room;
    }
    due->at = at;
    put(dues, ++dues->count, due);
    rise(dues, due);
    return 0;
}

void dues_set(struct dues *dues, struct due *due, int64_t at)
{
    due->at = at;
    rise(dues, due);
    sink(dues, due);
}

void dues_remove(struct dues *dues, struct due *due)
{
    const size_t place = due->place;
    struct due *last;

    if (place == 0)
        return;
    last = dues->heap[dues->count--];
    due->place = 0;
    if (last == due)
        return;
    put(dues, place, last);
    rise(dues, last);
    sink(dues, last);
}

struct due *dues_first(const struct dues *dues)
{
    return dues->count > 0 ? dues->heap[1] : NULL;
}

void dues_close(struct dues *dues)
{
    for (size_t place = 1; place <= dues->count; place++)
        dues->heap[place]->place = 0;
    free(dues->heap);
    *dues = (struct dues){.heap = NULL};
}
