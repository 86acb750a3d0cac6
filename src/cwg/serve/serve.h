/* `cwg serve`: this machine's part of a join, for a cwg at the other end of standard input and
 * output. Each line is a JSON object; doc/cwg-protocol.md describes each. */
#pragma once

/* Serves until the input ends, nothing comes for too long, or a line isn't understood. What was
 * made and not committed is removed then. Returns the exit status. */
int serve(void);
