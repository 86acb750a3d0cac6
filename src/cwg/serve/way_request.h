/* Requests about the way to the machine that the session came from, for cwg doctor. Arguments and
 * results are those of request_do(). */
#pragma once

#include <jansson.h>

#include "cwg/serve/session.h"

/* Finds out who answers at the ssh port of that machine. No request names another one: who may call
 * this server alone shall not look around by it. */
int way_knock(struct session *session, const json_t *request, json_t *answer,
              struct failure *failure);

/* Opens a socket for a measurement. One of before is closed. */
int way_probe(struct session *session, const json_t *request, json_t *answer,
              struct failure *failure);

/* Measures by the socket of the request before, and closes it. */
int way_measure(struct session *session, const json_t *request, json_t *answer,
                struct failure *failure);
