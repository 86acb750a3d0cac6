/* The lines of a batch: what is one, and that they are the same in whatever pieces they come. */
#include "helper/command/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

enum {
    BUFFER = 4096, /* as much as lines.c reads at once */
    PIPE = 65536,  /* as much as a pipe holds */
};

#define SIXTEEN "a b c d e f g h i j k l m n o p"

/* Words in the expectation are apart by '|'. */
static const struct {
    const char *line;
    size_t length; /* 0: that of the text */
    enum lines_result result;
    const char *words;
} cases[] = {
    {"", 0, LINES_NOTHING, ""},
    {" \t \t", 0, LINES_NOTHING, ""},
    {"# " SIXTEEN " q r s", 0, LINES_NOTHING, ""},
    /* a comment is a whole line, and may have any bytes in it */
    {" # cwg_create", 0, LINES_WORDS, "#|cwg_create"},
    {"a #b", 0, LINES_WORDS, "a|#b"},
    {"a# b", 0, LINES_WORDS, "a#|b"},
    {"#\0", 2, LINES_NOTHING, ""},
    {"# Gr\xc3\xbcn", 0, LINES_NOTHING, ""},
    {"a \t b", 0, LINES_WORDS, "a|b"},
    {"  cwg_create   7 5\t1  0  ", 0, LINES_WORDS, "cwg_create|7|5|1|0"},
    /* nothing is quoted, escaped or expanded */
    {"\"a b\"", 0, LINES_WORDS, "\"a|b\""},
    {"a\\ b $HOME *", 0, LINES_WORDS, "a\\|b|$HOME|*"},
    {SIXTEEN, 0, LINES_WORDS, "a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p"},
    {" " SIXTEEN "  ", 0, LINES_WORDS, "a|b|c|d|e|f|g|h|i|j|k|l|m|n|o|p"},
    {SIXTEEN " q", 0, LINES_MALFORMED, ""},
    {"a\r", 0, LINES_MALFORMED, ""},
    {"a\0", 2, LINES_MALFORMED, ""},
};

/* The words with '|' between them. */
static const char *joined(const struct words *words)
{
    static char text[2 * BUFFER];
    size_t length = 0;

    text[0] = '\0';
    for (int i = 0; i < words->count; i++)
        length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s", i ? "|" : "",
                                   words->word[i]);
    return text;
}

/* Splits a line that is in memory of its own size. */
static enum lines_result split(const char *line, size_t length, struct words *ret_words)
{
    char *copy = unit_copy(line, length);
    enum lines_result result;

    memset(ret_words, 0xa5, sizeof(*ret_words));
    result = lines_split(copy, length, ret_words);
    free(copy);
    return result;
}

TEST(split_cases)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct words words;
        size_t length = cases[i].length ? cases[i].length : strlen(cases[i].line);
        enum lines_result result = split(cases[i].line, length, &words);

        expect(result == cases[i].result, "case %zu: %d", i, (int)result);
        if (result != LINES_WORDS)
            continue;
        expect(strcmp(joined(&words), cases[i].words) == 0, "case %zu: %s", i, joined(&words));
        expect(!words.word[words.count], "case %zu: no end", i);
    }
}

/* Each byte, alone and between two words. */
TEST(split_every_byte)
{
    for (int byte = 0; byte < 256; byte++) {
        const char line[] = {'a', (char)byte, 'b'};
        bool blank = byte == ' ' || byte == '\t';
        bool fit = blank || (byte > ' ' && byte < 0x7f);
        struct words words;
        enum lines_result result = split(line, sizeof(line), &words);

        expect(result == (fit ? LINES_WORDS : LINES_MALFORMED), "byte %d: %d", byte, (int)result);
        expect(!fit || words.count == (blank ? 2 : 1), "byte %d: %d words", byte, words.count);
        result = split(line + 1, 1, &words);
        expect(result == (!fit                   ? LINES_MALFORMED
                          : blank || byte == '#' ? LINES_NOTHING
                                                 : LINES_WORDS),
               "byte %d alone: %d", byte, (int)result);
    }
}

TEST(split_lengths)
{
    static char line[2 * BUFFER];

    for (size_t length = 1; length <= 2 * LINES_LENGTH_MAX; length++) {
        bool fits = length <= LINES_LENGTH_MAX;
        struct words words;

        memset(line, 'x', length);
        expect(split(line, length, &words) == (fits ? LINES_WORDS : LINES_TOO_LONG), "length %zu",
               length);
        expect(!fits || (words.count == 1 && strlen(words.word[0]) == length), "length %zu: word",
               length);
        memset(line, ' ', length);
        expect(split(line, length, &words) == (fits ? LINES_NOTHING : LINES_TOO_LONG), "%zu blanks",
               length);
        line[0] = '#';
        expect(split(line, length, &words) == LINES_NOTHING, "a comment of %zu", length);
    }
}

