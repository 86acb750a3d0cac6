/* How the unit tests are written: tables of numbered cases. A case that goes wrong is reported with
 * its number, and the ones after it are still looked at. Underneath is cmocka, whose header only
 * unit.c includes: the helper has a macro fail(), too. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A list of texts that ends with NULL. */
#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* A test: TEST(name) { ... }. They are run in the order in which they stand in their file. */
#define TEST(name)         UNIT_TEST(name, false)
#define TEST_AS_ROOT(name) UNIT_TEST(name, true) /* skipped without root's capabilities */

#define UNIT_TEST(test, as_root)                                                                   \
    static void test(void);                                                                        \
    __attribute__((constructor)) static void unit_add_##test(void)                                 \
    {                                                                                              \
        unit_add(#test, test, as_root);                                                            \
    }                                                                                              \
    static void test(void)

void unit_add(const char *name, void (*run)(void), bool root);

/* Runs all of them, which is what main() does. Returns the exit code. */
int unit_run(const char *noun);

/* Expects something of a case; the format and its values say which case it is, and what it is like.
 * Works in forked children, too. */
#define expect(condition, ...)                                                                     \
    do {                                                                                           \
        unit_count(1);                                                                             \
        if (!(condition))                                                                          \
            unit_unexpected(__FILE__, __LINE__, __VA_ARGS__);                                      \
    } while (0)

void unit_unexpected(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Counts cases that were looked at without expect(). */
void unit_count(size_t cases);

/* Ends the program: a test can't be done for a reason that isn't in what it tests. */
_Noreturn void unit_trouble(const char *doing);

/* Runs body(context) in a child, which then ends with code 0. Returns its wait status; one that
 * takes longer than some seconds is ended by SIGALRM. */
int unit_fork(void (*body)(void *context), void *context);

/* The same, for a child of which nothing else than 0 is expected. */
void unit_in_child(void (*body)(void *context), void *context);

/* A copy in memory of exactly that size, so that reading beyond it is seen; for free(). */
void *unit_copy(const void *bytes, size_t size);

/* How many descriptors are open, with a few of the look's own. */
int unit_descriptors(void);

/* Random numbers that are the same each time (splitmix64); the second one below `bound`. */
uint64_t unit_random(void);
uint32_t unit_random_below(uint32_t bound);

/* Whether a text can go to a terminal: printable ASCII, and not empty. */
bool unit_is_printable(const char *text);
