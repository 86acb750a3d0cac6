#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cwg/agent/end/telling.h"
#include "cwg/base/clock.h"
#include "cwg/record/record.h"
#include "cwg_end_world.h"
#include "cwg_folder.h"
#include "cwg_programs.h"
#include "unit.h"

TEST(records_are_removed_when_both_sites_say_down_and_not_before)
{
    struct news news;

    begin();
    connect_it();
    want.off = want.forget = true;
    end_want(end, &want);
    EXPECT_STATE(END_OFF);
    expect(end_is_over(end), "not over");
    telling_forget(house, "site2", "l", 0);
    expect(!tells(&news) && news.serial > 0, "the other site isn't told");
    tell(SERIAL + 1, false, NULL, &house->key); /* not by its key */
    telling_forget(house, "site2", "l", 0);
    expect(!tells(&news) && news.serial > 0, "by anybody's record");
    tell(SERIAL + 1, false, NULL, &other);
    telling_forget(house, "site2", "l", 0);
    expect(!tells(&news) && news.serial == 0, "a record is left");
    finish();
}

TEST(a_record_that_is_not_the_other_sites_counts_for_nothing_and_is_said)
{
    begin();
    connect_it();
    tell(SERIAL + 1, true, THIRD, &house->key);
    expect(strstr(end->fault, "signed by the key"), "%s", end->fault);
    end_wake(end);
    go_on();
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_connect") == 0 && end->reason[0], "believed, or not said");
    tell(SERIAL + 2, true, OTHER, &other);
    end_wake(end);
    go_on();
    EXPECT_STATE(END_CONNECTED);
    expect(!end->reason[0], "%s", end->reason);
    finish();
}

/* Who carries records brings an old one, and the agent starts anew. */
TEST(an_old_record_is_not_believed_even_by_an_agent_that_has_just_started)
{
    begin();
    tell(SERIAL, true, THIRD, &other);
    make_end();
    EXPECT_STATE(END_CONNECTED);
    tell(SERIAL + 1, true, OTHER, &other);
    EXPECT_STATE(END_CONNECTED);
    end_free(end);
    end = NULL;
    tell(SERIAL, true, THIRD, &other);
    programs_put("log", "");
    make_end();
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_connect") == 0 && strstr(end->reason, "tells what it told before"), "%s",
           end->reason);
    tell(SERIAL + 2, true, THIRD, &other);
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_connect") == 1, "a new one isn't believed");
    finish();
}

/* Its agent was killed between the two. */
TEST(an_end_that_was_made_and_not_told_is_told_and_not_made_again)
{
    struct news news;

    begin();
    programs_put("dev", "");
    programs_put("state", "no handshake yet");
    programs_put("peer", "{}");
    make_end();
    EXPECT_STATE(END_UNHEARD);
    expect(tells(&news) && told_times("cwg_create") == 0, "made again");
    finish();
}

/* The way to the other site was down, and the record was spoiled or removed meanwhile. */
TEST(what_is_not_in_the_store_as_it_was_told_is_told_again)
{
    struct failure failure = {.text = ""};
    struct news first, news;

    begin();
    connect_it();
    (void)tells(&first);
    for (int i = 0; i < 2; i++) {
        end->told.serial -= 10000; /* it is older */
        if (i == 0 ? store_write(&house->store, "out/site2/l.0", "spoiled", &failure)
                   : store_remove(&house->store, "out/site2/l.0", &failure))
            unit_trouble(failure.text);
        end_wake(end);
        go_on();
        expect(tells(&news) && news.serial > 0 && news.heard == SERIAL, "case %d", i);
        EXPECT_STATE(END_CONNECTED);
    }
    first = news;
    end->told.serial -= 10000;
    end_wake(end);
    go_on();
    expect(tells(&news) && news.serial == first.serial, "what is there is told again");
    expect(told_times("cwg_connect") == 0, "connected again");
    finish();
}

/* The other site would call the link stale for ever, rather than say that this end is down. The
 * second time the agent has just started. */
