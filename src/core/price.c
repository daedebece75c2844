// price.c - the one place where tokens become dollars.
#include "credence/core/price.h"

struct cr_token_price cr_token_price_of_model(const struct cr_model *model) {
    return (struct cr_token_price){model->cost_input, model->cost_output,
                                   model->cost_cached};
}

struct cr_token_price cr_token_price_of_role(const struct cr_job *job,
                                             const struct cr_cell *cell,
                                             enum cr_role role) {
    if (role == CR_ROLE_MAKER) {
        return cr_token_price_of_model(&job->models[cell->maker]);
    }
    struct cr_token_price mean = {0};
    for (uint32_t i = 0; i < cell->traders_len; i++) {
        const struct cr_model *trader = &job->models[cell->traders[i]];
        mean.input += trader->cost_input / cell->traders_len;
        mean.output += trader->cost_output / cell->traders_len;
        mean.cached += trader->cost_cached / cell->traders_len;
    }
    return mean;
}

double cr_token_price_cost(const struct cr_token_price *price, double in, double cached,
                           double out) {
    const double fresh = in > cached ? in - cached : 0;
    return (fresh * price->input + cached * price->cached + out * price->output) / 1e6;
}
