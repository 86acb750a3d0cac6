/* Censuses for a batch. A batch is in the sandbox before its first line is read, where nothing of
 * /proc can be opened any more (census.h). So a second process is split off before that, and takes
 * each census that a line needs. It keeps one capability, CAP_SYS_PTRACE, and knows one question.
 *
 * It is asked over a socket (SOCK_SEQPACKET) whose other end only the batch has. It writes the
 * census into memory that the batch can read alone, and answers when it is whole; or why there is
 * none. The process ends when the batch does. */
#pragma once

#include <stdbool.h>

struct census;
struct failure;

/* Splits the process off. Returns 0, or a negative errno. */
int taker_start(struct failure *failure);

/* Whether there is one. */
bool taker_is_there(void);

/* Has it take a census. *ret_census is the taker's, and holds until the next is taken. Returns 0,
 * or a negative errno. */
int taker_ask(const struct census **ret_census, struct failure *failure);