TEST(an_end_that_is_gone_is_told_again_if_its_record_is_spoiled)
{
    struct failure failure = {.text = ""};
    struct news news;

    begin();
    connect_it();
    stop_container();
    EXPECT_STATE(END_NO_CONTAINER);
    for (int i = 0; i < 3; i++) {
        end->told.serial -= 10000; /* it is older */
        if (i == 1 ? store_remove(&house->store, "out/site2/l.0", &failure)
                   : store_write(&house->store, "out/site2/l.0", "spoiled", &failure))
            unit_trouble(failure.text);
        if (i == 2) {
            end_free(end);
            make_end();
        }
        carried = 0;
        end_wake(end);
        go_on();
        EXPECT_STATE(END_NO_CONTAINER);
        expect(!tells(&news) && news.serial > 0 && carried == 1, "case %d: carried %d times", i,
               carried);
        expect(news.heard == SERIAL, "case %d: it has heard %ld", i, (long)news.heard);
    }
    finish();
}

static bool up; /* the end of which the other site tells */

/* The other site tells of any end, in the record of this one's other end. */
static void tell_of(uint32_t net, uint32_t host, const char *place, const char *path)
{
    struct news news = {
        .serial = SERIAL + 1, .net = net, .host = host, .up = up, .key = {.bytes = {3}}};
    struct failure failure = {.text = ""};
    json_t *body = news_pack(&news);
    char *line = record_sign(&other, "site1", path, body, &failure);

    if (!line || store_write(&house->store, place, line, &failure))
        unit_trouble(failure.text);
    json_decref(body);
    free(line);
    telling_hear(end);
}

TEST(a_record_of_another_end_counts_for_nothing)
{
    begin();
    connect_it();
    tell_of(8, 1, "in/site2/l.1", "l.1");
    expect(end->heard.serial == SERIAL && strstr(end->fault, "with net 8, and this site with 7"),
           "net: %s", end->fault);
    tell_of(7, 0, "in/site2/l.1", "l.1");
    expect(end->heard.serial == SERIAL && strstr(end->fault, "another end"), "host: %s",
           end->fault);
    finish();
}

TEST(another_net_is_said_and_then_yet_another)
{
    begin();
    make_end();
    tell_of(8, 1, "in/site2/l.1", "l.1");
    EXPECT_STATE(END_UNHEARD);
    expect(strstr(end->reason, "with net 8, and this site with 7"), "%s", end->reason);
    expect(!end->again, "nothing is new");
    tell_of(9, 1, "in/site2/l.1", "l.1");
    expect(end->again && strstr(end->reason, "with net 9"), "%s", end->reason);
    finish();
}

TEST(a_site_that_declares_the_same_end_is_said_until_it_does_not_any_more)
{
    struct failure failure = {.text = ""};

    begin();
    make_end();
    tell_of(7, 0, "in/site2/l.0", "l.0");
    expect(!end->fault[0], "it isn't up: %s", end->fault);
    up = true;
    tell_of(7, 0, "in/site2/l.0", "l.0");
    expect(strcmp(end->fault, "site site2 declares host 0 of it, too: one of the two ends is host "
                              "1") == 0,
           "%s", end->fault);
    EXPECT_STATE(END_UNHEARD);
    expect(strcmp(end->reason, end->fault) == 0, "%s", end->reason);
    up = false;
    tell_of(7, 0, "in/site2/l.0", "l.0");
    expect(!end->fault[0], "it is down: %s", end->fault);
    if (store_write(&house->store, "in/site2/l.0", "{}", &failure))
        unit_trouble(failure.text);
    telling_hear(end);
    expect(!end->fault[0], "nobody has signed it: %s", end->fault);
    finish();
}

TEST(host_1_hears_host_0)
{
    begin();
    want.host = 1;
    make_end();
    tell_of(7, 0, "in/site2/l.0", "l.0");
    expect(end->heard.serial == SERIAL + 1 && !end->fault[0], "%s", end->fault);
    finish();
}

