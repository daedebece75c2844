// plan_json.c - `credence plan --json`.
#include "cli/planning.h"
#include "credence/base/json_write.h"

static void write_amount(struct cr_json_writer *emit, const char *key,
                         const struct cr_amount *amount) {
    cr_json_write_open(emit, key, '{');
    cr_json_write_number(emit, "calls", amount->calls);
    cr_json_write_number(emit, "tokens_in", amount->tokens_in);
    cr_json_write_number(emit, "tokens_out", amount->tokens_out);
    cr_json_write_number(emit, "usd", amount->usd);
    cr_json_write_close(emit, '}');
}

static void write_cells(struct cr_json_writer *emit, const struct cr_job *job) {
    cr_json_write_open(emit, "cells", '[');
    for (uint32_t i = 0; i < job->cells_len; i++) {
        cr_json_write_open(emit, NULL, '{');
        cr_json_write_text(emit, "name", job->cells[i].name);
        cr_json_write_count(emit, "trajectory", job->cells[i].trajectory);
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
}

static void write_counts(struct cr_json_writer *emit,
                         const struct cr_planning *planning) {
    const struct cr_estimate *e = &planning->estimate;
    const struct cr_plan *plan = planning->plan;
    cr_json_write_count(emit, "propositions", plan->propositions);
    cr_json_write_count(emit, "trajectories", e->trajectories);
    cr_json_write_count(emit, "episodes", e->episodes);
    cr_json_write_count(emit, "groups", plan->groups_len);
    cr_json_write_count(emit, "groups_like", e->groups_like);
    cr_json_write_count(emit, "shard", plan->shard + 1);
    cr_json_write_count(emit, "shards", plan->shards);
    cr_json_write_count(emit, "calls_alone_min", e->alone.min);
    cr_json_write_count(emit, "calls_alone_max", e->alone.max);
}

static void write_power(struct cr_json_writer *emit,
                        const struct cr_planning *planning) {
    const struct cr_power *power = &planning->power;
    cr_json_write_open(emit, "power", '[');
    for (uint32_t i = 0; i < power->rows_len; i++) {
        const struct cr_power_row *row = &power->rows[i];
        cr_json_write_open(emit, NULL, '{');
        cr_json_write_text(emit, "benchmark",
                           planning->job->benchmarks[row->benchmark].name);
        cr_json_write_count(emit, "questions", row->questions);
        cr_json_write_count(emit, "comparisons", power->comparisons);
        cr_json_write_number(emit, "sd", row->sd);
        cr_json_write_bool(emit, "is_pilot", row->is_pilot);
        cr_json_write_number(emit, "detectable", row->detectable);
        cr_json_write_number(emit, "wanted", power->difference);
        cr_json_write_number(emit, "needed_questions", row->needed_questions);
        cr_json_write_number(emit, "needed_replicates", row->needed_replicates);
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
}

enum cr_status cr_planning_json(const struct cr_planning *planning,
                                const struct cr_screen *screen) {
    const struct cr_job *job = planning->job;
    const struct cr_estimate *e = &planning->estimate;
    struct cr_buf out;
    char hex[CR_HASH_HEX_BYTES];
    cr_hash_hex(job->identity, hex);
    cr_buf_init(&out, (size_t)1 << 30);
    struct cr_json_writer emit = {.out = &out};
    cr_json_write_open(&emit, NULL, '{');
    cr_json_write_json(&emit, "job", job->resolved);
    cr_json_write_text(&emit, "job_hash", hex);
    write_cells(&emit, job);
    write_counts(&emit, planning);
    write_amount(&emit, "at_least", &e->low);
    write_amount(&emit, "expected", &e->expected);
    write_amount(&emit, "at_most", &e->high);
    write_power(&emit, planning);
    cr_json_write_bool(&emit, "simulated", job->is_simulated);
    if (planning->has_prompts) {
        cr_planning_prompts_json(planning, &emit);
    }
    cr_json_write_close(&emit, '}');
    enum cr_status status = emit.status;
    if (status == CR_OK) {
        status = cr_buf_add_text(&out, "\n");
    }
    if (status == CR_OK) {
        status = cr_screen_json(screen, &out);
    }
    cr_buf_fini(&out);
    return status;
}
