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

TEST(networks)
{
    static const struct {
        struct allowed_ip network;
        const char *text;
    } cases[] = {
        {{.address = {10, 0, 0, 15}, .prefix_length = 32}, "10.0.0.15/32"},
        {{.prefix_length = 0}, "0.0.0.0/0"},
        {{.ipv6 = true}, "::/0"},
        {{.ipv6 = true, .address = {0x20, 1, 0x0d, 0xb8}, .prefix_length = 33}, "2001:db8::/33"},
        {{.ipv6 = true,
          .address = {[10] = 0xff, [11] = 0xff, 255, 255, 255, 255},
          .prefix_length = 128},
         "::ffff:255.255.255.255/128"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[NETWORK_TEXT_SIZE];

        allowed_ip_to_text(&cases[i].network, text);
        expect(strcmp(text, cases[i].text) == 0, "network %zu: %s", i, text);
    }
}
