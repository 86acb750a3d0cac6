/* Links a container of this site with one of another, by `net-admin-helper batch`: link.sh in C.
 * One site may use this program and the other link.sh or the Python package, since the messages are
 * the same.
 *
 *   cc -o link link.c -ljansson
 *   link offer|answer PID NET ADDRESS PORT
 *
 * One site offers, the other answers. PID is a process in the container; NET is the same number at
 * both sites. The other site reaches this machine at ADDRESS; - says that it can't, because of a
 * NAT. PORT is a free UDP port of this machine; the kernel chooses one for 0. This site's message
 * goes to standard output, and the other site's message comes from standard input: see README.md.
 *
 * The batch runs with --undo: if this program ends without a commit, or is killed, the batch
 * removes the end that it has made. So this program simply ends when a step fails, with 1 and a
 * line on standard error. */
#include <arpa/inet.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    MESSAGE_MAX = 512, /* bytes */
    WAIT_SECONDS = 30,
};

struct message {
    const char *kind; /* offer or answer */
    json_int_t net;
    json_int_t host;
    const char *address; /* NULL if nobody knows it */
    json_int_t port;
    const char *key;
};

static FILE *to_batch, *from_batch;

/* Ends the batch's input, and waits until the batch has undone what isn't committed. */
static void end_batch(void)
{
    if (to_batch)
        fclose(to_batch);
    wait(NULL);
}

