// fitness.h - is a model fit to price? What its first answers say of it. Pure.
//
// Layer    stats (2)
// Threads  no shared state
// MPI      none
//
// A number is believed only as far as its interval: a criterion is passed or failed where
// the whole interval clears a named mark, else it is in doubt (5 of 24 is 9 to 40 %).
#ifndef CREDENCE_STATS_FITNESS_H
#define CREDENCE_STATS_FITNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/core/call.h"
#include "credence/stats/inference.h"

// What one proposition was answered. A price is P(true), NaN when there is none.
struct cr_fitness_item {
    int label;             // 1 true, 0 false; -1: not binary, its prices are not judged
    uint32_t calls;        // that its opening took, repairs included
    enum cr_reason reason; // why the first reply could not be used; NONE: it could
    double price;          // the opening
    double again;          // the same call with another seed
    double negated;        // of the claim negated
    double paraphrased;    // of the same claim in other words
    double low, high;      // with 0.2 and with 0.8 as the example in the form
    double held; // P(true) by the logprobs of a yes-or-no question in the price's place
    double mass; // of yes and no in it, or in an opening that is read so
    bool is_prompt_number; // the opening is a number in the instructions that were sent
    bool is_cut;           // some reply ended at the token limit
    uint32_t tokens_in, tokens_out; // of the calls of the opening
    double latency_s;               // sum over them
};

// A share of items, with its 95 % interval (Wilson).
struct cr_fitness_share {
    uint64_t count, len;
    struct cr_interval interval;
};
// A mean over items, with its 95 % interval (Student's t over items).
struct cr_fitness_mean {
    double mean;
    uint64_t len;
    struct cr_interval interval;
};

// A reading separates true claims from false ones where the 95 % interval of its area
// under the curve lies above one half. With fewer than this of either label the order
// could be chance whatever the area: 1 of 70 orders of 4 and 4 is perfect.
enum { CR_FITNESS_LABEL_LEAST = 4 };

enum cr_fitness_verdict { CR_FITNESS_FIT, CR_FITNESS_DOUBTFUL, CR_FITNESS_UNUSABLE };

// Shares: at most (or at least) so much is fine, and beyond the other mark it cannot be
// used.
#define CR_FITNESS_USABLE_FIT 0.75    // usable, repaired or not: at least
#define CR_FITNESS_USABLE_LOST 0.50   // below: unusable
#define CR_FITNESS_NUMBER_FIT 0.25    // prices that are a number of the prompt: at most
#define CR_FITNESS_NUMBER_LOST 0.50   // above: unusable
#define CR_FITNESS_COMMONEST_FIT 0.50 // of the commonest price: at most
#define CR_FITNESS_COMMONEST_LOST 0.75
#define CR_FITNESS_SLOPE_FIT 0.25 // of the price on the example: at most, either way
#define CR_FITNESS_SLOPE_LOST 0.50
// Pairs that the copy test wants: two that agree to the digit have an interval of no width.
// Six that all go one way do so by chance in 1 of 32 probes (a sign test, both sides).
enum { CR_FITNESS_SLOPE_LEAST = 6 };
#define CR_FITNESS_ARBITRAGE_MARK 0.01 // arXiv 2412.18544; told, not judged

struct cr_fitness {
    uint64_t items;
    uint64_t answered; // of them: the model replied; an outage says nothing of it
    struct cr_fitness_share at_once, repaired, never, cut;
    uint64_t by_reason[CR_REASON_COUNT]; // of first replies
    uint32_t tokens_held; // that would have held 99 % of the openings that were not cut
    // Of the binary openings that have a price:
    uint64_t priced, distinct;
    double commonest; // the price given most often
    struct cr_fitness_share commonest_share, prompt_number, zero, half, one, tenths;
    struct cr_fitness_mean yes_bias;   // price minus one half, labels weighted alike
    struct cr_fitness_mean again;      // |difference| of the same call asked twice
    struct cr_fitness_mean negation;   // price plus that of the negation, minus 1
    struct cr_fitness_mean paraphrase; // |difference|
    struct cr_fitness_mean negation_arbitrage, paraphrase_arbitrage;
    struct cr_fitness_mean
        slope;             // of the price on the form's example: 0 reads, 1 copies
    double auc, auc_error; // against the labels; NaN without both; not for choosing
    // Of the logprob readings: those whose yes and no had CR_ANSWER_MASS_MIN, the mass.
    struct cr_fitness_share readable;
    struct cr_fitness_mean mass;
    double held_auc, held_auc_error;
    bool only_held_separates; // the said price does not, the reading does
    double tokens_in, tokens_out, latency_s; // means a call
    enum cr_fitness_verdict usable, numbers, variety, copying, verdict;
};
// CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_fitness_summarize(const struct cr_fitness_item *items,
                                                  size_t len, struct cr_fitness *out);
extern const char *const cr_fitness_verdict_names[3];

// The profit that is certain for somebody who trades on two prices of one claim with
// logarithmic scores: -2 log(sqrt(pq) + sqrt((1-p)(1-q))), 0 when they agree; for a
// claim and its negation put 1 - q. Prices are held within [0.001, 0.999], for two
// certain answers that contradict each other would be worth infinity.
double cr_fitness_arbitrage(double p, double q);

#endif
