// text_table.h - a table of numbers for people (100 columns), for CSV or for Markdown.
//
// Layer    analyze (5)
// Threads  no shared state
// MPI      none
//
// Cells are put one after another, row by row, in the order of the columns. People see
// rounded numbers, shares as percentages and "-" with a note for what has no value; CSV
// gets every digit, shares as they are, two columns an interval and nothing for a gap.
#ifndef CR_ANALYZE_TEXT_TABLE_H
#define CR_ANALYZE_TEXT_TABLE_H

#include <stdint.h>

#include "credence/analyze/analysis.h"
#include "credence/base/mem.h"
#include "credence/stats/inference.h"

enum { CR_TABLE_COLUMNS_MAX = 24, CR_TABLE_WIDTH = 100 };

enum cr_column_kind {
    CR_COLUMN_LABEL,
    CR_COLUMN_TEXT,
    CR_COLUMN_NUMBER,
    CR_COLUMN_INTERVAL
};

struct cr_column {
    const char *head; // for people
    const char *name; // for CSV
    enum cr_column_kind kind;
};

struct cr_table {
    const char *title;
    const struct cr_column *column; // ended by a NULL head
    size_t columns;
    enum cr_dress dress;
    const char **cell;
    size_t cells, cells_cap;
    const char **note;
    size_t notes, notes_cap;
    struct cr_arena arena;
    enum cr_status status; // the first failure; reported by cr_table_print
};

void cr_table_init(struct cr_table *table, const char *title,
                   const struct cr_column *columns, enum cr_dress dress);
void cr_table_fini(struct cr_table *table);
void cr_table_text(struct cr_table *table, const char *text);
void cr_table_count(struct cr_table *table, uint64_t count);
void cr_table_share(struct cr_table *table, double share);
void cr_table_fixed(struct cr_table *table, double number, int digits);
// REASON (may be NULL): why P is NaN.
void cr_table_p(struct cr_table *table, double p, const char *reason);
// As percentages; DIGITS < 0: as they are with -DIGITS digits.
void cr_table_interval(struct cr_table *table, const struct cr_interval *interval,
                       int digits);
// Once a sentence, however often it is asked for.
void cr_table_note(struct cr_table *table, const char *sentence);
CR_MUST_CHECK enum cr_status cr_table_print(struct cr_table *table, struct cr_buf *out);

#endif