static void __attribute__((noreturn, format(printf, 1, 2))) die(const char *format, ...)
{
    va_list arguments;

    fputs("link: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    end_batch();
    exit(1);
}

/* Starts the batch, with a pipe to it and a pipe back. */
static void start_batch(void)
{
    int there[2], back[2];
    pid_t child;

    if (pipe(there) < 0 || pipe(back) < 0 || (child = fork()) < 0)
        die("can't start a process");
    if (child == 0) {
        dup2(there[0], STDIN_FILENO);
        dup2(back[1], STDOUT_FILENO);
        for (int i = 0; i < 2; i++) {
            close(there[i]);
            close(back[i]);
        }
        setsid(); /* Ctrl-C at the terminal is for this program alone */
        execlp("net-admin-helper", "net-admin-helper", "batch", "--undo", "--answered", NULL);
        die("can't run net-admin-helper");
    }
    close(there[0]);
    close(back[1]);
    to_batch = fdopen(there[1], "w");
    from_batch = fdopen(back[0], "r");
    if (!to_batch || !from_batch)
        die("too little memory");
    signal(SIGPIPE, SIG_IGN); /* writing says so, too */
}

/* Gives a task to the batch. Returns the result, which the caller frees, or NULL if the task has
 * none. The answer is `ok`, `ok RESULT` or `error CODE TEXT`. A program that handles failures looks
 * at CODE; this program ends. */
static json_t *__attribute__((format(printf, 1, 2))) ask(const char *format, ...)
{
    va_list arguments;
    char *answer = NULL;
    size_t size = 0;
    json_t *result;

    va_start(arguments, format);
    vfprintf(to_batch, format, arguments);
    va_end(arguments);
    fputc('\n', to_batch);
    if (fflush(to_batch) != 0 || getline(&answer, &size, from_batch) < 0)
        die("net-admin-helper has ended");
    answer[strcspn(answer, "\n")] = '\0';
    if (strncmp(answer, "ok", 2) != 0)
        die("net-admin-helper: %s", answer);
    result = json_loads(answer + 2, JSON_REJECT_DUPLICATES, NULL);
    free(answer);
    return result;
}

/* Sends a message: a line of JSON with these members in this order. */
static void send_message(const struct message *message)
{
    json_t *line = json_pack("{si, ss, sI, sI, ss?, sI, ss}", "cwg", 1, "kind", message->kind,
                             "net", message->net, "host", message->host, "address",
                             message->address, "port", message->port, "key", message->key);

    if (!line || json_dumpf(line, stdout, JSON_COMPACT) < 0 || putchar('\n') == EOF ||
        fflush(stdout) != 0)
        die("the other site hung up");
    json_decref(line);
}

/* The helper decides which addresses a peer may have. */
static bool is_address(const char *text)
{
    struct in6_addr bytes;

    return inet_pton(AF_INET, text, &bytes) == 1 || inet_pton(AF_INET6, text, &bytes) == 1;
}

static bool is_key(const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    return strlen(text) == 44 && strspn(text, digits) == 43 && text[43] == '=';
}

/* Reads the other site's message. That site may be hostile, and the batch takes words: so each word
 * is checked. Its texts last until the program's end. */
static void receive_message(struct message *message)
{
    char line[MESSAGE_MAX + 1];
    json_int_t version;
    json_t *address;

    if (!fgets(line, sizeof(line), stdin))
        die("the other site hung up");
    if (json_unpack(json_loads(line, JSON_REJECT_DUPLICATES, NULL),
                    "{sI, ss, sI, sI, so, sI, ss !}", "cwg", &version, "kind", &message->kind,
                    "net", &message->net, "host", &message->host, "address", &address, "port",
                    &message->port, "key", &message->key) < 0 ||
        version != 1)
        die("the other site's line is not as it has to be");
    message->address = json_string_value(address);
    if (message->address ? !is_address(message->address) : !json_is_null(address))
        die("the other site's address is none");
    if (message->port < 1 || message->port > 65535 || !is_key(message->key))
        die("the other site's port or key is none");
}

/* Creates this site's end, and fills in its port and key. The key lasts until the program's end. */
static void create_end(int pid, int port, struct message *own)
{
    json_t *created =
        ask("cwg_create %d %d %d %d --json", pid, (int)own->net, (int)own->host, port);

    if (json_unpack(created, "{sI, ss}", "listen_port", &own->port, "public_key", &own->key) < 0)
        die("cwg_create told no port or key");
}

/* Tells this site's end of the other end. */
static void connect_end(int pid, const struct message *own, const struct message *peer)
{
    char endpoint[80] = "-";
    const char *kind = own->host == 0 ? "answer" : "offer";

    if (peer->net != own->net || peer->host != 1 - own->host || strcmp(peer->kind, kind) != 0)
        die("the other site's line is about another end than that of net %d", (int)own->net);
    if (!peer->address && !own->address)
        die("neither site knows where the other one is");
    if (peer->address)
        (void)snprintf(endpoint, sizeof(endpoint), strchr(peer->address, ':') ? "[%s]:%d" : "%s:%d",
                       peer->address, (int)peer->port);
    json_decref(ask("cwg_connect %d %d %d %s %s%s --json", pid, (int)own->net, (int)peer->host,
                    endpoint, peer->key, own->address ? "" : " --persistent-keepalive=25"));
}

/* Reads a decimal number of the command line. */
static int number_of(const char *text, int most)
{
    char *end;
    const long number = strtol(text, &end, 10);

    if (text[0] < '0' || text[0] > '9' || *end || number > most)
        die("not a number up to %d: %s", most, text);
    return (int)number;
}

int main(int count, char **words)
{
    struct message own = {.host = 1}, peer;
    int pid, port;

    if (count != 6 || (strcmp(words[1], "offer") != 0 && strcmp(words[1], "answer") != 0))
        die("usage: link offer|answer PID NET ADDRESS PORT");
    pid = number_of(words[2], 4194304);
    own.kind = words[1];
    own.net = number_of(words[3], 8388607);
    own.address = strcmp(words[4], "-") == 0 ? NULL : words[4];
    port = number_of(words[5], 65535);
    if (own.address && !is_address(own.address))
        die("ADDRESS must be one of IPv4 or IPv6, or -");

    start_batch();
    if (strcmp(own.kind, "offer") == 0) {
        own.host = 0;
        create_end(pid, port, &own);
        send_message(&own);
        receive_message(&peer);
        connect_end(pid, &own, &peer);
    } else {
        receive_message(&peer);
        create_end(pid, port, &own);
        connect_end(pid, &own, &peer);
        send_message(&own);
    }
    json_decref(ask("cwg_wait %d %d %d %d --json", pid, (int)own.net, (int)own.host, WAIT_SECONDS));
    json_decref(ask("commit"));
    end_batch();
    return 0;
}
