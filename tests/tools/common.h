// What all the tools share: giving up, reading numbers, knowing the time.
//
// The tools end in trouble (2, unless a tool says otherwise) when they cannot do their work, so
// that a test never takes "could not look" for "looked and found nothing".
#ifndef TESTS_TOOLS_COMMON_H
#define TESTS_TOOLS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TROUBLE = 2 };

// Prints "tool: text" and, where errno is not 0, what it means. Ends with `code`.
_Noreturn void fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

// A whole decimal number from min to max. Writes *ret only when it returns true.
bool parse_number(const char *text, long min, long max, long *ret);

// Milliseconds of a clock that never goes back.
int64_t now_ms(void);

// Reads all of a small file, ended by a 0; false if it cannot be read. For /proc.
bool read_small(const char *path, char *ret, size_t size);

#endif
