#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/agent/settings/self.h"
#include "cwg/base/json.h"
#include "cwg/base/status.h"
#include "cwg/command/command.h"
#include "cwg/command/fleet.h"
#include "cwg/record/sitekey.h"
#include "cwg/store/declare.h"
#include "cwg/store/hold.h"
#include "cwg/store/rotation.h"
#include "cwg/store/trust.h"

enum {
    FILE_SIZE_MAX = 16 << 20,
};

/* Reads --state, which is all that is left for cwg declare: NULL if it isn't there. Returns
 * EXIT_DONE, or EXIT_USAGE. */
static int read_options(int argc, char *argv[], const char **ret_state)
{
    static const struct option options[] = {{"state", required_argument, NULL, 'd'}, {0}};
    int found;

    *ret_state = NULL;
    while ((found = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (found != 'd')
            return wrong_option(argv[0], found);
        *ret_state = optarg;
    }
    return EXIT_DONE;
}

char *read_whole(const char *path, struct failure *failure)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *text = file ? malloc(FILE_SIZE_MAX) : NULL;
    size_t length = text ? fread(text, 1, FILE_SIZE_MAX, file) : 0;

    if (!file || (text && ferror(file)))
        fail(failure, "declare", "can't read %.300s: %s", path, strerror(errno));
    else if (length == FILE_SIZE_MAX)
        fail(failure, "declare", "%.300s is too long", path);
    else if (text)
        text[length] = '\0';
    if (file && file != stdin)
        (void)fclose(file);
    if (failure->text[0]) {
        free(text);
        return NULL;
    }
    return text;
}

/* Reads the line of a site. Returns 0, or -1. */
static int read_site(const char *line, struct site_record *ret_site)
{
    struct failure unreadable = {.text = ""};
    json_t *object = json_read_line(line);
    const int error = trust_parse(object, ret_site, &unreadable);

    json_decref(object);
    return error;
}

/* The way to a site is what is easily left out of a file. */
static void print_site(const char *name, const char *before, const char *line)
{
    struct site_record old, site;
    const bool readable = read_site(before, &old) == 0 && read_site(line, &site) == 0;
    const bool key = readable && !key_equal(&old.key, &site.key);
    const bool way = readable && strcmp(old.ssh, site.ssh) != 0;

    (void)printf("site %s: %s%s", name,
                 key   ? "another key"
                 : way ? ""
                       : "changed",
                 key && way ? "; " : "");
    if (way && !site.ssh[0])
        (void)printf("ssh %s taken away: this site doesn't call it any more", old.ssh);
    else if (way)
        (void)printf("ssh %s, and before %s", site.ssh, old.ssh[0] ? old.ssh : "none");
    (void)putchar('\n');
}

static void print_change(const char *path, const char *before, const char *line)
{
    const char *name = strchr(path, '/') + 1, *how = before ? "changed" : "new";
    const char *dot = strrchr(name, '.');

    if (strncmp(path, "want/", 5) == 0 && dot)
        (void)printf("link %.*s, host %s: %s\n", (int)(dot - name), name, dot + 1, how);
    else if (before)
        print_site(name, before, line);
    else
        (void)printf("site %s: new\n", name);
}

/* Takes --check out of the arguments. Returns whether it was there. */
static bool take_check(int *argc, char *argv[])
{
    const int count = *argc;
    int left = 0;

    for (int i = 0; i < count; i++) {
        if (strcmp(argv[i], "--check") != 0)
            argv[left++] = argv[i];
    }
    argv[left] = NULL;
    *argc = left;
    return left != count;
}

/* Says how much was declared, and for whom, unless --state has said it. */
static void print_done(const struct declared *declared, const char *done, const char *given,
                       const char *state)
{
    (void)printf("%s: %zu link%s, %zu site%s", done, declared->links,
                 declared->links == 1 ? "" : "s", declared->sites, declared->sites == 1 ? "" : "s");
    if (!given && config_is_system())
        (void)fputs(", for the machine's agent", stdout);
    else if (!given)
        (void)printf(", for your own agent (%s)", state);
    (void)putchar('\n');
}

/* A user may mean the machine's agent. */
static void print_idle(void)
{
    (void)printf("That agent doesn't run: %s.\n", self_start());
    if (!config_is_system() && config_machine_has_agent())
        (void)puts("The machine's agent is another one: sudo -u cwg cwg declare - <FILE");
}