/* A look at thousands of records must not check their signatures. */
TEST(a_record_that_is_the_same_is_checked_once_and_counted_once)
{
    struct failure failure;
    char line[STORE_LINE_SIZE];

    begin();
    connect_it();
    tell(SERIAL + 1, true, THIRD, &house->key);
    expect(house->refused == 1, "%lu", (unsigned long)house->refused);
    expect(store_read(&house->store, "in/site2/l.1", line, &failure) == 0 &&
               store_write(&house->store, "in/site2/l.1", line, &failure) == 0,
           "%s", failure.text);
    telling_hear(end);
    expect(house->refused == 1, "%lu of the same", (unsigned long)house->refused);
    tell(SERIAL + 2, true, THIRD, &house->key);
    expect(house->refused == 2, "%lu of two", (unsigned long)house->refused);
    tell(SERIAL + 3, true, OTHER, &other);
    expect(house->refused == 2 && end->heard.serial == SERIAL + 3, "%lu with a good one",
           (unsigned long)house->refused);
    finish();
}

/* The other site's operator has declared a new key. */
TEST(with_another_key_of_the_other_site_its_record_is_checked_anew)
{
    struct site_record site = {.name = "site2"};
    struct failure failure;

    begin();
    connect_it();
    site.key = house->key.public;
    trust_close(&house->trust);
    expect(trust_write(&house->store, &site, &failure) == 0 &&
               trust_load(&house->trust, &house->store, &failure) == 0,
           "%s", failure.text);
    end->look = false;
    telling_hear(end);
    expect(end->heard.serial == 0 && end->fault[0] && end->look, "the old one is believed");
    tell(SERIAL, true, OTHER, &house->key);
    expect(end->heard.serial == SERIAL && !end->fault[0], "%s", end->fault);
    finish();
}

TEST(an_end_that_gets_another_other_site_is_told_there)
{
    struct failure failure;
    char line[STORE_LINE_SIZE];

    begin();
    connect_it();
    (void)snprintf(want.site, sizeof(want.site), "site3");
    end_want(end, &want);
    expect(end->heard.serial == 0 && strstr(end->fault, "site3 isn't known here"), "%s",
           end->fault);
    go_on();
    expect(store_read(&house->store, "out/site3/l.0", line, &failure) == 0, "not told");
    finish();
}

TEST(both_ends_may_be_of_one_site_which_needs_nobody_to_carry)
{
    struct failure failure;
    char line[STORE_LINE_SIZE];

    begin();
    (void)snprintf(want.site, sizeof(want.site), "site1");
    make_end();
    EXPECT_STATE(END_UNHEARD);
    expect(store_read(&house->store, "in/site1/l.0", line, &failure) == 0, "not told");
    expect(key_equal(&end->signer, &house->key.public) && !end->fault[0], "%s", end->fault);
    expect(carried == 0, "carried %d times", carried);
    end_free(end);
    make_end();
    expect(end->told.up, "what was told is forgotten");
    finish();
}

TEST(what_is_told_is_carried_and_its_serial_rises_also_if_the_clock_was_set_back)
{
    struct news news;
    int64_t before;

    begin();
    make_end();
    EXPECT_STATE(END_UNHEARD);
    expect(tells(&news) && news.serial >= clock_today() - SOON_MS && carried == 1,
           "carried %d times, serial %ld", carried, (long)news.serial);
    end->told.serial = before = clock_today() + (int64_t)2 * SOON_MS;
    (void)endpoint_parse("192.0.2.9:1", &house->address[0]);
    end_wake(end);
    EXPECT_STATE(END_UNHEARD);
    expect(tells(&news) && news.serial == before + 1 && carried == 2, "carried %d times, +%ld",
           carried, (long)(news.serial - before));
    finish();
}

TEST(what_the_disk_has_no_room_for_is_told_later)
{
    struct news news;
    char path[FOLDER_SIZE + 16];

    begin();
    (void)snprintf(path, sizeof(path), "%s/out", state);
    close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)); /* no folder */
    make_end();
    go_on();
    expect(end->phase == PHASE_REST && end->reason[0] && !tells(&news), "%s", end->reason);
    expect(end->due > clock_now() + 500 && end->due <= clock_now() + 2 * END_UNWRITTEN_MS,
           "again in %ld ms", (long)(end->due - clock_now()));
    (void)unlink(path);
    end->due = 0;
    EXPECT_STATE(END_UNHEARD);
    expect(tells(&news), "not told");
    finish();
}
