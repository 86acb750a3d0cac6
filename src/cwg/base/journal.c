#include "cwg/base/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/failure.h"

/* systemd.exec(5): JOURNAL_STREAM has the device and inode of the journal's socket. A service may
 * have redirected its standard error since. */
static bool is_systemd(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat status;
    char own[64];

    if (!stream || fstat(STDERR_FILENO, &status) < 0)
        return false;
    (void)snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    return strcmp(stream, own) == 0;
}

void journal_open(struct journal *journal)
{
    *journal =
        (struct journal){.systemd = is_systemd(), .room = JOURNAL_BURST, .filled = clock_now()};
}

/* Makes room for the lines of the time that has passed. */
static void fill(struct journal *journal)
{
    const int64_t more = (clock_now() - journal->filled) / JOURNAL_EACH_MS;

    journal->filled += more * JOURNAL_EACH_MS;
    journal->room =
        more >= JOURNAL_BURST - journal->room ? JOURNAL_BURST : journal->room + (int)more;
}

static void write_line(struct journal *journal, int priority, const char *text)
{
    if (journal->systemd)
        (void)fprintf(stderr, "<%d>%s\n", priority, text);
    else
        (void)fprintf(stderr, "cwg: %s\n", text);
    journal->room--;
}

void journal_say(struct journal *journal, int priority, const char *format, ...)
{
    struct failure line = {.text = ""}; /* it makes a text printable */
    va_list arguments;

    fill(journal);
    if (journal->room <= 1) { /* the last one is journal_run()'s */
        journal->skipped++;
        return;
    }
    va_start(arguments, format);
    (void)vfail(&line, "", format, arguments);
    va_end(arguments);
    write_line(journal, priority, line.text);
}

/* FNV-1a (https://www.isthe.com/chongo/tech/comp/fnv/). */
static uint64_t hash(const char *text)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);

    for (; *text; text++)
        value = (value ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return value;
}

void journal_complain(struct journal *journal, const char *text)
{
    const uint64_t own = hash(text);

    for (size_t i = 0; i < JOURNAL_COMPLAINTS; i++) {
        if (journal->complaints[i] == own)
            return;
    }
    journal->complaints[journal->next_complaint++ % JOURNAL_COMPLAINTS] = own;
    journal_say(journal, JOURNAL_WARNING, "%s", text);
}

void journal_forget(struct journal *journal)
{
    memset(journal->complaints, 0, sizeof(journal->complaints));
}

int64_t journal_run(struct journal *journal)
{
    char text[80];

    if (journal->skipped == 0)
        return INT64_MAX;
    fill(journal);
    if (journal->room < JOURNAL_BURST / 2)
        return journal->filled + (int64_t)(JOURNAL_BURST / 2 - journal->room) * JOURNAL_EACH_MS;
    (void)snprintf(text, sizeof(text), "%u lines more were left out: cwg status shows all links",
                   journal->skipped);
    journal->skipped = 0;
    write_line(journal, JOURNAL_NOTICE, text);
    return INT64_MAX;
}
