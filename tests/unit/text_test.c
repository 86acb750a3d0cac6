#include "helper/base/text.h"

#include <string.h>

#include "unit.h"

/* What doesn't fit is cut off, at whichever place, and noted. */
TEST(texts)
{
    static struct text text;
    static char full[TEXT_SIZE];

    memset(full, 'x', sizeof(full) - 1);
    for (size_t room = 0; room < 12; room++) {
        for (int print = 0; print < 2; print++) {
            memset(&text, 0, sizeof(text));
            text_add(&text, full + room);
            expect(!text.overflowed && text.length == TEXT_SIZE - 1 - room, "%zu: full", room);
            if (print)
                text_print(&text, "%s-%d", "abc", 4711);
            else
                text_add(&text, "abc-4711");
            expect(text.overflowed == (room < 8), "%zu, %d: noted", room, print);
            expect(text.length == TEXT_SIZE - 1 - (room < 8 ? 0 : room - 8), "%zu, %d: length %zu",
                   room, print, text.length);
            expect(strlen(text.bytes) == text.length, "%zu, %d: end", room, print);
        }
    }
}
