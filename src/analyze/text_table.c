// text_table.c - a table of numbers for people, for CSV or for Markdown.
#include "analyze/text_table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/csv.h"
#include "credence/base/json.h"
#include "credence/base/text.h"

enum { GAP = 2, LABEL_MIN = 12 };

void cr_table_init(struct cr_table *table, const char *title,
                   const struct cr_column *columns, enum cr_dress dress) {
    *table = (struct cr_table){.title = title, .column = columns, .dress = dress};
    while (columns[table->columns].head != NULL) {
        table->columns++;
    }
}

void cr_table_fini(struct cr_table *table) {
    cr_free(table->cell);
    cr_free(table->note);
    cr_arena_fini(&table->arena);
}

static void keep(struct cr_table *table, const char *text) {
    if (table->status == CR_OK) {
        table->status = cr_array_grow((void **)&table->cell, &table->cells_cap,
                                      table->cells + 1, sizeof *table->cell);
    }
    if (table->status != CR_OK) {
        return;
    }
    const char *kept = cr_arena_strdup(&table->arena, text);
    if (kept == NULL) {
        table->status = CR_E_MEMORY;
    } else {
        table->cell[table->cells++] = kept;
    }
}

void cr_table_text(struct cr_table *table, const char *text) {
    keep(table, text);
}

void cr_table_count(struct cr_table *table, uint64_t count) {
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)count);
    keep(table, text);
}

// Every digit, or nothing.
static void raw(char *text, size_t bytes, double number) {
    text[0] = '\0';
    for (int digits = 15; digits <= 17 && isfinite(number); digits++) {
        snprintf(text, bytes, "%.*g", digits, number);
        if (strtod(text, NULL) == number) {
            break;
        }
    }
}

// To DIGITS decimals, without a sign where nothing is left of the number.
static void rounded(char *text, size_t bytes, double number, int digits) {
    snprintf(text, bytes, "%.*f", digits, number);
    if (text[0] == '-' && strspn(text + 1, "0.") == strlen(text + 1)) {
        memmove(text, text + 1, strlen(text));
    }
}

void cr_table_fixed(struct cr_table *table, double number, int digits) {
    char text[400];
    if (table->dress == CR_DRESS_CSV) {
        raw(text, sizeof text, number);
    } else if (isfinite(number)) {
        rounded(text, sizeof text, number, digits);
    } else {
        snprintf(text, sizeof text, "-");
    }
    keep(table, text);
}

void cr_table_share(struct cr_table *table, double share) {
    if (table->dress == CR_DRESS_CSV) {
        cr_table_fixed(table, share, 0);
    } else {
        cr_table_fixed(table, 100.0 * share, 1);
    }
}

void cr_table_note(struct cr_table *table, const char *sentence) {
    if (sentence == NULL || table->status != CR_OK) {
        return;
    }
    for (size_t i = 0; i < table->notes; i++) {
        if (strcmp(table->note[i], sentence) == 0) {
            return;
        }
    }
    table->status = cr_array_grow((void **)&table->note, &table->notes_cap,
                                  table->notes + 1, sizeof *table->note);
    const char *kept = cr_arena_strdup(&table->arena, sentence);
    if (table->status == CR_OK && kept != NULL) {
        table->note[table->notes++] = kept;
    } else {
        table->status = CR_E_MEMORY;
    }
}

static void note_reason(struct cr_table *table, const char *what, const char *reason) {
    char sentence[160];
    if (reason == NULL) {
        return;
    }
    snprintf(sentence, sizeof sentence, "- no %s: %s", what, reason);
    cr_table_note(table, sentence);
}

void cr_table_p(struct cr_table *table, double p, const char *reason) {
    char text[32];
    if (table->dress == CR_DRESS_CSV) {
        cr_table_fixed(table, p, 0);
        return;
    }
    if (isnan(p)) {
        note_reason(table, "p value", reason);
        keep(table, "-");
        return;
    }
    if (p < 0.0005) {
        snprintf(text, sizeof text, "<.001");
    } else {
        snprintf(text, sizeof text, "%.3f", p);
    }
    keep(table, text[0] == '0' ? text + 1 : text);
}

void cr_table_interval(struct cr_table *table, const struct cr_interval *interval,
                       int digits) {
    char text[400];
    if (table->dress == CR_DRESS_CSV) {
        cr_table_fixed(table, interval->low, 0);
        cr_table_fixed(table, interval->high, 0);
        return;
    }
    double scale = digits < 0 ? 1.0 : 100.0;
    int shown = digits < 0 ? -digits : digits;
    if (isnan(interval->low)) {
        note_reason(table, "interval", interval->reason);
        snprintf(text, sizeof text, "-");
    } else {
        snprintf(text, sizeof text, "%.*f, %.*f", shown, scale * interval->low, shown,
                 scale * interval->high);
    }
    keep(table, text);
}

