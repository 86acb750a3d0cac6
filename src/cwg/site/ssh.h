/* The command line of ssh. */
#pragma once

#include "cwg/base/failure.h"

enum {
    SSH_WORDS = 36,
    SSH_WORDS_SIZE = 512,
};

/* Makes the command "ssh REST...". The variable CWG_SSH may name another program or add options, as
 * words between blanks. `words` holds them. Returns 0, or -1: they are too long or too many, and
 * none may be left out. */
int ssh_command(char words[static SSH_WORDS_SIZE], const char *command[static SSH_WORDS],
                const char *const rest[], struct failure *failure);
