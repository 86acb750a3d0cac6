/* What engines' programs print of labels, from a program that stands in for podman. */
#include "cwg/container/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg_programs.h"
#include "unit.h"

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define I "1111111111111111111111111111111111111111111111111111111111111111"
#define J "2222222222222222222222222222222222222222222222222222222222222222"

static struct labelled *found;
static size_t count;
static struct failure failure;

/* What the three commands print, and the exit status and the complaint of the last one. */
static void install(const char *list, const char *containers, const char *images,
                    const char *ending)
{
    char script[4096];

    (void)snprintf(script, sizeof(script),
                   "echo \"$*\" >>\"$0.words\"\n"
                   "case $1 in\nps) cat <<'END'\n%sEND\n;;\ncontainer) cat <<'END'\n%sEND\n;;\n"
                   "*) cat <<'END'\n%sEND\n%s;;\nesac",
                   list, containers, images, ending);
    programs_begin();
    programs_write("podman", script);
}

static int find(void)
{
    return labels_find("podman", NULL, 0, &found, &count, &failure);
}

static void end(int error)
{
    if (!error)
        free(found);
    programs_end();
}

#define LIST A " web\n" B " db\n"

TEST(labels_of_containers_and_images_are_told_apart)
{
    int error;

    install(LIST, A " " I " web \"x\"\n" B " sha256:" J " /db \"y\"\n",
            I " \"x\"\nsha256:" J " \"x\"\n", "");
    error = find();
    expect(!error && count == 2, "%d %zu: %s", error, count, failure.text);
    expect(found[0].origin == LABEL_OF_IMAGE && strcmp(found[0].name, "web") == 0 &&
               strcmp(found[0].text, "x") == 0 && strcmp(found[0].id, A) == 0,
           "%d %s %s", found[0].origin, found[0].name, found[0].text);
    expect(found[1].origin == LABEL_OF_CONTAINER && strcmp(found[1].name, "db") == 0 &&
               strcmp(found[1].image, J) == 0,
           "%d %s %s", found[1].origin, found[1].name, found[1].image);
    end(error);
}

/* The image of one says nothing of another's label. */
TEST(each_label_is_compared_with_its_own_image_s)
{
    int error;

    install(LIST, A " " I " web \"x\"\n" B " " J " db \"x\"\n", I " \"x\"\n" J " \"y\"\n", "");
    error = find();
    expect(!error && found[0].origin == LABEL_OF_IMAGE && found[1].origin == LABEL_OF_CONTAINER,
           "%d: %s", error, failure.text);
    end(error);
}

/* The words of all commands, a line each. */
static const char *words_of_podman(void)
{
    static char words[4096];
    char path[4096];
    FILE *file;

    memset(words, 0, sizeof(words));
    (void)snprintf(path, sizeof(path), "%s/podman.words", programs_folder());
    file = fopen(path, "re");
    if (!file || fread(words, 1, sizeof(words) - 1, file) == 0)
        unit_trouble("words");
    (void)fclose(file);
    return words;
}

#define LISTING                                                                                    \
    "ps --all --no-trunc --filter label=cwg.link --format {{.ID}} {{printf \"%.190s\" .Names}}\n"
#define INSPECTING                                                                                 \
    "container inspect --format {{.Id}} {{.Image}} {{printf \"%.255s\" .Name}} "                   \
    "{{$label := \"\"}}{{with .Config}}{{with .Labels}}{{with index . \"cwg.link\"}}{{$label = "   \
    ".}}{{end}}{{end}}{{end}}{{printf \"%.513q\" $label}} "

TEST(without_a_label_one_program_is_asked)
{
    int error;

    install("", "", "", "");
    error = find();
    expect(!error && count == 0, "%d: %s", error, failure.text);
    expect(strcmp(words_of_podman(), LISTING) == 0, "%s", words_of_podman());
    end(error);
}

/* Their answers have a bound for each container, whatever its name and its label. */
TEST(containers_without_images_are_asked_for_by_two_programs)
{
    int error;

    install(LIST, A "  web \"x\"\n" B "  db \"y\"\n", "", "exit 1");
    error = find();
    expect(!error && found[0].origin == LABEL_OF_CONTAINER, "%d: %s", error, failure.text);
    expect(strcmp(words_of_podman(), LISTING INSPECTING A " " B "\n") == 0, "%s",
           words_of_podman());
    end(error);
}

