#include "helper/base/failure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

enum {
    TEXT_SIZE = sizeof(((struct failure *)NULL)->text),
};

static void fill(char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + i % 26);
    text[length] = '\0';
}

/* The error comes back, whatever it is; `usage` is somebody else's. */
TEST(errors_come_back)
{
    for (int error = 0; error >= -200; error--) {
        const struct task *usage = (const void *)&error;
        struct failure failure = {.text = "before", .usage = usage};

        expect(fail_as(&failure, FAILURE_EXISTS, error, "what of %d", -error) == error, "for %d",
               error);
        expect(strncmp(failure.text, "what of ", 8) == 0 && atoi(failure.text + 8) == -error,
               "%d: %s", error, failure.text);
        expect(failure.usage == usage, "%d: usage", error);
    }
}

/* A text of any length is cut off where the room ends, and ended there. */
TEST(overlong_texts)
{
    for (size_t length = 0; length < 3 * TEXT_SIZE; length++) {
        char text[3 * TEXT_SIZE];
        struct failure *failure = malloc(sizeof(*failure));
        size_t kept = length < TEXT_SIZE ? length : TEXT_SIZE - 1;

        fill(text, length);
        memset(failure, 'x', sizeof(*failure));
        expect(fail(failure, "%s", text) == -EINVAL, "length %zu", length);
        expect(strnlen(failure->text, TEXT_SIZE) == kept, "length %zu: not ended", length);
        expect(memcmp(failure->text, text, kept) == 0, "length %zu: other text", length);
        free(failure);
    }
}

/* Appended to a text of each length, of each length up to too much. */
TEST(additions)
{
    for (size_t length = 0; length < TEXT_SIZE; length++) {
        for (size_t more = 0; more < 400; more += 7) {
            char text[2 * TEXT_SIZE + 100];
            struct failure *failure = malloc(sizeof(*failure));
            size_t kept = length + more < TEXT_SIZE ? length + more : TEXT_SIZE - 1;

            fill(text, length + more);
            memset(failure, 'x', sizeof(*failure));
            (void)fail(failure, "%.*s", (int)length, text);
            failure_add(failure, "%s", text + length);
            expect(strnlen(failure->text, TEXT_SIZE) == kept &&
                       memcmp(failure->text, text, kept) == 0,
                   "%zu and %zu", length, more);
            free(failure);
        }
    }
}

static const struct {
    int error;
    const char *text;
} unexpected[] = {
    {-EPERM, "can't do it: Operation not permitted (errno 1)"},
    {0, "can't do it: Success (errno 0)"},
    {-41, "can't do it: unknown error (errno 41)"},
    {-2147483647, "can't do it: unknown error (errno 2147483647)"},
    {5, "can't do it: unknown error (errno -5)"},
};

TEST(unexpected_errors)
{
    for (size_t i = 0; i < COUNT(unexpected); i++) {
        struct failure failure;

        expect(fail_unexpected(&failure, unexpected[i].error, "can't do it") == unexpected[i].error,
               "case %zu", i);
        expect(strcmp(failure.text, unexpected[i].text) == 0, "case %zu: %s", i, failure.text);
    }
    for (int error = 1; error < 600; error++) {
        struct failure failure;

        (void)fail_unexpected(&failure, -error, "x");
        expect(unit_is_printable(failure.text), "errno %d: %s", error, failure.text);
    }
}

TEST(steps)
{
    for (int error = 1; error < 600; error++) {
        struct failure step, other;

        expect(fail_on_device(&step, -error, "can't do it") == -error, "errno %d", error);
        (void)fail_unexpected(&other, -error, "can't do it");
        expect((strcmp(step.text, other.text) == 0) == (error != ENODEV), "errno %d: %s", error,
               step.text);
        expect(strncmp(step.text, "can't do it: ", 13) == 0, "errno %d: %s", error, step.text);
    }
}

/* The class of a failure that nobody has given one. What the kernel calls invalid is no argument of
 * the caller's. */
static const struct {
    int error;
    enum failure_code of_unexpected, of_step;
} classes[] = {
    {-EINVAL, FAILURE_SYSTEM, FAILURE_SYSTEM},      {-EMFILE, FAILURE_SHORTAGE, FAILURE_SHORTAGE},
    {-ENFILE, FAILURE_SHORTAGE, FAILURE_SHORTAGE},  {-ENOMEM, FAILURE_SHORTAGE, FAILURE_SHORTAGE},
    {-ENOBUFS, FAILURE_SHORTAGE, FAILURE_SHORTAGE}, {-ENODEV, FAILURE_SYSTEM, FAILURE_REMOVED},
    {-EPERM, FAILURE_SYSTEM, FAILURE_SYSTEM},       {-EIO, FAILURE_SYSTEM, FAILURE_SYSTEM},
};

TEST(classes_of_errors)
{
    for (size_t i = 0; i < COUNT(classes); i++) {
        const int error = classes[i].error;
        struct failure failure = {.code = FAILURE_CODES};

        (void)fail(&failure, "x");
        expect(failure.code == FAILURE_USAGE, "%d: fail(): %d", error, (int)failure.code);
        (void)fail_unexpected(&failure, error, "x");
        expect(failure.code == classes[i].of_unexpected, "%d: fail_unexpected(): %d", error,
               (int)failure.code);
        (void)fail_on_device(&failure, error, "x");
        expect(failure.code == classes[i].of_step, "%d: fail_on_device(): %d", error,
               (int)failure.code);
        (void)fail_as(&failure, FAILURE_EXISTS, error, "x");
        expect(failure.code == FAILURE_EXISTS, "%d: fail_as(): %d", error, (int)failure.code);
    }
}

/* Each has a word of its own. */
TEST(words)
{
    for (int a = 0; a < FAILURE_CODES; a++) {
        const char *word = failure_word((enum failure_code)a);

        expect(word && strspn(word, "abcdefghijklmnopqrstuvwxyz-") == strlen(word), "%d", a);
        for (int b = 0; b < a; b++)
            expect(strcmp(word, failure_word((enum failure_code)b)) != 0, "%d and %d", a, b);
    }
}

/* The caller's locale isn't asked, nor are translations. */
TEST(no_translation)
{
    struct failure failure;

    expect(setenv("LANGUAGE", "de", 1) == 0 && setenv("LC_ALL", "de_DE.UTF-8", 1) == 0, "setenv");
    (void)fail_unexpected(&failure, -EPERM, "x");
    expect(strcmp(failure.text, "x: Operation not permitted (errno 1)") == 0, "%s", failure.text);
}
