#include "cwg/command/command.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cwg/container/container.h"
#include "cwg/serve/serve.h"

struct command {
    const char *name;
    const char *synopsis; /* NULL: cwg calls it, and no person */
    const char *summary;
    const char *options; /* a line each; "" if there are none */
    int (*run)(int argc, char *argv[]);
};

int wrong(const char *text)
{
    (void)fprintf(stderr, "cwg: %s\n", text);
    return EXIT_USAGE;
}

int failed(const char *text)
{
    (void)fprintf(stderr, "cwg: %s\n", text);
    return EXIT_FAILED;
}

int wrong_option(const char *command, int found)
{
    char text[128];

    (void)snprintf(text, sizeof(text), "%s: %s; cwg %s --help shows all", command,
                   found == ':' ? "an option lacks its value"
                                : "no such option, or one that takes no value",
                   command);
    return wrong(text);
}

static int run_serve(int argc, char *argv[])
{
    (void)argv;
    return argc > 1 ? wrong("serve takes no arguments: cwg calls it at the other machine")
                    : serve();
}

#define FLEET                                                                                      \
    "  --etcd               do it in etcd, for the agents of many sites\n"                         \
    "  --operator-key FILE  of an operator: signs what is declared\n"                              \
    "  --config FILE        says where etcd is\n"

static const struct command commands[] = {
    {"join", "END END", "link two containers",
     "  --net N              the link's number, 0-8388607; without it, a free one\n"
     "  --port A[,B]         the UDP port of the first END, and the second's; 0: any\n"
     "  --endpoint A[,A]     the IP address at which each end is reached; -: found\n"
     "  --nat 1|2            this end is behind a NAT; left out: found\n"
     "  --mtu N              bytes, 576-65455; left out: that of the path\n"
     "  --psk                with a preshared key, made here and shown nowhere\n"
     "  --keep[=NAME]        let the agents of both machines keep it, by this name\n"
     "  --json               print the result, or the failure, as JSON\n",
     run_join},
    {"leave", "NET | END END", "remove a link at both ends",
     "  --forget             forget it, also if another machine isn't reached\n", run_leave},
    {"status", "[NET | LINK]", "show declared links, and those that you joined",
     "  --json               print JSON\n"
     "  --watch              show it again every 2 seconds\n"
     "  --names              only names of declared links, and nets of joined ones\n"
     "  --state DIR          the agent's\n"
     "  --etcd               of all links of which etcd knows, both ends\n"
     "  --config FILE        says where etcd is, and whom to believe\n",
     run_status},
    {"doctor", "[HOST]...", "check this machine, others, and the way to them",
     "  --json               print JSON\n", run_doctor},
    {"ps", "", "list the containers of this machine, with their links",
     "  --names              only ENGINE/NAME of each, without a look at it\n", run_ps},
    {"pid", "[ENGINE/]NAME", "print the pid of a container", "", run_pid},
    {"agent", "", "keep declared links as they are declared",
     "  --config FILE        the settings; left out: /etc/cwg/cwg.conf, or your own\n"
     "  --site NAME          this site's name; left out: the machine's\n"
     "  --state DIR          of its key and its store; left out: /var/lib/cwg\n"
     "  --helper SOCKET      cwg-helper.socket's; left out: the agent starts it\n"
     "  --check              say what is wrong with settings and links, and end\n",
     run_agent},
    {"declare", "FILE", "say which links the agent keeps",
     "  --check              write nothing: say what would be another than before\n"
     "  --state DIR          the agent's\n" FLEET,
     run_declare},
    {"forget", "LINK...", "let the agent remove declared links",
     "  --site NAME          forget this site, with which no link is declared any more\n"
     "  --state DIR          the agent's\n" FLEET,
     run_forget},
    {"keys", "", "print this site's name and public key",
     "  --new                make another key, and tell the sites that know this one\n"
     "  --drop-old           forget the key before: all sites have taken this one\n"
     "  --state DIR          the agent's\n",
     run_keys},
    {"etcd", "", "carry records over etcd; the agent starts it",
     "  --config FILE        the agent's, with the words that begin with etcd\n"
     "  --site NAME          this site's name\n"
     "  --state DIR          the agent's\n"
     "  --takeover           this machine is the site, and not the one that is it now\n",
     run_etcd},
    {"inbox", NULL, "carries records for another site's agent, which calls it by ssh", "",
     run_inbox},
    {"plugin", NULL, "tells the agent of containers; their engines call it", "", run_plugin},
    {"serve", NULL, "the other machine's part; cwg calls it by ssh", "", run_serve},
};

static const struct command *command_by_name(const char *name)
{
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

/* Returns the exit status of a command that has printed all that it had to. */
static int written(void)
{
    return fflush(stdout) || ferror(stdout) ? failed("can't write to standard output") : EXIT_DONE;
}

static int print_help(void)
{
    char engines[256];

    container_engines(engines, sizeof(engines));
    (void)printf("cwg links two containers by WireGuard, on one machine or two, without root.\n\n"
                 "usage: cwg COMMAND [OPTION]... [ARGUMENT]...\n\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (commands[i].synopsis)
            (void)printf("  %-7s %-15s %s\n", commands[i].name, commands[i].synopsis,
                         commands[i].summary);
    }
    (void)printf(
        "\nEND is [[USER@]HOST:][ENGINE/]NAME: a container's name or id, and where it is.\n"
        "ssh reaches HOST; without HOST it is this machine. ENGINE is one of\n"
        "%s.\n"
        "`cwg COMMAND --help` shows the options.\n",
        engines);
    return written();
}

static int print_command(const struct command *command)
{
    const char *synopsis = command->synopsis ? command->synopsis : "";

    (void)printf("usage: cwg %s%s%s%s\n\n%s.\n%s%s", command->name,
                 command->options[0] ? " [OPTION]..." : "", synopsis[0] ? " " : "", synopsis,
                 command->summary, command->options[0] ? "\n" : "", command->options);
    return written();
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* Does a command line ask for the command's help? */
static bool asks_for_help(int argc, char *argv[])
{
    for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (is_help(argv[i]))
            return true;
    }
    return false;
}

int command_run(int argc, char *argv[])
{
    static const char unknown[] = "no such command; cwg --help shows all";
    const struct command *command = argc > 1 ? command_by_name(argv[1]) : NULL;
    int status;

    if (argc < 2)
        return wrong("give a command; cwg --help shows all");
    if (is_help(argv[1]) || strcmp(argv[1], "help") == 0) {
        if (argc == 2)
            return print_help();
        command = command_by_name(argv[2]);
        return command ? print_command(command) : wrong(unknown);
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        (void)puts("cwg " VERSION);
        return written();
    }
    if (!command)
        return wrong(unknown);
    if (asks_for_help(argc, argv))
        return print_command(command);
    status = command->run(argc - 1, argv + 1);
    return status == EXIT_DONE ? written() : status;
}
