#include <string.h>

#include "cwg/agent/end/telling.h"
#include "cwg_end_world.h"
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
    expect(end->fault[0], "nothing is said");
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
