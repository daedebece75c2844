// space.h - the table of outcome spaces: what a price is, and how it is read and shown.
//
// Layer    prompt (2)
// Threads  read-only tables
// MPI      none
//
// A space is one file (src/prompt/space_NAME.c) and one line of cr_space_table.
#ifndef CREDENCE_PROMPT_SPACE_H
#define CREDENCE_PROMPT_SPACE_H

#include "credence/base/json.h"
#include "credence/core/cell.h"
#include "credence/prompt/answer.h"
#include "credence/prompt/template.h"

// What a trader argues for. Binary: option 1 true, 0 false. Categorical: the option as
// shown. Continuous: option 0 is VALUE itself, +1 more than it, -1 less.
struct cr_target {
    int option;
    double value;
};

struct cr_space_row {
    // Templates: the item, what its price means, and how to answer.
    enum cr_template item, meaning;
    enum cr_template judgment[2], vote[2]; // [1]: with chain of thought
    enum cr_template argument, logprob, bet;

    const char *judgment_key; // an object that has it is a judgment
    // Price and quantiles out of OBJECT; a complaint in OUT when it cannot be used.
    void (*read_judgment)(const struct cr_answer_form *form,
                          const struct cr_json *object, struct cr_answer *out);
    const char *direction_key; // of an argument's direction
    // The direction that WORD names, 0 for none.
    int (*read_direction)(const struct cr_answer_form *form, const char *word,
                          size_t bytes);
    // The vote that WORD is (an index below votes_len), -1 for none. IS_TOKEN: WORD is
    // the first token of a free text, so an article "a" must not pass for option A.
    int (*match_vote)(const struct cr_answer_form *form, const char *word, size_t bytes,
                      bool is_token);
    const char *votes_text; // what a vote may be, for complaints: "yes or no"

    CR_MUST_CHECK enum cr_status (*add_schema)(enum cr_ask ask,
                                               const struct cr_answer_form *form,
                                               bool chain_of_thought,
                                               struct cr_buf *out);
    // PRICE and QUANTILE (continuous; NULL when there are none), as shown, for a
    // person.
    CR_MUST_CHECK enum cr_status (*add_price)(const struct cr_answer_form *form,
                                              const double *price,
                                              const double *quantile,
                                              struct cr_buf *out);
    CR_MUST_CHECK enum cr_status (*add_target)(const struct cr_answer_form *form,
                                               struct cr_target target,
                                               struct cr_buf *out);
    // The labelled truth. SHOWN[i] is the option shown at i, NULL unless categorical.
    struct cr_target (*truth)(const struct cr_proposition *proposition,
                              const uint32_t *shown);
    // What to argue against PRICE, and the two positions a debate starts from (SIDE 0,
    // 1).
    struct cr_target (*contrary)(const struct cr_answer_form *form,
                                 const double *price);
    struct cr_target (*side)(const struct cr_answer_form *form, const double *price,
                             int side);

    // Bits 1 << enumerator: what makes sense here.
    uint32_t stances, elicitations, stop_rules;
};
extern const struct cr_space_row *const cr_space_table[];
extern const struct cr_space_row cr_space_binary, cr_space_categorical,
    cr_space_continuous;

// For the space files.

// How many votes there are: 2, or one an option.
uint32_t cr_space_votes(const struct cr_answer_form *form);

// Make OUT unusable: REASON, and the complaint to the model.
void cr_answer_complain(struct cr_answer *out, enum cr_reason reason, const char *fmt,
                        ...) CR_PRINTF(3, 4);

// VALUE as a number: a JSON number or a number in a string. A probability may be a
// percentage of at least one in a string too, and has no sign. False for everything
// else, infinities and NaN included.
bool cr_answer_number(const struct cr_json *value, bool is_probability, double *out);

// VALUE as a complaint quotes it, cut to fit; OUT.
enum { CR_SHOWN_MAX = 64 };
const char *cr_answer_show(const struct cr_json *value, char out[CR_SHOWN_MAX]);

// WORD without blanks and punctuation around it equals NAME, letters in any case.
bool cr_answer_is_word(const char *word, size_t bytes, const char *name);

// A JSON schema as a string literal. Every property is required and none other allowed,
// as the strict modes of servers want it; the lengths keep a small model from running
// on.
#define CR_SCHEMA_OBJECT(properties, required)                                         \
    "{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required     \
    "],\"additionalProperties\":false}"
#define CR_SCHEMA_CLAIM "\"claim\":{\"type\":\"string\",\"maxLength\":300},"
#define CR_SCHEMA_REASONING "\"reasoning\":{\"type\":\"string\",\"maxLength\":1500},"
#define CR_SCHEMA_STAKE ",\"stake\":" CR_SCHEMA_PRICE
#define CR_SCHEMA_ARGUMENT "\"argument\":{\"type\":\"string\",\"maxLength\":1500}"
// Servers built on llama.cpp do not hold a number to its minimum and maximum (3, 999 and
// -3e42 were seen): what comes out of range is repaired.
#define CR_SCHEMA_PRICE "{\"type\":\"number\",\"minimum\":0,\"maximum\":1}"
// The same in steps of 0.01, which they do hold to; asked for by "price_steps".
#define CR_SCHEMA_PRICE_STEPS                                                          \
    "{\"type\":\"number\",\"minimum\":0,\"maximum\":1,\"enum\":["                      \
    "0,0.01,0.02,0.03,0.04,0.05,0.06,0.07,0.08,0.09,"                                  \
    "0.1,0.11,0.12,0.13,0.14,0.15,0.16,0.17,0.18,0.19,"                                \
    "0.2,0.21,0.22,0.23,0.24,0.25,0.26,0.27,0.28,0.29,"                                \
    "0.3,0.31,0.32,0.33,0.34,0.35,0.36,0.37,0.38,0.39,"                                \
    "0.4,0.41,0.42,0.43,0.44,0.45,0.46,0.47,0.48,0.49,"                                \
    "0.5,0.51,0.52,0.53,0.54,0.55,0.56,0.57,0.58,0.59,"                                \
    "0.6,0.61,0.62,0.63,0.64,0.65,0.66,0.67,0.68,0.69,"                                \
    "0.7,0.71,0.72,0.73,0.74,0.75,0.76,0.77,0.78,0.79,"                                \
    "0.8,0.81,0.82,0.83,0.84,0.85,0.86,0.87,0.88,0.89,"                                \
    "0.9,0.91,0.92,0.93,0.94,0.95,0.96,0.97,0.98,0.99,"                                \
    "1"                                                                                \
    "]}"

#endif
