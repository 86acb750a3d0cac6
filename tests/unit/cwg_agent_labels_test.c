/* What becomes of the labels that an agent hears of, from programs that stand in for the engines.
 * An end is here what the store says, and does nothing. */
#include "cwg/agent/ends/labels.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/container/attachment.h"
#include "cwg/store/wanted.h"
#include "cwg_folder.h"
#include "cwg_programs.h"
#include "unit.h"

#define WEB   "web-db,net=7,host=0,site=s2"
#define WANT  "web-db.0"
#define STORE "store" /* in the folder of the programs */

enum {
    TURN_MS = 100,
    ENDS_MAX = 4,
};

/* The containers' labels are in files, `engine.NAME`; those of their images in `image.NAME`.
 * Without it an image has no label; one of "-" isn't there. A file `engine.script` is run by each
 * list. The first word of each command is noted. A container with a longer label is another one. */
#define ENGINE                                                                                     \
    "cd \"${0%/*}\"; e=${0##*/}; echo $1 >>asked; case $1 in\n"                                    \
    "ps) [ ! -e $e.script ] || . ./$e.script\n"                                                    \
    "for f in $e.label.*; do [ ! -e $f ] || echo \"$(stat -c %s $f)-${f##*.} ${f##*.}\"; done;;\n" \
    "container) shift 4; for id; do n=${id#*-}\n"                                                  \
    "echo \"$id im-$n $n \\\"$(cat $e.label.$n)\\\"\"; done;;\n"                                   \
    "*) shift 4; for id; do n=${id#im-}; l=$(cat image.$n 2>/dev/null)\n"                          \
    "[ \"$l\" = - ] || echo \"$id \\\"$l\\\"\"; done;; esac"

static struct household *house;
static struct labels labels;
static struct agent_end *ends[ENDS_MAX]; /* sorted by their paths */
static struct ends all;
static struct site_record site = {.name = "s2"};
static struct failure failure;
static int changes; /* of the store, that the labels tell of */
static char said[65536];
static int kept, journal;
static struct attachment attached[LABELLED_MAX + 1];
static size_t attached_count;
static bool attached_fails;

/* What plugins of networks tell. */
int __wrap_attachments_read(const char *path, struct attachment **ret_attachments,
                            size_t *ret_count, struct failure *ret_failure);
int __wrap_attachments_read(const char *path, struct attachment **ret_attachments,
                            size_t *ret_count, struct failure *ret_failure)
{
    expect(!path, "%s", path);
    if (attached_fails)
        return fail(ret_failure, "system", "it tells nothing");
    *ret_attachments = unit_copy(attached, sizeof(attached));
    *ret_count = attached_count;
    return 0;
}

/* A container is attached to a network that declares this. */
static void attach(const char *name, const char *link)
{
    struct attachment *one = &attached[attached_count++];

    *one = (struct attachment){.engine = "podman", .network = "n"};
    (void)snprintf(one->name, sizeof(one->name), "%s", name);
    (void)snprintf(one->id, sizeof(one->id), "id-%s", name);
    (void)snprintf(one->link, sizeof(one->link), "%s", link);
}

/* As the agent does: takes over what the store says under a name now. */
static void see(void *owner, const char *name)
{
    struct agent_end *end = ends_find(&all, name);
    struct want want;
    bool labelled;
    size_t i = 0;

    (void)owner;
    changes++;
    if (wanted_read(&house->store, name, &want, &labelled, &failure)) {
        while (end && ends[i] != end)
            i++;
        for (all.count -= end != NULL; end && i < all.count; i++)
            ends[i] = ends[i + 1];
        free(end);
        return;
    }
    if (!end) {
        end = malloc(sizeof(*end));
        if (!end || all.count == ENDS_MAX)
            unit_trouble("malloc");
        for (i = all.count++; i > 0 && strcmp(ends[i - 1]->path, name) > 0; i--)
            ends[i] = ends[i - 1];
        ends[i] = end;
    }
    *end = (struct agent_end){.want = want, .labelled = labelled};
    (void)snprintf(end->path, sizeof(end->path), "%s", name);
}

/* The store declares the end for a container. see() has the agent read it. */
static void declare(const char *container)
{
    char line[512];

    (void)snprintf(line, sizeof(line),
                   "{\"link\":\"web-db\",\"net\":7,\"host\":0,\"container\":{\"engine\":\"podman\","
                   "\"name\":\"%s\"},\"peer\":{\"site\":\"s2\"},\"keepalive\":25}",
                   container);
    if (store_write(&house->store, "want/" WANT, line, &failure))
        unit_trouble(failure.text);
}

