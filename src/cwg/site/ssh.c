#include "cwg/site/ssh.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/process.h"

enum {
    ASK_MS = 2000,
    OWN_WORDS = 24, /* kept free for `rest`, and the NULL */
};

const char *ssh_words(void)
{
    const char *chosen = getenv("CWG_SSH");

    return chosen && chosen[strspn(chosen, " ")] ? chosen : "ssh";
}

bool ssh_has_master(const char *host)
{
    const char *const rest[] = {"-O", "check", "--", host, NULL};
    const char *command[SSH_WORDS];
    char words[SSH_WORDS_SIZE];
    struct process_result *result = malloc(sizeof(*result));
    struct failure failure = {.text = ""};
    const bool has = result && ssh_command(words, command, rest, &failure) == 0 &&
                     process_run(command, NULL, ASK_MS, result) == 0 && result->status == 0;

    free(result);
    return has;
}

int ssh_command(char words[static SSH_WORDS_SIZE], const char *command[static SSH_WORDS],
                const char *const rest[], struct failure *failure)
{
    char *left = words;
    size_t count = 0;
    int length = snprintf(words, SSH_WORDS_SIZE, "%s", ssh_words());

    while (left && count <= SSH_WORDS - OWN_WORDS) {
        const char *word = strsep(&left, " ");

        if (word[0])
            command[count++] = word;
    }
    if (length >= SSH_WORDS_SIZE || count > SSH_WORDS - OWN_WORDS)
        return fail(failure, "usage", "CWG_SSH is too long: at most %d words and %d bytes",
                    SSH_WORDS - OWN_WORDS, SSH_WORDS_SIZE - 1);
    while (*rest && count < SSH_WORDS - 1)
        command[count++] = *rest++;
    command[count] = NULL;
    return 0;
}

static bool has_line(const char *text, const char *line)
{
    const size_t length = strlen(line);

    for (const char *at = text; (at = strstr(at, line)); at += length) {
        if ((at == text || at[-1] == '\n') && (at[length] == '\n' || at[length] == ' '))
            return true;
    }
    return false;
}

static bool is_set(const char *text, const char *name)
{
    char none[32];

    (void)snprintf(none, sizeof(none), "%s none", name);
    return has_line(text, name) && !has_line(text, none);
}

char *ssh_last_line(char *said)
{
    static const char refusal[] = "Host key verification failed";
    char *last = process_last_line(said), *before;
    size_t length;

    if (last == said || strncmp(last, refusal, sizeof(refusal) - 1) != 0)
        return last;
    last[-1] = '\0';
    before = process_last_line(said);
    length = strlen(before);
    before[length] = ' ';
    memmove(before + length + 1, last, strlen(last) + 1);
    return before;
}

bool ssh_waits_long(const char *host)
{
    const char *command[SSH_WORDS];
    char words[SSH_WORDS_SIZE];
    struct process_result *result = malloc(sizeof(*result));
    struct failure failure = {.text = ""};
    bool waits = false;

    if (result &&
        ssh_command(words, command, (const char *const[]){"-G", "--", host, NULL}, &failure) == 0 &&
        process_run(command, NULL, ASK_MS, result) == 0 && result->status == 0)
        waits = has_line(result->out, "connecttimeout none") && !is_set(result->out, "proxyjump") &&
                !is_set(result->out, "proxycommand");
    free(result);
    return waits;
}
