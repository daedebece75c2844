// Format "table": any table, by the job's mapping of its columns. What is mapped says
// what an item is:
//   options       a question with options, one of them right
//   value         a quantity, in a range
//   proposition   a claim that is true or false
//   none of them  a question answered by yes or no
//
// Answers to options are written as texts, letters, indices or labels. Unless the job
// says which, every way that fits all items is sought. An item that fits several ways
// leaves it open; then a pass over all answers comes first, and ways that still differ at
// its end are refused rather than guessed.
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bench/choice.h"
#include "bench/reader.h"
#include "credence/bench/bench.h"

enum way { BY_LABEL, BY_TEXT, BY_LETTER, BY_INDEX0, BY_INDEX1, WAYS };

const char *const cr_bench_answers[CR_BENCH_ANSWERS] = {"auto",   "label",  "text",
                                                        "letter", "index0", "index1"};

static const char *const mapped_names[] = {
    "question", "options", "answer", "proposition", "value",
    "low",      "high",    "unit",   "context",     "id"};

size_t cr_bench_mapped_names(const char *const **out) {
    *out = mapped_names;
    return sizeof mapped_names / sizeof *mapped_names;
}

// The fields that the job binds to NAME: LEN of them from FIRST on; none when unbound.
struct bound {
    size_t first, len;
};

static struct bound find(const struct cr_reader *reader, const char *name) {
    const struct cr_bindings *columns = &reader->benchmark->columns;
    struct bound bound = {0, 0};
    for (uint32_t i = 0; i < columns->len; i++) {
        if (strcmp(columns->at[i].name, name) == 0) {
            bound.len = columns->at[i].values_len;
            return bound;
        }
        bound.first += columns->at[i].values_len;
    }
    return bound;
}

static const char *one(const struct cr_reader *reader, const struct cr_item *item,
                       const char *name) {
    struct bound bound = find(reader, name);
    return bound.len > 0 ? item->fields[bound.first] : NULL;
}

static enum cr_status need(struct cr_reader *reader, const struct cr_item *item,
                           const char *name, const char **out) {
    struct bound bound = find(reader, name);
    if (bound.len == 0) {
        return cr_reader_refuse(reader, "\"columns\" maps no \"%s\", which is needed",
                                name);
    }
    *out = item->fields[bound.first];
    if (*out != NULL) {
        return CR_OK;
    }
    const struct cr_item_column *column = &reader->fields[bound.first];
    if (item->object != NULL && !column->is_met) {
        return cr_item_column_refuse_absent(reader, column);
    }
    return cr_reader_refuse(reader, "nothing in column \"%s\" (columns.%s)%s",
                            reader->fields[bound.first].name, name,
                            strcmp(name, "answer") == 0
                                ? "; test splits often come without answers"
                                : ", expected a text");
}

// The texts of all columns bound to NAME, GLUE between them.
static enum cr_status join(struct cr_reader *reader, const struct cr_item *item,
                           const char *name, const char **out) {
    struct bound bound = find(reader, name);
    const char *text = NULL;
    for (size_t i = bound.first; i < bound.first + bound.len; i++) {
        if (item->fields[i] == NULL) {
            continue;
        }
        text = text == NULL ? item->fields[i]
                            : cr_reader_text(reader, "%s %s", text, item->fields[i]);
        if (text == NULL) {
            return cr_reader_no_memory(reader);
        }
    }
    if (text == NULL) {
        return need(reader, item, name, out);
    }
    *out = text;
    return CR_OK;
}

// One column as it is; of several each with its name before it. NULL: none.
static enum cr_status read_context(struct cr_reader *reader, const struct cr_item *item,
                                   const char **out) {
    struct bound bound = find(reader, "context");
    const char *text = NULL;
    for (size_t i = bound.first; i < bound.first + bound.len; i++) {
        if (item->fields[i] == NULL) {
            continue;
        }
        const char *part =
            bound.len == 1 ? item->fields[i]
                           : cr_reader_text(reader, "%s: %s", reader->fields[i].name,
                                            item->fields[i]);
        text = text == NULL || part == NULL
                   ? part
                   : cr_reader_text(reader, "%s\n%s", text, part);
        if (text == NULL) {
            return cr_reader_no_memory(reader);
        }
    }
    *out = text;
    return CR_OK;
}

