// answer.h - reads judgments, arguments and votes out of what a model wrote.
//
// Layer    prompt (2): pure
// Threads  no shared state
// MPI      none
//
// What is asked for, by outcome space (a key not needed may be missing or extra):
//
//   judgment  binary       {"claim":"..","reasoning":"..","price":0.73}
//             categorical  {"claim":"..","reasoning":"..","prices":{"A":0.7,"B":0.3}}
//             continuous   {"claim":"..","reasoning":"..","q05":1,"q50":2,"q95":4}
//             Without chain of thought no "reasoning" is asked for. Quantiles are in
//             the proposition's unit. Options go by letter or by text, in any order.
//   argument  binary       {"direction":"up","argument":".."}   or "down"
//             continuous   the same; up argues for a larger quantity
//             categorical  {"toward":"B","argument":".."}       letter or text
//             Text without an object is taken as the argument, direction unknown.
//   vote      binary       {"answer":"yes"}           or "no"; or the bare word
//             categorical  {"answer":"B"}             letter or text
//   bet       the judgment and "stake":0.3, the share of its wealth that a trader risks
//   logprob   the bare word or letter, as the first token: Yes, No, A, B ..
//
// Where these stand in a chat: a maker's own judgments are its assistant turns as they
// came; a trader's argument appears word for word in the maker's next user turn; a
// trader's user turns hold the maker's judgment word for word, when it wrote one, and the
// price: "price: 0.73", "price: A 0.7, B 0.3" or "price: median 2 (5% 1, 95% 4)".
//
// The reader survives code fences, prose around the object, reasoning (body.c lists its
// marks), percentages ("70%" but not 70), numbers in strings, trailing commas. Of
// several objects the last whole one with the wanted key counts. An object that was cut
// counts when the value it is asked for is whole.
//
// A number counts only when it was meant as the answer. Not read as one: the prompt's
// own form handed back (its example texts as claim, reasoning or argument), a key that
// is given twice, a price with a sign ("+0.05" is a change), a percentage below one
// ("0.7%": which of the two was meant?), an object in the middle of a reply that was
// cut, anything that the server or the model refused or a filter took, and a first
// token that is mostly no answer. What cannot be used has a reason, and a complaint: one
// or two sentences to the model, saying exactly what was wrong.
#ifndef CREDENCE_PROMPT_ANSWER_H
#define CREDENCE_PROMPT_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/base/mem.h"
#include "credence/base/status.h"
#include "credence/core/call.h"
#include "credence/core/proposition.h"

enum {
    CR_ANSWER_BYTES_MAX = 1 << 20, // of a reply that is looked at
    CR_ANSWER_DEPTH_MAX = 16,      // of nesting
    CR_COMPLAINT_MAX = 512,
    CR_LETTER_MAX = 4,
    CR_EXAMPLES_MAX = 12
};

// The least mass of all answers among a first token's alternatives. Below it the model was
// about to say something else, and what is left, renormalised, is noise.
#define CR_ANSWER_MASS_MIN 0.5

// Options in probabilities must sum to 1 within this, and are then normalised.
#define CR_ANSWER_SUM_TOLERANCE 0.02

// What an answer is about: the proposition as it was shown.
struct cr_answer_form {
    enum cr_space space;
    uint32_t options_len;       // 0 unless categorical
    const char *const *options; // in the order shown: A, B, C ..
    double low, high;           // continuous
    const char *unit;           // continuous; "" when none
    // Texts that the prompt's example shows in place of claim, reasoning and argument:
    // an object that only repeats them is no answer. cr_answer_learn_form.
    const char *example[CR_EXAMPLES_MAX];
    uint32_t examples_len;
    bool has_price_steps; // the schema lists the prices that may be given
};

struct cr_answer {
    bool is_usable;
    enum cr_reason reason;            // UNREADABLE .. FILTERED; NONE when usable
    char complaint[CR_COMPLAINT_MAX]; // "" when usable
    // Judgment: P(true); or one for each option in the order shown, summing to 1; or
    // the median's place in [low, high] as a fraction. Vote: the same, 0 or 1.
    double price[CR_OPTIONS_MAX];
    double stake;       // of a bet, 0 to 1
    double quantile[3]; // continuous judgment: 5, 50, 95 % as fractions of the range
    // Argument: +1 up, -1 down; categorical 1 + the option in the order shown; 0
    // unknown.
    int direction;
    const char *argument; // in the caller's arena
    size_t argument_bytes;
    const char *body; // cr_answer_body of the reply; NULL: it was not looked for
    size_t body_bytes;
};

struct cr_answer_text {
    const char *text;
    size_t bytes;
    bool is_cut; // it ended at the token limit
    // REFUSED or FILTERED when the server said so: nothing in it counts then.
    enum cr_reason given;
};

// Read REPLY to ASK. An unusable reply is no error: out->is_usable is false. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_answer_read(enum cr_ask ask,
                                            const struct cr_answer_form *form,
                                            struct cr_answer_text reply,
                                            struct cr_arena *arena,
                                            struct cr_answer *out);

// Add the texts of the example in TEXT, the prompt's "how to answer", to FORM. They
// are kept in ARENA. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_answer_learn_form(const char *text, size_t bytes,
                                                  struct cr_arena *arena,
                                                  struct cr_answer_form *form);

// CR_ASK_LOGPROB: the mass of each answer among the first token's alternatives, spellings
// summed; renormalised. Unusable when together they have less than CR_ANSWER_MASS_MIN.
double cr_answer_mass(const struct cr_answer_form *form, const struct cr_reply *reply);
void cr_answer_logprobs(const struct cr_answer_form *form, const struct cr_reply *reply,
                        struct cr_answer *out);

// The part of TEXT that is the answer, without reasoning, marks of channels, and turns
// that the model went on to invent. Borrowed from TEXT.
const char *cr_answer_body(const char *text, size_t bytes, size_t *body_bytes);

// What the judgment in TEXT gives as its reasoning, else as its claim, else all of TEXT.
CR_MUST_CHECK enum cr_status cr_answer_reasoning(const char *text, size_t bytes,
                                                 struct cr_arena *arena,
                                                 const char **out);

// Take the marks of chat templates ("<|im_start|>") out of TEXT, in place: no agent is
// to put them into another's history. Returns its length.
size_t cr_answer_clean(char *text);

// "A" .. "Z", "AA" .. for the option shown at INDEX.
void cr_answer_letter(uint32_t index, char out[CR_LETTER_MAX]);

// The JSON schema of an answer to ASK, appended to OUT; nothing for CR_ASK_LOGPROB.
// Strings are bounded, for a small model runs on where it may.
CR_MUST_CHECK enum cr_status cr_answer_schema(enum cr_ask ask,
                                              const struct cr_answer_form *form,
                                              bool chain_of_thought,
                                              struct cr_buf *out);

#endif
