#include "cwg/base/json.h"

#include <stdio.h>
#include <string.h>

#include "cwg/base/failure.h"
#include "unit.h"

TEST(lines_that_are_objects)
{
    static const struct {
        const char *line;
        bool good;
    } cases[] = {
        {"{}", true},     {" {\"a\":[{}]} ", true},       {"[]", false},
        {"7", false},     {"{\"a\":1,\"a\":2}", false},   {"{\"a\":{\"b\":1,\"b\":1}}", false},
        {"{} {}", false}, {"{\"a\":\"\\u0000\"}", false}, {"{\"a\":99999999999999999999}", false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *read = json_read_line(cases[i].line);

        expect((read != NULL) == cases[i].good, "case %zu: %s", i, cases[i].line);
        json_decref(read);
    }
}

TEST(numbers)
{
    static const struct {
        const char *line;
        bool good;
    } cases[] = {
        {"{\"n\":0}", true},           {"{\"n\":7}", true},
        {"{\"n\":-1}", false},         {"{\"n\":8}", false},
        {"{\"n\":1.0}", false},        {"{\"n\":\"1\"}", false},
        {"{\"n\":null}", false},       {"{\"n\":true}", false},
        {"{\"n\":[1]}", false},        {"{}", false},
        {"{\"n\":4294967299}", false}, {"{\"n\":-9223372036854775808}", false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *read = json_read_line(cases[i].line);
        int64_t number = 42;
        int error = json_whole(read, "n", 0, 7, &number);

        expect((error == 0) == cases[i].good && (number != 42) == cases[i].good, "case %zu: %s", i,
               cases[i].line);
        json_decref(read);
    }
    expect(json_whole(NULL, "n", 0, 1, &(int64_t){0}) == -1, "no object");
}

TEST(strangers)
{
    static const char *const known[] = {"a", "b", NULL};
    static const struct {
        const char *line, *stranger;
    } cases[] = {
        {"{}", NULL},
        {"{\"b\":1,\"a\":null}", NULL},
        {"{\"a\":1,\"ab\":2,\"c\":3}", "ab"},
        {"{\"\":1}", ""},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *read = json_read_line(cases[i].line);
        const char *name = json_stranger(read, known);

        expect(cases[i].stranger ? name && strcmp(name, cases[i].stranger) == 0 : !name, "%s: %s",
               cases[i].line, name ? name : "none");
        json_decref(read);
    }
    expect(!json_stranger(NULL, known), "no object");
}

TEST(texts)
{
    static const struct {
        const char *line, *text;
    } cases[] = {
        {"{\"t\":\"abc\"}", "abc"}, {"{\"t\":\"\"}", ""}, {"{\"t\":\"abcd\"}", NULL},
        {"{\"t\":7}", NULL},        {"{}", NULL},         {"{\"t\":[\"abc\"]}", NULL},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *read = json_read_line(cases[i].line);
        const char *text = json_text(read, "t", 3);

        expect(text ? cases[i].text && strcmp(text, cases[i].text) == 0 : !cases[i].text,
               "case %zu: %s", i, cases[i].line);
        json_decref(read);
    }
    expect(json_text(NULL, "t", 3) == NULL, "no object");
}

TEST(words)
{
    static const struct {
        const char *line, *words;
    } cases[] = {
        {"{\"w\":\"not running\"}", "not running"},
        {"{\"w\":\"a\\u001b\"}", "unknown"},
        {"{\"w\":\"abcdefghijklmnopqrstuvwxyzabcdef\"}", "unknown"},
        {"{}", "unknown"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *read = json_read_line(cases[i].line);

        expect(strcmp(json_words(read, "w"), cases[i].words) == 0, "case %zu", i);
        json_decref(read);
    }
}

TEST(failures_are_one_printable_line)
{
    struct failure failure = {.text = ""};
    char bytes[256], much[4096];

    for (int i = 0; i < 255; i++)
        bytes[i] = (char)(i + 1);
    bytes[255] = '\0';
    expect(fail(&failure, bytes, "%s", bytes) == -1, "the result");
    expect(unit_is_printable(failure.text) && strlen(failure.text) == 255, "the text: %s",
           failure.text);
    expect(unit_is_printable(failure.code) && strlen(failure.code) == FAILURE_CODE_SIZE - 1,
           "the code: %s", failure.code);
    memset(much, 'x', sizeof(much));
    much[sizeof(much) - 1] = '\0';
    fail(&failure, "code", "%s", much);
    failure_add(&failure, "%s", much);
    expect(strlen(failure.text) == FAILURE_TEXT_SIZE - 1, "the longest");
    fail(&failure, "code", "a");
    failure_add(&failure, "\x1b[2J%d\n", 7);
    expect(strcmp(failure.text, "a?[2J7?") == 0 && failure_is(&failure, "code"), "%s",
           failure.text);
}
