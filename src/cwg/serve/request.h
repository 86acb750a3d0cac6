/* A client's requests, and what a session does for each. doc/cwg-protocol.md describes them. */
#pragma once

#include <jansson.h>

#include "cwg/serve/session.h"

/* Does a request, which may have come from anybody. Adds the members of the answer to `answer`.
 * Returns 0, or -1. */
int request_do(struct session *session, const json_t *request, json_t *answer,
               struct failure *failure);

/* Fails, as a member of the request isn't as it has to be. Returns -1. */
int request_fail(struct failure *failure, const char *member);
