// price.h - what tokens cost, in dollars.
//
// Layer    core (1)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_CORE_PRICE_H
#define CREDENCE_CORE_PRICE_H

#include "credence/core/call.h"
#include "credence/core/job.h"

// Dollars per million tokens.
struct cr_token_price {
    double input, output;
    double cached; // of input tokens that the server had cached
};

// What MODEL charges, as the job says.
struct cr_token_price cr_token_price_of_model(const struct cr_model *model);
// What a token of ROLE costs in CELL: of several traders, who take turns, the mean.
struct cr_token_price cr_token_price_of_role(const struct cr_job *job,
                                             const struct cr_cell *cell,
                                             enum cr_role role);
// The dollars of IN tokens, CACHED of them from the server's cache, and OUT tokens.
// CACHED above IN counts as it was reported; none of the input is fresh then.
double cr_token_price_cost(const struct cr_token_price *price, double in, double cached,
                           double out);

#endif
