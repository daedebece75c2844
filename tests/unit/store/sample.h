// sample.h - a small job of every outcome space, and rows for it, made by arithmetic.
#ifndef CREDENCE_TESTS_STORE_SAMPLE_H
#define CREDENCE_TESTS_STORE_SAMPLE_H

#include "credence/prompt/prompt.h"
#include "credence/store/run_file.h"
#include "credence/store/run_view.h"

enum {
    SAMPLE_PROPOSITIONS = 4, // binary true, binary false, categorical of 3, continuous
    SAMPLE_CELLS = 2,
    SAMPLE_REPLICATES = 3,
    SAMPLE_EPISODES = SAMPLE_PROPOSITIONS * SAMPLE_CELLS * SAMPLE_REPLICATES,
    SAMPLE_ITERATIONS = 5,
    SAMPLE_OUTCOMES = 3
};

struct sample {
    struct cr_job job;
    struct cr_run_layout layout;
    struct cr_run_facts facts;
    struct cr_run_content content; // the three above
    struct cr_proposition propositions[SAMPLE_PROPOSITIONS];
    struct cr_benchmark benchmarks[3]; // the second is in no cell
    uint64_t first_proposition[3];
    struct cr_cell cells[SAMPLE_CELLS];
    struct cr_model models[2];
    struct cr_prompt_set *prompts;
    const struct cr_prompt_set *prompt_sets[1];
};

void sample_init(struct sample *s);
void sample_fini(struct sample *s);

// Row EPISODE with its arrays. Episode 5 failed, 7 is invalid, the last is pending.
struct sample_row {
    struct cr_episode_row row;
    double price[SAMPLE_ITERATIONS * SAMPLE_OUTCOMES];
    double quantile[SAMPLE_ITERATIONS * 3];
    struct cr_step step[SAMPLE_ITERATIONS];
};
void sample_row(struct sample_row *out, uint64_t episode);

// The two calls of EPISODE; texts live in the buffers.
struct sample_calls {
    struct cr_call_record at[2];
    char text[64], error[64];
};
void sample_calls(struct sample_calls *out, uint64_t episode);

#endif
