// store_bench.c - how fast tape and run.h5 are written, read, packed and merged.
//
//   store_bench [EPISODES [SHARDS [DIR]]]      1000000 16 /tmp
//
// One line a step: what, how many, seconds, per second, microseconds each.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "credence/store/merge.h"
#include "credence/store/run_file.h"
#include "credence/store/run_view.h"
#include "credence/store/tape.h"
#include "paper.h"
#include "scratch.h"

enum { ITERATIONS = 11, PROPOSITIONS = 10000, SHARDS_MAX = 64 };

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void check(enum cr_status status, const struct cr_err *err) {
    if (status != CR_OK) {
        fprintf(stderr, "store_bench: %s\n", err->text);
        exit(1);
    }
}

static void report(const char *what, uint64_t count, double seconds) {
    printf("%-28s %10" PRIu64 " %8.2f s %12.0f /s %8.2f us\n", what, count, seconds,
           (double)count / seconds, seconds * 1e6 / (double)count);
    fflush(stdout);
}

static uint64_t file_bytes(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 ? (uint64_t)info.st_size : 0;
}

static struct cr_job *make_job(void) {
    static struct cr_model model = {.name = "sim"};
    static struct cr_benchmark benchmark = {.name = "bench"};
    static struct cr_cell cell = {.name = "cell", .traders_len = 1, .replicates = 1};
    static const struct cr_prompt_set *sets[1];
    static struct cr_job job = {
        .name = "bench", .resolved = "{}", .identity_json = "{}"};
    for (int i = 0; i < PROPOSITIONS; i++) {
        char id[32], text[128];
        snprintf(id, sizeof id, "item-%d", i);
        snprintf(text, sizeof text, "Claim number %d is true for all that is known.",
                 i);
        struct cr_proposition p = {
            .id = id, .question_id = id, .text = text, .unit = "", .label = i % 2};
        check(cr_propositions_add(&benchmark.propositions, &p), &(struct cr_err){0});
    }
    sets[0] = paper_load();
    job.models = &model;
    job.models_len = 1;
    job.benchmarks = &benchmark;
    job.benchmarks_len = 1;
    job.prompts = sets;
    job.prompts_len = 1;
    job.cells = &cell;
    job.cells_len = 1;
    job.output_text = true;
    return &job;
}

static void make_row(struct cr_episode_row *row, double *price, struct cr_step *step,
                     uint64_t episode) {
    uint64_t r = episode * 0x9e3779b97f4a7c15u;
    row->episode = episode;
    row->proposition = episode % PROPOSITIONS;
    row->status = CR_DONE;
    row->ended = CR_ENDED_EQUILIBRIUM;
    row->prices_len = row->steps_len = 3 + (uint32_t)(r >> 60) % 9;
    row->width = 1;
    for (uint32_t i = 0; i < row->prices_len; i++) {
        price[i] = (double)((r >> (4 * i)) % 100) / 100;
        step[i] = (struct cr_step){.judgment_tokens_in = 300 + 200 * i,
                                   .judgment_tokens_out = 80 + (uint32_t)(r >> i) % 64,
                                   .argument_tokens_in = i ? 350 + 200 * i : 0,
                                   .argument_tokens_out = i ? 60 : 0,
                                   .cached_tokens = 250 * i,
                                   .calls = 2,
                                   .latency_s = (float)(r % 1000) / 1000};
    }
}

static void place_of(const void *ctx, uint64_t episode, struct cr_run_place *out) {
    (void)ctx;
    *out = (struct cr_run_place){0, 0, episode % PROPOSITIONS};
}

static void write_file(const char *path, struct cr_job *job, uint64_t episodes,
                       uint64_t shard, uint64_t shards) {
    struct cr_run_file *file = NULL;
    struct cr_err err = {0};
    uint64_t first = 0, written = 0;
    struct cr_run_layout layout = {episodes, PROPOSITIONS, ITERATIONS, 1,
                                   &first,   place_of,     NULL};
    struct cr_run_facts facts = {"0", "0", "here", "none", "{}", NULL, 0};
    struct cr_run_content content = {job, &layout, &facts};
    double price[ITERATIONS];
    struct cr_step step[ITERATIONS];
    struct cr_episode_row row = {.price = price, .step = step};
    double start = now_s();
    check(cr_run_file_create(path, &content, &file, &err), &err);
    double created = now_s();
    for (uint64_t e = shard; e < episodes; e += shards, written++) {
        make_row(&row, price, step, e);
        check(cr_run_file_put(file, &row, &err), &err);
    }
    check(cr_run_file_flush(file, &err), &err);
    double put = now_s();
    uint64_t live = file_bytes(path);
    check(cr_run_file_finish(file, shards == 1, 0, &err), &err);
    if (shards == 1) {
        report("run.h5 create", 1, created - start);
        report("run.h5 put and flush", written, put - created);
        report("run.h5 finish (pack)", written, now_s() - put);
        printf("%-28s %10.1f MB live %8.1f MB finished\n", "run.h5 size",
               (double)live / 1e6, (double)file_bytes(path) / 1e6);
    }
}

