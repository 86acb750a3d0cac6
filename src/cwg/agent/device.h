/* The device of an end: what the helper tells of it, and what the helper is to do with it. Each of
 * these begins a task, whose answer wakes the end. */
#pragma once

#include "cwg/agent/end.h"

/* Asks for its state, and lets the end decide. */
void device_show(struct agent_end *end);

void device_create(struct agent_end *end);
void device_destroy(struct agent_end *end);

/* Connects it to what the other site has told last, at the endpoint whose turn it is. */
void device_connect(struct agent_end *end);
