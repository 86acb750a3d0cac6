/* JSON (RFC 8259). Only messages are escaped: all other strings are constants, or values that the
 * helper parsed, without characters to escape. */
#pragma once

#include "helper/base/failure.h"
#include "helper/base/text.h"

/* Adds a string, escaped, with "; " in the place of each newline. */
void json_add_string(struct text *text, const char *string);

/* Adds a failure: {"code":"exists","message":"..."}. */
void json_add_failure(struct text *text, const struct failure *failure);
