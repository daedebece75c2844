// sim.h - simulated agents: what they read, think and write.
//
// Layer    model (3), private
// Threads  no shared state
// MPI      none
//
// A simulated agent reads the chat and writes the same JSON a model would (answer.h). It
// is given two things a model has not: the proposition with its label, and the call's
// seed. It knows nothing else, so the same call has the same reply on any rank. Rules and
// closed forms are in README.md beside this file; tests/system/test_science.py holds runs
// to them.
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
    CR_SIM_TREND,
    CR_SIM_BAYES,
    CR_SIM_OVER_REACTOR,
    CR_SIM_UNDER_REACTOR,
    CR_SIM_CROWD,
    CR_SIM_BETTOR
};

// One argument, as a maker reads it.
struct cr_sim_argument {
    double strength;
    double side;     // binary and continuous: 1 or 0
    uint32_t option; // categorical
    bool is_beside;  // about another question: no evidence here
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

// policy.c too: what an agent reads.
// Prices of the maker's last judgment in its own turns; false when none can be read.
bool cr_sim_read_price(const struct cr_call *call, struct cr_sim_price *out);
// The next argument of TURN from *at on; false when there is none.
bool cr_sim_read_argument(const struct cr_proposition *about,
                          const struct cr_turn *turn, const char **at,
                          struct cr_sim_argument *out);
// The letter that OPTION is listed under; false when it is not.
bool cr_sim_read_letter(const struct cr_call *call, uint32_t option, char *letter,
                        size_t letter_bytes);

// sim.c: what an agent writes. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status
cr_sim_write_argument(const struct cr_call *call,
                      const struct cr_sim_argument *argument, struct cr_buf *out);
// Ways in which what is written may be damaged.
enum { CR_SIM_DAMAGES = 7 };

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
    CR_SIM_DRAW_LATENCY,
    CR_SIM_DRAW_SIGNAL,
    CR_SIM_DRAW_SHARED
};
double cr_sim_uniform(uint64_t key, enum cr_sim_draw what, uint64_t which);
double cr_sim_normal(uint64_t key, enum cr_sim_draw what, uint64_t which);

#endif