TEST(the_same_containers_are_asked_for_once)
{
    struct labelled *before;
    int error;

    install(LIST, A " " I " web \"x\"\n" B " " J " db \"y\"\n", I " \"\"\n" J " \"\"\n", "");
    if (find())
        unit_trouble("find");
    before = found;
    programs_write("podman", "[ $1 = ps ] && printf '" A " web\\n" B " db\\n'");
    error = labels_find("podman", before, 2, &found, &count, &failure);
    expect(error == 1, "%d: %s", error, failure.text);
    programs_write("podman", "[ $1 = ps ] && printf '" A " web\\n" B " other\\n'");
    error = labels_find("podman", before, 2, &found, &count, &failure);
    expect(error == -1, "a new name: %d", error);
    programs_write("podman", "[ $1 = ps ] && printf '" A " web\\n" I " db\\n'");
    error = labels_find("podman", before, 2, &found, &count, &failure);
    expect(error == -1, "a new container: %d", error);
    free(before);
    end(-1);
}

/* A container whose image isn't told of, for whatever reason, has proven nothing. */
TEST(an_image_that_is_not_told_of_proves_nothing)
{
    int error;

    install(LIST, A " " I " web \"x\"\n" B "  db \"y\"\n", "",
            "echo 'Error: inspecting object: " I ": image not known' >&2; exit 125\n");
    error = find();
    expect(!error && found[0].origin == LABEL_UNPROVEN && found[1].origin == LABEL_OF_CONTAINER,
           "%d: %s", error, failure.text);
    end(error);
}

TEST(a_label_of_any_bytes_stays_one_line)
{
    int error;

    install(LIST, A " " I " web \"a \\\"b\\nc\\x00\"\n" B " " I " db \"\"\n", I " \"\"\n", "");
    error = find();
    expect(!error && strcmp(found[0].text, "a \\\"b\\nc\\x00") == 0, "%s", failure.text);
    expect(!error && found[1].text[0] == '\0' && found[1].origin == LABEL_OF_IMAGE, "%s",
           failure.text);
    end(error);
}

TEST(what_cannot_be_read_is_no_look)
{
    static const struct {
        const char *list, *containers, *images, *ending;
    } cases[] = {
        {"--all web\n", "", "", ""},
        {A "\n", "", "", ""},
        {A "aaaaaaaaaaaaaaaa web\n", "", "", ""}, /* of 80 letters */
        {LIST, A " " I " web x\n", "", ""},
        {LIST, A " " I " web \"\n", "", ""},
        {LIST, A " " I " web x\"\n", "", ""},
        {LIST, A " " I " web \"x\n", "", ""},
        {LIST, "no\n" A " " I " web \"x\"\n", "", ""},
        {LIST, A " " I " web\n", "", ""},
        {LIST, A " -- web \"x\"\n", "", ""},
        {LIST, A " " I " -web \"x\"\n", "", ""},
        {LIST, "\n", "", ""},
        {LIST, A " " I " web \"x\"\n", I "\n", ""},
        {LIST, A " " I " web \"x\"\n", "-- \"x\"\n", ""},
        {LIST, A " " I " web \"x\"\n", "", "echo no >&2; exit 1\n"},
        {LIST, A " " I " web \"x\"\n", I " \"\"\n", "exit 1\n"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int error;

        install(cases[i].list, cases[i].containers, cases[i].images, cases[i].ending);
        error = find();
        expect(error == -1, "%zu: %d", i, error);
        end(error);
    }
}

TEST(without_the_program_nothing_is_known)
{
    programs_begin();
    expect(find() == -1 && strstr(failure.text, "podman isn't installed"), "%s", failure.text);
    programs_end();
}

TEST(so_many_containers_and_no_more)
{
    static const char loop[] = "i=100; while [ $i -lt %d ]; do echo \"c$i%s\"; i=$((i + 1)); done";
    char script[1024], one[256], two[256];
    int error;

    (void)snprintf(one, sizeof(one), loop, 100 + LABELLED_MAX, " n$i");
    (void)snprintf(two, sizeof(two), loop, 101 + LABELLED_MAX, " n$i");
    programs_begin();
    (void)snprintf(
        script, sizeof(script),
        "case $1 in ps) %s;; container) shift 4; [ $# -le 50 ] || exit 1; for c; do echo "
        "\"$c i$c n \\\"x\\\"\"; done;; *) shift 4; for c; do echo \"$c \\\"y\\\"\"; "
        "done;; esac",
        one);
    programs_write("podman", script);
    error = find();
    expect(!error && count == LABELLED_MAX, "%d %zu: %s", error, count, failure.text);
    for (size_t i = 0; !error && i < count; i++)
        expect(found[i].origin == LABEL_OF_CONTAINER && strcmp(found[i].text, "x") == 0, "%zu", i);
    if (!error)
        free(found);
    programs_write("podman", two);
    expect(find() == -1 && strstr(failure.text, "more than 250 containers"), "%s", failure.text);
    programs_end();
}

/* Fifty containers of one hostile image: Go writes some characters as ten. */
TEST(the_longest_labels_of_many_containers_fit_into_answers)
{
    static const char script[] =
        "l=$(printf '%0513d' 0 | sed 's/0/\\\\U000e0001/g')\n"
        "case $1 in ps) i=100; while [ $i -lt 150 ]; do echo \"c$i n$i\"; i=$((i + 1)); done;; "
        "container) shift 4; for c; do echo \"$c i n \\\"$l\\\"\"; done;; "
        "*) [ $# = 5 ] || exit 1; echo \"i \\\"$l\\\"\";; esac";
    int error;

    programs_begin();
    programs_write("podman", script);
    error = find();
    expect(!error && count == 50, "%d %zu: %s", error, count, failure.text);
    expect(!error && strlen(found[0].text) == LABEL_SIZE - 1 && found[0].origin == LABEL_OF_IMAGE,
           "%d", error);
    end(error);
}

/* Of a name the engine is asked for one more character than the name of an end may have. */
TEST(a_container_whose_name_is_too_long_is_told_and_hides_no_other)
{
    static const char script[] =
        "case $1 in ps) l=$(printf '%%0190d' 0); printf '" A " '$l'\n" B " db\n';;\n"
        "container) l=$(printf '%%0%dd' 0); echo \"" A " " I " $l \\\"x\\\"\"\n"
        "echo '" B " " I " /db \"x\"';;\n"
        "*) echo '" I " \"\"';; esac";
    static const struct {
        int length;
        enum label_origin origin;
    } cases[] = {{END_NAME_SIZE, LABEL_OF_NOBODY}, {END_NAME_SIZE - 1, LABEL_OF_CONTAINER}};

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[1024];
        int error;

        programs_begin();
        (void)snprintf(text, sizeof(text), script, cases[i].length);
        programs_write("podman", text);
        error = find();
        expect(!error && count == 2, "%zu: %d %zu: %s", i, error, count, failure.text);
        expect(!error && found[0].origin == cases[i].origin &&
                   strlen(found[0].name) == END_NAME_SIZE - 1,
               "%zu: %d", i, found[0].origin);
        expect(!error && found[1].origin == LABEL_OF_CONTAINER && strcmp(found[1].name, "db") == 0,
               "%zu: %s", i, found[1].name);
        /* The list has only the name's beginning, and that is no other name. */
        if (!error) {
            struct labelled *before = found;

            expect(labels_find("podman", before, 2, &found, &count, &failure) == 1, "%zu: new", i);
            free(before);
        }
        programs_end();
    }
}

