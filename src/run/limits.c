// limits.c - see limits.h.
#include "run/limits.h"

#include <math.h>

#include "credence/base/mem.h"

enum {
    GENEROUS = 64,       // credits for each call under way, far from a budget's end
    LEVELS_A_ROUND = 16, // of asks by all ranks: the even level is computed that often
    FIRST_CALLS = 16     // at once, of a model of which no call has been paid yet
};

// Of one model in this launch: by one worker, or by all.
struct usage {
    uint64_t done;        // calls that were answered, and paid
    uint64_t outstanding; // calls in flight, or with a credit to start
    double tokens, usd;   // spent on those that are done
};

struct share {              // of one worker in one model
    uint32_t held;          // concurrency that it may be using
    uint32_t leased;        // of the last lease sent
    uint32_t sequence;      // of the last lease sent; 0: none yet
    uint32_t demand;        // waiting + in flight at its last beat
    int64_t requests_given; // credits given so far
    uint64_t committed;     // calls it has made, has in flight, or has credits for
    uint64_t begun;         // calls it has made or has in flight
    struct usage usage;     // at its last beat, and the credits since
    bool is_gone;
};

struct bucket {
    double level, rate_per_ms, capacity;
    int64_t filled_ms;
};

struct model_book {
    uint32_t concurrency; // 0: adaptive, every rank by itself
    struct bucket requests, tokens;
    bool has_requests, has_tokens;
    uint64_t held;   // sum over all shares
    uint32_t level;  // what each may hold at least, when it was last computed
    int extra_below; // workers below this one may hold one more
    uint32_t asks;   // since then
};

struct cr_limits_book {
    int ranks;
    uint32_t models_len;
    struct model_book *models;
    struct share *shares; // [models_len][ranks]
    struct usage *usage;  // [models_len] of all shares
    bool has_budget;
    struct cr_allowance left; // when the launch began
    uint64_t committed;       // calls, of all shares
};