int run_declare(int argc, char *argv[])
{
    struct failure failure = {.text = ""};
    struct declare_options options = {.changed = print_change};
    struct declared declared;
    char state[PATH_MAX];
    bool runs = false;
    const char *given;
    struct store store;
    struct self self;
    char *text;
    int error;

    if (is_for_fleet(argc, argv))
        return run_fleet(argc, argv);
    options.check = take_check(&argc, argv);
    error = read_options(argc, argv, &given);
    if (error)
        return error;
    state_directory(given, state);
    if (argc - optind != 1)
        return wrong("declare takes one file, or - for standard input");
    text = read_whole(argv[optind], &failure);
    if (!text)
        return failed(failure.text);
    error = self_make_store(state, &store, &failure);
    if (!error) {
        self_identify(&store, state, &self);
        options.own = self.site;
        options.own_key = &self.key;
        error = declare(&store, text, &options, &declared, &failure);
        runs = hold_is_taken(&store);
        store_close(&store);
    }
    free(text);
    if (error)
        return failed(failure.text);
    print_done(&declared, options.check ? "in order" : "declared", given, state);
    if (!given && !runs)
        print_idle();
    return EXIT_DONE;
}

static int forget_links(const struct store *store, char *names[], struct failure *failure)
{
    int error = 0;

    for (; *names && !error; names++) {
        error = declare_forget(store, *names, failure);
        if (error > 0)
            fail(failure, "declare", "no link is declared by the name %.100s", *names);
    }
    return error;
}

static int forget_site(const struct store *store, const char *name, struct failure *failure)
{
    const int error = trust_forget(store, name, failure);

    return error > 0 ? fail(failure, "declare", "no site is known by the name %.100s", name)
                     : error;
}

int run_forget(int argc, char *argv[])
{
    static const struct option options[] = {
        {"state", required_argument, NULL, 'd'}, {"site", required_argument, NULL, 's'}, {0}};
    const char *given = NULL, *site = NULL;
    struct failure failure = {.text = ""};
    char state[PATH_MAX];
    struct store store;
    int found, error;

    if (is_for_fleet(argc, argv))
        return run_fleet(argc, argv);
    while ((found = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (found != 'd' && found != 's')
            return wrong_option(argv[0], found);
        *(found == 'd' ? &given : &site) = optarg;
    }
    if (site ? optind < argc : optind == argc)
        return wrong("forget takes the names of links, or --site and the name of a site");
    state_directory(given, state);
    if (self_make_store(state, &store, &failure))
        return failed(failure.text);
    error =
        site ? forget_site(&store, site, &failure) : forget_links(&store, argv + optind, &failure);
    store_close(&store);
    return error ? failed(failure.text) : EXIT_DONE;
}

enum keys_do {
    KEYS_SHOW,
    KEYS_NEW,
    KEYS_DROP,
};

/* Prints the site's name, or "-" if it has none yet, its key's id, and the key. */
static void print_key(const struct self *self, const struct sitekey *key)
{
    char text[KEY_TEXT_LENGTH + 1], id[SITEKEY_ID_SIZE];

    key_to_text(&key->public, text);
    sitekey_id(&key->public, id);
    (void)printf("%s %s %s\n", self->site[0] ? self->site : "-", id, text);
}

/* Reads the key, or makes it; before, or after, it is changed as was asked. */
static int do_keys(const struct self *self, enum keys_do what, struct failure *failure)
{
    char path[PATH_MAX];
    struct sitekey key;
    int error;

    (void)snprintf(path, sizeof(path), "%.3500s/site.key", self->state);
    if (what == KEYS_NEW && !key_is_zero(&self->key) && rotation_make(self->state, failure))
        return -1;
    if (what == KEYS_DROP && rotation_drop(self->state, failure) < 0)
        return -1;
    error = sitekey_read(path, &key, failure);
    if (error > 0)
        error = sitekey_make(path, &key, failure);
    if (error)
        return -1;
    if (what == KEYS_NEW)
        error = rotation_tell(self->state, &self->store, &key, NULL, NULL, failure);
    print_key(self, &key);
    sitekey_close(&key);
    return error;
}

int run_keys(int argc, char *argv[])
{
    static const struct option options[] = {{"state", required_argument, NULL, 'd'},
                                            {"new", no_argument, NULL, 'n'},
                                            {"drop-old", no_argument, NULL, 'o'},
                                            {0}};
    struct failure failure = {.text = ""};
    enum keys_do what = KEYS_SHOW;
    const char *given = NULL;
    struct self self;
    int found, error;

    while ((found = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (found == 'd')
            given = optarg;
        else if (found == 'n' || found == 'o')
            what = found == 'n' ? KEYS_NEW : KEYS_DROP;
        else
            return wrong_option(argv[0], found);
    }
    if (optind < argc)
        return wrong("keys takes no arguments");
    if (self_open(given, &self, &failure))
        return failed(failure.text);
    error = do_keys(&self, what, &failure);
    self_close(&self);
    return error ? failed(failure.text) : EXIT_DONE;
}
