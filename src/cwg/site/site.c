#include "cwg/site/site.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg/machine/protocol.h"
#include "cwg/site/ssh.h"

enum {
    WRITE_MS = 10000,
    CLOSE_MS = 15000, /* for an undo at the other end */
    GONE_MS = 2000,   /* for ssh to end after its output has ended */
    READS_MAX = PROCESS_PIPE_MAX / (SITE_SAID_SIZE / 2), /* of what ssh says at its end */
    SSH_FAILED = 255, /* ssh(1), EXIT STATUS: all of its own failures */
    NOT_FOUND = 127,  /* a shell's word for a command that isn't there */
    /* Before the greeting ssh may ask for a password. Over a connection that was open already it
     * doesn't. */
    MASTER_ASK_MS = PROTOCOL_DEAD_MS / 2,
    MASTER_DEAD_MS = MASTER_ASK_MS + PROTOCOL_DEAD_MS,
};

volatile sig_atomic_t site_interrupted;

const char *site_name(const struct site *site)
{
    return site->host[0] ? site->host : "this machine";
}

int site_fail(struct site *site, const char *what, struct failure *failure)
{
    fail(failure, "protocol", "%s: cwg there %s", site_name(site), what);
    site->lost = *failure;
    return -1;
}

/* How a session is started. */
enum way {
    FIRST,
    BOUND, /* site_open_bound() */
    AGAIN, /* site_reopen() */
    APART, /* site_open_apart() */
};

/* Says which program isn't there. */
static int fail_no_ssh(const char *program, struct failure *failure)
{
    if (strcmp(program, "ssh") == 0)
        return fail(failure, "no-ssh", "ssh isn't installed: install openssh-client");
    return fail(failure, "no-ssh", "%.200s, which CWG_SSH names, isn't there", program);
}

/* Makes the command of a session. The command at the other end is a constant. As with scp, what a
 * person wants of a login of their own counts for none of these: a command for it, forwarded ports,
 * agents and screens. */
static int make_command(const char *host, enum way way, char words[static SSH_WORDS_SIZE],
                        const char *command[static SSH_WORDS], struct failure *failure)
{
#define ALIVE "-T", "-o", "ServerAliveInterval=2", "-o", "ServerAliveCountMax=2"
#define BARE                                                                                       \
    "-a", "-x", "-o", "RemoteCommand=none", "-o", "PermitLocalCommand=no", "-o",                   \
        "ClearAllForwardings=yes"
#define LIMIT "-o", "ConnectTimeout=15"
#define QUICK "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"
#define OWN   "-S", "none", "-o", "ConnectTimeout=5"
    const char *const first[] = {ALIVE, BARE, "--", host, "cwg serve", NULL};
    const char *const bound[] = {ALIVE, BARE, LIMIT, "--", host, "cwg serve", NULL};
    const char *const again[] = {ALIVE, BARE, QUICK, "--", host, "cwg serve", NULL};
    const char *const apart[] = {ALIVE, BARE, OWN, "--", host, "cwg serve", NULL};

    if (way == FIRST || (way == BOUND && !ssh_waits_long(host)))
        return ssh_command(words, command, first, failure);
    if (way == BOUND)
        return ssh_command(words, command, bound, failure);
    return ssh_command(words, command, way == AGAIN ? again : apart, failure);
}

static int start(struct site *site, enum way way, struct failure *failure)
{
    static const char *const here[] = {"/proc/self/exe", "serve", NULL};
    const char *command[SSH_WORDS] = {"ssh"};
    char words[SSH_WORDS_SIZE];
    int error;

    if (site->host[0] && make_command(site->host, way, words, command, failure))
        return -1;
    error = process_start(site->host[0] ? command : here, site->host[0], NULL, &site->process);
    if (error == -ENOENT && site->host[0])
        return fail_no_ssh(command[0], failure);
    return error ? fail_errno(failure, -error, "can't start a session") : 0;
}

