/* What `cwg status` shows of declared links. */
#pragma once

#include <jansson.h>

#include "cwg/store/standing.h"

/* Leaves the links of a name, or of a net, and the sites of their other ends. */
void declared_choose(struct standing *standing, const char *name);

/* Prints the links, the sites and the agent. */
void declared_print(const struct standing *standing);

/* Adds the members "agent", "declared" and "sites" to an object. */
void declared_pack(const struct standing *standing, json_t *object);

/* Returns whether each link's end is there, or isn't to be. */
bool declared_is_well(const struct standing *standing);
