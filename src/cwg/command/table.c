#include "cwg/command/table.h"

#include <stdio.h>
#include <string.h>

static void widen(size_t width[static TABLE_COLUMNS], const struct row *row)
{
    for (size_t i = 0; i < TABLE_COLUMNS && row->cell[i]; i++) {
        const size_t length = strlen(row->cell[i]);

        width[i] = length > width[i] ? length : width[i];
    }
}

static void print_row(const size_t width[static TABLE_COLUMNS], const struct row *row)
{
    size_t count = 0;

    for (size_t i = 0; i < TABLE_COLUMNS && row->cell[i]; i++)
        count = row->cell[i][0] ? i + 1 : count;
    for (size_t i = 0; i < count; i++)
        (void)printf("%-*s%s", i + 1 < count ? (int)width[i] : 0, row->cell[i],
                     i + 1 < count ? "  " : "\n");
}

void table_print(const struct row *head, size_t count,
                 struct row (*make)(const void *owner, size_t i, void *cells), const void *owner,
                 void *cells)
{
    size_t width[TABLE_COLUMNS] = {0};

    widen(width, head);
    for (size_t i = 0; i < count; i++) {
        const struct row row = make(owner, i, cells);

        widen(width, &row);
    }
    print_row(width, head);
    for (size_t i = 0; i < count; i++) {
        const struct row row = make(owner, i, cells);

        print_row(width, &row);
    }
}
