#include "cwg/agent/end/secret.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg/agent/end/device.h"
#include "cwg/base/clock.h"
#include "cwg_end_world.h"
#include "cwg_folder.h"
#include "cwg_programs.h"
#include "unit.h"

TEST(a_preshared_key_comes_from_a_file_that_nobody_else_can_read)
{
    begin();
    (void)snprintf(want.psk, sizeof(want.psk), "%s/a psk", state);
    close(open(want.psk, O_WRONLY | O_CREAT | O_CLOEXEC, 0640));
    make_end();
    tell(SERIAL, true, OTHER, &other);
    EXPECT_STATE(END_REFUSED);
    expect(strstr(end->reason, "chmod 600") && told_times("cwg_connect") == 0, "%s", end->reason);
    (void)chmod(want.psk, 0600);
    end_retry(end);
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("--preshared-key-file=fd:") == 1, "without a key");
    finish();
}

TEST(a_connected_end_that_gets_a_preshared_key_is_looked_at_again)
{
    const int64_t deadline = clock_now() + SOON_MS;

    begin();
    connect_it();
    (void)snprintf(want.psk, sizeof(want.psk), "%s/a psk", state);
    close(open(want.psk, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    end->connect_due = 0;
    end_want(end, &want);
    while (told_times("cwg_connect") == 0 && clock_now() < deadline)
        turn(deadline);
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("cwg_connect") == 1 && told_times("cwg_show") == 2, "%d looks",
           told_times("cwg_show"));
    finish();
}

/* Writes the file anew, as an editor does. */
static void write_anew(const char *text)
{
    char path[sizeof(want.psk) + 4];
    const size_t length = strlen(text);
    int fd;

    (void)snprintf(path, sizeof(path), "%s.new", want.psk);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, text, length) != (ssize_t)length || rename(path, want.psk) < 0)
        unit_trouble(path);
    close(fd);
}

/* A connected end with a preshared key. */
static void connect_with_secret(void)
{
    begin();
    (void)snprintf(want.psk, sizeof(want.psk), "%s/a psk", state);
    write_anew("one");
    make_end();
    tell(SERIAL, true, OTHER, &other);
    EXPECT_STATE(END_CONNECTED);
    expect(told_times("--preshared-key-file=fd:") == 1, "without a key");
    programs_put("log", "");
}

/* Returns how often the device got a key at the next look, which leaves the end connected. */
static int look(void)
{
    programs_put("log", "");
    end->connect_due = 0;
    end_wake(end);
    go_on();
    EXPECT_STATE(END_CONNECTED);
    return told_times("--preshared-key-file=fd:");
}

TEST(a_key_that_is_written_anew_is_given_to_the_device_once)
{
    int fd;

    connect_with_secret();
    expect(look() == 0, "the same one is given again");
    write_anew("two");
    expect(look() == 1, "another file isn't noticed");
    expect(look() == 0, "it is given again and again");
    /* In the same file: first it is empty. */
    fd = open(want.psk, O_WRONLY | O_TRUNC | O_CLOEXEC);
    expect(fd >= 0 && look() == 0, "an empty file is given");
    expect(write(fd, "three", 5) == 5 && look() == 1, "the same file isn't noticed");
    close(fd);
    finish();
}

/* An agent that ran before may have found the peer there, or the peer has moved there. */
TEST(a_new_key_leaves_the_peer_at_the_endpoint_that_is_in_use)
{
    connect_with_secret();
    end->heard.endpoint[end->heard.endpoints] = end->heard.endpoint[0];
    (void)endpoint_parse("192.0.2.3:2", &end->heard.endpoint[end->heard.endpoints++]);
    programs_put("peer", "{\"public_key\":\"" OTHER
                         "\",\"endpoint\":\"192.0.2.3:2\",\"has_preshared_key\":true}");
    write_anew("two");
    end->probe_due = INT64_MAX;
    expect(look() == 1 && told_times(" 192.0.2.3:2 ") == 1, "the endpoint has changed");
    expect(end->probe_due != INT64_MAX, "it isn't probed soon");
    /* The other site doesn't tell of this one: its end is behind a NAT. */
    programs_put("peer", "{\"public_key\":\"" OTHER
                         "\",\"endpoint\":\"198.51.100.1:1\",\"has_preshared_key\":true}");
    write_anew("three");
    expect(look() == 1 && told_times(" 192.0.2.2:2 ") == 1, "it isn't the first one");
    finish();
}

TEST(a_link_that_works_needs_no_file)
{
    connect_with_secret();
    (void)unlink(want.psk);
    expect(look() == 0, "no file is given");
    finish();
}

TEST(a_key_that_the_helper_refuses_is_tried_again_and_told)
{
    connect_with_secret();
    programs_put("refuse.cwg_connect", "key it is no key");
    write_anew("no key");
    end->connect_due = 0;
    end_wake(end);
    go_on();
    EXPECT_STATE(END_CONNECTED);
    expect(strstr(end->reason, "it is no key") && told_times("cwg_connect") == 1, "%s",
           end->reason);
    (void)unlink(folder_path(programs_folder(), "refuse.cwg_connect"));
    end_retry(end);
    expect(look() == 1, "it isn't tried again");
    expect(look() == 0, "it is given again and again");
    finish();
}

/* Of a container that is a namespace's name the task has a descriptor. The name is gone here, so
 * that the end closes its two own descriptors as well. */
TEST(a_key_that_can_not_be_read_leaves_no_descriptor)
{
    int before;

    connect_with_secret();
    (void)unlink(want.psk);
    end->container.netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    end->container.pid = 0;
    before = unit_descriptors();
    device_connect(end);
    expect(unit_descriptors() == before - 2 && end->task.passed[0] >= 0, "a descriptor is left");
    finish();
}

/* The link works by the old key meanwhile. */
TEST(a_key_that_others_can_read_is_a_warning_of_a_link_that_works)
{
    connect_with_secret();
    programs_put("state", "in session");
    write_anew("two");
    (void)chmod(want.psk, 0640);
    end->connect_due = 0;
    end_wake(end);
    EXPECT_STATE(END_IN_SESSION);
    expect(strstr(end->reason, "chmod 600") && told_times("cwg_connect") == 0, "%s", end->reason);
    expect(end->due - clock_now() <= 2 * END_LOOK_MS, "looked at too late");
    /* It is said once. */
    expect(house->journal.next_complaint == 1, "%u complaints", house->journal.next_complaint);
    end->retry_due = 1;
    end->connect_due = 0;
    end_wake(end);
    EXPECT_STATE(END_IN_SESSION);
    expect(strstr(end->reason, "chmod 600") && house->journal.next_complaint == 1, "%s",
           end->reason);
    (void)chmod(want.psk, 0600);
    end->connect_due = 0;
    end_retry(end);
    EXPECT_STATE(END_CONNECTED);
    expect(!end->reason[0] && told_times("--preshared-key-file=fd:") == 1, "%s", end->reason);
    finish();
}

/* An agent that has just started touches no link that works. */
TEST(the_key_of_a_device_that_is_there_already_is_taken_for_the_file_s)
{
    connect_with_secret();
    end->secret = end->asked_secret = (struct store_stamp){.inode = 0};
    expect(look() == 0, "an agent that starts gives it again");
    write_anew("two");
    expect(look() == 1, "another file isn't noticed");
    finish();
}
