#include "cwg/site/ssh.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    OWN_WORDS = 24, /* kept free for `rest`, and the NULL */
};

int ssh_command(char words[static SSH_WORDS_SIZE], const char *command[static SSH_WORDS],
                const char *const rest[], struct failure *failure)
{
    const char *chosen = getenv("CWG_SSH");
    const bool is_chosen = chosen && chosen[strspn(chosen, " ")];
    char *left = words;
    size_t count = 0;
    int length = snprintf(words, SSH_WORDS_SIZE, "%s", is_chosen ? chosen : "ssh");

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
