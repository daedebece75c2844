// budget.c - see budget.h.
#include "run/budget.h"

#include <math.h>
#include <stddef.h>

const char *cr_budget_used_up(const struct cr_budget *budget,
                              const struct cr_spent *spent, int64_t elapsed_ms,
                              int64_t grace_ms) {
    const double wall_ms = budget->wall_s * 1000;
    if (budget->calls > 0 && spent->calls >= budget->calls) {
        return "calls";
    }
    if (budget->tokens > 0 && spent->tokens_in + spent->tokens_out >= budget->tokens) {
        return "tokens";
    }
    if (budget->usd > 0 && spent->usd >= budget->usd) {
        return "dollars (usd)";
    }
    if (budget->wall_s > 0 &&
        (double)elapsed_ms + fmin((double)grace_ms, wall_ms / 4) >= wall_ms) {
        return "wall time (wall_s)";
    }
    return NULL;
}
