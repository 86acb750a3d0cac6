/* Any bytes as the input of a batch, read in pieces. The lines end at the newlines, lines_split()
 * is right about each line, and its words are parts of the line in order. A comment is passed over,
 * however long, also at the end of the input. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "helper/command/lines.h"

/* Each word stands in the line behind the word before, with only blanks between them. */
static void check_words(const char *line, size_t length, const struct words *words)
{
    size_t at = 0;

    require(words->count >= 1 && words->count <= LINES_WORDS_MAX);
    require(!words->word[words->count]);
    for (int i = 0; i < words->count; i++) {
        size_t word_length = strlen(words->word[i]);

        while (at < length && (line[at] == ' ' || line[at] == '\t'))
            at++;
        require(word_length > 0 && word_length <= length - at);
        require(memcmp(line + at, words->word[i], word_length) == 0);
        at += word_length;
        require(at == length || line[at] == ' ' || line[at] == '\t');
    }
    while (at < length && (line[at] == ' ' || line[at] == '\t'))
        at++;
    require(at == length);
}

static void check_line(struct lines *lines, const char *line, size_t length)
{
    char *copy = malloc(length ? length : 1);
    struct words words;
    struct words alone;
    int result = lines_next(lines, &words);

    require(copy);
    memcpy(copy, line, length);
    require(result == (int)lines_split(copy, length, &alone));
    free(copy);
    require((result == LINES_TOO_LONG) == (length > LINES_LENGTH_MAX && line[0] != '#'));
    if (result != LINES_WORDS)
        return;
    check_words(line, length, &words);
    check_words(line, length, &alone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    struct lines lines = {.fd = -1};
    const char *rest = (const char *)data;
    const char *newline;
    size_t left = size;
    struct words words;

    if (fd < 0)
        fd = memfd_create("lines", MFD_CLOEXEC);
    require(fd >= 0 && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
    require(pwrite(fd, data, size, 0) == (ssize_t)size);
    lines.fd = fd;
    while (left > 0 && (newline = memchr(rest, '\n', left))) {
        size_t length = (size_t)(newline - rest);

        check_line(&lines, rest, length);
        rest += length + 1;
        left -= length + 1;
    }
    if (left > 0)
        require(lines_next(&lines, &words) == (*rest == '#' ? LINES_NOTHING : LINES_CUT_OFF));
    require(lines_next(&lines, &words) == LINES_END);
    return 0;
}