static void begin(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    journal = fileno(tmpfile());
    if (kept < 0 || journal < 0 || dup2(journal, STDERR_FILENO) < 0)
        unit_trouble("dup2");
    programs_begin();
    programs_write("podman", ENGINE);
    programs_write("docker", ENGINE);
    house = calloc(1, sizeof(*house));
    if (!house || store_open(&house->store, folder_path(programs_folder(), STORE), &failure) ||
        loop_open(&house->loop))
        unit_trouble("store");
    journal_open(&house->journal);
    house->trust = (struct trust){.sites = &site, .count = 1};
    house->config.labels = 1;
    (void)snprintf(house->config.label[0], END_ENGINE_SIZE, "podman");
    all = (struct ends){.house = house, .end = ends};
    changes = 0;
    attached_count = 0;
    attached_fails = false;
    labels_open(&labels, house, &all);
    labels.changed = see;
}

static void end(void)
{
    labels_close(&labels);
    while (all.count > 0)
        free(ends[--all.count]);
    loop_close(&house->loop);
    store_close(&house->store);
    programs_end();
    free(house);
    (void)fflush(stderr);
    if (dup2(kept, STDERR_FILENO) < 0)
        unit_trouble("dup2");
    close(kept);
    close(journal);
}

/* A round: all engines are looked at. */
static void look(void)
{
    labels.due = clock_now();
    do {
        (void)labels_run(&labels);
        loop_turn(&house->loop, clock_now() + TURN_MS);
    } while (labels.asking || labels.due <= clock_now());
}

/* How often the journal has a text. */
static int times(const char *text)
{
    ssize_t length;
    int count = 0;

    (void)fflush(stderr);
    length = pread(journal, said, sizeof(said) - 1, 0);
    said[length > 0 ? length : 0] = '\0';
    for (const char *next = said; (next = strstr(next, text)); next++)
        count++;
    return count;
}

/* Does the store say that a label declares the end? */
static bool has(const char *name)
{
    struct want want;
    bool labelled = false;

    return wanted_read(&house->store, name, &want, &labelled, &failure) == 0 && labelled;
}

/* How many commands began with this word. */
static int asked(const char *word)
{
    FILE *file = fopen(folder_path(programs_folder(), "asked"), "re");
    char line[64];
    int count = 0;

    while (file && fgets(line, sizeof(line), file))
        count += strncmp(line, word, strlen(word)) == 0;
    if (file)
        (void)fclose(file);
    return count;
}

TEST(a_label_becomes_an_end_in_the_store_once)
{
    begin();
    programs_put("podman.label.web", WEB);
    look();
    expect(has(WANT) && changes == 1, "%d", changes);
    expect(times("link web-db: a label of podman/web declares it") == 1, "%s", said);
    look();
    look();
    expect(has(WANT) && changes == 1 && asked("ps") == 3, "%d %d", changes, asked("ps"));
    expect(asked("container") == 1 && asked("image") == 1, "the same container is asked for again");
    expect(times("cwg: ") == 1, "%s", said);
    end();
}

TEST(another_label_of_the_same_container_changes_its_end)
{
    struct want want = {.mtu = 0};
    bool labelled;

    begin();
    programs_put("podman.label.web", WEB);
    look();
    programs_put("podman.label.web", WEB ",mtu=1380");
    look();
    expect(wanted_read(&house->store, WANT, &want, &labelled, &failure) == 0 && want.mtu == 1380 &&
               changes == 2,
           "%u %d", want.mtu, changes);
    end();
}

