/* Whether the plugins of networks and this user's agent understand each other, for cwg doctor. */
#pragma once

#include <jansson.h>

/* Adds a finding (checkup.h): can what plugins tell of containers be read, and may networks declare
 * ends? Adds none where no plugin has told anything and the settings don't expect it, and none of
 * settings with a mistake. */
void networks_check(json_t *findings);
