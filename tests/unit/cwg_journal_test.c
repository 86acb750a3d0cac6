#include "cwg/base/journal.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

static struct journal journal;
static char said[65536];
static int kept, file;

/* Standard error is a file from now on. */
static void begin(void)
{
    kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    file = fileno(tmpfile());
    (void)fflush(stderr);
    if (kept < 0 || file < 0 || dup2(file, STDERR_FILENO) < 0)
        unit_trouble("dup2");
}

/* What was said: into `said`. Returns the number of lines. */
static int end(void)
{
    ssize_t length;
    int lines = 0;

    (void)fflush(stderr);
    length = pread(file, said, sizeof(said) - 1, 0);
    if (length < 0 || dup2(kept, STDERR_FILENO) < 0)
        unit_trouble("pread");
    said[length] = '\0';
    close(kept);
    close(file);
    for (const char *next = said; (next = strchr(next, '\n')); next++)
        lines++;
    return lines;
}

TEST(a_priority_stands_before_a_line_if_standard_error_is_the_journal_s)
{
    struct stat status;
    char stream[64];

    begin();
    if (fstat(STDERR_FILENO, &status) < 0)
        unit_trouble("fstat");
    (void)snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)status.st_dev,
                   (uintmax_t)status.st_ino);
    (void)setenv("JOURNAL_STREAM", stream, 1);
    journal_open(&journal);
    journal_say(&journal, JOURNAL_WARNING, "link %s: %s", "a", "stale\nx\033[1m");
    (void)setenv("JOURNAL_STREAM", "8:1234", 1); /* it was redirected */
    journal_open(&journal);
    journal_say(&journal, JOURNAL_NOTICE, "b");
    (void)unsetenv("JOURNAL_STREAM");
    journal_open(&journal);
    journal_say(&journal, JOURNAL_NOTICE, "c");
    (void)end();
    expect(strcmp(said, "<4>link a: stale?x?[1m\ncwg: b\ncwg: c\n") == 0, "%s", said);
}

TEST(lines_are_bounded_and_those_left_out_are_counted)
{
    int lines;

    begin();
    journal_open(&journal);
    for (int i = 0; i < 5000; i++)
        journal_say(&journal, JOURNAL_NOTICE, "%d", i);
    expect(journal_run(&journal) != INT64_MAX, "it doesn't want to be called");
    journal.filled -= JOURNAL_BURST * JOURNAL_EACH_MS; /* this time passes */
    expect(journal_run(&journal) == INT64_MAX, "it wants to be called");
    journal_say(&journal, JOURNAL_NOTICE, "last");
    lines = end();
    expect(lines >= JOURNAL_BURST && lines < JOURNAL_BURST + 20, "%d lines", lines);
    expect(strstr(said, " lines more were left out: cwg status shows all links\ncwg: last\n"),
           "%.200s", said + strlen(said) - 200);
}

TEST(what_is_said_again_and_again_is_said_once)
{
    int lines;

    begin();
    journal_open(&journal);
    for (int i = 0; i < 3; i++) {
        journal_complain(&journal, "want/a is wrong");
        journal_complain(&journal, "want/b is wrong");
    }
    journal_forget(&journal);
    journal_complain(&journal, "want/a is wrong");
    lines = end();
    expect(lines == 3, "%d lines: %s", lines, said);
}
