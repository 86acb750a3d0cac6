/* Takes censuses for a batch. A batch is in the sandbox before it reads its first line, where it
 * can't open files of /proc (census.h). So a second process is split off before that, and takes
 * each census that a line needs. It keeps one capability, CAP_SYS_PTRACE, and knows one question.
 *
 * The question comes over a socket (SOCK_SEQPACKET) whose other end only the batch has. The answer
 * is the census, an entry a message, without the namespaces that can't have links; or a failure.
 * The process ends when the batch ends. */
#pragma once

struct census;
struct failure;

/* Splits the process off, and returns the socket to it. Returns 0, or a negative errno. */
int taker_start(int *ret_taker, struct failure *failure);

/* Asks the process for a census. Returns 0, or a negative errno. */
int taker_ask(int taker, struct census *ret_census, struct failure *failure);
