#include "cwg/base/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "unit.h"

enum {
    SOON = 50, /* milliseconds */
};

static struct lines *open_lines(int pipes[2])
{
    struct lines *lines = calloc(1, sizeof(*lines));

    if (!lines || pipe2(pipes, O_CLOEXEC) < 0)
        unit_trouble("pipe");
    lines->fd = pipes[0];
    return lines;
}

static void close_lines(struct lines *lines, int pipes[2])
{
    close(pipes[0]);
    close(pipes[1]);
    free(lines);
}

static void put(int fd, const char *text, size_t length)
{
    if (write(fd, text, length) != (ssize_t)length)
        unit_trouble("write");
}

TEST(lines_come_one_by_one_however_they_were_cut)
{
    int pipes[2];
    struct lines *lines = open_lines(pipes);
    char *line = NULL;

    put(pipes[1], "one\ntwo\nthr", 11);
    expect(lines_await(lines, clock_now() + SOON, &line) == LINES_LINE && strcmp(line, "one") == 0,
           "the first");
    expect(lines_await(lines, clock_now() + SOON, &line) == LINES_LINE && strcmp(line, "two") == 0,
           "the second");
    expect(lines_await(lines, clock_now() + SOON, &line) == LINES_MORE, "a part");
    put(pipes[1], "ee\n\n", 4);
    expect(lines_await(lines, clock_now() + SOON, &line) == LINES_LINE &&
               strcmp(line, "three") == 0,
           "the third");
    expect(lines_await(lines, clock_now() + SOON, &line) == LINES_LINE && strcmp(line, "") == 0,
           "an empty one");
    close_lines(lines, pipes);
}

TEST(a_rest_without_newline_is_no_line)
{
    int pipes[2];
    struct lines *lines = open_lines(pipes);
    char *line = NULL;

    put(pipes[1], "whole\nrest", 10);
    close(pipes[1]);
    pipes[1] = dup(pipes[0]);
    expect(lines_await(lines, clock_now() + SOON, &line) == LINES_LINE, "the whole one");
    expect(lines_await(lines, clock_now() + SOON, &line) == LINES_END, "the end");
    close_lines(lines, pipes);
}

TEST(a_line_has_a_greatest_length_and_no_nul)
{
    static char text[LINE_SIZE];
    int pipes[2];
    struct lines *lines = open_lines(pipes);
    char *line = NULL;

    memset(text, 'x', sizeof(text));
    (void)fcntl(pipes[1], F_SETPIPE_SZ, 4 * LINE_SIZE);
    text[LINE_SIZE - 1] = '\n';
    put(pipes[1], text, LINE_SIZE);
    expect(lines_await(lines, clock_now() + SOON, &line) == LINES_LINE &&
               strlen(line) == LINE_SIZE - 1,
           "the longest");
    text[LINE_SIZE - 1] = 'x';
    put(pipes[1], text, LINE_SIZE);
    expect(lines_await(lines, clock_now() + SOON, &line) == LINES_TOO_LONG, "one byte more");
    close_lines(lines, pipes);
    lines = open_lines(pipes);
    put(pipes[1], "a\0b\n", 4);
    expect(lines_await(lines, clock_now() + SOON, &line) == LINES_TOO_LONG, "a NUL");
    close_lines(lines, pipes);
}

TEST(a_write_gives_up_where_nobody_reads)
{
    static const char text[LINE_SIZE] = "";
    int pipes[2];
    int error = 0;

    if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) < 0)
        unit_trouble("pipe");
    for (int i = 0; i < 4 && !error; i++)
        error = lines_write(pipes[1], text, sizeof(text), clock_now() + SOON);
    expect(error == -1 && errno == ETIMEDOUT, "a full pipe: %d", errno);
    close(pipes[0]);
    close(pipes[1]);
}
