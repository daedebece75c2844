// allowance.c - see allowance.h.
#include "run/allowance.h"

#include <math.h>
#include <stddef.h>

enum { FIRST_CALLS = 16 }; // at once, of a model of which no call has been paid yet

struct cr_allowance cr_allowance_of(const struct cr_budget *budget,
                                    const struct cr_spent *before) {
    const double tokens = (double)before->tokens_in + (double)before->tokens_out;
    struct cr_allowance left = {UINT64_MAX, INFINITY, INFINITY};
    if (budget->calls > 0) {
        left.calls = budget->calls > before->calls ? budget->calls - before->calls : 0;
    }
    if (budget->tokens > 0) {
        left.tokens = fmax(0, (double)budget->tokens - tokens);
    }
    if (budget->usd > 0) {
        left.usd = fmax(0, budget->usd - before->usd);
    }
    return left;
}

bool cr_allowance_has_any(const struct cr_allowance *left) {
    return left->calls != UINT64_MAX || !isinf(left->tokens) || !isinf(left->usd);
}

struct cr_usage cr_usage_of(const struct cr_model_metrics *metrics, uint64_t unused) {
    return (struct cr_usage){
        .done = metrics->calls_done,
        .outstanding = metrics->in_flight + unused,
        .tokens = (double)metrics->tokens_in + (double)metrics->tokens_out,
        .usd = metrics->usd,
    };
}

void cr_usage_move(struct cr_usage *sum, const struct cr_usage *from,
                   const struct cr_usage *to) {
    sum->done = sum->done - from->done + to->done;
    sum->outstanding = sum->outstanding - from->outstanding + to->outstanding;
    sum->tokens += to->tokens - from->tokens;
    sum->usd += to->usd - from->usd;
}

static double tokens_of(const struct cr_usage *usage) {
    return usage->tokens;
}

static double usd_of(const struct cr_usage *usage) {
    return usage->usd;
}

typedef double (*spent_fn)(const struct cr_usage *usage);

static double mean_of(const struct cr_usage *usage, spent_fn spent) {
    return usage->done > 0 ? spent(usage) / (double)usage->done : 0;
}

static uint64_t calls_for(double left, const struct cr_usage *models, uint32_t len,
                          const struct cr_usage *model, spent_fn spent) {
    if (isinf(left)) {
        return UINT64_MAX;
    }
    for (uint32_t i = 0; i < len; i++) {
        left -= spent(&models[i]) +
                (double)models[i].outstanding * mean_of(&models[i], spent);
    }
    if (left <= 0) {
        return 0;
    }
    if (model->done == 0) {
        return model->outstanding < FIRST_CALLS ? FIRST_CALLS - model->outstanding : 0;
    }
    const double calls = ceil(left / mean_of(model, spent)); // infinite when it is free
    return calls < 1e18 ? (uint64_t)calls : UINT64_MAX;
}

uint64_t cr_allowance_calls(const struct cr_allowance *left,
                            const struct cr_usage *models, uint32_t len,
                            uint32_t model) {
    const uint64_t by_tokens =
        calls_for(left->tokens, models, len, &models[model], tokens_of);
    const uint64_t by_usd = calls_for(left->usd, models, len, &models[model], usd_of);
    return by_tokens < by_usd ? by_tokens : by_usd;
}
