// template.h - the templates of a prompt set, their placeholders, and how one is
// rendered.
//
// Layer    prompt (2)
// Threads  read-only after load
// MPI      none
#ifndef CREDENCE_PROMPT_TEMPLATE_H
#define CREDENCE_PROMPT_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/status.h"
#include "credence/prompt/prompt.h"

enum cr_template {
    CR_T_MAKER_SYSTEM,
    CR_T_MAKER_OPENING,
    CR_T_MAKER_UPDATE,
    CR_T_MAKER_ARGUMENT, // one of several arguments of an update
    CR_T_REFINER_SYSTEM, // a maker that nobody argues with
    CR_T_REFINER_UPDATE,
    CR_T_TRADER_SYSTEM,
    CR_T_TRADER_OPENING,
    CR_T_TRADER_UPDATE,
    CR_T_TRADER_SEEN_ARGUMENT, // what another trader said since this one's last turn
    CR_T_TRADER_SEEN_JUDGMENT, // what the maker answered to that
    CR_T_TRADER_UNRELATED,     // a placebo's question, about another item
    CR_T_FILLER,               // a placebo's sentences, a line each
    CR_T_DEBATE_SYSTEM,
    CR_T_DEBATE_OPENING,
    CR_T_DEBATE_UPDATE,
    CR_T_DEBATE_SEEN_ARGUMENT,
    CR_T_JUDGE_SYSTEM,
    CR_T_JUDGE_UPDATE,
    CR_T_JUDGE_ARGUMENT,
    CR_T_CONSULTANT_SYSTEM,
    CR_T_CONSULTANCY_JUDGE_SYSTEM,
    CR_T_PROPOSER_SYSTEM,
    CR_T_CRITIC_SYSTEM,
    CR_T_CRITIC_JUDGE_SYSTEM,
    CR_T_CRITIC_SEEN_ARGUMENT,
    CR_T_CRITIC_ARGUMENT, // each speech as the judge sees it
    CR_T_HELD_OPENING,    // a reading's question in place of a judgment's
    CR_T_HELD_UPDATE,
    CR_T_HELD_IDLE,    // where nobody argued
    CR_T_ROOM_SYSTEM,  // who trades with an automaton
    CR_T_ROOM_OPENING, // what it believes, before any price
    CR_T_ROOM_UPDATE,
    CR_T_ROOM_HONEST, // its task at its turn
    CR_T_ROOM_ADVERSARY,
    CR_T_REPAIR,
    CR_T_STANCE_FREE,
    CR_T_STANCE_UP,
    CR_T_STANCE_DOWN,
    CR_T_STANCE_CONTRARY,
    CR_T_STANCE_TRUTHFUL,
    CR_T_STANCE_ADVERSARIAL,
    CR_T_STANCE_SIDE, // of a debate
    CR_T_STANCE_PROPOSER,
    CR_T_STANCE_CRITIC,
    CR_T_ITEM_BINARY,
    CR_T_ITEM_CATEGORICAL,
    CR_T_ITEM_CONTINUOUS,
    CR_T_MEANING_BINARY,
    CR_T_MEANING_CATEGORICAL,
    CR_T_MEANING_CONTINUOUS,
    CR_T_JUDGMENT_BINARY, // how to answer
    CR_T_JUDGMENT_CATEGORICAL,
    CR_T_JUDGMENT_CONTINUOUS,
    CR_T_JUDGMENT_BINARY_BRIEF, // without chain of thought
    CR_T_JUDGMENT_CATEGORICAL_BRIEF,
    CR_T_JUDGMENT_CONTINUOUS_BRIEF,
    CR_T_ARGUMENT_BINARY,
    CR_T_ARGUMENT_CATEGORICAL,
    CR_T_ARGUMENT_CONTINUOUS,
    CR_T_VOTE_BINARY,
    CR_T_VOTE_CATEGORICAL,
    CR_T_VOTE_BINARY_BRIEF,
    CR_T_VOTE_CATEGORICAL_BRIEF,
    CR_T_LOGPROB_BINARY,
    CR_T_LOGPROB_CATEGORICAL,
    CR_T_BET_BINARY,
    CR_T_BET_CATEGORICAL,
    CR_TEMPLATE_COUNT
};

enum cr_var {
    CR_VAR_PROPOSITION, // the item, rendered by its item_ template
    CR_VAR_MEANING,     // what the price means
    CR_VAR_ANSWER,      // how to answer
    CR_VAR_ARGUMENT,
    CR_VAR_JUDGMENT,
    CR_VAR_PRICE,
    CR_VAR_GOAL,    // what the trader is after, rendered by a stance_ template
    CR_VAR_HISTORY, // what others said since this trader's last turn; often empty
    CR_VAR_TARGET,  // what a goal is about: "true", "B) Paris", "340 km"
    CR_VAR_NUMBER,  // of a trader, from 1
    CR_VAR_COMPLAINT,
    CR_VAR_TEXT,
    CR_VAR_OPTIONS,
    CR_VAR_LOW,
    CR_VAR_HIGH,
    CR_VAR_UNIT,
    CR_VAR_COUNT
};

// What a template file is called and what may and must stand in it.
struct cr_template_row {
    const char *file;
    uint32_t required; // bits 1 << enum cr_var
    uint32_t allowed;  // besides the required ones
};
extern const struct cr_template_row cr_template_table[CR_TEMPLATE_COUNT];
extern const char *const cr_var_names[CR_VAR_COUNT];

struct cr_span {
    const char *text;
    size_t bytes;
};
struct cr_values {
    struct cr_span at[CR_VAR_COUNT]; // {NULL, 0} is the empty text
};
static inline void cr_values_set(struct cr_values *values, enum cr_var var,
                                 struct cr_span span) {
    values->at[var] = span;
}

// TEMPLATE of SET with VALUES in its placeholders, appended to OUT.
CR_MUST_CHECK enum cr_status cr_prompt_render(const struct cr_prompt_set *set,
                                              enum cr_template template,
                                              const struct cr_values *values,
                                              struct cr_buf *out);

struct cr_answer_form;
// The texts of the example in TEMPLATE of SET, which says how to answer, as the examples
// of a form that has nothing else: it shows every item the same. NULL when it has
// placeholders or says no such thing. They live as long as SET.
const struct cr_answer_form *cr_prompt_example(const struct cr_prompt_set *set,
                                               enum cr_template template);
// Add the examples of FROM, which is to outlive FORM, to it.
void cr_prompt_example_add(const struct cr_answer_form *from,
                           struct cr_answer_form *form);

#endif
