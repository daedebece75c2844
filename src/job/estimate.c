// Bounds and expectation of a plan.
//
// A configuration is sampled: SAMPLE propositions, each played calmly and restlessly
// with replies of two lengths. Of very many configurations GROUPS_MAX are sampled, and
// each other one is taken to be like the sampled one nearest to it that has its
// protocol.
#include "credence/job/estimate.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/core/price.h"
#include "credence/protocol/protocol.h"
#include "credence/store/run_view.h"
#include "job/dry_run.h"

enum {
    SAMPLE = 4,
    GROUPS_MAX = 48,
    PROTOCOLS_MAX = 64,
    SHORT_BYTES = 512,
    LONG_BYTES = 1024
};

// What one trajectory of a group uses, at the two lengths of reply.
struct path {
    struct cr_dry_usage at_short, at_long;
};
struct shape {
    uint32_t group; // the one that was sampled
    struct path calm, restless;
};
struct shapes {
    struct shape *at;
    uint32_t len;
};

static enum cr_status play_path(const struct cr_job *job,
                                const struct cr_episode_cfg *setting, bool restless,
                                struct path *path) {
    enum cr_status status =
        cr_dry_run(job, setting, SHORT_BYTES, restless, &path->at_short);
    return status == CR_OK
               ? cr_dry_run(job, setting, LONG_BYTES, restless, &path->at_long)
               : status;
}

static void scale(struct cr_dry_usage *usage, double factor) {
    for (int role = 0; role < CR_ROLE_COUNT; role++) {
        usage->calls[role] *= factor;
        usage->bytes_in[role] *= factor;
        usage->bytes_out[role] *= factor;
        usage->tokens_cap[role] *= factor;
    }
}

static enum cr_status sample_group(const struct cr_plan *plan,
                                   const struct cr_plan_group *group,
                                   struct shape *shape) {
    uint64_t len = group->propositions_len < SAMPLE ? group->propositions_len : SAMPLE;
    enum cr_status status = CR_OK;
    for (uint64_t i = 0; i < len && status == CR_OK; i++) {
        uint64_t row = group->propositions_len * i / len;
        struct cr_episode_cfg setting;
        cr_plan_episode_cfg(plan, group->first_trajectory + row * group->replicates,
                            &setting);
        status = play_path(plan->job, &setting, false, &shape->calm);
        status = status == CR_OK
                     ? play_path(plan->job, &setting, true, &shape->restless)
                     : status;
    }
    double each = len > 0 ? 1.0 / (double)len : 0;
    scale(&shape->calm.at_short, each);
    scale(&shape->calm.at_long, each);
    scale(&shape->restless.at_short, each);
    scale(&shape->restless.at_long, each);
    return status;
}

static const struct cr_cell *first_cell(const struct cr_plan *plan,
                                        const struct cr_plan_group *group) {
    return &plan->job->cells[group->cells[0]];
}

// The groups to sample: the first of each protocol, then some at even distances.
static enum cr_status sample(const struct cr_plan *plan, struct shapes *shapes) {
    bool is_seen[PROTOCOLS_MAX] = {false};
    uint32_t step = plan->groups_len / GROUPS_MAX + 1;
    enum cr_status status = CR_OK;
    shapes->at = cr_calloc(GROUPS_MAX + PROTOCOLS_MAX, sizeof *shapes->at);
    if (shapes->at == NULL) {
        return CR_E_MEMORY;
    }
    for (uint32_t i = 0; i < plan->groups_len && status == CR_OK; i++) {
        uint32_t protocol =
            first_cell(plan, &plan->groups[i])->protocol % PROTOCOLS_MAX;
        if (!is_seen[protocol] || i % step == 0) {
            struct shape *shape = &shapes->at[shapes->len++];
            is_seen[protocol] = true;
            shape->group = i;
            status = sample_group(plan, &plan->groups[i], shape);
        }
    }
    return status;
}

