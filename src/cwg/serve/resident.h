/* Whether this user's agent runs, and with the settings that there are now, for cwg doctor. */
#pragma once

#include <jansson.h>

/* Adds findings (checkup.h): one if the settings have a mistake; and one of the agent that runs, or
 * of the lack of one: for root, and for the user of the machine's agent, that is the machine's.
 * Adds none where nothing expects an agent. */
void resident_check(json_t *findings);
