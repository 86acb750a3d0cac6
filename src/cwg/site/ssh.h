/* The command line of ssh. */
#pragma once

#include <stdbool.h>

#include "cwg/base/failure.h"

enum {
    SSH_WORDS = 36,
    SSH_WORDS_SIZE = 512,
};

/* Returns whether ssh would wait for a host's TCP connection as long as the kernel does: minutes.
 * It asks `ssh -G`, as an option of the command line would win against the user's configuration.
 * Where a proxy makes the connection, ssh's limit would count the proxy's login, too, for which a
 * person may type a password: then it isn't so. */
bool ssh_waits_long(const char *host);

/* What stands for "ssh": the value of CWG_SSH, or "ssh". */
const char *ssh_words(void);

/* Returns whether a connection to this host is open that ssh would share (ControlMaster), as far as
 * ssh says so within two seconds. It asks no other machine. */
bool ssh_has_master(const char *host);

/* What ssh has said last, in one line, of all that it has said: if a host's key is wrong, with the
 * line before, which says why. Changes the text. */
char *ssh_last_line(char *said);

/* Makes the command "ssh REST...". The variable CWG_SSH may name another program or add options, as
 * words between blanks. `words` holds them. Returns 0, or -1: they are too long or too many, and
 * none may be left out. */
int ssh_command(char words[static SSH_WORDS_SIZE], const char *command[static SSH_WORDS],
                const char *const rest[], struct failure *failure);
