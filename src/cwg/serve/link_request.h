/* The requests that concern one end of a link. Each is a task of the helper's. */
#pragma once

#include <jansson.h>

#include "cwg/serve/session.h"

/* As request_do(). */
int link_create(struct session *session, const json_t *request, json_t *answer,
                struct failure *failure);
int link_connect(struct session *session, const json_t *request, json_t *answer,
                 struct failure *failure);
int link_wait(struct session *session, const json_t *request, json_t *answer,
              struct failure *failure);
int link_destroy(struct session *session, const json_t *request, json_t *answer,
                 struct failure *failure);
