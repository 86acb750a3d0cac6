#include "cwg/store/label.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#define BLANKS "; a blank begins another link, so that none may stand within one"

static struct want wants[LABEL_ENDS_MAX];
static struct failure failure;

/* Reads a text, of which each byte behind the end would be noticed. */
static int parse(const char *text)
{
    char *copy = unit_copy(text, strlen(text) + 1);
    const int count = label_parse(copy, "podman", "web", wants, &failure);

    free(copy);
    return count;
}

TEST(an_end_is_read_with_what_holds_without_words)
{
    const struct want *want = &wants[0];

    expect(parse("web-db,net=1572871,host=0,site=s2") == 1, "%s", failure.text);
    expect(strcmp(want->link, "web-db") == 0 && strcmp(want->site, "s2") == 0 &&
               strcmp(want->engine, "podman") == 0 && strcmp(want->name, "web") == 0,
           "%s %s %s %s", want->link, want->site, want->engine, want->name);
    expect(want->net == 1572871 && want->host == 0 && want->port == 0 && want->keepalive == 25 &&
               want->mtu == 0 && !want->off && !want->forget && !want->psk[0],
           "%u.%u %u %u %u", want->net, want->host, want->port, want->keepalive, want->mtu);
}

TEST(members_stand_in_any_order_and_ends_in_a_row)
{
    expect(
        parse(
            "  a,site=s2,mtu=1380,keepalive=0,host=1,port=51801,net=7   b,net=8,host=0,site=s3 ") ==
            2,
        "%s", failure.text);
    expect(strcmp(wants[0].link, "a") == 0 && wants[0].net == 7 && wants[0].host == 1 &&
               wants[0].port == 51801 && wants[0].keepalive == 0 && wants[0].mtu == 1380,
           "%s", wants[0].link);
    expect(strcmp(wants[1].link, "b") == 0 && wants[1].net == 8 && strcmp(wants[1].site, "s3") == 0,
           "%s", wants[1].link);
}

TEST(a_label_has_four_ends_at_most)
{
    expect(parse("a,net=1,host=0,site=s b,net=2,host=0,site=s c,net=3,host=0,site=s "
                 "d,net=4,host=0,site=s") == LABEL_ENDS_MAX &&
               strcmp(wants[3].link, "d") == 0 && strcmp(wants[3].name, "web") == 0,
           "%s", failure.text);
}

