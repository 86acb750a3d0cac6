// Functions of all tools: fail, read numbers, tell the time.
#ifndef TESTS_TOOLS_COMMON_H
#define TESTS_TOOLS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TROUBLE = 2 };

// Prints "tool: text", and the error of errno if it isn't 0. Ends with `code`.
_Noreturn void fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Reads a decimal number from min to max. Writes *ret only when it returns true.
bool parse_number(const char *text, long min, long max, long *ret);

// Returns milliseconds of a clock that never goes back.
int64_t now_ms(void);

// Reads a small file, such as one of /proc, and ends it by a 0. False if the file can't be read.
bool read_small(const char *path, char *ret, size_t size);

#endif
