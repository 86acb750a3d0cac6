/* A table on standard output, each column as wide as its widest cell. */
#pragma once

#include <stddef.h>

enum {
    TABLE_COLUMNS = 8,
};

/* A row, of which each cell is lent. The first cell that is NULL ends it. */
struct row {
    const char *cell[TABLE_COLUMNS];
};

/* Prints a head, and the rows from 0 to before `count`, without blanks at a line's end. make()
 * makes a row, twice; `cells` is room for cells that are made for it. */
void table_print(const struct row *head, size_t count,
                 struct row (*make)(const void *owner, size_t i, void *cells), const void *owner,
                 void *cells);
