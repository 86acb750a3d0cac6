/* What `cwg status` shows of declared links. */
#pragma once

#include <jansson.h>

#include "cwg/store/standing.h"

enum {
    DECLARED_REASON_SIZE = STANDING_REASON_SIZE + 64,
};

/* Leaves the links of a name, or of a net, and the sites of their other ends. */
void declared_choose(struct standing *standing, const char *name);

/* Prints the links, the sites and the agent. */
void declared_print(const struct standing *standing);

/* Adds the members "agent", "declared" and "sites" to an object. */
void declared_pack(const struct standing *standing, json_t *object);

/* Writes a reason; of an end of which nobody tells now, with the state that was told last. */
const char *declared_reason(const char *last, const char *reason,
                            char ret_text[static DECLARED_REASON_SIZE]);

/* A text of JSON, and a number; null for one that is empty or 0. */
json_t *declared_text_or_null(const char *text);
json_t *declared_time_or_null(int64_t seconds);

/* Returns whether each link's end is there, or isn't to be. */
bool declared_is_well(const struct standing *standing);
