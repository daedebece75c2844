// analysis_tables.c - the analysis as tables: a sheet is a walk over the records of one
// kind, its columns are the statistics that name it.
//
// A table is for people (100 columns), for CSV or for Markdown. Cells are put one after
// another, row by row, in the order of the columns. People see rounded numbers, shares as
// percentages and "-" with a note for what has no value; CSV gets every digit, shares as
// they are, two columns an interval and nothing for a gap.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyze/analysis_internal.h"
#include "credence/analyze/analysis.h"
#include "credence/base/csv.h"
#include "credence/base/json.h"
#include "credence/base/mem.h"
#include "credence/base/text.h"
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
    enum cr_status status; // the first failure; reported by table_print
};

enum { GAP = 2, LABEL_MIN = 12 };

static void table_init(struct cr_table *table, const char *title,
                       const struct cr_column *columns, enum cr_dress dress) {
    *table = (struct cr_table){.title = title, .column = columns, .dress = dress};
    while (columns[table->columns].head != NULL) {
        table->columns++;
    }
}

static void table_fini(struct cr_table *table) {
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

static void table_text(struct cr_table *table, const char *text) {
    keep(table, text);
}

static void table_count(struct cr_table *table, uint64_t count) {
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

static void table_fixed(struct cr_table *table, double number, int digits) {
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

static void table_share(struct cr_table *table, double share) {
    if (table->dress == CR_DRESS_CSV) {
        table_fixed(table, share, 0);
    } else {
        table_fixed(table, 100.0 * share, 1);
    }
}

// Once a sentence, however often it is asked for.
static void table_note(struct cr_table *table, const char *sentence) {
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
    table_note(table, sentence);
}

// REASON (may be NULL): why P is NaN.
static void table_p(struct cr_table *table, double p, const char *reason) {
    char text[32];
    if (table->dress == CR_DRESS_CSV) {
        table_fixed(table, p, 0);
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

// As percentages; DIGITS < 0: as they are with -DIGITS digits.
static void table_interval(struct cr_table *table, const struct cr_interval *interval,
                           int digits) {
    char text[400];
    if (table->dress == CR_DRESS_CSV) {
        table_fixed(table, interval->low, 0);
        table_fixed(table, interval->high, 0);
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

static enum cr_status table_print(struct cr_table *table, struct cr_buf *out) {
    if (table->status != CR_OK) {
        return table->status;
    }
    return table->dress == CR_DRESS_CSV  ? print_csv(table, out)
           : table->dress == CR_DRESS_MD ? print_md(table, out)
                                         : print_plain(table, out);
}

struct sheet {
    enum cr_section section;
    enum cr_record record;
    const char *title;
    bool (*has_row)(const void *record); // NULL: every record has one
    bool is_for_people;                  // not in CSV, where its columns are elsewhere
    bool is_hidden_when_empty;           // from people
    const char *note;                    // for people, when it is empty
    // Sentences about a record, for people below the table; NULL: none.
    void (*add_note)(struct cr_table *table, const void *record);
};

// What a group must have to be in a sheet.
#define GROUP_HAS(name, condition)                                                     \
    static bool name(const void *record) {                                             \
        const struct cr_group_result *group = record;                                  \
        return condition;                                                              \
    }
GROUP_HAS(has_vote, !isnan(group->accuracy.vote))
GROUP_HAS(has_quantities, group->continuous.n > 0)
GROUP_HAS(has_moves, group->beliefs.moves > 0)
GROUP_HAS(has_instrument, group->instrument.all.n > 0)
GROUP_HAS(has_settling, group->settling.markets > 0)
GROUP_HAS(has_sides, group->sides.n > 0)
GROUP_HAS(has_rooms, group->room.rooms > 0)
GROUP_HAS(has_net, group->held.net_held.n > 0)
GROUP_HAS(has_held, group->held.markets > 0)

// What servers said, and what helps.
static void add_reason_note(struct cr_table *table, const void *record) {
    const struct cr_reason_result *one = record;
    char text[400];
    if (one->words != NULL) {
        snprintf(text, sizeof text, "- %s, in the words of the server: %s", one->reason,
                 one->words);
        table_note(table, text);
    }
    if (one->advice != NULL) {
        snprintf(text, sizeof text, "- %s: %s", one->reason, one->advice);
        table_note(table, text);
    }
}

// Why a hypothesis confirms nothing.
static void add_confirmatory_note(struct cr_table *table, const void *record) {
    const struct cr_confirmatory_result *one = record;
    char text[400];
    if (one->why_not[0] != '\0') {
        snprintf(text, sizeof text, "- %.80s is not confirmatory: %s", one->name,
                 one->why_not);
        table_note(table, text);
    }
}

static bool has_corp(const void *record) {
    return ((const struct cr_iteration_result *)record)->corp.n > 0;
}

static bool is_agent_score(const void *record) {
    const struct cr_control_result *one = record;
    return strcmp(one->control, "agent score") == 0;
}

static bool is_placebo(const void *record) {
    return !is_agent_score(record);
}

static const struct sheet sheets[CR_SHEETS] = {
    [CR_SHEET_CONFIRMATORY] = {CR_SECTION_CONFIRMATORY, CR_RECORD_CONFIRMATORY,
                               .title = "hypotheses, as they were locked before the "
                                        "first reply",
                               .is_hidden_when_empty = true,
                               .add_note = add_confirmatory_note},
    [CR_SHEET_ACCURACY] = {CR_SECTION_ACCURACY, CR_RECORD_GROUP,
                           .title = "accuracy, opening against final"},
    [CR_SHEET_REASONS] = {CR_SECTION_REASONS, CR_RECORD_REASON,
                          .title = "why episodes and judgments were not usable",
                          .note = "- every reply was usable at once",
                          .add_note = add_reason_note},
    [CR_SHEET_VOTE] = {CR_SECTION_ACCURACY, CR_RECORD_GROUP,
                       .title =
                           "self_consistency: final by mean price and by majority vote",
                       .has_row = has_vote, .is_for_people = true,
                       .is_hidden_when_empty = true},
    [CR_SHEET_CALIBRATION] = {CR_SECTION_CALIBRATION, CR_RECORD_ITERATION,
                              .title = "calibration by iteration"},
    [CR_SHEET_RELIABILITY] =
        {CR_SECTION_RELIABILITY, CR_RECORD_RELIABILITY,
         .title = "reliability: bins of equal width, and of equal mass"},
    [CR_SHEET_DYNAMICS] = {CR_SECTION_DYNAMICS, CR_RECORD_GROUP, .title = "dynamics"},
    [CR_SHEET_ITERATIONS] = {CR_SECTION_ITERATIONS, CR_RECORD_ITERATION,
                             .title = "moves and survival by iteration"},
    [CR_SHEET_WORTH] = {CR_SECTION_WORTH, CR_RECORD_GROUP,
                        .title = "worth, per finished episode"},
    [CR_SHEET_COMPARISON] =
        {CR_SECTION_COMPARISON, CR_RECORD_PAIR,
         .title = "comparisons, paired by proposition",
         .note = "- no comparison: name a group with --compare; equal-call "
                 "baselines need self_consistency or debate cells"},
    [CR_SHEET_CONTINUOUS] = {CR_SECTION_CONTINUOUS, CR_RECORD_GROUP,
                             .title = "quantities", .has_row = has_quantities,
                             .is_hidden_when_empty = true},
    [CR_SHEET_WHAT_IF] = {CR_SECTION_WHAT_IF, CR_RECORD_WHAT_IF,
                          .title = "what if the stop rule had been another"},
    [CR_SHEET_CORP] = {CR_SECTION_CORP, CR_RECORD_ITERATION,
                       .title = "scores apart: miscalibration, discrimination, "
                                "uncertainty, by iteration",
                       .has_row = has_corp},
    [CR_SHEET_DIAGRAM] = {CR_SECTION_DIAGRAM, CR_RECORD_CORP_BAND,
                          .title = "reliability without bins: recalibrated prices, and "
                                   "the band of calibrated ones"},
    [CR_SHEET_MURPHY] = {CR_SECTION_MURPHY, CR_RECORD_MURPHY,
                         .title = "opening against final under every threshold"},
    [CR_SHEET_BELIEFS] = {CR_SECTION_BELIEFS, CR_RECORD_GROUP,
                          .title = "beliefs: does the price move as evidence warrants?",
                          .has_row = has_moves,
                          .note = "- no moves: every market has a single judgment"},
    [CR_SHEET_VERDICT] = {CR_SECTION_BELIEFS, CR_RECORD_GROUP, .title = "in words",
                          .has_row = has_moves, .is_for_people = true,
                          .is_hidden_when_empty = true},
    [CR_SHEET_BELIEF_STEPS] = {CR_SECTION_BELIEFS, CR_RECORD_BELIEF_STEP,
                               .title = "beliefs by iteration", .is_for_people = true,
                               .is_hidden_when_empty = true},
    [CR_SHEET_SETTLING] = {CR_SECTION_SETTLING, CR_RECORD_GROUP,
                           .title = "settling: agreement, or noise?",
                           .has_row = has_settling,
                           .note = "- no binary markets with prices"},
    [CR_SHEET_INSTRUMENT] = {CR_SECTION_INSTRUMENT, CR_RECORD_GROUP,
                             .title = "instrument: do prices measure the model, or its "
                                      "prompt?",
                             .has_row = has_instrument, .note = "- no prices"},
    [CR_SHEET_INSTRUMENT_STEPS] = {CR_SECTION_INSTRUMENT, CR_RECORD_INSTRUMENT_STEP,
                                   .title = "instrument by iteration",
                                   .is_for_people = true, .is_hidden_when_empty = true},
    [CR_SHEET_WORDING] = {CR_SECTION_WORDING, CR_RECORD_WORDING,
                          .title = "wording: how much of a number is the prompt's?",
                          .note = "- no groups that differ in their prompts alone"},
    [CR_SHEET_HELD] = {CR_SECTION_HELD, CR_RECORD_GROUP, .title = "said and held",
                       .has_row = has_held,
                       .note = "- no readings: a job asks for them with \"held\": "
                               "\"logprob\""},
    [CR_SHEET_SIDES] = {CR_SECTION_CONSULTANCY, CR_RECORD_GROUP,
                        .title = "consultancy: by the side that was argued",
                        .has_row = has_sides, .is_hidden_when_empty = true},
    [CR_SHEET_ROOM] = {CR_SECTION_ROOM, CR_RECORD_GROUP,
                       .title = "rooms beside their traders' own beliefs",
                       .has_row = has_rooms, .note = "- no cells of protocol lmsr"},
    [CR_SHEET_ROOM_GAIN] = {CR_SECTION_ROOM, CR_RECORD_GROUP,
                            .title = "what the room gains over them, in points",
                            .is_for_people = true, .is_hidden_when_empty = true,
                            .has_row = has_rooms},
    [CR_SHEET_HELD_MOVES] = {CR_SECTION_HELD, CR_RECORD_GROUP,
                             .title = "what arguments move, in log-odds their way",
                             .has_row = has_held, .is_for_people = true,
                             .is_hidden_when_empty = true},
    [CR_SHEET_HELD_NET] = {CR_SECTION_HELD, CR_RECORD_GROUP,
                           .title = "the same, what being asked again moves taken off",
                           .has_row = has_net, .is_for_people = true,
                           .is_hidden_when_empty = true},
    [CR_SHEET_HELD_STEPS] = {CR_SECTION_HELD, CR_RECORD_HELD_STEP,
                             .title = "said and held by iteration",
                             .is_for_people = true, .is_hidden_when_empty = true},
    [CR_SHEET_PLACEBO] =
        {CR_SECTION_PLACEBO, CR_RECORD_CONTROL,
         .title = "placebos: the argument, or being asked again? points gained",
         .has_row = is_placebo,
         .note = "- no placebo: cells of stance unrelated, echo or filler, or of "
                 "self_refine, with the same benchmark, maker and stop rule"},
    [CR_SHEET_AGENT_SCORE] =
        {CR_SECTION_AGENT_SCORE, CR_RECORD_CONTROL,
         .title = "agent score difference: what arguing the truth gains",
         .has_row = is_agent_score,
         .note = "- no cells of stance truthful and adversarial in the same setting"},
    [CR_SHEET_STOPPING] = {CR_SECTION_STOPPING, CR_RECORD_STOPPING,
                           .title = "when to stop: the best fixed iteration",
                           .is_for_people = true,
                           .note = "- no markets that a rule stops"},
    [CR_SHEET_FRONTIER] = {CR_SECTION_STOPPING, CR_RECORD_FRONTIER,
                           .title = "accuracy against calls, by stop rule",
                           .is_hidden_when_empty = true},
    [CR_SHEET_INDEPENDENCE] =
        {CR_SECTION_INDEPENDENCE, CR_RECORD_INDEPENDENCE,
         .title = "independence: what several judgments of a proposition are worth",
         .note = "- nothing to set against one another: no replicates, and no groups "
                 "that differ in model, trader or prompts alone"},
};

// The columns of a sheet, and what fills them.
struct columns {
    const struct cr_statistic *statistic[CR_TABLE_COLUMNS_MAX];
    struct cr_column column[CR_TABLE_COLUMNS_MAX + 1];
    size_t len;
};

static enum cr_column_kind column_kind(enum cr_statistic_kind kind) {
    switch (kind) {
    case CR_STATISTIC_LABEL:
        return CR_COLUMN_LABEL;
    case CR_STATISTIC_TEXT:
    case CR_STATISTIC_BOOL:
        return CR_COLUMN_TEXT;
    case CR_STATISTIC_INTERVAL:
    case CR_STATISTIC_SHARE_INTERVAL:
        return CR_COLUMN_INTERVAL;
    default:
        return CR_COLUMN_NUMBER;
    }
}

static void place_row(struct columns *columns, enum cr_sheet sheet, bool is_csv,
                      const struct cr_statistic *row) {
    for (int i = 0; i < CR_SHOWN_MAX && row->shown[i].sheet != CR_SHEET_NONE; i++) {
        const struct cr_shown *shown = &row->shown[i];
        if (shown->sheet != sheet || (shown->is_csv_only && !is_csv)) {
            continue;
        }
        size_t at = shown->place - 1u;
        columns->statistic[at] = row;
        columns->column[at] = (struct cr_column){
            shown->heading, shown->csv != NULL ? shown->csv : row->name,
            column_kind(row->kind)};
        columns->len = at >= columns->len ? at + 1 : columns->len;
    }
}

static void find_columns(struct columns *columns, enum cr_sheet sheet, bool is_csv) {
    const struct cr_statistic_list *list;
    memset(columns, 0, sizeof *columns);
    for (size_t i = 0; (list = cr_statistic_list_at(i)) != NULL; i++) {
        for (const struct cr_statistic *row = list->row;
             list->record == sheets[sheet].record && row->name != NULL; row++) {
            place_row(columns, sheet, is_csv, row);
        }
    }
}

static void put(struct cr_table *table, const struct cr_statistic *row,
                const void *record) {
    const void *value = cr_statistic_value(row, record);
    switch (row->kind) {
    case CR_STATISTIC_TERM:
        break;
    case CR_STATISTIC_LABEL:
    case CR_STATISTIC_TEXT: {
        const char *text = *(const char *const *)value;
        table_text(table, text != NULL ? text : "");
        break;
    }
    case CR_STATISTIC_BOOL:
        table_text(table, *(const bool *)value ? "yes" : "no");
        break;
    case CR_STATISTIC_COUNT:
        table_count(table, *(const uint64_t *)value);
        break;
    case CR_STATISTIC_COUNT32:
        table_count(table, *(const uint32_t *)value);
        break;
    case CR_STATISTIC_NUMBER:
        table_fixed(table, *(const double *)value, row->digits);
        break;
    case CR_STATISTIC_SHARE:
        table_share(table, *(const double *)value);
        break;
    case CR_STATISTIC_INTERVAL:
        table_interval(table, value, -row->digits);
        break;
    case CR_STATISTIC_SHARE_INTERVAL:
        table_interval(table, value, row->digits);
        break;
    case CR_STATISTIC_TEST:
        table_p(table, ((const struct cr_test *)value)->p,
                ((const struct cr_test *)value)->reason);
        break;
    case CR_STATISTIC_P:
        table_p(table, *(const double *)value, NULL);
        break;
    }
}

static enum cr_status print_sheet(const struct cr_analysis *analysis,
                                  enum cr_sheet which, enum cr_dress dress,
                                  struct cr_buf *out) {
    const struct sheet *sheet = &sheets[which];
    struct cr_records records = {.analysis = analysis, .kind = sheet->record};
    struct columns columns;
    struct cr_table table;
    const void *record;
    find_columns(&columns, which, dress == CR_DRESS_CSV);
    table_init(&table, sheet->title, columns.column, dress);
    while ((record = cr_records_next(&records)) != NULL) {
        for (size_t c = 0;
             c < columns.len && (sheet->has_row == NULL || sheet->has_row(record));
             c++) {
            put(&table, columns.statistic[c], record);
        }
        if (sheet->add_note != NULL && dress != CR_DRESS_CSV) {
            sheet->add_note(&table, record);
        }
    }
    bool is_empty = table.cells == 0 && table.status == CR_OK;
    if (is_empty) {
        table_note(&table, sheet->note);
    }
    bool is_hidden = is_empty && sheet->is_hidden_when_empty && dress != CR_DRESS_CSV;
    enum cr_status status = is_hidden ? CR_OK : table_print(&table, out);
    table_fini(&table);
    return status;
}

static enum cr_status definitions(struct cr_buf *out) {
    enum cr_status status = cr_buf_add_text(out, "### Definitions\n\n");
    struct cr_definition definition;
    for (size_t i = 0; status == CR_OK && cr_analysis_definition(i, &definition); i++) {
        status = cr_buf_printf(out, "- **%s** (%s): %s.\n", definition.name,
                               definition.section, definition.text);
    }
    return status;
}

static enum cr_status warnings(const struct cr_analysis *analysis, enum cr_dress dress,
                               struct cr_buf *out) {
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < analysis->warnings && status == CR_OK; i++) {
        status = cr_buf_printf(out, "%sNote: %s\n", dress == CR_DRESS_MD ? "> " : "",
                               analysis->warning[i]);
    }
    if (status == CR_OK && analysis->warnings > 0) {
        status = cr_buf_add_text(out, "\n");
    }
    return status;
}

enum cr_status cr_analysis_tables(const struct cr_analysis *analysis, unsigned sections,
                                  enum cr_dress dress, struct cr_buf *out) {
    enum cr_status status =
        dress != CR_DRESS_CSV ? warnings(analysis, dress, out) : CR_OK;
    if (!analysis->grid.is_asked && dress != CR_DRESS_CSV) {
        sections &= ~(unsigned)CR_SECTION_WHAT_IF;
    }
    for (int i = CR_SHEET_NONE + 1; i < CR_SHEETS && status == CR_OK; i++) {
        bool is_asked = (sections & (unsigned)sheets[i].section) != 0;
        if (is_asked && !(sheets[i].is_for_people && dress == CR_DRESS_CSV)) {
            status = print_sheet(analysis, (enum cr_sheet)i, dress, out);
        }
    }
    return status == CR_OK && dress == CR_DRESS_MD ? definitions(out) : status;
}
