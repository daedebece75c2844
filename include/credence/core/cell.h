// cell.h - one point of the ablation grid: a complete configuration.
//
// Layer    core (1)
// Threads  no shared state
// MPI      none
//
// Everything under `stop` and `max_iterations` is a view: cells that differ only there
// share one trajectory, run until the last of them has stopped.
#ifndef CREDENCE_CORE_CELL_H
#define CREDENCE_CORE_CELL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/core/proposition.h"

enum {
    CR_TRADERS_MAX = 8,
    CR_ITERATIONS_MAX = 1000,
    CR_WINDOW_MAX = 64,
    CR_SAMPLES_MAX = 256
};

enum cr_stance {
    CR_STANCE_FREE,
    CR_STANCE_UP,
    CR_STANCE_DOWN,
    CR_STANCE_CONTRARY,
    CR_STANCE_TRUTHFUL,    // reads the label
    CR_STANCE_ADVERSARIAL, // reads the label
    // Placebos: controls that tell an argument's worth from that of being asked again.
    CR_STANCE_UNRELATED, // a real argument about another question of the benchmark
    CR_STANCE_ECHO,      // the maker's own last reasoning; no call
    CR_STANCE_FILLER,    // an argument's length of words that say nothing; no call
    CR_STANCE_COUNT
};

// Bits 1 << enumerator of the placebos.
enum {
    CR_STANCES_PLACEBO =
        1 << CR_STANCE_UNRELATED | 1 << CR_STANCE_ECHO | 1 << CR_STANCE_FILLER
};

enum cr_elicitation {
    CR_ELICIT_VERBAL,  // the number in the JSON
    CR_ELICIT_LOGPROB, // yes / no mass of the first token
    CR_ELICIT_SAMPLED, // share of k yes / no answers
    CR_ELICIT_COUNT
};

// A second reading beside the price that is said, in a branch of the conversation that is
// dropped.
enum cr_held {
    CR_HELD_NONE,
    CR_HELD_LOGPROB, // yes / no mass of the first token, asked before each judgment
    CR_HELD_BOTH,    // the same; and the judgment is asked after an empty turn, too
    CR_HELD_COUNT
};

// How much a trader of a room bets on its belief.
enum cr_sizing {
    CR_SIZING_KELLY, // what makes its expected log wealth largest
    CR_SIZING_STAKE, // toward its belief, at most the share of its wealth that it names
    CR_SIZING_BELIEF, // all the way to its belief, on credit: indifferent to risk
    CR_SIZING_COUNT
};

// A market maker by the logarithmic market scoring rule, and who trades with it. Money is
// in wallets: what a trader begins with.
struct cr_room {
    double liquidity; // b
    enum cr_sizing sizing;
    double prior; // P(true) that a room opens at; 0: all outcomes alike
    double
        adversary; // wallets of the last trader, who trades against the truth; 0: none
};

enum cr_order { CR_ORDER_TURN, CR_ORDER_SIMULTANEOUS, CR_ORDER_COUNT };

enum cr_stop_rule {
    CR_STOP_RANGE,       // max - min of the last w prices <= threshold (the paper)
    CR_STOP_FIXED,       // never before max_iterations
    CR_STOP_STABLE_SIDE, // the same side of 0.5 for w judgments
    CR_STOP_KS,          // two-sample Kolmogorov-Smirnov between neighbouring windows
    CR_STOP_PATIENCE,    // no new extreme in the last w judgments
    CR_STOP_CONFIDENCE,  // the top price is at least the threshold
    CR_STOP_SPRT, // sequential test of the votes of self_consistency; threshold: its error
    CR_STOP_RULE_COUNT
};

struct cr_stop {
    enum cr_stop_rule rule;
    uint32_t window;         // w, judgments
    double threshold;        // T
    uint32_t max_iterations; // N; at most N + 1 prices
};

struct cr_cell {
    const char *name;                 // readable, unique: "tqa stop.threshold=0.1"
    uint32_t protocol;                // index into cr_protocol_table
    uint32_t benchmark;               // index into cr_job.benchmarks
    uint32_t maker;                   // index into cr_job.models
    uint32_t traders_len;             // 1 for the paper's market
    uint32_t traders[CR_TRADERS_MAX]; // indices into cr_job.models
    enum cr_stance stance;
    enum cr_elicitation elicitation;
    enum cr_held held;
    enum cr_order order;     // several traders, or the two sides of a debate
    uint32_t prompts;        // index into cr_job.prompts: the maker's set
    uint32_t prompts_trader; // right behind it: the set of all others
    uint32_t replicates;
    uint32_t samples;      // k of self_consistency and of sampled elicitation
    uint32_t rounds;       // of a debate or a room
    struct cr_room room;   // of lmsr
    uint32_t memory;       // turns the maker remembers; 0 = all
    uint32_t repairs;      // follow-up turns after an unusable reply
    bool price_steps;      // a schema lists prices in steps of 0.01: they are rounded
    bool chain_of_thought; // ask for reasoning before the price
    bool stop_early; // false: run to max_iterations so that any rule can be asked later
    struct cr_stop stop;
    uint32_t trajectory; // group: cells with the same number share trajectories
    bool is_whole; // not asked for: keeps all that a group with stop_early false ran
};

// Lower-case names of the enumerators above as job files and run.h5 write them.
extern const char *const cr_stance_names[CR_STANCE_COUNT];
extern const char *const cr_elicitation_names[CR_ELICIT_COUNT];
extern const char *const cr_held_names[CR_HELD_COUNT];
extern const char *const cr_sizing_names[CR_SIZING_COUNT];
extern const char *const cr_order_names[CR_ORDER_COUNT];
extern const char *const cr_stop_rule_names[CR_STOP_RULE_COUNT];
extern const char *const cr_space_names[3];

#endif