/* Docker writes a '/' before a name, and so it cuts one character less of the name. */
TEST(a_container_of_dockers_whose_name_is_too_long_is_told_too)
{
    static const char script[] = "case $1 in ps) echo '" A " 0';;\n"
                                 "container) cut=${4#*%.}; l=$(printf '%0254d' 0)\n"
                                 "printf '" A " " I " %.'${cut%%s*}'s \"x\"\n' /$l;;\n"
                                 "*) echo '" I " \"\"';; esac";
    int error;

    programs_begin();
    programs_write("docker", script);
    error = labels_find("docker", NULL, 0, &found, &count, &failure);
    expect(!error && count == 1 && found[0].origin == LABEL_OF_NOBODY, "%d %zu %d: %s", error,
           count, error ? -1 : (int)found[0].origin, failure.text);
    end(error);
}

/* Who starts containers chooses their names. */
TEST(the_longest_names_of_many_containers_fit_into_a_list)
{
    static const char script[] =
        "case $1 in ps) l=$(printf '%0190d' 0); i=100; while [ $i -lt 350 ]; do "
        "echo \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa$i $l\"; "
        "i=$((i + 1)); done;; "
        "container) shift 4; for c; do echo \"$c i n \\\"x\\\"\"; done;; *) echo 'i \"\"';; esac";
    int error;

    programs_begin();
    programs_write("podman", script);
    error = find();
    expect(!error && count == LABELLED_MAX, "%d %zu: %s", error, count, failure.text);
    end(error);
}

TEST(not_each_engine_has_labels)
{
    expect(labels_may("podman") && labels_may("docker") && !labels_may("lxc") &&
               !labels_may("nothing") && !labels_may(""),
           "another answer");
    expect(labels_find("lxc", NULL, 0, &found, &count, &failure) == -1 &&
               strcmp(failure.text, "lxc has no labels") == 0,
           "%s", failure.text);
}