static int open_session(struct site *site, const char *host, enum way way, struct failure *failure)
{
    static const char greeting[] = "{\"" PROTOCOL_MEMBER "\":1,\"version\":\"" VERSION "\"}\n";

    memset(site, 0, sizeof(*site));
    site->process.pid = -1;
    site->opened = clock_now();
    (void)snprintf(site->host, sizeof(site->host), "%s", host);
    if (start(site, way, failure)) {
        site->lost = *failure;
        return -1;
    }
    site->lines.fd = site->process.out;
    /* A reader that has gone is noticed where its answer is missing: then ssh says why. */
    (void)lines_write(site->process.in, greeting, sizeof(greeting) - 1, clock_now() + WRITE_MS);
    return 0;
}

int site_open(struct site *site, const char *host, struct failure *failure)
{
    return open_session(site, host, FIRST, failure);
}

int site_open_bound(struct site *site, const char *host, struct failure *failure)
{
    return open_session(site, host, BOUND, failure);
}

int site_open_apart(struct site *site, const char *host, struct failure *failure)
{
    return open_session(site, host, APART, failure);
}

int site_reopen(struct site *site, struct failure *failure)
{
    char host[END_HOST_SIZE];

    (void)site_close(site);
    (void)snprintf(host, sizeof(host), "%s", site->host);
    return open_session(site, host, AGAIN, failure);
}

static void take_address(const json_t *object, const char *member, char ret[static ADDRESS_SIZE])
{
    const char *text = json_text(object, member, ADDRESS_SIZE - 1);

    if (!text || addresses_canonical(text, ret))
        ret[0] = '\0';
}

/* Takes the addresses that a machine calls its own. It can't send packets to where only this
 * machine gets. */
static void take_addresses(struct site *site, const json_t *addresses)
{
    const json_t *one;
    size_t i;

    json_array_foreach(addresses, i, one)
    {
        const char *text = json_string_value(one);
        char address[ADDRESS_SIZE];

        if (text && strlen(text) < ADDRESS_SIZE && addresses_canonical(text, address) == 0 &&
            !addresses_is_loopback(address))
            addresses_add(&site->addresses, address);
    }
}

int site_greet(struct site *site, const char *line, struct failure *failure)
{
    json_t *greeting = json_read_line(line);
    const char *release = json_text(greeting, "version", sizeof(site->version) - 1);
    int64_t version;
    int error = 0;

    if (json_whole(greeting, PROTOCOL_MEMBER, 1, INT32_MAX, &version))
        error = site_fail(site, "says something else than its greeting", failure);
    else if (version != PROTOCOL_VERSION)
        error = fail(failure, "version",
                     "%s: cwg there speaks version %d of the protocol, and this cwg version %d; "
                     "install the same release at both",
                     site_name(site), (int)version, PROTOCOL_VERSION);
    take_addresses(site, json_object_get(greeting, "addresses"));
    take_address(greeting, "ssh_client", site->ssh_client);
    take_address(greeting, "ssh_server", site->ssh_server);
    if (release && end_is_name(release))
        (void)snprintf(site->version, sizeof(site->version), "%s", release);
    site->answer_ms = (int)(clock_now() - site->opened);
    site->greeted = !error;
    if (error)
        site->lost = *failure;
    json_decref(greeting);
    return error;
}

void site_listen(struct site *site)
{
    ssize_t length;

    if (site->said_length == sizeof(site->said) - 1) {
        site->said_length /= 2;
        memmove(site->said, site->said + sizeof(site->said) / 2, site->said_length);
    }
    length = read(site->process.err, site->said + site->said_length,
                  sizeof(site->said) - 1 - site->said_length);
    if (length > 0)
        site->said_length += (size_t)length;
    else if (length == 0 || errno != EAGAIN) {
        close(site->process.err);
        site->process.err = -1;
    }
    site->said[site->said_length] = '\0';
}

static void close_input(struct site *site)
{
    if (site->process.in >= 0)
        close(site->process.in);
    site->process.in = -1;
}

