// trajectory.h - what one market leaves behind: its prices, its costs, its calls.
//
// Layer    core (1)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_CORE_TRAJECTORY_H
#define CREDENCE_CORE_TRAJECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/mem.h"
#include "credence/core/call.h"

enum cr_episode_status { // /status
    CR_PENDING,
    CR_DONE,
    CR_INVALID, // scored as wrong
    CR_FAILED,  // never scored
    CR_EPISODE_STATUS_COUNT
};
extern const char *const cr_episode_status_names[CR_EPISODE_STATUS_COUNT];

enum cr_stop_reason { // /stop_reason; append only: the numbers are in files
    CR_ENDED_NONE,
    CR_ENDED_EQUILIBRIUM,
    CR_ENDED_MAX_ITERATIONS,
    CR_ENDED_INVALID,
    CR_ENDED_FAILED,
    CR_ENDED_STABLE_SIDE,
    CR_ENDED_KS,
    CR_ENDED_COMPLETE,    // protocols without a stop rule: every step was made
    CR_ENDED_NO_ARGUMENT, // the trader never gave a usable one: the last price is scored
    CR_ENDED_PATIENCE,
    CR_ENDED_CONFIDENCE,
    CR_ENDED_SPRT,
    CR_ENDED_COUNT
};
extern const char *const cr_stop_reason_names[CR_ENDED_COUNT];
// Whether a stop rule fired, as against running out of iterations, of arguments or of
// luck: what tables call converged.
static inline bool cr_ended_by_rule(enum cr_stop_reason reason) {
    const uint32_t rules = 1u << CR_ENDED_EQUILIBRIUM | 1u << CR_ENDED_STABLE_SIDE |
                           1u << CR_ENDED_KS | 1u << CR_ENDED_PATIENCE |
                           1u << CR_ENDED_CONFIDENCE | 1u << CR_ENDED_SPRT;
    return (rules >> reason & 1u) != 0;
}

// The cost of one iteration, and what the trader did. Fixed size: it travels as bytes.
struct cr_step {
    uint32_t judgment_tokens_in, judgment_tokens_out;
    uint32_t argument_tokens_in, argument_tokens_out;
    uint32_t cached_tokens;
    uint32_t calls;  // of this iteration, repairs included
    float latency_s; // sum over the calls of this iteration
    // The trader's declared direction: +1 up, -1 down, 0 unknown, none or several
    // traders apart; categorical: 1 + the option (in the file's order) it argued for.
    int8_t direction;
    uint8_t repairs;
    uint8_t reason; // enum cr_reason of the first reply that was repaired; 0: none
    uint8_t is_estimated; // some of the tokens are estimated from bytes
    // P(true) by the logprobs of a yes/no question, NaN when it was not asked or no answer
    // had the mass: with this iteration's arguments, before its judgment; and with none,
    // as a placebo (from t = 1 on).
    double price_held, price_held_idle;
    double price_idle; // what is said with none: the judgment's placebo; or NaN
};

// A trader of a room at its end; money in wallets. NaN: the room did not come to one.
struct cr_trader_end {
    double stake;  // sum over its bets of what each could lose at most
    double wealth; // what it owns once the truth is out
    double profit; // less what it began with
};

struct cr_trajectory {
    uint64_t number; // in the plan
    uint64_t key;
    uint32_t prices_len; // judgments made: t = 0 .. prices_len - 1
    uint32_t width;      // prices of one judgment: cr_proposition_prices
    double *price;       // [prices_len][width], normalised to [0, 1]
    double *quantile;    // [prices_len][3] 5/50/95 %, continuous only, else NULL
    struct cr_step
        *step; // [steps_len]: prices_len, or one more when it ended mid-iteration
    uint32_t steps_len;
    // How the run of the market itself ended: CR_DONE when every rule asked of it had
    // fired; a cell's view (stop.h) may have ended earlier.
    enum cr_episode_status status;
    enum cr_stop_reason ended; // MAX_ITERATIONS or COMPLETE when done by length
    enum cr_reason reason;     // why it is invalid or failed; NONE otherwise
    uint32_t traders_len;      // of a room, else 0 and NULL
    double *belief; // [traders_len][width] before there was a price; NaN: none
    struct cr_trader_end *trader; // [traders_len]
};
void cr_trajectory_fini(struct cr_trajectory *trajectory);
// LEN traders of whom nothing is known yet; 0: none. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_trajectory_add_traders(struct cr_trajectory *trajectory,
                                                       uint32_t len);

// One finished call as the tape and /calls keep it.
struct cr_call_record {
    uint64_t trajectory, trajectory_key;
    struct cr_call_id id;
    struct cr_hash request_hash;
    uint32_t model;
    enum cr_reason reason;
    enum cr_finish finish;
    char finish_word[CR_FINISH_WORD_MAX];
    char request_id[CR_REQUEST_ID_MAX];
    uint32_t tokens_in, tokens_out, tokens_cached, tokens_reasoning;
    double latency_s;
    uint32_t attempts, endpoint, http_status;
    int64_t wall_ms;                   // when it finished, since 1970
    const char *text;                  // borrowed; NULL when failed
    const char *reasoning;             // borrowed or NULL
    const char *error;                 // borrowed or NULL
    const struct cr_logprob *logprobs; // borrowed
    uint32_t logprobs_len;
    uint8_t is_estimated; // tokens are estimated from bytes
    uint8_t is_simulated;
    uint8_t is_recorded; // answered by a tape or a twin: it cost this run nothing
    // From a tape of version 0.1, which formed its requests otherwise, of the same job by
    // the trajectory's key: it answers its call
    uint8_t is_old; // whatever its hash
};

// The record of CALL answered by REPLY; texts borrowed from REPLY.
struct cr_call_record cr_call_record_make(const struct cr_call *call,
                                          const struct cr_reply *reply,
                                          int64_t wall_ms);
// A reply that says what RECORD says; texts copied. CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_reply_from_record(const struct cr_call_record *record,
                                                  struct cr_reply *out);

// What the server said of a call that was of no use: its error, else its word for how it
// ended, unless that says no more than that it did. NULL: nothing. Borrowed from RECORD.
const char *cr_call_record_words(const struct cr_call_record *record);

// A list of records that owns copies of their texts.
struct cr_call_records {
    struct cr_call_record *at;
    size_t len, cap;
    struct cr_arena arena;
};
CR_MUST_CHECK enum cr_status cr_call_records_add(struct cr_call_records *list,
                                                 const struct cr_call_record *record);
void cr_call_records_fini(struct cr_call_records *list);

#endif