TEST(what_is_wrong_is_said)
{
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"", "it declares nothing"},
        {"  ", "it declares nothing"},
        {",net=7,host=0,site=s2", "it has to begin with the link's name"},
        {"-a,net=7,host=0,site=s2", "it has to begin with the link's name"},
        {"../a,net=7,host=0,site=s2", "it has to begin with the link's name"},
        {"a=b,net=7,host=0,site=s2", "it has to begin with the link's name"},
        {"a\tb,net=7,host=0,site=s2", "it has to begin with the link's name"},
        {"a\\n,net=7,host=0,site=s2", "it has to begin with the link's name"},
        {"a", "link a: it needs net=N, host=0 or host=1, and site=NAME"},
        {"a,net=7,host=0", "link a: it needs net=N, host=0 or host=1, and site=NAME"},
        {"a,net=7,site=s2", "link a: it needs"},
        {"a,host=0,site=s2", "link a: it needs"},
        {"a,net=7,host=0,site=s2,", "link a: nothing stands behind a comma"},
        {"a,net=7,,host=0,site=s2", "link a: nothing stands behind a comma"},
        {"a,net=7,host=0,site=s2,net=8", "link a: net stands there twice"},
        {"a,net=7,host=0,site=s2,psk=/k", "link a: \"psk=/k\" is no word of a link: net=, host=, "
                                          "site=, port=, keepalive= and mtu= are"},
        {"a,net=7,host=0,site=s2,off", "link a: \"off\" is no word of a link"},
        {"a,net=7,host=0,sites=s2", "link a: \"sites=s2\" is no word of a link"},
        {"a,net,host=0,site=s2", "link a: \"net\": net takes a number from 0 to 8388607"},
        {"a,net=,host=0,site=s2", "link a: \"net=\": net takes a number from 0 to 8388607"},
        {"a,net=07,host=0,site=s2", "link a: \"net=07\": net takes a number"},
        {"a,net=-1,host=0,site=s2", "link a: \"net=-1\": net takes a number"},
        {"a,net=8388608,host=0,site=s2", "link a: \"net=8388608\": net takes a number"},
        {"a,net=99999999999,host=0,site=s2", "link a: \"net=99999999999\": net takes a number"},
        {"a,net=7,host=2,site=s2", "link a: \"host=2\": host takes 0 or 1"},
        {"a,net=7,host=0,site", "link a: \"site\": site takes a name: letters, digits, '_', '.' "
                                "and '-', 63 at most"},
        {"a,net=7,host=0,site=s/2", "link a: \"site=s/2\": site takes a name"},
        {"a,net=7,host=0,site=s2=s3", "link a: \"site=s2=s3\": site takes a name"},
        {"a,net=7,host=0,site=s2,port=65536", "link a: \"port=65536\": port takes a number from 0 "
                                              "to 65535"},
        {"a,net=7,host=0,site=s2,keepalive=65536",
         "link a: \"keepalive=65536\": keepalive takes a number of seconds from 0 to 65535"},
        {"a,net=7,host=0,site=s2,mtu=575", "link a: \"mtu=575\": mtu takes 0, or a number from 576 "
                                           "to 65455"},
        {"a,net=7,host=0,site=s2,mtu=65456", "link a: \"mtu=65456\": mtu takes"},
        {"a, net=7,host=0,site=s2", "link a: nothing stands behind a comma" BLANKS},
        {"a ,net=7,host=0,site=s2",
         "link a: it needs net=N, host=0 or host=1, and site=NAME" BLANKS},
        {"a,net=7,host=0,site=s 2",
         "link 2: it needs net=N, host=0 or host=1, and site=NAME" BLANKS},
        {"a,net=7,host=0,site= s2", "link a: \"site=\": site takes a name: letters, digits, '_', "
                                    "'.' and '-', 63 at most" BLANKS},
        {"a,net=7,host=0,site=s2 ,port=1", "it has to begin with the link's name" BLANKS},
        {"a,net=7,host=0,site=s2,por t=1", "link a: \"por\" is no word of a link: net=, host=, "
                                           "site=, port=, keepalive= and mtu= are" BLANKS},
        {"a,net=1,host=0,site=s b,net=2,host=0,site=s c,net=3,host=0,site=s d,net=4,host=0,site=s "
         "e,net=5,host=0,site=s",
         "it declares more than 4 ends"},
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        expect(parse(cases[i].text) < 0 && strstr(failure.text, cases[i].said) == failure.text,
               "%s: %s", cases[i].text, failure.text);
}

TEST(of_blanks_nothing_is_said_where_none_stand)
{
    expect(parse("a,net=7") < 0 && !strstr(failure.text, "blank"), "%s", failure.text);
    expect(parse("a,net=7,host=0,site=s2,mtu=65455") == 1 && wants[0].mtu == 65455, "%s",
           failure.text);
    expect(parse("a,net=8388607,host=0,site=s2,mtu=576") == 1 && wants[0].mtu == 576, "%s",
           failure.text);
}

TEST(a_long_label_is_not_cut)
{
    char text[LABEL_TEXT_MAX + 2];

    memset(text, ' ', sizeof(text));
    (void)snprintf(text + LABEL_TEXT_MAX - 22, 23, "a,net=7,host=0,site=s2");
    expect(parse(text) == 1, "%s", failure.text);
    memset(text, ' ', sizeof(text));
    (void)snprintf(text + LABEL_TEXT_MAX - 21, 23, "a,net=7,host=0,site=s2");
    expect(parse(text) < 0 && strcmp(failure.text, "it is longer than 512 characters") == 0, "%s",
           failure.text);
}