// A question's options, and how their places were counted in the file.
struct options {
    struct cr_choice choice;
    const char *labels[CR_OPTIONS_MAX];
    uint32_t place[CR_OPTIONS_MAX]; // from 0; empty columns count too
};

static enum cr_status read_option_columns(struct cr_reader *reader,
                                          const struct cr_item *item,
                                          struct bound bound, struct options *out) {
    for (size_t i = 0; i < bound.len; i++) {
        const char *text = item->fields[bound.first + i];
        if (text != NULL) {
            out->place[out->choice.options_len] = (uint32_t)i;
            out->choice.options[out->choice.options_len++] = text;
        }
    }
    return out->choice.options_len >= 2
               ? CR_OK
               : cr_reader_refuse(reader, "%u options, expected at least 2",
                                  out->choice.options_len);
}

static enum cr_status read_options(struct cr_reader *reader, const struct cr_item *item,
                                   struct options *out) {
    struct bound bound = find(reader, "options");
    const char *list = NULL;
    if (bound.len > 1) {
        return read_option_columns(reader, item, bound, out);
    }
    enum cr_status status = need(reader, item, "options", &list);
    if (status == CR_OK) {
        status = cr_choice_list(reader, list, &out->choice, out->labels);
    }
    for (uint32_t i = 0; i < out->choice.options_len; i++) {
        out->place[i] = i;
    }
    if (status == CR_OK && out->choice.options_len < 2) {
        status = cr_reader_refuse(reader, "%u options, expected at least 2",
                                  out->choice.options_len);
    }
    return status;
}

// The whole number that TEXT is ("3", and "3.0" of a column that once held gaps); -1.
static long whole_number(const char *text) {
    char *end = NULL;
    if (!isdigit((unsigned char)*text)) {
        return -1;
    }
    long number = strtol(text, &end, 10);
    if (*end == '.') {
        end += 1 + strspn(end + 1, "0");
    }
    return *end == '\0' && number <= CR_OPTIONS_MAX ? number : -1;
}

// The place of the letter that TEXT is: "B", "b", "(B)", "B."; -1.
static long letter_place(const char *text) {
    text += *text == '(';
    long place = toupper((unsigned char)*text) - 'A';
    bool is_letter = isalpha((unsigned char)*text) != 0;
    text += is_letter;
    text += *text == ')' || *text == '.';
    return is_letter && *text == '\0' ? place : -1;
}

static long at_place(const struct options *options, long place) {
    for (uint32_t i = 0; i < options->choice.options_len; i++) {
        if (place >= 0 && options->place[i] == (uint32_t)place) {
            return i;
        }
    }
    return -1;
}

static long at_label(const struct options *options, const char *answer) {
    for (uint32_t i = 0; i < options->choice.options_len; i++) {
        if (options->labels[i] != NULL && strcmp(options->labels[i], answer) == 0) {
            return i;
        }
    }
    return -1;
}

static long at_text(const struct options *options, const char *answer) {
    for (uint32_t i = 0; i < options->choice.options_len; i++) {
        if (strcmp(options->choice.options[i], answer) == 0) {
            return i;
        }
    }
    return -1;
}

// The option that ANSWER means when it is written that WAY; -1: none.
static long read_by(const struct options *options, const char *answer, enum way way) {
    long number = whole_number(answer);
    switch (way) {
    case BY_LABEL:
        return at_label(options, answer);
    case BY_TEXT:
        return at_text(options, answer);
    case BY_LETTER:
        return at_place(options, letter_place(answer));
    case BY_INDEX0:
        return at_place(options, number);
    default:
        return at_place(options, number - 1);
    }
}

// The ways that are open: all, or the one the job names.
static unsigned ways_of_job(const struct cr_reader *reader) {
    const char *answers = reader->benchmark->answers;
    for (unsigned i = 1; answers != NULL && i < CR_BENCH_ANSWERS; i++) {
        if (strcmp(answers, cr_bench_answers[i]) == 0) {
            return 1u << (i - 1);
        }
    }
    return (1u << WAYS) - 1;
}