/* Lines from a pipe, into which a text was written at once, and which has ended. */
static struct lines lines_of(const void *text, size_t size)
{
    int ends[2];

    if (size > PIPE || pipe2(ends, O_CLOEXEC) || write(ends[1], text, size) != (ssize_t)size)
        unit_trouble("pipe");
    close(ends[1]);
    return (struct lines){.fd = ends[0]};
}

/* What lines_next() says to a text, as letters. */
static const char *said_to(const char *text, size_t size)
{
    static const char letters[] = {
        [LINES_END] = '.',      [LINES_WORDS] = 'w',     [LINES_NOTHING] = '-',
        [LINES_TOO_LONG] = 'L', [LINES_MALFORMED] = 'm', [LINES_CUT_OFF] = 'c'};
    static char said[64];
    struct lines lines = lines_of(text, size);
    struct words words;
    size_t count = 0;
    int result;

    do {
        result = lines_next(&lines, &words);
        said[count++] = result < 0 ? '?' : letters[result];
    } while (result > LINES_END && count < sizeof(said) - 1);
    said[count] = '\0';
    close(lines.fd);
    return said;
}

TEST(ends)
{
    static const struct {
        const char *text;
        size_t size; /* 0: that of the text */
        const char *said;
    } texts[] = {
        {"", 0, "."},           {"\n", 0, "-."},
        {"a\n", 0, "w."},       {"a\nb c\n#\n\nd\n", 0, "ww--w."},
        {"a", 0, "c."},         {"a\nb", 0, "wc."},
        {"#", 0, "-."},         {"# Gr\xc3\xbcn\na\n#\r\nb\n", 0, "-w-w."},
        {"a\r\nb\n", 0, "mw."}, {"a\0\nb\n", 5, "mw."},
        {"a\n\0", 3, "wc."},    {SIXTEEN "\n" SIXTEEN " q\na\n", 0, "wmw."},
    };

    for (size_t i = 0; i < COUNT(texts); i++) {
        size_t size = texts[i].size ? texts[i].size : strlen(texts[i].text);
        const char *said = said_to(texts[i].text, size);

        expect(strcmp(said, texts[i].said) == 0, "case %zu: %s", i, said);
    }
}

/* A line of each length around what is too long, and around what is read at once and twice that;
 * behind another, and before one. */
TEST(lengths)
{
    static const size_t around[] = {LINES_LENGTH_MAX, BUFFER, 2 * BUFFER, 3 * BUFFER};
    static char text[4 * BUFFER];

    for (size_t number = 0; number < COUNT(around) * 17 * 4; number++) {
        size_t length = around[number % COUNT(around)] + number / COUNT(around) % 17 - 8;
        size_t before = (size_t[]){0, 2, 500, 511}[number / COUNT(around) / 17];
        size_t size = before + length;
        const char *fits = length <= LINES_LENGTH_MAX ? "w" : "L";
        char wanted[8];

        memset(text, 'x', size);
        if (before > 0)
            text[before - 1] = '\n';
        (void)snprintf(wanted, sizeof(wanted), "%sc.", before > 0 ? "w" : "");
        expect(strcmp(said_to(text, size), wanted) == 0, "%zu after %zu, cut off", length, before);
        text[before] = '#';
        (void)snprintf(wanted, sizeof(wanted), "%s-.", before > 0 ? "w" : "");
        expect(strcmp(said_to(text, size), wanted) == 0, "a comment of %zu after %zu, cut off",
               length, before);
        memcpy(text + size, "\ny\n", 3);
        (void)snprintf(wanted, sizeof(wanted), "%s-w.", before > 0 ? "w" : "");
        expect(strcmp(said_to(text, size + 3), wanted) == 0, "a comment of %zu after %zu", length,
               before);
        text[before] = 'x';
        text[size] = '\n';
        (void)snprintf(wanted, sizeof(wanted), "%s%s.", before > 0 ? "w" : "", fits);
        expect(strcmp(said_to(text, size + 1), wanted) == 0, "%zu after %zu", length, before);
        memcpy(text + size + 1, "y\nz", 3);
        (void)snprintf(wanted, sizeof(wanted), "%s%swc.", before > 0 ? "w" : "", fits);
        expect(strcmp(said_to(text, size + 4), wanted) == 0, "%zu after %zu, and more", length,
               before);
    }
}

/* What comes of the rest of a line that was too long isn't taken for a line, whatever it is. */
TEST(rest_of_a_long_line)
{
    static char text[3 * BUFFER];
    struct lines lines;
    struct words words;

    for (size_t length = LINES_LENGTH_MAX + 1; length < 2 * BUFFER + 600; length += 61) {
        for (size_t i = 0; i < length; i++)
            text[i] = "cwg_destroy 7 5 1 "[i % 18];
        memcpy(text + length, "\nlast\n", 6);
        lines = lines_of(text, length + 6);
        expect(lines_next(&lines, &words) == LINES_TOO_LONG, "%zu", length);
        expect(lines_next(&lines, &words) == LINES_WORDS && strcmp(joined(&words), "last") == 0,
               "behind %zu: %s", length, joined(&words));
        expect(lines_next(&lines, &words) == LINES_END, "%zu: no end", length);
        close(lines.fd);
    }
}

