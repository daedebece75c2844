// sample.c - see sample.h.
#include "sample.h"

#include <stdio.h>
#include <string.h>

#include "paper.h"

static const char *const options[3] = {"red", "gr\xc3\xbcn", "\"blue\""};

static void fill_propositions(struct sample *s) {
    struct cr_proposition *p = s->propositions;
    p[0] = (struct cr_proposition){.id = "q1-true",
                                   .question_id = "q1",
                                   .text = "Snow is white.",
                                   .label = 1,
                                   .unit = ""};
    p[1] = (struct cr_proposition){.id = "q1-false",
                                   .question_id = "q1",
                                   .text = "Snow is \"green\",\nthey say.",
                                   .unit = ""};
    p[2] = (struct cr_proposition){.id = "q2",
                                   .question_id = "q2",
                                   .text = "Which colour?",
                                   .space = CR_SPACE_CATEGORICAL,
                                   .label = 2,
                                   .options_len = 3,
                                   .options = options,
                                   .unit = ""};
    p[3] = (struct cr_proposition){.id = "q3",
                                   .question_id = "q3",
                                   .text = "How long?",
                                   .space = CR_SPACE_CONTINUOUS,
                                   .value = 30,
                                   .low = 10,
                                   .high = 50,
                                   .unit = "km"};
}

// Two benchmarks keep columns of their items, one of them the same one.
static const char *const kept_names[2] = {"category", "sub/ject"};
static const char *const kept_texts[3][2] = {
    {"snow", "weather"}, {"snow", "=1+1"}, {"caf\xc3\xa9", ""}};
static const char *const kept_last[1] = {"distance"};

static void fill_kept(struct sample *s) {
    for (int i = 0; i < 3; i++) {
        s->propositions[i].kept = kept_texts[i];
    }
    s->propositions[3].kept = kept_last;
    s->benchmarks[0].propositions.kept_names = kept_names;
    s->benchmarks[0].propositions.kept_len = 2;
    s->benchmarks[2].propositions.kept_names = kept_names;
    s->benchmarks[2].propositions.kept_len = 1;
}

static void fill_benchmarks(struct sample *s) {
    s->benchmarks[0].name = "truth";
    s->benchmarks[0].propositions.at = s->propositions;
    s->benchmarks[0].propositions.len = 3;
    s->benchmarks[1].name = "unused";
    s->benchmarks[1].propositions.at = s->propositions;
    s->benchmarks[1].propositions.len = 1;
    s->benchmarks[2].name = "lengths";
    s->benchmarks[2].propositions.at = &s->propositions[3];
    s->benchmarks[2].propositions.len = 1;
    s->first_proposition[0] = 0;
    s->first_proposition[2] = 3;
}

static void fill_cells(struct sample *s) {
    for (uint32_t i = 0; i < SAMPLE_CELLS; i++) {
        s->cells[i] = (struct cr_cell){
            .name = i == 0 ? "truth T=0.1" : "lengths T=0.2",
            .benchmark = i == 0 ? 0 : 2,
            .traders_len = 1 + i,
            .traders = {1, 0},
            .stance = i == 0 ? CR_STANCE_FREE : CR_STANCE_ADVERSARIAL,
            .replicates = SAMPLE_REPLICATES,
            .samples = 1,
            .repairs = 2,
            .stop_early = true,
            .stop = {CR_STOP_RANGE, 3, i == 0 ? 0.1 : 0.2, SAMPLE_ITERATIONS - 1},
            .trajectory = i,
        };
    }
}

static void sample_place(const void *ctx, uint64_t episode, struct cr_run_place *out) {
    (void)ctx;
    out->cell = (uint32_t)(episode % SAMPLE_CELLS);
    out->replicate = (uint32_t)(episode / SAMPLE_CELLS % SAMPLE_REPLICATES);
    out->proposition = episode / SAMPLE_CELLS / SAMPLE_REPLICATES % SAMPLE_PROPOSITIONS;
}

void sample_init(struct sample *s) {
    memset(s, 0, sizeof *s);
    fill_propositions(s);
    fill_benchmarks(s);
    fill_kept(s);
    fill_cells(s);
    s->models[0] = (struct cr_model){
        .name = "large", .cost_input = 2, .cost_output = 8, .cost_cached = 1};
    s->models[1] =
        (struct cr_model){.name = "small", .cost_input = 1, .cost_cached = 1};
    s->prompts = paper_load();
    s->prompt_sets[0] = s->prompts;
    s->job = (struct cr_job){.name = "sample",
                             .models = s->models,
                             .models_len = 2,
                             .benchmarks = s->benchmarks,
                             .benchmarks_len = 3,
                             .prompts = s->prompt_sets,
                             .prompts_len = 1,
                             .cells = s->cells,
                             .cells_len = SAMPLE_CELLS,
                             .output_text = true,
                             .resolved = "{\"name\": \"sample\"}",
                             .identity_json = "{}",
                             .identity = {1, 2},
                             .is_simulated = true};
    s->layout = (struct cr_run_layout){.episodes = SAMPLE_EPISODES,
                                       .propositions = SAMPLE_PROPOSITIONS,
                                       .iterations = SAMPLE_ITERATIONS,
                                       .outcomes = SAMPLE_OUTCOMES,
                                       .first_proposition = s->first_proposition,
                                       .place = sample_place};
    s->facts = (struct cr_run_facts){.version = "0.1.0",
                                     .git_revision = "abc",
                                     .host = "here",
                                     .mpi = "none",
                                     .prompt_hashes = "{}",
                                     .start_wall_ms = 1700000000000};
    s->content = (struct cr_run_content){&s->job, &s->layout, &s->facts};
}