static enum cr_status refuse_answer(struct cr_reader *reader, const char *answer,
                                    unsigned open) {
    static const char *const words[WAYS] = {"an option's label", "an option's text",
                                            "a letter", "an index from 0",
                                            "an index from 1"};
    const char *expected = "";
    for (unsigned i = 0; i < WAYS && expected != NULL; i++) {
        if ((open >> i & 1) != 0) {
            expected = cr_reader_text(reader, "%s%s%s", expected,
                                      *expected != '\0' ? " or " : "", words[i]);
        }
    }
    return cr_reader_refuse(reader, "answer %s, expected %s",
                            cr_reader_quote(reader, answer),
                            expected != NULL ? expected : "one of its options");
}

static enum cr_status refuse_open(struct cr_reader *reader, unsigned open) {
    const char *names = "";
    for (unsigned i = 0; i < WAYS && names != NULL; i++) {
        if ((open >> i & 1) != 0) {
            names =
                cr_reader_text(reader, "%s%s\"%s\"", names,
                               *names != '\0' ? " or " : "", cr_bench_answers[i + 1]);
        }
    }
    return cr_reader_refuse(reader,
                            "the answers of this file can be read in several ways; say "
                            "which with \"answers\": %s",
                            names != NULL ? names : "...");
}

// The ways still open that fit ANSWER; *key is what they mean, -1 when they differ.
static unsigned fitting(const struct options *options, const char *answer,
                        unsigned open, long *key) {
    unsigned fit = 0;
    *key = -1;
    for (unsigned way = 0; way < WAYS; way++) {
        long found =
            (open >> way & 1) != 0 ? read_by(options, answer, (enum way)way) : -1;
        if (found < 0) {
            continue;
        }
        if (way == BY_LABEL) { // the file's own names settle it
            *key = found;
            return 1u << BY_LABEL;
        }
        *key = fit == 0 || *key == found ? found : -1;
        fit |= 1u << way;
    }
    return fit;
}

static enum cr_status read_key(struct cr_reader *reader, const char *answer,
                               struct options *options) {
    unsigned open = reader->answers & ways_of_job(reader);
    long key = -1;
    unsigned fit = fitting(options, answer, open, &key);
    if (fit == 0) {
        return refuse_answer(reader, answer, open);
    }
    reader->answers = fit;
    if (key < 0 && reader->pass == CR_PASS_ITEMS) {
        return reader->is_surveyed ? refuse_open(reader, fit) : CR_E_STOPPED;
    }
    options->choice.key = key < 0 ? 0 : (uint32_t)key;
    return CR_OK;
}

static enum cr_status read_choice(struct cr_reader *reader,
                                  const struct cr_item *item) {
    struct options *options = cr_reader_alloc(reader, sizeof *options);
    const char *answer = NULL;
    if (options == NULL) {
        return cr_reader_no_memory(reader);
    }
    options->choice.question_id = item->id;
    enum cr_status status = read_options(reader, item, options);
    status = status == CR_OK ? need(reader, item, "answer", &answer) : status;
    status = status == CR_OK ? read_key(reader, answer, options) : status;
    if (status != CR_OK || reader->pass == CR_PASS_ANSWERS) {
        return status;
    }
    status = join(reader, item, "question", &options->choice.question);
    if (status == CR_OK) {
        status = read_context(reader, item, &options->choice.context);
    }
    if (status == CR_OK) {
        status = cr_choice_number(reader, &options->choice);
    }
    return status != CR_OK ? status : cr_choice_add(reader, &options->choice);
}

static enum cr_status read_truth(struct cr_reader *reader, const struct cr_item *item,
                                 int32_t *label) {
    static const struct {
        const char *word;
        int32_t label;
    } words[] = {{"true", 1}, {"false", 0}, {"yes", 1}, {"no", 0},
                 {"1", 1},    {"0", 0},     {"t", 1},   {"f", 0},
                 {"y", 1},    {"n", 0},     {"1.0", 1}, {"0.0", 0}};
    const char *answer = NULL;
    enum cr_status status = need(reader, item, "answer", &answer);
    if (status != CR_OK) {
        return status;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(answer, words[i].word) == 0) {
            *label = words[i].label;
            return CR_OK;
        }
    }
    return cr_reader_refuse(reader, "answer %s, expected true, false, yes, no, 1 or 0",
                            cr_reader_quote(reader, answer));
}

