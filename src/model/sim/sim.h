// sim.h - simulated agents: what the dials mean, and what follows from them.
//
// Layer    model (3), private
// Threads  no shared state
// MPI      none
//
// A simulated agent reads the chat and writes the same JSON a model would (answer.h).
// It is given two things a model has not: the proposition with its label, and the
// call's seed. It knows nothing else, so the same call has the same reply on any rank.
//
// Belief. Each (trajectory, role, trader) draws once: with probability `competence` its
// belief is on the true side. So does each sample of self_consistency, of its own: with
// noise 0 the mean of an odd number k of them is right as often as a majority of k
// draws with probability c is. Votes of one judgment share a belief. Binary: 3/4 for
// that side. Categorical: half of what is not already there by chance, on one option.
// Continuous: the true place in the range, or a uniform one.
//
// Opening. belief + noise/4 * z (z standard normal, by the call's seed). Hence the
// accuracy at t = 0 of a binary market is c F(1/n) + (1-c) F(-1/n), with c competence,
// n noise and F the normal distribution function; with n = 0 it is c.
//
// Trader. Free: argues for the side of its belief, with strength 1/2 + noise/4 * z.
// Given a direction by its prompt: argues for it with strength `strength`. The
// text says "Evidence of strength S points to true." (false; a larger value; a smaller
// value; "the option"), which is what a simulated maker reads; prose that it does not
// understand does not move it.
//
// Maker. Each argument moves it with probability `persuasion`:
//   p' = p + (1 - stubbornness) * S * (side - p) + noise/10 * z
// so E[p' - p] = persuasion * (1 - stubbornness) * S * (side - p), away from the ends.
// Without an argument (self_refine) p' = p + noise/10 * z.
//
// Behaviours replace the maker's rule. With x the price of the side it believes in:
//   contraction  x_t = 0.9 - 0.8 rate^t: from the wrong side toward its belief.
//   Accuracy
//                is 1-c at t = 0 and c in the end. With D = 0.8 (1 - rate^(w-1)) a
//                range rule (w, T) first holds at t = w-1 + max(0, ceil(log(T/D) /
//                log(rate)))
//   oscillator   x_t = 0.5 + 0.4 (-1)^t: never at rest for T < 0.8
//   martingale   p_t = p_(t-1) +- rate/2 * min(p, 1-p), both signs equally likely
//   trend        x_t = min(0.98, 0.3 + rate/10 * t)
// Contraction, oscillator and trend add noise/10 * z to what they show, not to what
// they are; closed forms are for noise = 0.
//
// malformed: that share of replies is fenced, cut, has a trailing comma (which a reader
// survives), or is prose, empty, out of range or of the wrong type (which need repair).
// A repair turn is answered as if the bad reply had not been, so what is malformed
// changes no closed form.
// failures: that share of attempts ends as HTTP 503. latency_ms: mean of an
// exponential. Tokens are bytes / 4.
#ifndef CR_MODEL_SIM_SIM_H
#define CR_MODEL_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>

#include "credence/base/buf.h"
#include "credence/core/call.h"
#include "credence/core/job.h"

enum cr_sim_behaviour {
    CR_SIM_BELIEF,
    CR_SIM_CONTRACTION,
    CR_SIM_OSCILLATOR,
    CR_SIM_MARTINGALE,
    CR_SIM_TREND
};

// One argument, as a maker reads it.
struct cr_sim_argument {
    double strength;
    double side;     // binary and continuous: 1 or 0
    uint32_t option; // categorical
};

// Prices of one judgment: one, or one an option.
struct cr_sim_price {
    uint32_t len;
    double at[CR_OPTIONS_MAX];
};

// policy.c: what an agent thinks. Pure.
void cr_sim_belief(const struct cr_sim_dials *dials, const struct cr_call *call,
                   struct cr_sim_price *out);
void cr_sim_judge(const struct cr_sim_dials *dials, const struct cr_call *call,
                  struct cr_sim_price *out);
void cr_sim_argue(const struct cr_sim_dials *dials, const struct cr_call *call,
                  struct cr_sim_argument *out);

// read.c: what an agent reads.
// Prices of the maker's last judgment in its own turns; false when none can be read.
bool cr_sim_read_price(const struct cr_call *call, struct cr_sim_price *out);
// The next argument of TURN from *at on; false when there is none.
bool cr_sim_read_argument(const struct cr_proposition *about,
                          const struct cr_turn *turn, const char **at,
                          struct cr_sim_argument *out);
// What a trader is asked to argue for, in its last user turn or its system prompt: fills
// side or option of *toward. False when it may choose.
bool cr_sim_read_order(const struct cr_call *call, struct cr_sim_argument *toward);
// The current price as a trader is shown it ("price: 0.73"); FALLBACK when it is not.
double cr_sim_read_shown(const struct cr_call *call, double fallback);
// The letter that OPTION is listed under; false when it is not.
bool cr_sim_read_letter(const struct cr_call *call, uint32_t option, char *letter,
                        size_t letter_bytes);

// write.c: what an agent writes. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_sim_write_judgment(const struct cr_call *call,
                                                   const struct cr_sim_price *price,
                                                   struct cr_buf *out);
CR_MUST_CHECK enum cr_status
cr_sim_write_argument(const struct cr_call *call,
                      const struct cr_sim_argument *argument, struct cr_buf *out);
// "yes" or "no" by OUTCOME 1 or 0, or the option OUTCOME.
CR_MUST_CHECK enum cr_status cr_sim_write_vote(const struct cr_call *call,
                                               uint32_t outcome, struct cr_buf *out);
// The word that stands for OUTCOME as a first token: "Yes", "No" or a letter.
void cr_sim_write_token(const struct cr_call *call, uint32_t outcome, char *out,
                        size_t out_bytes);
// Damage the KIND-th way; *finish may change.
enum { CR_SIM_DAMAGES = 7 };
CR_MUST_CHECK enum cr_status cr_sim_damage(unsigned kind, struct cr_buf *text,
                                           enum cr_finish *finish);

// Draws by a key and a purpose, so that no two share a number.
enum cr_sim_draw {
    CR_SIM_DRAW_SIDE,
    CR_SIM_DRAW_PLACE,
    CR_SIM_DRAW_NOISE,
    CR_SIM_DRAW_PERSUADED,
    CR_SIM_DRAW_SIGN,
    CR_SIM_DRAW_VOTE,
    CR_SIM_DRAW_MALFORMED,
    CR_SIM_DRAW_DAMAGE,
    CR_SIM_DRAW_FAILURE,
    CR_SIM_DRAW_LATENCY
};
double cr_sim_uniform(uint64_t key, enum cr_sim_draw what, uint64_t which);
double cr_sim_normal(uint64_t key, enum cr_sim_draw what, uint64_t which);

#endif