static const char pieces_text[] = "cwg_create 7 5 1 0\n\n# x\na\tb\n" SIXTEEN " q\nlast one\nend";
static const char *const pieces_said[] = {"cwg_create|7|5|1|0", "-", "-", "a|b", "m",
                                          "last|one",           "c"};

static void check_pieces(struct lines *lines, size_t piece)
{
    for (size_t i = 0; i < COUNT(pieces_said); i++) {
        struct words words;
        int result = lines_next(lines, &words);
        const char *said = result == LINES_WORDS       ? joined(&words)
                           : result == LINES_NOTHING   ? "-"
                           : result == LINES_MALFORMED ? "m"
                           : result == LINES_CUT_OFF   ? "c"
                                                       : "?";

        expect(strcmp(said, pieces_said[i]) == 0, "pieces of %zu, line %zu: %s", piece, i, said);
    }
    expect(lines_next(lines, &(struct words){0}) == LINES_END, "pieces of %zu: no end", piece);
}

/* The same lines, written by another process a piece at a time, so that the reader has to wait; and
 * from a pipe that doesn't wait by itself. */
TEST(pieces)
{
    for (size_t number = 0; number < 24; number++) {
        size_t piece = number / 2 + 1;
        int ends_of[2];
        pid_t writer;

        if (pipe2(ends_of, O_CLOEXEC) || (number % 2 && fcntl(ends_of[0], F_SETFL, O_NONBLOCK) < 0))
            unit_trouble("pipe");
        writer = fork();
        if (writer < 0)
            unit_trouble("fork");
        for (size_t i = 0; writer == 0 && i < sizeof(pieces_text) - 1; i += piece) {
            size_t left = sizeof(pieces_text) - 1 - i;

            if (write(ends_of[1], pieces_text + i, left < piece ? left : piece) < 0)
                _exit(1);
            usleep(300);
        }
        if (writer == 0)
            _exit(0);
        close(ends_of[1]);
        check_pieces(&(struct lines){.fd = ends_of[0]}, piece);
        close(ends_of[0]);
        (void)waitpid(writer, NULL, 0);
    }
}

/* A line is given out when it is there, not when more is. */
TEST(at_once)
{
    struct words words;
    struct lines lines;
    int ends_of[2];

    if (pipe2(ends_of, O_CLOEXEC))
        unit_trouble("pipe");
    lines = (struct lines){.fd = ends_of[0]};
    alarm(10);
    for (int i = 0; i < 3000; i++) {
        char line[32];
        int length = snprintf(line, sizeof(line), "line %d\n", i);
        char wanted[32];

        (void)snprintf(wanted, sizeof(wanted), "line|%d", i);
        if (write(ends_of[1], line, (size_t)length) != length)
            unit_trouble("write");
        expect(lines_next(&lines, &words) == LINES_WORDS && strcmp(joined(&words), wanted) == 0,
               "line %d: %s", i, joined(&words));
    }
    alarm(0);
    close(ends_of[0]);
    close(ends_of[1]);
}

/* Lines are counted, whatever they are. */
TEST(counted)
{
    static const char text[] = "a\n# b\n\nc d\n";
    static const int results[] = {LINES_WORDS, LINES_NOTHING, LINES_NOTHING, LINES_WORDS};
    struct lines lines = lines_of(text, sizeof(text) - 1);
    struct words words;

    for (unsigned int i = 0; i < COUNT(results); i++) {
        expect(lines_next(&lines, &words) == results[i], "line %u", i + 1);
        expect(lines.number == i + 1, "line %u: number %u", i + 1, lines.number);
    }
    expect(lines_next(&lines, &words) == LINES_END && lines.number == 4, "the end");
    close(lines.fd);
}

/* Only lines with words write words. */
TEST(unwritten)
{
    static const char *const texts[] = {"", "a", ""};
    struct words words;
    struct words before;

    for (size_t i = 0; i < COUNT(texts); i++) {
        struct lines lines = lines_of(texts[i], strlen(texts[i]));

        memset(&words, 0xa5, sizeof(words));
        before = words;
        (void)lines_next(&lines, &words);
        expect(memcmp(&before, &words, sizeof(words)) == 0, "case %zu: written", i);
        close(lines.fd);
    }
}

TEST(no_input)
{
    struct lines lines = {.fd = open("/", O_RDONLY | O_CLOEXEC)};
    struct words words;

    expect(lines_next(&lines, &words) == -EISDIR, "a directory");
    close(lines.fd);
    expect(lines_next(&lines, &words) == -EBADF, "a closed one");
}