static enum cr_status read_claim(struct cr_reader *reader, const struct cr_item *item) {
    bool is_question = find(reader, "proposition").len == 0;
    const char *text = NULL, *context = NULL;
    int32_t label = 0;
    enum cr_status status =
        join(reader, item, is_question ? "question" : "proposition", &text);
    status = status == CR_OK ? read_truth(reader, item, &label) : status;
    status = status == CR_OK ? read_context(reader, item, &context) : status;
    if (status != CR_OK) {
        return status;
    }
    if (is_question) {
        text = cr_reader_text(
            reader, "The answer to this question is yes.\n\nQuestion: %s", text);
    }
    text = cr_reader_with_context(reader, context, text);
    return cr_reader_add_claim(reader, item->id, text, label);
}

static enum cr_status read_number(struct cr_reader *reader, const struct cr_item *item,
                                  const char *name, double *out) {
    const char *text = NULL;
    char *end = NULL;
    enum cr_status status = need(reader, item, name, &text);
    if (status != CR_OK) {
        return status;
    }
    *out = strtod(text, &end);
    return *end == '\0' && isfinite(*out)
               ? CR_OK
               : cr_reader_refuse(reader, "%s %s, expected a number", name,
                                  cr_reader_quote(reader, text));
}

// One range for the file, or each item's own.
static enum cr_status read_range(struct cr_reader *reader, const struct cr_item *item,
                                 struct cr_proposition *quantity) {
    const struct cr_benchmark *benchmark = reader->benchmark;
    enum cr_status status = CR_OK;
    quantity->low = benchmark->low;
    quantity->high = benchmark->high;
    if (isnan(benchmark->low)) {
        status = read_number(reader, item, "low", &quantity->low);
        status = status == CR_OK ? read_number(reader, item, "high", &quantity->high)
                                 : status;
    }
    if (status == CR_OK && !(quantity->low < quantity->high)) {
        status = cr_reader_refuse(reader, "range %g to %g, expected low < high",
                                  quantity->low, quantity->high);
    }
    if (status == CR_OK &&
        !(quantity->value >= quantity->low && quantity->value <= quantity->high)) {
        status = cr_reader_refuse(reader, "value %g, expected one from %g to %g",
                                  quantity->value, quantity->low, quantity->high);
    }
    return status;
}

static enum cr_status read_quantity(struct cr_reader *reader,
                                    const struct cr_item *item) {
    const char *own = one(reader, item, "unit"), *unit = reader->benchmark->unit;
    const char *context = NULL;
    struct cr_proposition quantity = {
        .id = item->id, .question_id = item->id, .space = CR_SPACE_CONTINUOUS};
    quantity.unit = own != NULL ? own : unit != NULL ? unit : "";
    enum cr_status status = join(reader, item, "question", &quantity.text);
    status =
        status == CR_OK ? read_number(reader, item, "value", &quantity.value) : status;
    status = status == CR_OK ? read_range(reader, item, &quantity) : status;
    status = status == CR_OK ? read_context(reader, item, &context) : status;
    quantity.text = cr_reader_with_context(reader, context, quantity.text);
    return status != CR_OK ? status : cr_reader_add(reader, &quantity);
}

// What the mapping gives must be what the framing asks for.
static enum cr_status read_item(struct cr_reader *reader, const struct cr_item *item) {
    enum cr_framing framing = cr_reader_framing(reader);
    if (framing == CR_FRAMING_CONTINUOUS) {
        return read_quantity(reader, item);
    }
    if (find(reader, "options").len > 0) {
        return read_choice(reader, item);
    }
    if (framing == CR_FRAMING_CATEGORICAL) {
        return cr_reader_refuse(
            reader, "framing categorical, but \"columns\" maps no \"options\"");
    }
    return read_claim(reader, item);
}

const struct cr_bench_format cr_format_table = {
    .name = "table",
    .summary =
        "any CSV, TSV, JSON lines or JSON array, gzipped or not, by a mapping of "
        "its columns (credence help data)",
    .framings = 1u << CR_FRAMING_BINARY | 1u << CR_FRAMING_CATEGORICAL |
                1u << CR_FRAMING_CONTINUOUS,
    .traits = CR_FORMAT_MAPPED,
    .item = read_item,
};
