/* JSON (RFC 8259), for programs. Strings are of our own constants, and of values that we parsed, in
 * alphabets that have no need to be escaped; but for messages, which are. */
#pragma once

#include "helper/base/failure.h"
#include "helper/base/text.h"

/* Adds a string, escaped, with "; " in the place of each newline. */
void json_add_string(struct text *text, const char *string);

/* Adds a failure: {"code":"exists","message":"..."}. */
void json_add_failure(struct text *text, const struct failure *failure);