TEST(what_does_not_count_is_said_once_with_its_reason)
{
    static const struct {
        const char *label, *image, *reason;
    } cases[] = {
        {WEB, WEB, "it is its image's: give one to the container"},
        {WEB, "-", "its image can't be looked at"},
        {"web-db,net=7", "", "link web-db: it needs net=N, host=0 or host=1, and site=NAME"},
        {"web-db,net=7,host=0,site=s3", "", "site s3 isn't known here: declare it"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char expected[256];

        begin();
        programs_put("podman.label.web", cases[i].label);
        programs_put("image.web", cases[i].image);
        look();
        look();
        (void)snprintf(expected, sizeof(expected),
                       "cwg: the label of podman/web doesn't count: %s\n", cases[i].reason);
        expect(times(expected) == 1 && times("cwg: ") == 1, "%zu: %s", i, said);
        expect(!has(WANT) && changes == 0, "%zu", i);
        end();
    }
}

TEST(a_name_that_is_too_long_for_an_end_is_said)
{
    char name[END_NAME_SIZE + 1], script[1024];

    begin();
    (void)snprintf(name, sizeof(name), "%0*d", END_NAME_SIZE, 0);
    (void)snprintf(script, sizeof(script),
                   "case $1 in ps) echo 'a %s';; container) echo 'a i %s \"" WEB
                   "\"';; *) echo 'i \"\"';; esac",
                   name, name);
    programs_write("podman", script);
    look();
    expect(times("its name is longer than 253 characters") == 1 && !has(WANT), "%s", said);
    end();
}

TEST(a_look_complains_of_some_labels_and_not_of_all)
{
    begin();
    for (char name[] = "podman.label.a"; name[13] <= 'j'; name[13]++)
        programs_put(name, "x");
    look();
    expect(times("doesn't count") == 8, "%d", times("doesn't count"));
    end();
}

TEST(a_label_that_two_looks_have_missed_is_gone)
{
    begin();
    programs_put("podman.label.web", WEB);
    look();
    programs_put("podman.label.web", NULL);
    look();
    expect(has(WANT) && changes == 1, "a look: %d", changes);
    programs_put("podman.label.web", WEB); /* it is back, and the count begins anew */
    look();
    programs_put("podman.label.web", NULL);
    look();
    expect(has(WANT) && changes == 1, "one more: %d", changes);
    look();
    expect(!has(WANT) && changes == 2 && all.count == 0, "two: %d", changes);
    expect(times("link web-db: no label declares it any more") == 1, "%s", said);
    programs_put("podman.label.web", WEB);
    look();
    expect(has(WANT), "it is back");
    end();
}

TEST(a_look_that_fails_changes_nothing)
{
    static const struct {
        const char *script, *said;
    } cases[] = {
        {"echo 'Error: broken' >&2; exit 125", "can't look for labels: podman: Error: broken"},
        {"echo nonsense; exit", "can't look for labels: podman: podman tells of labels in an"},
        {"kill -KILL $PPID", "can't look for labels: a look ended without a word"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        begin();
        programs_put("podman.label.web", WEB);
        look();
        programs_put("podman.label.web", NULL);
        programs_put("podman.script", cases[i].script);
        for (int j = 0; j < 4; j++)
            look();
        expect(has(WANT) && changes == 1, "%zu: %d", i, changes);
        expect(times(cases[i].said) == 1, "%zu: %s", i, said);
        /* Misses in a row are looks that succeed. */
        programs_put("podman.script", NULL);
        look();
        expect(has(WANT), "%zu: a look", i);
        look();
        expect(!has(WANT), "%zu: two", i);
        end();
    }
}

/* The clock isn't this test's, so the look begins in the past. */
TEST(a_look_that_takes_too_long_is_ended)
{
    pid_t before;

    begin();
    programs_put("podman.script", "exec sleep 100");
    (void)labels_run(&labels);
    before = labels.child.pid;
    labels_reread(&labels); /* it begins anew */
    (void)labels_run(&labels);
    expect(labels.child.pid != before && kill(before, 0) < 0, "the look before lives on");
    expect(labels.asking && labels_run(&labels) <= clock_now() + 40000, "it asks");
    labels.begun -= 40000;
    (void)labels_run(&labels);
    expect(!labels.asking && times("can't look for labels: podman doesn't answer") == 1, "%s",
           said);
    expect(labels_run(&labels) > clock_now() + 10000, "it asks again at once");
    end();
}

TEST(without_the_setting_no_engine_is_asked_and_the_ends_go)
{
    begin();
    programs_put("podman.label.web", WEB);
    look();
    house->config.labels = 0;
    labels_reread(&labels);
    expect(labels_run(&labels) == INT64_MAX && !has(WANT) && changes == 2, "%d", changes);
    labels.due = clock_now();
    expect(labels_run(&labels) == INT64_MAX && asked("ps") == 1, "%d", asked("ps"));
    end();
}

/* The other engine's looks say nothing of this one's ends. */
TEST(each_engine_speaks_for_itself)
{
    begin();
    house->config.labels = 2;
    (void)snprintf(house->config.label[1], END_ENGINE_SIZE, "docker");
    programs_put("podman.label.web", WEB);
    programs_put("docker.label.mail", "mail,net=8,host=0,site=s2");
    look();
    expect(has(WANT) && has("mail.0") && asked("ps") == 2, "%s", failure.text);
    programs_put("podman.label.web", NULL);
    look();
    expect(has(WANT), "docker's look counted for podman");
    programs_put("docker.script", "exit 1");
    look();
    expect(!has(WANT) && has("mail.0"), "podman's goes, docker's stays");
    end();
}

TEST(a_container_of_two_engines_is_one)
{
    begin();
    house->config.labels = 2;
    (void)snprintf(house->config.label[1], END_ENGINE_SIZE, "docker");
    programs_put("podman.label.web", WEB);
    programs_put("docker.label.web", WEB);
    look();
    look();
    expect(has(WANT) && changes == 1 && times("doesn't count") == 0, "%d %s", changes, said);
    end();
}

TEST(what_the_store_declares_is_no_label_s)
{
    begin();
    declare("db");
    programs_put("podman.label.web", WEB);
    look(); /* the agent hasn't read it yet, and the label doesn't overtake it */
    expect(!has(WANT) && changes == 0 && times("declares it") == 0, "%d %s", changes, said);
    see(NULL, WANT);
    look();
    expect(!has(WANT) &&
               times("podman/db has link web-db, of net 7, by what the store declares") == 1,
           "%s", said);
    end();
}

/* A label had the end first: its file goes when the store declares the end. */
TEST(the_store_takes_an_end_from_a_label_and_gives_it_back)
{
    begin();
    programs_put("podman.label.web", WEB);
    look();
    declare("web");
    see(NULL, WANT);
    look();
    expect(faccessat(house->store.directory, "label/" WANT, F_OK, 0) < 0,
           "the label's file is there");
    look(); /* it is the same end, so there is nothing to say */
    expect(times("no label declares it any more") == 0 && times("doesn't count") == 0, "%s", said);
    if (store_remove(&house->store, "want/" WANT, &failure))
        unit_trouble(failure.text);
    see(NULL, WANT);
    look();
    expect(has(WANT), "it isn't back");
    end();
}

TEST(ends_of_two_containers_that_come_back_and_claim_the_same_are_gone)
{
    begin();
    programs_put("podman.label.web", WEB);
    programs_put("podman.label.mail", "mail,net=8,host=0,site=s2");
    look();
    programs_put("podman.label.web", "web-db,net=9,host=0,site=s2,mtu=1380");
    programs_put("podman.label.mail", "mail,net=9,host=0,site=s2,mtu=1380");
    look();
    expect(has(WANT) && has("mail.0") && times("doesn't count") == 2, "%s", said);
    look();
    expect(!has(WANT) && !has("mail.0") && changes == 4, "%d", changes);
    end();
}

TEST(a_label_s_file_of_which_no_end_was_made_stays)
{
    begin();
    if (store_write(&house->store, "label/" WANT, "no JSON", &failure))
        unit_trouble(failure.text);
    for (int i = 0; i < 3; i++)
        look();
    expect(faccessat(house->store.directory, "label/" WANT, F_OK, 0) == 0 && changes == 0, "%d",
           changes);
    end();
}

TEST(the_folder_of_labels_is_kept_or_says_nothing)
{
    begin();
    expect(!labels_are_kept(&labels), "there is none yet");
    programs_put("podman.label.web", WEB);
    look();
    expect(labels_are_kept(&labels), "there is one");
    if (store_remove(&house->store, "label/" WANT, &failure) ||
        unlinkat(house->store.directory, "label", AT_REMOVEDIR) < 0)
        unit_trouble("unlinkat");
    expect(!labels_are_kept(&labels), "it is gone");
    house->config.labels = 0;
    expect(labels_are_kept(&labels), "no labels are allowed");
    house->config.labels = 1;
    look();
    expect(labels_are_kept(&labels) && has(WANT), "it is written anew");
    end();
}

/* Engine `place` of the settings is the networks. */
static void take_networks(int place)
{
    house->config.labels = place + 1;
    (void)snprintf(house->config.label[place], END_ENGINE_SIZE, LABELS_OF_NETWORKS);
}

/* A plugin has written: the look that belongs to no round. */
static void hurry(void)
{
    labels_hurry(&labels);
    labels.hurry = clock_now();
    labels.due = INT64_MAX;
    do {
        (void)labels_run(&labels);
        loop_turn(&house->loop, clock_now() + TURN_MS);
    } while (labels.asking || labels.hurry <= clock_now());
}

TEST(a_network_declares_an_end_for_its_container)
{
    begin();
    take_networks(0);
    attach("web", WEB);
    attach("idle", "");
    look();
    expect(has(WANT) && changes == 1, "%d", changes);
    expect(times("link web-db: a network of podman/web declares it") == 1, "%s", said);
    attached_count = 0;
    look();
    expect(has(WANT), "one look has missed it");
    look();
    expect(!has(WANT) &&
               times("link web-db: neither a label nor a network declares it any more") == 1,
           "%s", said);
    end();
}

TEST(what_is_wrong_with_a_network_s_link_is_said)
{
    begin();
    take_networks(0);
    attach("web", "web-db,net=7");
    look();
    expect(times("the network's link of podman/web doesn't count: link web-db: it needs") == 1,
           "%s", said);
    end();
}

/* Two networks of a container are two links. Its label is a third. */
TEST(each_network_of_a_container_counts)
{
    begin();
    take_networks(1);
    programs_put("podman.label.web", WEB);
    look();
    attach("web", "mail,net=8,host=0,site=s2");
    attach("web", "news,net=9,host=0,site=s2");
    for (int i = 0; i < 2; i++)
        memcpy(attached[i].id, labels.engine[0].said[0].id, CONTAINER_ID_SIZE);
    look();
    expect(has(WANT) && has("mail.0") && has("news.0"), "%s", said);
    end();
}

TEST(an_attachment_is_looked_at_at_once_and_its_end_is_not_missed_by_such_looks)
{
    begin();
    take_networks(1);
    look();
    attach("web", WEB);
    hurry();
    expect(has(WANT) && asked("ps") == 1, "%d", asked("ps"));
    attached_count = 0;
    for (int i = 0; i < 4; i++)
        hurry();
    expect(has(WANT), "it was missed");
    look();
    look();
    expect(!has(WANT), "it is still there");
    end();
}

/* Containers start without a pause. Each look is waited for. */
TEST(looks_at_once_and_the_looks_of_a_round_take_turns)
{
    static const struct {
        int asked;                  /* podman, until then */
        bool mail, news, web, over; /* which ends are there; is the round over? */
    } after[] = {
        {1, true, false, false, false},
        {2, true, false, true, false},
        {2, true, true, true, false},
        {2, true, true, true, true},
    };

    begin();
    take_networks(1);
    look();
    programs_put("podman.label.web", WEB);
    attach("mail", "mail,net=8,host=0,site=s2");
    labels.due = clock_now();
    for (size_t i = 0; i < COUNT(after); i++) {
        labels.hurry = clock_now();
        do {
            (void)labels_run(&labels);
            loop_turn(&house->loop, clock_now() + TURN_MS);
        } while (labels.asking);
        expect(asked("ps") == after[i].asked && has("mail.0") == after[i].mail &&
                   has("news.0") == after[i].news && has(WANT) == after[i].web &&
                   (labels.due > clock_now()) == after[i].over,
               "%zu: %d %s", i, asked("ps"), said);
        if (i == 1)
            attach("news", "news,net=9,host=0,site=s2");
    }
    end();
}

/* The look at one of them says nothing of what the other one declares. */
TEST(an_end_goes_if_neither_a_label_nor_a_network_declares_it)
{
    begin();
    take_networks(1);
    programs_put("podman.label.web", WEB);
    look();
    labels_reread(&labels); /* nothing is known of podman any more, and it fails */
    programs_put("podman.script", "exit 1");
    for (int i = 0; i < 3; i++)
        look();
    expect(has(WANT), "the networks' look counted for podman's label");
    programs_put("podman.script", NULL);
    look();
    attached_fails = true;
    programs_put("podman.label.web", NULL);
    for (int i = 0; i < 3; i++)
        look();
    expect(has(WANT), "podman's look counted for the networks");
    attached_fails = false;
    look();
    expect(has(WANT), "one look");
    look();
    expect(!has(WANT), "two looks");
    end();
}

/* The rest can't be known to be undeclared. */
TEST(networks_of_too_many_containers_change_nothing)
{
    char name[16], text[64];

    begin();
    take_networks(0);
    attach("web", WEB);
    look();
    attached_count = 0;
    for (int i = 0; i < LABELLED_MAX + 1; i++) {
        (void)snprintf(name, sizeof(name), "c%d", i);
        (void)snprintf(text, sizeof(text), "l%d,net=%d,host=0,site=s2", i, 1000 + i);
        attach(name, text);
    }
    look();
    look();
    expect(has(WANT) && changes == 1 && times("more than 250 attachments") == 1, "%s", said);
    end();
}

/* By its label and a network, or by two networks. */
TEST(a_container_may_declare_the_same_end_twice)
{
    begin();
    take_networks(1);
    programs_put("podman.label.web", WEB);
    look();
    attach("web", WEB);
    attach("web", WEB);
    for (int i = 0; i < 3; i++)
        look();
    expect(has(WANT) && changes == 1 && times("doesn't count") == 0, "%d %s", changes, said);
    programs_put("podman.label.web", NULL);
    for (int i = 0; i < 3; i++)
        look();
    expect(has(WANT) && changes == 1, "%d %s", changes, said);
    end();
}
