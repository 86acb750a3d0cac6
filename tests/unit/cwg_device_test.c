#include <string.h>

#include "cwg/base/clock.h"
#include "cwg_end_world.h"
#include "cwg_programs.h"
#include "unit.h"

TEST(what_the_helper_tells_of_a_new_device_is_believed_until_the_next_look)
{
    begin();
    programs_put("created", "{\"created\":true,\"listen_port\":51802,\"public_key\":\"" KEY "\"}");
    make_end();
    EXPECT_STATE(END_UNHEARD);
    expect(end->port == 51802, "port %d", end->port);
    end_wake(end);
    go_on();
    expect(end->port == 51801, "port %d", end->port);
    finish();
}

/* An agent that was killed may have made it. */
TEST(a_device_that_was_there_already_is_looked_at)
{
    begin();
    programs_put("created", "{\"created\":false,\"listen_port\":51802,\"public_key\":\"" KEY "\"}");
    make_end();
    EXPECT_STATE(END_UNHEARD);
    expect(end->port == 51801, "port %d", end->port);
    finish();
}

TEST(a_peer_that_was_just_set_has_had_no_handshake_and_is_looked_at_soon)
{
    const int64_t deadline = clock_now() + SOON_MS;
    struct key third;

    (void)key_from_text(THIRD, &third);
    begin();
    connect_it();
    end->early = 9;
    end->connect_due = 0;
    end->shown = deadline;
    programs_put("gate.cwg_show", "");
    tell(SERIAL + 1, true, THIRD, &other);
    while (!key_equal(&end->facts.peer, &third) && clock_now() < deadline)
        turn(deadline);
    expect(end->facts.health == HEALTH_NONE && end->early == 0, "health %d, early %d",
           (int)end->facts.health, end->early);
    programs_put("gate.cwg_show", NULL);
    EXPECT_STATE(END_CONNECTED);
    finish();
}

TEST(two_sites_without_an_address_say_so)
{
    begin();
    house->addresses = 0;
    make_end();
    tell(SERIAL, true, OTHER, &other);
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("--persistent-keepalive 25") == 1 && told_times(" - ") == 1,
           "connects otherwise");
    programs_put("state", "no handshake yet");
    end_wake(end);
    go_on();
    expect(strstr(end->reason, "neither site tells an address"), "%s", end->reason);
    finish();
}

TEST(a_want_s_own_keepalive_and_mtu_are_given)
{
    begin();
    house->addresses = 0;
    want.keepalive = 7;
    want.mtu = 1333;
    make_end();
    tell(SERIAL, true, OTHER, &other);
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("--persistent-keepalive 7 --mtu 1333 --json") == 1, "connects otherwise");
    finish();
}

TEST(a_spoiled_device_is_made_anew)
{
    for (const char *const *word = TEXTS("unfinished", "port lost"); *word; word++) {
        begin();
        connect_it();
        programs_put("state", *word);
        end_wake(end);
        EXPECT_STATE(END_CONNECTED);
        expect(told_times("cwg_destroy") == 1 && told_times("cwg_create") == 1, "%s: left", *word);
        finish();
    }
}

TEST(a_device_whose_engine_is_lost_is_left_alone)
{
    begin();
    connect_it();
    programs_put("state", "engine lost");
    end_wake(end);
    EXPECT_STATE(END_REFUSED);
    expect(told_times("") == told_times("cwg_show"), "touched");
    expect(strstr(end->reason, "its engine can't be asked") != NULL, "%s", end->reason);
    finish();
}

/* An engine's socket goes with it. */
TEST(the_port_of_a_device_is_watched)
{
    static struct sockets sockets;

    begin();
    house->sockets = &sockets;
    connect_it();
    expect(end->port == 51801 && (sockets.known[51801 / 8] >> 51801 % 8 & 1), "not watched");
    finish();
    begin();
    house->sockets = &sockets;
    programs_put("created", "{\"created\":true,\"listen_port\":51802,\"public_key\":\"" KEY "\"}");
    make_end();
    EXPECT_STATE(END_UNHEARD);
    expect(sockets.known[51802 / 8] >> 51802 % 8 & 1, "a new one isn't watched");
    finish();
}

TEST(each_task_names_the_containers_process_and_the_end)
{
    static const struct {
        const char *task, *arguments;
    } tasks[] = {{"cwg_show", "--nets 7 "},
                 {"cwg_create", "7 0 0 "},
                 {"cwg_connect", "7 1 192.0.2.2:2 " OTHER " "},
                 {"cwg_destroy", "7 0 "}};

    begin();
    make_end();
    tell(SERIAL, true, OTHER, &other);
    EXPECT_STATE(END_CONNECTED);
    want.off = true;
    end_want(end, &want);
    EXPECT_STATE(END_OFF);
    for (size_t i = 0; i < COUNT(tasks); i++) {
        char word[512];

        (void)snprintf(word, sizeof(word), "%s %s %s", tasks[i].task, want.name,
                       tasks[i].arguments);
        expect(told_times(word) >= 1, "no %s", word);
    }
    finish();
}

/* The other site has told three endpoints. */
static void hear_three_endpoints(void)
{
    for (int i = 0; i < 3; i++) {
        char text[ENDPOINT_TEXT_SIZE];

        (void)snprintf(text, sizeof(text), "192.0.2.%d:2", 10 + i);
        (void)endpoint_parse(text, &end->heard.endpoint[i]);
    }
    end->heard.endpoints = 3;
}

/* Where the last cwg_connect has set the peer. */
static bool is_aimed_at(const char *endpoint)
{
    char text[ENDPOINT_TEXT_SIZE] = "none";

    if (end->at.port)
        endpoint_to_text(&end->at, text);
    return strcmp(text, endpoint) == 0 && told_times(endpoint) == 1;
}

TEST(each_probe_in_vain_moves_the_end_to_the_next_endpoint)
{
    begin();
    connect_it();
    hear_three_endpoints();
    programs_put("peer", "{\"public_key\":\"" OTHER "\",\"endpoint\":\"192.0.2.11:2\"}");
    for (const char *const *next = TEXTS("192.0.2.12:2", "192.0.2.10:2", "192.0.2.11:2"); *next;
         next++) {
        const int64_t deadline = clock_now() + SOON_MS;

        programs_put("log", "");
        programs_put("state", "stale");
        end->connect_due = 0;
        end->probe_due = 1;
        end_wake(end);
        while (told_times("cwg_connect") == 0 && clock_now() < deadline)
            turn(deadline);
        go_on();
        expect(is_aimed_at(*next), "%s: aimed elsewhere", *next);
    }
    /* Another key begins with the first one, and is probed soon. */
    end->connect_due = 0;
    end->probe_due = INT64_MAX;
    tell(SERIAL + 1, true, THIRD, &other);
    hear_three_endpoints();
    go_on();
    expect(is_aimed_at("192.0.2.10:2"), "another key");
    expect(end->probe_due != INT64_MAX, "not probed");
    finish();
}
