/* Decimal numbers as a caller types them. */
#pragma once

#include <stdint.h>

/* Reads a number in [0, max] from all of `text`: one or more ASCII digits, no sign, no space and no
 * leading zero, so that each number has one spelling. Writes *ret_value on success only.
 * Returns 0, or -1 if `text` is anything else. */
int decimal_parse(const char *text, uint32_t max, uint32_t *ret_value);