static void bench_file(const char *dir, struct cr_job *job, uint64_t episodes) {
    char path[512];
    snprintf(path, sizeof path, "%s/bench-run.h5", dir);
    write_file(path, job, episodes, 0, 1);
    struct cr_run_view *view = NULL;
    struct cr_err err = {0};
    double start = now_s();
    check(cr_run_view_open(path, &view, &err), &err);
    report("run.h5 open for analysis", episodes, now_s() - start);
    cr_run_view_close(view);
    unlink(path);
}

static void bench_merge(const char *dir, struct cr_job *job, uint64_t episodes,
                        uint64_t shards) {
    static char paths[SHARDS_MAX][512];
    const char *list[SHARDS_MAX];
    char out[512];
    uint64_t bytes = 0;
    double start = now_s();
    for (uint64_t s = 0; s < shards; s++) {
        snprintf(paths[s], sizeof paths[s], "%s/bench-shard-%" PRIu64 ".h5", dir, s);
        list[s] = paths[s];
        write_file(paths[s], job, episodes, s, shards);
        bytes += file_bytes(paths[s]);
    }
    report("shards written", shards, now_s() - start);
    printf("%-28s %10.1f MB\n", "shards size", (double)bytes / 1e6);
    snprintf(out, sizeof out, "%s/bench-merged.h5", dir);
    struct cr_merge_report merged;
    struct cr_err err = {0};
    start = now_s();
    check(cr_merge(list, shards, out, &merged, &err), &err);
    report("merge", episodes, now_s() - start);
    if (merged.done != episodes) {
        fprintf(stderr, "store_bench: %" PRIu64 " episodes missing\n", merged.pending);
        exit(1);
    }
    for (uint64_t s = 0; s < shards; s++) {
        unlink(paths[s]);
    }
    unlink(out);
}

static enum cr_status count_record(void *ctx, const struct cr_call_record *record,
                                   struct cr_err *err) {
    (void)err;
    *(uint64_t *)ctx += record->text != NULL;
    return CR_OK;
}

static enum cr_status count_key(void *ctx, const struct cr_tape_key *key,
                                struct cr_err *err) {
    (void)err;
    *(uint64_t *)ctx += key->reason == CR_REASON_NONE;
    return CR_OK;
}

static void bench_tape(const char *dir, uint64_t lines) {
    char folder[512];
    snprintf(folder, sizeof folder, "%s/bench-tape", dir);
    struct cr_err err = {0};
    struct cr_tape *tape = NULL;
    struct cr_tape_cfg cfg = {folder, cr_tape_next_launch(folder), 0, 1000,
                              cr_clock_monotonic()};
    check(cr_tape_open(&cfg, &tape, &err), &err);
    struct cr_call_record record = {
        .text =
            "{\"claim\": \"true\", \"reasoning\": \"It is known.\", \"price\": 0.75}",
        .tokens_in = 300,
        .tokens_out = 40,
        .latency_s = 0.25,
        .attempts = 1,
        .http_status = 200};
    double start = now_s();
    for (uint64_t i = 0; i < lines; i++) {
        record.trajectory = record.trajectory_key = i;
        check(cr_tape_append(tape, &record, &err), &err);
    }
    check(cr_tape_close(tape, &err), &err);
    report("tape append", lines, now_s() - start);
    uint64_t records = 0, keys = 0;
    start = now_s();
    check(cr_tape_scan(folder, count_record, &records, NULL, &err), &err);
    report("tape scan, whole records", records, now_s() - start);
    start = now_s();
    check(cr_tape_scan_keys(folder, count_key, &keys, NULL, &err), &err);
    report("tape scan, keys", keys, now_s() - start);
    scratch_remove(folder);
}

int main(int argc, char **argv) {
    uint64_t episodes = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000;
    uint64_t shards = argc > 2 ? strtoull(argv[2], NULL, 10) : 16;
    const char *dir = argc > 3 ? argv[3] : "/tmp";
    if (episodes == 0 || shards == 0 || shards > SHARDS_MAX) {
        fprintf(stderr, "usage: store_bench [EPISODES [SHARDS (at most 64) [DIR]]]\n");
        return 2;
    }
    struct cr_job *job = make_job();
    bench_tape(dir, episodes);
    bench_file(dir, job, episodes);
    bench_merge(dir, job, episodes, shards);
    return 0;
}
