#include "helper/backend/status.h"

#include <stdio.h>
#include <string.h>

#include "unit.h"

/* They are an interface. */
TEST(words)
{
    static const char *const texts[] = {"unfinished",
                                        "down",
                                        "engine lost",
                                        "port lost",
                                        "waiting for connect",
                                        "no handshake yet",
                                        "wrong address",
                                        "silent",
                                        "connected",
                                        "in session",
                                        "idle"};

    expect(COUNT(texts) == STATES, "%zu words", COUNT(texts));
    for (size_t i = 0; i < COUNT(texts); i++)
        expect(strcmp(state_text((enum link_state)i), texts[i]) == 0, "state %zu: %s", i,
               state_text((enum link_state)i));
}
