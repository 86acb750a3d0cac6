/* The requests of `cwg join --keep` and `cwg leave`: what this machine's agent is to keep. */
#pragma once

#include <jansson.h>

#include "cwg/serve/session.h"

/* As request_do(). */

/* Tells of the agent's site, if an agent runs; and of an end, if one is named, whether it is kept.
 */
int keep_who(struct session *session, const json_t *request, json_t *answer,
             struct failure *failure);

/* Writes the other site, and an end of a link, into the agent's store: until the session's end, if
 * keep_commit() isn't called before. */
int keep_end(struct session *session, const json_t *request, json_t *answer,
             struct failure *failure);

/* Removes what is declared of a net's end. With "release" the end itself stays. */
int keep_forget(struct session *session, const json_t *request, json_t *answer,
                struct failure *failure);

/* All that was written stays. */
void keep_commit(struct session *session);