void sample_fini(struct sample *s) {
    cr_prompt_set_destroy(s->prompts);
}

static void fill_steps(struct sample_row *out, uint64_t episode) {
    for (uint32_t i = 0; i < out->row.steps_len; i++) {
        out->step[i] = (struct cr_step){.judgment_tokens_in = 1000 + (uint32_t)episode,
                                        .judgment_tokens_out = 100,
                                        .argument_tokens_in = i > 0 ? 500 : 0,
                                        .argument_tokens_out = i > 0 ? 50 : 0,
                                        .cached_tokens = i > 0 ? 300 : 0,
                                        .calls = i > 0 ? 2 : 1,
                                        .latency_s = 0.25f,
                                        .direction = (int8_t)(i % 3) - 1,
                                        .repairs = (uint8_t)i,
                                        .reason = i > 0 ? CR_REASON_CUT : 0,
                                        .is_estimated = i == 1};
    }
}

static void fill_prices(struct sample_row *out, uint64_t episode) {
    for (uint32_t i = 0; i < out->row.prices_len * out->row.width; i++) {
        out->price[i] = (double)((episode * 7 + i * 3) % 100) / 100;
    }
    for (uint32_t i = 0; i < out->row.prices_len; i++) {
        out->quantile[3 * i] = 0.1;
        out->quantile[3 * i + 1] = out->price[i];
        out->quantile[3 * i + 2] = 0.9;
    }
}

void sample_row(struct sample_row *out, uint64_t episode) {
    memset(out, 0, sizeof *out);
    struct cr_episode_row *row = &out->row;
    row->episode = episode;
    struct cr_run_place place;
    sample_place(NULL, episode, &place);
    row->cell = place.cell;
    row->replicate = place.replicate;
    row->proposition = place.proposition;
    row->width = row->proposition == 2 ? 3 : 1;
    row->status = CR_DONE;
    row->ended = CR_ENDED_EQUILIBRIUM;
    row->prices_len = 3 + (uint32_t)(episode % 3);
    row->steps_len = row->prices_len;
    if (episode == 5 || episode == 7) {
        row->status = episode == 5 ? CR_FAILED : CR_INVALID;
        row->ended = episode == 5 ? CR_ENDED_FAILED : CR_ENDED_INVALID;
        row->reason = episode == 5 ? CR_REASON_TIMEOUT : CR_REASON_UNREADABLE;
        row->prices_len = 2;
        row->steps_len = 3;
    }
    if (episode % SAMPLE_EPISODES == SAMPLE_EPISODES - 1) {
        row->status = CR_PENDING;
        row->ended = CR_ENDED_NONE;
        row->prices_len = row->steps_len = 0;
    }
    fill_prices(out, episode);
    fill_steps(out, episode);
    row->price = out->price;
    row->quantile = row->proposition == 3 ? out->quantile : NULL;
    row->step = out->step;
}

void sample_calls(struct sample_calls *out, uint64_t episode) {
    memset(out, 0, sizeof *out);
    snprintf(out->text, sizeof out->text, "judgment %llu of caf\xc3\xa9",
             (unsigned long long)episode);
    snprintf(out->error, sizeof out->error, "500 at %llu", (unsigned long long)episode);
    out->at[0] = (struct cr_call_record){.trajectory = episode / 2,
                                         .trajectory_key = UINT64_MAX - episode,
                                         .request_hash = {episode, UINT64_MAX},
                                         .tokens_in = 10,
                                         .latency_s = 0.1,
                                         .attempts = 1,
                                         .wall_ms = 1700000000000,
                                         .text = out->text,
                                         .reasoning = episode % 2 ? "" : NULL,
                                         .is_estimated = episode % 2 == 0,
                                         .finish_word = "end_turn",
                                         .request_id = "req_1"};
    out->at[1] = out->at[0];
    out->at[1].id = (struct cr_call_id){.iteration = 1,
                                        .role = CR_ROLE_TRADER,
                                        .trader = 1,
                                        .sample = 2,
                                        .repair = 1,
                                        .ask = CR_ASK_ARGUMENT};
    out->at[1].model = 1;
    out->at[1].reason = CR_REASON_SERVER;
    out->at[1].is_estimated = 0;
    out->at[1].finish_word[0] = '\0';
    snprintf(out->at[1].request_id, sizeof out->at[1].request_id, "cf-%llu",
             (unsigned long long)episode);
    out->at[1].text = out->at[1].reasoning = NULL;
    out->at[1].error = out->error;
}