// The columns that a terminal needs for TEXT: continuation bytes take none.
static size_t columns_of(const char *text) {
    size_t columns = 0;
    for (; *text != '\0'; text++) {
        columns += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return columns;
}

static enum cr_status spaces(struct cr_buf *out, size_t len) {
    return cr_buf_printf(out, "%*s", (int)len, "");
}

static enum cr_status print_csv(const struct cr_table *table, struct cr_buf *out) {
    enum cr_status status = CR_OK;
    size_t wide = 0; // fields of a row: an interval has two
    for (size_t c = 0; c < table->columns && status == CR_OK; c++) {
        const struct cr_column *column = &table->column[c];
        const char *comma = c > 0 ? "," : "";
        bool is_two = column->kind == CR_COLUMN_INTERVAL;
        wide += is_two ? 2 : 1;
        status = is_two ? cr_buf_printf(out, "%s%s_low,%s_high", comma, column->name,
                                        column->name)
                        : cr_buf_printf(out, "%s%s", comma, column->name);
    }
    for (size_t i = 0; i < table->cells && status == CR_OK; i++) {
        status = cr_buf_add_text(out, i % wide == 0 ? "\r\n" : ",");
        if (status == CR_OK) {
            status = cr_csv_add_field(out, table->cell[i], strlen(table->cell[i]));
        }
    }
    return status == CR_OK ? cr_buf_add_text(out, "\r\n") : status;
}

// TEXT in a Markdown cell: what could end the cell or open a tag is made plain.
static enum cr_status md_field(struct cr_buf *out, const char *text) {
    enum cr_status status = CR_OK;
    for (; *text != '\0' && status == CR_OK; text++) {
        if (strchr("|\\`*_<>[]", *text) != NULL) {
            status = cr_buf_printf(out, "\\%c", *text);
        } else if ((unsigned char)*text < ' ') {
            status = cr_buf_add_text(out, " ");
        } else {
            status = cr_buf_add(out, text, 1);
        }
    }
    return status;
}

static enum cr_status print_md(const struct cr_table *table, struct cr_buf *out) {
    enum cr_status status = cr_buf_printf(out, "### %s\n\n", table->title);
    for (size_t c = 0; c < table->columns && status == CR_OK; c++) {
        status = cr_buf_printf(out, "| %s ", table->column[c].head);
    }
    for (size_t c = 0; c < table->columns && status == CR_OK; c++) {
        status =
            cr_buf_printf(out, "%s|%s", c == 0 ? "|\n" : "",
                          table->column[c].kind <= CR_COLUMN_TEXT ? "---" : "---:");
    }
    for (size_t i = 0; i < table->cells && status == CR_OK; i++) {
        status = cr_buf_add_text(out, i == 0                    ? "|\n| "
                                      : i % table->columns == 0 ? " |\n| "
                                                                : " | ");
        if (status == CR_OK) {
            status = md_field(out, table->cell[i]);
        }
    }
    if (status == CR_OK) {
        status = cr_buf_add_text(out, table->cells > 0 ? " |\n\n" : "|\n\n");
    }
    for (size_t i = 0; i < table->notes && status == CR_OK; i++) {
        status = cr_buf_add_text(out, "- ");
        if (status == CR_OK) { // a note begins with its own dash
            status = md_field(out, table->note[i] + strspn(table->note[i], "- "));
        }
        if (status == CR_OK) {
            status = cr_buf_add_text(out, "  \n");
        }
    }
    return status == CR_OK ? cr_buf_add_text(out, "\n") : status;
}

// The widths of all columns; the widest labels give way until all fit into 100.
static void measure(const struct cr_table *table, size_t *width) {
    size_t used = 0;
    for (size_t c = 0; c < table->columns; c++) {
        width[c] = columns_of(table->column[c].head);
        for (size_t i = c; i < table->cells; i += table->columns) {
            if (columns_of(table->cell[i]) > width[c]) {
                width[c] = columns_of(table->cell[i]);
            }
        }
        used += c > 0 ? GAP + width[c] : width[c];
    }
    for (; used > CR_TABLE_WIDTH; used--) {
        size_t widest = table->columns;
        for (size_t c = 0; c < table->columns; c++) {
            if (table->column[c].kind == CR_COLUMN_LABEL && width[c] > LABEL_MIN &&
                (widest == table->columns || width[c] > width[widest])) {
                widest = c;
            }
        }
        if (widest == table->columns) {
            return;
        }
        width[widest]--;
    }
}

// A label too long for its column becomes a number and the end of its name, where
// neighbours differ; the whole names follow below the table.
static void shorten(char *text, size_t bytes, const char *label, size_t number_shown,
                    size_t width) {
    char number[24];
    int used = snprintf(number, sizeof number, "#%zu ..", number_shown);
    size_t tail = width > (size_t)used ? width - (size_t)used : 0;
    const char *end = label + strlen(label), *from = end;
    while (tail > 0 && from > label) {
        from--;
        while (((unsigned char)*from & 0xC0) == 0x80 && from > label) {
            from--;
        }
        tail--;
    }
    snprintf(text, bytes, "%s%s", number, from);
}

static enum cr_status print_cell(const struct cr_table *table, struct cr_buf *out,
                                 size_t c, const char *text, size_t width) {
    size_t used = columns_of(text), pad = used < width ? width - used : 0;
    bool is_left = table->column[c].kind <= CR_COLUMN_TEXT;
    enum cr_status status = c > 0 ? spaces(out, GAP) : CR_OK;
    if (status == CR_OK && !is_left) {
        status = spaces(out, pad);
    }
    if (status == CR_OK) {
        status = cr_text_add_line(out, text, strlen(text));
    }
    if (status == CR_OK && is_left && c + 1 < table->columns) {
        status = spaces(out, pad);
    }
    if (status == CR_OK && c + 1 == table->columns) {
        status = cr_buf_add_text(out, "\n");
    }
    return status;
}

// The labels that were too long, each once.
struct legend {
    const char **label;
    size_t len, cap;
};

// The number of LABEL in the legend, from 1; 0 when memory ran out.
static size_t legend_number(struct legend *legend, const char *label) {
    for (size_t i = legend->len; i-- > 0;) {
        if (strcmp(legend->label[i], label) == 0) {
            return i + 1;
        }
    }
    if (cr_array_grow((void **)&legend->label, &legend->cap, legend->len + 1,
                      sizeof *legend->label) != CR_OK) {
        return 0;
    }
    legend->label[legend->len++] = label;
    return legend->len;
}

static enum cr_status print_legend(const struct legend *legend, struct cr_buf *out) {
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < legend->len && status == CR_OK; i++) {
        status = cr_buf_printf(out, "#%zu is ", i + 1);
        if (status == CR_OK) {
            status = cr_text_add_line(out, legend->label[i], strlen(legend->label[i]));
        }
        if (status == CR_OK) {
            status = cr_buf_add_text(out, "\n");
        }
    }
    return status;
}

