#include "engine/packet/allowed.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* What is written, and how it is written again; NULL: refused. */
static const struct {
    const char *text;
    const char *again;
} texts[] = {
    {"10.0.0.3/32", "10.0.0.3/32"},
    {"10.0.0.3", "10.0.0.3/32"},
    {"10.0.0.3/31", "10.0.0.2/31"},
    {"10.0.0.3/30", "10.0.0.0/30"},
    {"10.255.255.255/9", "10.128.0.0/9"},
    {"255.255.255.255/1", "128.0.0.0/1"},
    {"255.255.255.255/0", "0.0.0.0/0"},
    {"0.0.0.0/0", "0.0.0.0/0"},
    {"255.255.255.255/24", "255.255.255.0/24"},
    {"2001:db8::1", "2001:db8::1/128"},
    {"2001:db8::ffff/127", "2001:db8::fffe/127"},
    {"2001:DB8:ffff::/33", "2001:db8:8000::/33"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/121", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff80/121"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"},
    {"::/0", "::/0"},
    {"::ffff:10.0.0.1/128", "::ffff:10.0.0.1/128"},
    {"", NULL},
    {"/", NULL},
    {"/32", NULL},
    {"10.0.0.3/", NULL},
    {"10.0.0.3/33", NULL},
    {"10.0.0.3/032", NULL},
    {"10.0.0.3/-1", NULL},
    {"10.0.0.3/+1", NULL},
    {"10.0.0.3/ 1", NULL},
    {"10.0.0.3/4294967328", NULL},
    {"10.0.0.3/8/8", NULL},
    {"10.0.0.3 ", NULL},
    {" 10.0.0.3", NULL},
    {"10.0.0", NULL},
    {"10.0.0.0.1", NULL},
    {"10.0.0.256", NULL},
    {"010.0.0.1", NULL},
    {"0x0a.0.0.1", NULL},
    {"167772163", NULL},
    {"2001:db8::/129", NULL},
    {"2001:db8::1%eth0/64", NULL},
    {"[2001:db8::1]/64", NULL},
    {"2001:db8::1::/64", NULL},
    {":", NULL},
    {"localhost", NULL},
    {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128",
     "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"},
    {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555/128", NULL},
    {"0000000000000000000000000000000000000000000000000000000000000000001.0.0.1", NULL},
};

static void text(void)
{
    for (size_t i = 0; i < COUNT(texts); i++) {
        char *copy = unit_copy(texts[i].text, strlen(texts[i].text) + 1);
        char again[ALLOWED_TEXT_SIZE] = "";
        struct allowed_network network, before;

        memset(&network, 0x5a, sizeof(network));
        before = network;
        if (allowed_from_text(copy, &network)) {
            allowed_to_text(&network, again);
            expect(texts[i].again && strcmp(again, texts[i].again) == 0, "case %zu: %s", i, again);
        } else {
            expect(!texts[i].again, "case %zu: refused", i);
            expect(memcmp(&network, &before, sizeof(before)) == 0, "case %zu: written to", i);
        }
        free(copy);
    }
}

static struct address host(const char *text)
{
    struct allowed_network network;

    if (!allowed_from_text(text, &network))
        unit_trouble(text);
    return network.address;
}

static const struct {
    const char *network;
    const char *address;
    bool inside;
} containments[] = {
    {"10.0.0.1/32", "10.0.0.1", true},
    {"10.0.0.1/32", "10.0.0.0", false},
    {"10.0.0.1/32", "10.0.0.2", false},
    {"10.0.0.1/32", "11.0.0.1", false},
    {"10.0.0.0/31", "10.0.0.1", true},
    {"10.0.0.0/31", "10.0.0.2", false},
    {"10.0.0.0/8", "10.255.255.255", true},
    {"10.0.0.0/8", "9.255.255.255", false},
    {"10.0.0.0/8", "11.0.0.0", false},
    {"10.64.0.0/11", "10.95.255.255", true},
    {"10.64.0.0/11", "10.96.0.0", false},
    {"0.0.0.0/0", "255.255.255.255", true},
    {"0.0.0.0/0", "::", false},
    {"::/0", "2001:db8::1", true},
    {"::/0", "0.0.0.0", false},
    {"2001:db8::/32", "2001:db8:ffff::1", true},
    {"2001:db8::/32", "2001:db9::1", false},
    {"2001:db8::/127", "2001:db8::1", true},
    {"2001:db8::/127", "2001:db8::2", false},
    {"2001:db8::1/128", "2001:db8::1", true},
    {"2001:db8::1/128", "2001:db8::3", false},
    {"a00:1::/32", "10.0.0.1", false}, /* the same bytes, but another family */
    {"10.0.0.1/32", "a00:1::", false},
    {"::ffff:10.0.0.1/128", "10.0.0.1", false},
};

static void containment(void)
{
    for (size_t i = 0; i < COUNT(containments); i++) {
        struct address address = host(containments[i].address);
        struct allowed_network network;
        struct allowed allowed = {0};

        expect(!allowed_contains(&allowed, &address), "case %zu: in nothing", i);
        if (!allowed_from_text(containments[i].network, &network))
            unit_trouble(containments[i].network);
        expect(allowed_add(&allowed, &network), "case %zu: add", i);
        expect(allowed_contains(&allowed, &address) == containments[i].inside, "case %zu", i);
    }
}

static void room(void)
{
    struct address last = {.bytes = {10, 0, 0, ALLOWED_MAX - 1}};
    struct address none = {.bytes = {10, 0, 0, ALLOWED_MAX}};
    struct allowed_network network = {.prefix_length = 32};
    struct allowed allowed = {0};

    for (uint8_t i = 0; i < ALLOWED_MAX; i++) {
        network.address = (struct address){.bytes = {10, 0, 0, i}};
        expect(allowed_add(&allowed, &network) && allowed.count == i + 1u, "case %u", i);
        expect(allowed_add(&allowed, &network) && allowed.count == i + 1u, "case %u: again", i);
    }
    network.prefix_length = 31;
    expect(!allowed_add(&allowed, &network) && allowed.count == ALLOWED_MAX, "one too many");
    expect(allowed_contains(&allowed, &last) && !allowed_contains(&allowed, &none), "the last");
    /* the same bits of another length, or of another family, are another network */
    allowed = (struct allowed){0};
    network = (struct allowed_network){.prefix_length = 8};
    expect(allowed_add(&allowed, &network), "10");
    network.prefix_length = 9;
    expect(allowed_add(&allowed, &network), "10");
    network.address.ipv6 = true;
    expect(allowed_add(&allowed, &network) && allowed.count == 3, "%u", allowed.count);
}

int main(void)
{
    static const struct test tests[] = {
        {.name = "text", .run = text},
        {.name = "containment", .run = containment},
        {.name = "room", .run = room},
    };

    return unit_run("engine_allowed", tests, COUNT(tests));
}
