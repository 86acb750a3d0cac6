/* The device of an end: what the helper tells of it, and what the helper is to do with it. Each of
 * these begins a task, whose answer wakes the end. */
#pragma once

#include "cwg/agent/end/end.h"

enum {
    DEVICE_TARGET_SIZE = 16,
};

/* Writes how a task names the end's container, and gives the task a descriptor of it where that is
 * the way. */
void device_aim(const struct agent_end *end, struct task *task,
                char ret_target[static DEVICE_TARGET_SIZE]);

/* Asks for its state, and lets the end decide. */
void device_show(struct agent_end *end);

void device_create(struct agent_end *end);
void device_destroy(struct agent_end *end);

/* Connects it to what the other site has told last, at the endpoint whose turn it is. */
void device_connect(struct agent_end *end);