// The shape sampled nearest to group AT among those of its protocol, of its benchmark
// if there is one.
static const struct shape *nearest_shape(const struct cr_plan *plan,
                                         const struct shapes *shapes, uint32_t at) {
    const struct cr_cell *cell = first_cell(plan, &plan->groups[at]);
    const struct shape *best = NULL;
    uint64_t best_distance = UINT64_MAX;
    for (uint32_t i = 0; i < shapes->len; i++) {
        uint32_t group = shapes->at[i].group;
        const struct cr_cell *other = first_cell(plan, &plan->groups[group]);
        uint64_t distance = group > at ? group - at : at - group;
        distance += other->benchmark == cell->benchmark ? 0 : plan->groups_len;
        if (other->protocol == cell->protocol && distance < best_distance) {
            best_distance = distance;
            best = &shapes->at[i];
        }
    }
    return best;
}

static double line(double at_short, double at_long, double bytes) {
    return at_short +
           (at_long - at_short) * (bytes - SHORT_BYTES) / (LONG_BYTES - SHORT_BYTES);
}

// What a trajectory of CELL that takes CALLS calls along PATH uses, its replies REPLY
// tokens long (0: as long as they may be).
static struct cr_amount amount_of(const struct cr_job *job, const struct cr_cell *cell,
                                  const struct path *path, double calls, double reply) {
    const struct cr_dry_usage *a = &path->at_short, *b = &path->at_long;
    struct cr_amount amount = {.calls = calls};
    double played = a->calls[CR_ROLE_MAKER] + a->calls[CR_ROLE_TRADER];
    double factor = played > 0 ? calls / played : 0;
    double longest = 0;
    for (int role = 0; role < CR_ROLE_COUNT && reply <= 0; role++) {
        double own = a->calls[role] > 0 ? a->tokens_cap[role] / a->calls[role] : 0;
        longest = own > longest ? own : longest;
    }
    double bytes = CR_BYTES_A_TOKEN * (reply > 0 ? reply : longest);
    for (int role = 0; role < CR_ROLE_COUNT; role++) {
        double in = line(a->bytes_in[role], b->bytes_in[role], bytes);
        double out = line(a->bytes_out[role], b->bytes_out[role], bytes);
        in = factor * in / CR_BYTES_A_TOKEN;
        out = factor * (reply > 0 ? out / CR_BYTES_A_TOKEN : a->tokens_cap[role]);
        const struct cr_token_price price =
            cr_token_price_of_role(job, cell, (enum cr_role)role);
        amount.tokens_in += in;
        amount.tokens_out += out;
        amount.usd += cr_token_price_cost(&price, in, 0, out);
    }
    return amount;
}

static void add(struct cr_amount *sum, const struct cr_amount *part, double times) {
    sum->calls += part->calls * times;
    sum->tokens_in += part->tokens_in * times;
    sum->tokens_out += part->tokens_out * times;
    sum->usd += part->usd * times;
}

// The cell of LIKE that is nearest to CELL: of its name, else of its protocol and
// benchmark, else of its protocol.
static const struct cr_like_cell *find_like(const struct cr_plan *plan,
                                            const struct cr_like *like,
                                            const struct cr_cell *cell) {
    const char *protocol = cr_protocol_name(cell->protocol);
    const char *benchmark = plan->job->benchmarks[cell->benchmark].name;
    const struct cr_like_cell *best = NULL;
    int best_rank = 0;
    for (size_t i = 0; like != NULL && i < like->len; i++) {
        const struct cr_like_cell *other = &like->cells[i];
        int rank = 0;
        if (strcmp(other->protocol, protocol) == 0) {
            rank = strcmp(other->benchmark, benchmark) == 0 ? 2 : 1;
            rank = rank == 2 && strcmp(other->name, cell->name) == 0 ? 3 : rank;
        }
        if (rank > best_rank) {
            best_rank = rank;
            best = other;
        }
    }
    return best;
}

// What the earlier run makes of the expectation: its calls and tokens, split into in
// and out, and priced, as the dry runs say. The longest of the group's cells counts.
static bool expect_like(const struct cr_plan *plan, const struct cr_like *like,
                        const struct cr_plan_group *group, struct cr_amount *expected) {
    double calls = 0, tokens = 0;
    for (uint32_t i = 0; i < group->cells_len; i++) {
        const struct cr_like_cell *other =
            find_like(plan, like, &plan->job->cells[group->cells[i]]);
        if (other != NULL && other->calls > calls) {
            calls = other->calls;
            tokens = other->tokens;
        }
    }
    double dry = expected->tokens_in + expected->tokens_out;
    if (calls <= 0 || dry <= 0) {
        return false;
    }
    *expected = (struct cr_amount){calls, expected->tokens_in * tokens / dry,
                                   expected->tokens_out * tokens / dry,
                                   expected->usd * tokens / dry};
    return true;
}

