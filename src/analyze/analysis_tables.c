// analysis_tables.c - the analysis as tables: a sheet is a walk over the records of one
// kind, its columns are the statistics that name it.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analyze/analysis_internal.h"
#include "analyze/text_table.h"

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

static bool has_vote(const void *record) {
    return !isnan(((const struct cr_group_result *)record)->accuracy.vote);
}

static bool has_quantities(const void *record) {
    return ((const struct cr_group_result *)record)->continuous.n > 0;
}

static bool has_moves(const void *record) {
    return ((const struct cr_group_result *)record)->beliefs.moves > 0;
}

// What servers said, and what helps.
static void add_reason_note(struct cr_table *table, const void *record) {
    const struct cr_reason_result *one = record;
    char text[400];
    if (one->words != NULL) {
        snprintf(text, sizeof text, "- %s, in the words of the server: %s", one->reason,
                 one->words);
        cr_table_note(table, text);
    }
    if (one->advice != NULL) {
        snprintf(text, sizeof text, "- %s: %s", one->reason, one->advice);
        cr_table_note(table, text);
    }
}

static bool has_instrument(const void *record) {
    return ((const struct cr_group_result *)record)->instrument.all.n > 0;
}

static bool has_held(const void *record) {
    return ((const struct cr_group_result *)record)->held.markets > 0;
}

static bool has_corp(const void *record) {
    return ((const struct cr_iteration_result *)record)->corp.n > 0;
}

static bool is_agent_score(const void *record) {
    return strcmp(((const struct cr_control_result *)record)->control, "agent score") ==
           0;
}

static bool is_placebo(const void *record) {
    return !is_agent_score(record);
}

static const struct sheet sheets[CR_SHEETS] = {
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
    [CR_SHEET_HELD_MOVES] = {CR_SECTION_HELD, CR_RECORD_GROUP,
                             .title = "what arguments move, in log-odds their way",
                             .has_row = has_held, .is_for_people = true,
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
        cr_table_text(table, text != NULL ? text : "");
        break;
    }
    case CR_STATISTIC_BOOL:
        cr_table_text(table, *(const bool *)value ? "yes" : "no");
        break;
    case CR_STATISTIC_COUNT:
        cr_table_count(table, *(const uint64_t *)value);
        break;
    case CR_STATISTIC_COUNT32:
        cr_table_count(table, *(const uint32_t *)value);
        break;
    case CR_STATISTIC_NUMBER:
        cr_table_fixed(table, *(const double *)value, row->digits);
        break;
    case CR_STATISTIC_SHARE:
        cr_table_share(table, *(const double *)value);
        break;
    case CR_STATISTIC_INTERVAL:
        cr_table_interval(table, value, -row->digits);
        break;
    case CR_STATISTIC_SHARE_INTERVAL:
        cr_table_interval(table, value, row->digits);
        break;
    case CR_STATISTIC_TEST:
        cr_table_p(table, ((const struct cr_test *)value)->p,
                   ((const struct cr_test *)value)->reason);
        break;
    case CR_STATISTIC_P:
        cr_table_p(table, *(const double *)value, NULL);
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
    cr_table_init(&table, sheet->title, columns.column, dress);
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
        cr_table_note(&table, sheet->note);
    }
    bool is_hidden = is_empty && sheet->is_hidden_when_empty && dress != CR_DRESS_CSV;
    enum cr_status status = is_hidden ? CR_OK : cr_table_print(&table, out);
    cr_table_fini(&table);
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