/* Says that ssh asked for something that nobody gave: who tries it by hand sees the question. */
static int fail_login(const struct site *site, const char *last, struct failure *failure)
{
    const size_t length = strlen(last);

    return fail(failure, "unreachable", "%s: ssh: %.*s; `ssh %s true` has to work first",
                site->host, (int)(length - (length > 0 && last[length - 1] == '.')), last,
                site->host);
}

/* Says why a session has ended, by the exit status of what was started for it. */
static int tell_end(struct site *site, int status, struct failure *failure)
{
    char quote[FAILURE_QUOTE_SIZE];
    const char *last = failure_quote(ssh_last_line(site->said), quote);

    /* A command at the other end that a signal ended is 255 as well. */
    if (site->host[0] && status == SSH_FAILED && !last[0])
        return fail(
            failure, "unreachable",
            "%s: ssh ended without a word: the connection was lost, or cwg there was killed, or "
            "LogLevel QUIET hides why",
            site->host);
    if (site->host[0] && status == SSH_FAILED && !site->greeted &&
        (strstr(last, "Permission denied") || strstr(last, "Host key verification failed")))
        return fail_login(site, last, failure);
    if (site->host[0] && status == SSH_FAILED)
        return fail(failure, "unreachable", "%s: ssh: %s", site->host,
                    strncmp(last, "ssh: ", 5) == 0 ? last + 5 : last);
    if (status == NOT_FOUND && !site->greeted)
        return fail(failure, "no-cwg",
                    "%s: cwg isn't installed there, or isn't in the PATH of `ssh %s cwg`%s%s",
                    site_name(site), site->host, last[0] ? ": " : "", last);
    return fail(failure, "unreachable", "%s: the session ended with status %d%s%s", site_name(site),
                status, last[0] ? ": " : "", last);
}

int site_fail_ended(struct site *site, struct failure *failure)
{
    int status;

    /* The other end may have closed its output alone: it gets an end of its input, so that it
     * undoes. */
    close_input(site);
    status = process_end(&site->process, clock_now() + (site->greeted ? CLOSE_MS : GONE_MS));
    for (int i = 0; i < READS_MAX && site->process.err >= 0; i++)
        site_listen(site);
    process_close(&site->process);
    tell_end(site, status, failure);
    site->lost = *failure;
    return -1;
}

/* Says why nothing is heard any more. Returns 0 if that is no failure yet. */
static int tell_silence(struct site *site, struct failure *failure)
{
    if (site->greeted && site->silent_ms >= PROTOCOL_DEAD_MS)
        return fail(failure, "unreachable",
                    "%s: nothing heard for %d seconds: the connection is dead, or cwg there is "
                    "stopped",
                    site->host, PROTOCOL_DEAD_MS / 1000);
    if (site->greeted || site->silent_ms < MASTER_ASK_MS)
        return 0;
    if (!site->asked_master) {
        site->asked_master = true;
        site->has_master = ssh_has_master(site->host);
    }
    if (!site->has_master || site->silent_ms < MASTER_DEAD_MS)
        return 0;
    return fail(failure, "unreachable",
                "%s: no answer over the open connection of ssh (ControlMaster): %.200s -O exit %s "
                "closes it",
                site->host, ssh_words(), site->host);
}

int site_hear_nothing(struct site *site, int milliseconds, struct failure *failure)
{
    site->silent_ms += milliseconds;
    if (!site->host[0] || !tell_silence(site, failure))
        return 0;
    close_input(site);
    (void)kill(site->process.pid, SIGTERM); /* so that it ends what it has started */
    (void)process_end(&site->process, clock_now() + GONE_MS);
    process_close(&site->process);
    site->lost = *failure;
    return -1;
}

int site_close(struct site *site)
{
    int status;

    if (site->process.pid < 0)
        return -1;
    close_input(site);
    /* Before the greeting nothing was made, and ssh may ask for a password. A machine that isn't
     * understood may never end. */
    if (!site->greeted || site->lost.text[0])
        (void)kill(site->process.pid, SIGTERM);
    status = process_end(&site->process, clock_now() + CLOSE_MS);
    process_close(&site->process);
    return status == 0 ? 0 : -1;
}