// The trajectories of GROUP that this shard runs, as a share: shards differ by one.
static double ours(const struct cr_plan *plan, const struct cr_plan_group *group) {
    double all = (double)(group->propositions_len * group->replicates);
    return all / (plan->shards == 0 ? 1 : plan->shards);
}

static void add_group(const struct cr_plan *plan, const struct cr_like *like,
                      const struct cr_plan_group *group, const struct shape *shape,
                      struct cr_estimate *out) {
    const struct cr_job *job = plan->job;
    const struct cr_cell *cell = first_cell(plan, group);
    struct cr_bounds calls = {0, 0};
    double times = ours(plan, group);
    for (uint32_t i = 0; i < group->cells_len; i++) {
        const struct cr_cell *one = &job->cells[group->cells[i]];
        struct cr_bounds own = cr_protocol_calls(one);
        calls.min = own.min > calls.min ? own.min : calls.min;
        calls.max = own.max > calls.max ? own.max : calls.max;
        if (one->is_whole) { // nobody would have run it by itself
            continue;
        }
        out->alone.min += (uint64_t)((double)own.min * times + 0.5);
        out->alone.max += (uint64_t)((double)own.max * times + 0.5);
    }
    double low_calls = (double)calls.min, high_calls = (double)calls.max;
    struct cr_amount low =
        amount_of(job, cell, &shape->calm, low_calls, CR_REPLY_TOKENS_LOW);
    struct cr_amount high = amount_of(job, cell, &shape->restless, high_calls, 0);
    struct cr_amount expected = {0}, part;
    part = amount_of(job, cell, &shape->calm, low_calls, CR_REPLY_TOKENS_EXPECTED);
    add(&expected, &part, 0.5);
    part = amount_of(job, cell, &shape->restless, high_calls, CR_REPLY_TOKENS_EXPECTED);
    add(&expected, &part, 0.5);
    out->groups_like += expect_like(plan, like, group, &expected);
    add(&out->low, &low, times);
    add(&out->high, &high, times);
    add(&out->expected, &expected, times);
}

static void count_ours(const struct cr_plan *plan, struct cr_estimate *out) {
    if (plan->shards <= 1) {
        out->trajectories = plan->trajectories;
        out->episodes = plan->episodes;
        return;
    }
    for (uint32_t i = 0; i < plan->groups_len; i++) {
        const struct cr_plan_group *group = &plan->groups[i];
        uint64_t len = group->propositions_len * group->replicates;
        for (uint64_t t = 0; t < len; t++) {
            if (cr_plan_is_ours(plan, group->first_trajectory + t)) {
                out->trajectories++;
                out->episodes += group->cells_len;
            }
        }
    }
}

enum cr_status cr_estimate_make(const struct cr_plan *plan, const struct cr_like *like,
                                struct cr_estimate *out, struct cr_err *err) {
    struct cr_estimate estimate = {0};
    struct shapes shapes = {0};
    enum cr_status status = sample(plan, &shapes);
    for (uint32_t i = 0; i < plan->groups_len && status == CR_OK; i++) {
        const struct shape *shape = nearest_shape(plan, &shapes, i);
        add_group(plan, like, &plan->groups[i], shape, &estimate);
    }
    cr_free(shapes.at);
    if (status != CR_OK) {
        return cr_err_set(err, status,
                          "%s while playing sample markets for the estimate",
                          cr_status_text(status));
    }
    count_ours(plan, &estimate);
    *out = estimate;
    return CR_OK;
}

// What an earlier run spent, cell by cell.

static enum cr_status open_view(const char *dir, struct cr_run_view **out,
                                struct cr_err *err) {
    struct cr_buf path;
    cr_buf_init(&path, PATH_MAX);
    enum cr_status status = cr_run_view_path(dir, &path);
    status = status == CR_OK ? cr_run_view_open(path.data, out, err) : status;
    cr_buf_fini(&path);
    return status;
}

// 1 when PRICE is on the side of LABEL, 0 when on the other, a half for neither.
static double is_right(double price, int32_t label) {
    if (fabs(price - 0.5) < 1e-9) {
        return 0.5;
    }
    return (price > 0.5) == (label == 1) ? 1 : 0;
}