static enum cr_status print_rows(const struct cr_table *table, struct cr_buf *out,
                                 const size_t *width) {
    enum cr_status status = CR_OK;
    struct legend legend = {0};
    for (size_t i = 0; i < table->cells && status == CR_OK; i++) {
        size_t c = i % table->columns;
        const char *text = table->cell[i];
        char label[4 * CR_TABLE_WIDTH + 32];
        if (columns_of(text) > width[c]) {
            size_t number = legend_number(&legend, text);
            status = number == 0 ? CR_E_MEMORY : CR_OK;
            shorten(label, sizeof label, text, number, width[c]);
            text = label;
        }
        if (status == CR_OK) {
            status = print_cell(table, out, c, text, width[c]);
        }
    }
    if (status == CR_OK) {
        status = print_legend(&legend, out);
    }
    cr_free(legend.label);
    return status;
}

static enum cr_status print_plain(const struct cr_table *table, struct cr_buf *out) {
    size_t width[CR_TABLE_COLUMNS_MAX];
    measure(table, width);
    enum cr_status status =
        table->title[0] != '\0' ? cr_buf_printf(out, "%s\n", table->title) : CR_OK;
    for (size_t c = 0; c < table->columns && status == CR_OK; c++) {
        status = print_cell(table, out, c, table->column[c].head, width[c]);
    }
    if (status == CR_OK) {
        status = print_rows(table, out, width);
    }
    for (size_t i = 0; i < table->notes && status == CR_OK; i++) {
        status = cr_text_add_terminal(out, table->note[i], strlen(table->note[i]));
        if (status == CR_OK) {
            status = cr_buf_add_text(out, "\n");
        }
    }
    return status == CR_OK ? cr_buf_add_text(out, "\n") : status;
}

enum cr_status cr_table_print(struct cr_table *table, struct cr_buf *out) {
    if (table->status != CR_OK) {
        return table->status;
    }
    return table->dress == CR_DRESS_CSV  ? print_csv(table, out)
           : table->dress == CR_DRESS_MD ? print_md(table, out)
                                         : print_plain(table, out);
}
