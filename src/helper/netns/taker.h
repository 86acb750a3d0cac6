/* Censuses for a batch. A batch is in the sandbox before its first line is read, where nothing of
 * /proc can be opened any more (census.h). So a second process is split off before that, and takes
 * each census that a line needs. It keeps one capability, CAP_SYS_PTRACE, and knows one question.
 *
 * It is asked over a socket (SOCK_SEQPACKET) whose other end only the batch has. The answer is the
 * census, an entry a message, without the namespaces that can't have links; or why there is none.
 * The process ends when the batch does. */
#pragma once

struct census;
struct failure;

/* Splits the process off, and gives the socket. Returns 0, or a negative errno. */
int taker_start(int *ret_taker, struct failure *failure);

/* Has it take a census. Returns 0, or a negative errno. */
int taker_ask(int taker, struct census *ret_census, struct failure *failure);