struct question_sum {
    double sum;
    uint32_t len;
};

// The sums of CELL's questions: final less opening.
static void add_differences(const struct cr_run_view *view, uint32_t cell,
                            struct question_sum *sums) {
    for (uint64_t e = 0; e < view->episodes; e++) {
        uint64_t p = view->proposition[e];
        if (view->cell[e] != cell || view->status[e] != CR_DONE ||
            p >= view->propositions || view->n_outcomes[p] != 1 || view->label[p] < 0 ||
            view->prices_len[e] == 0) {
            continue;
        }
        const double *prices = &view->price[e * view->iterations];
        double first = is_right(prices[0], view->label[p]);
        double last = is_right(prices[view->prices_len[e] - 1], view->label[p]);
        sums[view->question[p]].sum += last - first;
        sums[view->question[p]].len++;
    }
}

static double spread(const struct question_sum *sums, uint64_t len) {
    double mean = 0, squares = 0;
    uint64_t n = 0;
    for (uint64_t i = 0; i < len; i++) {
        if (sums[i].len > 0) { // Welford
            double value = sums[i].sum / sums[i].len, delta = value - mean;
            n++;
            mean += delta / (double)n;
            squares += delta * (value - mean);
        }
    }
    return n > 1 ? sqrt(squares / (double)(n - 1)) : 0;
}

static enum cr_status take_spreads(const struct cr_run_view *view,
                                   struct cr_like *like) {
    size_t len = (size_t)view->propositions + 1; // no more questions than that
    struct question_sum *sums = cr_calloc(len, sizeof *sums);
    if (sums == NULL) {
        return CR_E_MEMORY;
    }
    for (uint32_t c = 0; c < view->cells; c++) {
        memset(sums, 0, len * sizeof *sums);
        add_differences(view, c, sums);
        like->cells[c].sd = spread(sums, len);
    }
    cr_free(sums);
    return CR_OK;
}

static enum cr_status take_cells(const struct cr_run_view *view, struct cr_like *like) {
    uint64_t *finished = cr_calloc((size_t)view->cells + 1, sizeof *finished);
    like->cells = cr_calloc((size_t)view->cells + 1, sizeof *like->cells);
    if (finished == NULL || like->cells == NULL) {
        cr_free(finished);
        return CR_E_MEMORY;
    }
    like->len = view->cells;
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; i < view->cells; i++) {
        struct cr_like_cell *cell = &like->cells[i];
        cell->name = cr_strdup(view->cell_info[i].name);
        cell->protocol = cr_strdup(view->cell_info[i].protocol);
        cell->benchmark = cr_strdup(view->cell_info[i].benchmark);
        if (cell->name == NULL || cell->protocol == NULL || cell->benchmark == NULL) {
            status = CR_E_MEMORY;
        }
    }
    for (uint64_t e = 0; e < view->episodes; e++) {
        if (view->status[e] == CR_DONE) {
            like->cells[view->cell[e]].calls += view->calls[e];
            like->cells[view->cell[e]].tokens += view->tokens[e];
            finished[view->cell[e]]++;
        }
    }
    for (uint32_t i = 0; i < view->cells; i++) {
        double len = finished[i] > 0 ? (double)finished[i] : 1;
        like->cells[i].calls /= len;
        like->cells[i].tokens /= len;
    }
    cr_free(finished);
    return status;
}

enum cr_status cr_like_read(const char *dir, struct cr_like *out, struct cr_err *err) {
    struct cr_run_view *view = NULL;
    struct cr_like like = {0};
    enum cr_status status = open_view(dir, &view, err);
    if (status == CR_OK) {
        status = take_cells(view, &like);
        status = status == CR_OK ? take_spreads(view, &like) : status;
        cr_run_view_close(view);
    }
    if (status != CR_OK) {
        cr_like_fini(&like);
        return status;
    }
    *out = like;
    return CR_OK;
}

void cr_like_fini(struct cr_like *like) {
    for (size_t i = 0; i < like->len; i++) {
        cr_free(like->cells[i].name);
        cr_free(like->cells[i].protocol);
        cr_free(like->cells[i].benchmark);
    }
    cr_free(like->cells);
    *like = (struct cr_like){0};
}
