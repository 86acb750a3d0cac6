#include "helper/command/lines.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define COMMENT '#' /* as a line's first character */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Printable ASCII, or a tab. */
static bool is_fit(char c)
{
    return (c >= ' ' && c <= '~') || c == '\t';
}

enum lines_result lines_split(const char *line, size_t length, struct words *ret_words)
{
    struct words *words = ret_words;

    words->count = 0;
    if (length > 0 && line[0] == COMMENT)
        return LINES_NOTHING;
    if (length > LINES_LENGTH_MAX)
        return LINES_TOO_LONG;
    memcpy(words->bytes, line, length);
    words->bytes[length] = '\0';
    for (size_t i = 0; i < length; i++) {
        if (!is_fit(words->bytes[i]))
            return LINES_MALFORMED;
    }
    for (size_t i = 0; i < length; i++) {
        if (is_blank(words->bytes[i])) {
            words->bytes[i] = '\0';
            continue;
        }
        if (i > 0 && words->bytes[i - 1] != '\0')
            continue;
        if (words->count == LINES_WORDS_MAX)
            return LINES_MALFORMED;
        words->word[words->count++] = words->bytes + i;
    }
    words->word[words->count] = NULL;
    return words->count > 0 ? LINES_WORDS : LINES_NOTHING;
}

/* Waits for bytes, and reads them. Returns their number, 0 at the end, or a negative errno. */
static ssize_t read_more(struct lines *lines)
{
    for (;;) {
        struct pollfd input = {.fd = lines->fd, .events = POLLIN};
        ssize_t count;

        count = read(lines->fd, lines->bytes + lines->end, sizeof(lines->bytes) - lines->end);
        if (count >= 0)
            return count;
        if (errno == EAGAIN)
            (void)ppoll(&input, 1, NULL, NULL);
        else if (errno != EINTR)
            return -errno;
    }
}

/* Makes room, and reads. Of a line that fills the whole buffer the end is dropped: the rest is
 * still too long, or still a comment. */
static ssize_t fill(struct lines *lines)
{
    ssize_t count;

    if (lines->start > 0) {
        memmove(lines->bytes, lines->bytes + lines->start, lines->end - lines->start);
        lines->end -= lines->start;
        lines->start = 0;
    }
    if (lines->end == sizeof(lines->bytes))
        lines->end = LINES_LENGTH_MAX + 1;
    count = read_more(lines);
    if (count > 0)
        lines->end += (size_t)count;
    return count;
}

static int take_line(struct lines *lines, struct words *ret_words)
{
    const char *line, *newline;

    while (!(newline = memchr(lines->bytes + lines->start, '\n', lines->end - lines->start))) {
        ssize_t count = fill(lines);

        if (count < 0)
            return (int)count;
        if (count == 0 && lines->end == lines->start)
            return LINES_END;
        if (count == 0) {
            line = lines->bytes + lines->start;
            lines->start = lines->end;
            return line[0] == COMMENT ? LINES_NOTHING : LINES_CUT_OFF;
        }
    }
    line = lines->bytes + lines->start;
    lines->start = (size_t)(newline - lines->bytes) + 1;
    return (int)lines_split(line, (size_t)(newline - line), ret_words);
}

int lines_next(struct lines *lines, struct words *ret_words)
{
    int result = take_line(lines, ret_words);

    if (result > LINES_END)
        lines->number++;
    return result;
}