struct cr_allowance cr_limits_allowance(const struct cr_budget *budget,
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

static bool has_budget(const struct cr_allowance *left) {
    return left->calls != UINT64_MAX || !isinf(left->tokens) || !isinf(left->usd);
}

// METRICS of a worker that has UNUSED credits.
static struct usage usage_of(const struct cr_model_metrics *metrics, uint64_t unused) {
    return (struct usage){
        .done = metrics->calls_done,
        .outstanding = metrics->in_flight + unused,
        .tokens = (double)metrics->tokens_in + (double)metrics->tokens_out,
        .usd = metrics->usd,
    };
}

// What was FROM in SUM is TO now.
static void usage_move(struct usage *sum, const struct usage *from,
                       const struct usage *to) {
    sum->done = sum->done - from->done + to->done;
    sum->outstanding = sum->outstanding - from->outstanding + to->outstanding;
    sum->tokens += to->tokens - from->tokens;
    sum->usd += to->usd - from->usd;
}

static double tokens_of(const struct usage *usage) {
    return usage->tokens;
}

static double usd_of(const struct usage *usage) {
    return usage->usd;
}

typedef double (*spent_fn)(const struct usage *usage);

static double mean_of(const struct usage *usage, spent_fn spent) {
    return usage->done > 0 ? spent(usage) / (double)usage->done : 0;
}

static uint64_t calls_for(double left, const struct usage *models, uint32_t len,
                          const struct usage *model, spent_fn spent) {
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

// How many further calls of MODEL the budgets of tokens and dollars allow, MODELS (LEN
// of them) being what is known of all; UINT64_MAX: any number. What a call costs is
// known only when it is over, so what is outstanding is reckoned at the mean of its
// model, and no more may start than the rest would pay for. When the mean is right the
// budget is met to the call; whatever it is, no call starts once the budget is spent.
static uint64_t allowed_calls(const struct cr_allowance *left,
                              const struct usage *models, uint32_t len,
                              uint32_t model) {
    const uint64_t by_tokens =
        calls_for(left->tokens, models, len, &models[model], tokens_of);
    const uint64_t by_usd = calls_for(left->usd, models, len, &models[model], usd_of);
    return by_tokens < by_usd ? by_tokens : by_usd;
}

static struct bucket bucket_of(double per_minute, int64_t now_ms) {
    // One second's worth at most, so that no minute sees more than the limit + 1/60.
    const double rate = per_minute / 60000;
    return (struct bucket){
        .rate_per_ms = rate, .capacity = fmax(1, rate * 1000), .filled_ms = now_ms};
}

static void bucket_fill(struct bucket *bucket, int64_t now_ms) {
    const double more = (double)(now_ms - bucket->filled_ms) * bucket->rate_per_ms;
    bucket->level = fmin(bucket->capacity, bucket->level + more);
    bucket->filled_ms = now_ms;
}

static struct share *share_of(const struct cr_limits_book *book, uint32_t model,
                              int worker) {
    return &book->shares[(size_t)model * (size_t)book->ranks + (size_t)worker];
}

struct cr_limits_book *cr_limits_create(const struct cr_job *job, int ranks,
                                        const struct cr_allowance *left,
                                        int64_t now_ms) {
    struct cr_limits_book *book = cr_calloc(1, sizeof *book);
    if (book == NULL) {
        return NULL;
    }
    book->ranks = ranks;
    book->models_len = job->models_len;
    book->has_budget = has_budget(left);
    book->left = *left;
    book->models = cr_calloc(job->models_len + 1u, sizeof *book->models);
    book->shares =
        cr_calloc((size_t)job->models_len * (size_t)ranks + 1, sizeof *book->shares);
    book->usage = cr_calloc(job->models_len + 1u, sizeof *book->usage);
    if (book->models == NULL || book->shares == NULL || book->usage == NULL) {
        cr_limits_destroy(book);
        return NULL;
    }
    for (uint32_t i = 0; i < job->models_len; i++) {
        const struct cr_limits *limits = &job->models[i].limits;
        struct model_book *model = &book->models[i];
        model->concurrency = limits->concurrency;
        model->has_requests = limits->rpm > 0;
        model->has_tokens = limits->tpm > 0;
        model->requests = bucket_of(limits->rpm, now_ms);
        model->tokens = bucket_of(limits->tpm, now_ms);
        model->asks = UINT32_MAX / 2; // no level yet
        for (int worker = 0; worker < ranks;
             worker++) { // until a beat says what it needs
            share_of(book, i, worker)->demand = limits->concurrency;
        }
    }
    return book;
}

void cr_limits_destroy(struct cr_limits_book *book) {
    if (book == NULL) {
        return;
    }
    cr_free(book->models);
    cr_free(book->shares);
    cr_free(book->usage);
    cr_free(book);
}

bool cr_limits_has_any(const struct cr_limits_book *book, uint32_t model) {
    const struct model_book *m = &book->models[model];
    return m->concurrency > 0 || m->has_requests || m->has_tokens || book->has_budget;
}

static uint64_t used_at(const struct cr_limits_book *book, uint32_t model,
                        uint32_t level) {
    uint64_t used = 0;
    for (int worker = 0; worker < book->ranks; worker++) {
        const struct share *share = share_of(book, model, worker);
        if (!share->is_gone) {
            used += share->demand < level ? share->demand : level;
        }
    }
    return used;
}

// The even level at which demands, cut off at it, use up the limit (water filling): a
// rank that needs less leaves the rest to those that need more. The first ranks share the
// remainder, so that a limit below the number of ranks is still used up.
static void compute_level(struct cr_limits_book *book, uint32_t model) {
    struct model_book *m = &book->models[model];
    uint32_t low = 0, high = m->concurrency;
    while (low < high) {
        const uint32_t level = low + (high - low + 1) / 2;
        if (used_at(book, model, level) <= m->concurrency) {
            low = level;
        } else {
            high = level - 1;
        }
    }
    uint64_t left = m->concurrency - used_at(book, model, low);
    m->level = low;
    m->asks = 0;
    for (m->extra_below = 0; m->extra_below < book->ranks && left > 0;
         m->extra_below++) {
        const struct share *share = share_of(book, model, m->extra_below);
        left -= !share->is_gone && share->demand > low;
    }
}

// What WORKER should hold. The level walks all ranks, so it is computed a few times in the
// time that all of them ask once; in between, a demand that changed is served by it all the
// same. That no more is held than the limit does not rest on it.
static uint32_t wanted_share(struct cr_limits_book *book, uint32_t model, int worker) {
    struct model_book *m = &book->models[model];
    const uint32_t demand = share_of(book, model, worker)->demand;
    if (m->asks++ >= (uint32_t)book->ranks / LEVELS_A_ROUND) {
        compute_level(book, model);
    }
    if (demand <= m->level) {
        return demand;
    }
    return m->level + (worker < m->extra_below ? 1u : 0u);
}

static void set_held(struct model_book *m, struct share *share, uint32_t held) {
    m->held = m->held - share->held + held;
    share->held = held;
}

static uint32_t lease_concurrency(struct cr_limits_book *book, uint32_t model,
                                  int worker, const struct cr_beat_model *beat) {
    struct model_book *m = &book->models[model];
    struct share *share = share_of(book, model, worker);
    if (beat->sequence ==
        share->sequence) { // it has our last word: what it holds is known
        set_held(m, share,
                 beat->metrics.in_flight > share->leased ? beat->metrics.in_flight
                                                         : share->leased);
    }
    const uint32_t wanted = wanted_share(book, model, worker);
    if (wanted > share->held) {
        const uint64_t spare = m->held < m->concurrency ? m->concurrency - m->held : 0;
        const uint32_t more = wanted - share->held;
        set_held(m, share, share->held + (more < spare ? more : (uint32_t)spare));
        return share->held;
    }
    return wanted;
}

static int64_t unused_credits(const struct share *share,
                              const struct cr_beat_model *beat) {
    const int64_t unused = share->requests_given - (int64_t)beat->metrics.attempts -
                           (int64_t)beat->metrics.requests_returned;
    return unused > 0 ? unused : 0;
}

static void set_usage(struct cr_limits_book *book, uint32_t model, struct share *share,
                      struct usage now) {
    usage_move(&book->usage[model], &share->usage, &now);
    share->usage = now;
}

// Bring the book up to what the worker last said. A beat is of one moment, and what the
// worker does afterwards it does on credits that are counted here, so the sum over all
// workers never falls short of what they have begun.
static void commit(struct cr_limits_book *book, uint32_t model, struct share *share,
                   const struct cr_beat_model *beat) {
    const struct cr_model_metrics *m = &beat->metrics;
    const uint64_t unused = (uint64_t)unused_credits(share, beat);
    share->begun = m->calls_done + m->calls_failed + m->in_flight;
    book->committed = book->committed - share->committed + share->begun + unused;
    share->committed = share->begun + unused;
    set_usage(book, model, share, usage_of(m, unused));
}

// Calls of MODEL that every budget still allows.
static uint64_t budget_left(const struct cr_limits_book *book, uint32_t model) {
    uint64_t calls = UINT64_MAX;
    if (book->left.calls != UINT64_MAX) {
        calls =
            book->left.calls > book->committed ? book->left.calls - book->committed : 0;
    }
    const uint64_t paid =
        allowed_calls(&book->left, book->usage, book->models_len, model);
    return paid < calls ? paid : calls;
}

// Whole credits for a worker that waits and has not enough unused ones. While a budget
// is far from used up they are generous, so that nobody waits for a beat; near its end
// one is given for each call that waits, so that none is left with a rank that idles.
static int64_t lease_requests(struct cr_limits_book *book, uint32_t model,
                              struct share *share, const struct cr_beat_model *beat) {
    struct model_book *m = &book->models[model];
    const uint64_t left = book->has_budget ? budget_left(book, model) : UINT64_MAX;
    const int64_t busy = (int64_t)beat->metrics.waiting + beat->metrics.in_flight;
    int64_t want = (int64_t)beat->metrics.waiting;
    if (!m->has_requests &&
        left / GENEROUS / 2 > (uint64_t)busy * (uint64_t)book->ranks) {
        want = busy * GENEROUS;
    }
    want -= unused_credits(share, beat);
    if (want <= 0) {
        return 0;
    }
    if (m->has_requests && want > (int64_t)m->requests.level) {
        want = (int64_t)m->requests.level;
    }
    if ((uint64_t)want > left) {
        want = (int64_t)left;
    }
    if (m->has_requests) {
        m->requests.level -= (double)want;
    }
    share->committed += (uint64_t)want;
    book->committed += (uint64_t)want;
    share->usage.outstanding += (uint64_t)want;
    book->usage[model].outstanding += (uint64_t)want;
    return want;
}

static int64_t lease_tokens(struct model_book *m, const struct cr_beat_model *beat) {
    if (!m->has_tokens) {
        return -1;
    }
    if (beat->metrics.waiting == 0) {
        return 0;
    }
    const int64_t tokens = (int64_t)m->tokens.level;
    m->tokens.level -= (double)tokens;
    return tokens;
}

bool cr_limits_lease(struct cr_limits_book *book, const struct cr_limits_ask *ask,
                     struct cr_lease_message *out) {
    const uint32_t model = ask->model;
    const int worker = ask->worker;
    const struct cr_beat_model *beat = ask->beat;
    if (!cr_limits_has_any(book, model)) {
        return false;
    }
    struct model_book *m = &book->models[model];
    struct share *share = share_of(book, model, worker);
    bucket_fill(&m->requests, ask->now_ms);
    bucket_fill(&m->tokens, ask->now_ms);
    share->demand = beat->metrics.waiting + beat->metrics.in_flight;
    commit(book, model, share, beat);
    // Without a number each rank adapts by itself: all it wants, as far as we mind.
    struct cr_lease lease = {.concurrency = UINT32_MAX, .requests = -1};
    if (m->concurrency > 0) {
        lease.concurrency = lease_concurrency(book, model, worker, beat);
    }
    if (m->has_requests || book->has_budget) {
        lease.requests = lease_requests(book, model, share, beat);
    }
    lease.tokens = lease_tokens(m, beat);
    const bool is_news = share->sequence == 0 || lease.concurrency != share->leased ||
                         lease.requests > 0 || lease.tokens > 0;
    if (!is_news) {
        return false;
    }
    if (lease.requests > 0) {
        share->requests_given += lease.requests;
    }
    share->leased = lease.concurrency;
    share->sequence++;
    *out = (struct cr_lease_message){
        .model = model, .sequence = share->sequence, .lease = lease};
    return true;
}

void cr_limits_forget(struct cr_limits_book *book, int worker) {
    for (uint32_t model = 0; model < book->models_len; model++) {
        struct share *share = share_of(book, model, worker);
        // What it had credits for goes back to the budget; calls that it had begun stay
        // spent, as far as its last beat counted them: somebody answers them, and is
        // paid.
        book->committed -= share->committed - share->begun;
        struct usage usage = share->usage;
        usage.outstanding -= share->committed - share->begun;
        set_usage(book, model, share, usage);
        set_held(&book->models[model], share, 0);
        book->models[model].asks = UINT32_MAX / 2; // the others may have what it held
        *share = (struct share){.is_gone = true,
                                .committed = share->begun,
                                .begun = share->begun,
                                .usage = usage};
    }
}

const char *cr_limits_used_up(const struct cr_budget *budget,
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
