// coordinator_bench.c - what one coordinator costs at many ranks.
//
//   coordinator_bench [RANKS [EPISODES_A_RANK [DIR]]]      1000 20 /tmp
//
// The coordinator, its ledger, recorder, run.h5 and spool are the real ones. The workers are
// emulated: they say hello, beat, ask, and answer each grant with the result of a market of
// ten iterations with texts of 1.9 kB a call, through the real messages over the cluster of
// queues in one process. What is timed is the coordinator's turns alone, so the time that
// MPI takes for a message is not in it.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "credence/base/file.h"
#include "credence/base/mem.h"
#include "credence/cluster/message.h"
#include "credence/cluster/result.h"
#include "credence/job/bundle.h"
#include "credence/job/job_file.h"
#include "run/session.h"
#include "scratch.h"

enum {
    BEATS = 10,
    PRICES = 11,
    TEXT_BYTES = 1900,
    LIVE = 8,
    IDLE_TURNS = 1000,
    LOST_MS = 100000,
    GAP_MS = 900
};

struct bench {
    int workers;
    uint64_t episodes, planned; // one more a worker, so that there is something to lose
    char dir[128];
    struct cr_fake_clock fake;
    struct cr_clock clock;
    struct cr_log log;
    struct cr_run_options options;
    struct cr_session session;
    struct cr_cluster **clusters; // [workers + 1]
    struct cr_buf message;
    uint64_t *granted; // [workers] trajectories held, as a ring of LIVE each
    uint32_t *held;    // [workers]
    bool *is_welcome, *is_over;
    uint64_t results, grants;
    char text[TEXT_BYTES + 1];
};

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void check(enum cr_status status, const struct cr_err *err, const char *what) {
    if (status != CR_OK) {
        fprintf(stderr, "coordinator_bench: %s: %s\n", what, err->text);
        exit(1);
    }
}

static void write_inputs(const struct bench *bench) {
    char path[256];
    (void)snprintf(path, sizeof path, "%s/claims.jsonl", bench->dir);
    FILE *claims = fopen(path, "w");
    for (uint64_t i = 0; claims != NULL && i < bench->planned; i++) {
        fprintf(claims,
                "{\"id\": \"c%" PRIu64 "\", \"label\": %s, \"proposition\": \"Claim "
                "%" PRIu64 " holds.\"}\n",
                i, i % 3 == 0 ? "true" : "false", i);
    }
    (void)snprintf(path, sizeof path, "%s/job.json", bench->dir);
    FILE *job = claims == NULL || fclose(claims) != 0 ? NULL : fopen(path, "w");
    if (job == NULL) {
        perror(path);
        exit(1);
    }
    // A limit that has to be shared out, so that each beat asks for a lease.
    fprintf(job,
            "{\"name\": \"bench\", \"models\": {\"m\": {\"api\": \"sim\", "
            "\"latency_ms\": 100, \"limits\": {\"concurrency\": 5000}}}, "
            "\"benchmarks\": {\"c\": {\"format\": \"jsonl\", \"path\": "
            "\"claims.jsonl\"}}, \"cell\": {\"benchmark\": \"c\", \"maker\": \"m\", "
            "\"trader\": \"m\", \"max_iterations\": 10}}\n");
    if (fclose(job) != 0) {
        exit(1);
    }
}

static void open_bench(struct bench *bench) {
    struct cr_err err = {0};
    struct cr_session *session = &bench->session;
    static char path[256], run[256];
    (void)snprintf(path, sizeof path, "%s/job.json", bench->dir);
    (void)snprintf(run, sizeof run, "%s/run", bench->dir);
    write_inputs(bench);
    bench->clusters =
        cr_calloc((size_t)bench->workers + 1, sizeof(struct cr_cluster *));
    check(cr_cluster_open_local(bench->workers + 1, bench->clusters, &err), &err,
          "ranks");
    const struct cr_bundle_request request = {.job_path = path, .shards = 1};
    *session = (struct cr_session){.options = &bench->options,
                                   .log = &bench->log,
                                   .clock = &bench->clock,
                                   .cluster = bench->clusters[0],
                                   .worker_cluster = bench->clusters[0],
                                   .dir = cr_strdup(run)};
    cr_buf_init(&session->bundle, CR_BUNDLE_BYTES_MAX);
    mkdir(run, 0700);
    check(cr_bundle_read(&request, &session->bundle, &err), &err, "bundle");
    check(cr_job_create(session->bundle.data, session->bundle.used_bytes, &session->job,
                        &err),
          &err, "job");
    check(cr_plan_create(session->job, &session->plan, &err), &err, "plan");
    check(cr_lock_take(run, cr_cluster_host(session->cluster), &bench->clock,
                       &session->lock, &err),
          &err, "lock");
    check(cr_session_begin(session, &err), &err, "coordinator");
}

static void send(struct bench *bench, int worker, enum cr_tag tag) {
    const struct cr_packet packet = {0, (int)tag, bench->message.data,
                                     bench->message.used_bytes};
    check(cr_cluster_send(bench->clusters[worker + 1], &packet, NULL), NULL, "send");
}

static void say(struct bench *bench, int worker, enum cr_tag tag, const void *fields) {
    cr_buf_clear(&bench->message);
    check(cr_message_encode(&bench->message, tag, fields), NULL, "encode");
    send(bench, worker, tag);
}

static void say_hello(struct bench *bench, int worker) {
    const struct cr_hello hello = {.version = CR_MESSAGE_VERSION,
                                   .pid = 1,
                                   .host = "emulated pid:[0]",
                                   .job = bench->session.job->identity};
    say(bench, worker, CR_TAG_HELLO, &hello);
}

static void say_beat(struct bench *bench, int worker, uint32_t n) {
    struct cr_beat beat = {.live = bench->held[worker], .models_len = 1};
    beat.models[0].sequence = 1;
    beat.models[0].metrics = (struct cr_model_metrics){
        .calls_done = n, .attempts = n, .waiting = n % 7, .in_flight = n % 5};
    say(bench, worker, CR_TAG_BEAT, &beat);
}

// The result of TRAJECTORY: eleven prices, twenty-one calls with their texts.
static void say_result(struct bench *bench, int worker, uint64_t trajectory) {
    struct cr_plan_place place;
    double price[PRICES];
    struct cr_step step[PRICES] = {{.calls = 2, .judgment_tokens_in = 500}};
    struct cr_call_record records[2 * PRICES - 1];
    cr_plan_place(bench->session.plan, trajectory, &place);
    for (int i = 0; i < PRICES; i++) {
        price[i] = 0.5 + 0.01 * i;
    }
    for (uint32_t i = 0; i < 2 * PRICES - 1; i++) {
        records[i] = (struct cr_call_record){.trajectory = trajectory,
                                             .trajectory_key = place.key,
                                             .id = {.iteration = i / 2, .role = i % 2},
                                             .tokens_in = 500,
                                             .tokens_out = 90,
                                             .text = bench->text};
    }
    const struct cr_call_records calls = {.at = records, .len = 2 * PRICES - 1};
    const struct cr_trajectory t = {.number = trajectory,
                                    .key = place.key,
                                    .prices_len = PRICES,
                                    .width = 1,
                                    .price = price,
                                    .step = step,
                                    .steps_len = PRICES,
                                    .status = CR_DONE,
                                    .ended = CR_ENDED_MAX_ITERATIONS};
    cr_buf_clear(&bench->message);
    check(cr_result_encode(&bench->message, &t, &calls, true), NULL, "result");
    send(bench, worker, CR_TAG_RESULT);
    bench->results++;
}

static void take_grant(struct bench *bench, int worker,
                       const struct cr_packet *packet) {
    struct cr_grant_reader reader = {.bytes = packet->bytes, .len = packet->len};
    bool is_there = true;
    bench->grants++;
    while (is_there) {
        struct cr_call_records recorded = {0};
        uint64_t trajectory = 0;
        check(cr_grant_next(&reader, &is_there, &trajectory, &recorded), NULL, "grant");
        cr_call_records_fini(&recorded);
        if (is_there) {
            bench->granted[worker * LIVE + (int)bench->held[worker]++] = trajectory;
        }
    }
}

static void listen(struct bench *bench, int worker) {
    struct cr_packet packet;
    while (cr_cluster_receive(bench->clusters[worker + 1], &packet)) {
        if (packet.tag == CR_TAG_GRANT) {
            take_grant(bench, worker, &packet);
        } else if (packet.tag == CR_TAG_WELCOME) {
            bench->is_welcome[worker] = true;
        } else if (packet.tag == CR_TAG_STOP) {
            bench->is_over[worker] = true;
        }
    }
}

static void listen_all(struct bench *bench) {
    for (int worker = 0; worker < bench->workers; worker++) {
        listen(bench, worker);
    }
}

// Turns of the coordinator until it has read the MESSAGES that were said, 1,024 at most a
// turn.
static double turns(struct bench *bench, uint64_t messages) {
    const double start = now_s();
    bool moved = false;
    for (uint64_t i = 0; i < messages / 1024 + 2; i++) {
        cr_coordinator_step(bench->session.coordinator, &moved);
    }
    const double s = now_s() - start;
    cr_fake_clock_advance_ms(&bench->fake, 2);
    return s;
}

static void report(const char *what, uint64_t count, double seconds) {
    printf("%-28s %10" PRIu64 " %8.3f s %8.2f us each\n", what, count, seconds,
           seconds * 1e6 / (double)(count == 0 ? 1 : count));
    fflush(stdout);
}

static void bench_beats(struct bench *bench) {
    double s = 0;
    for (uint32_t n = 0; n < BEATS; n++) {
        for (int worker = 0; worker < bench->workers; worker++) {
            say_beat(bench, worker, n);
        }
        s += turns(bench, (uint64_t)bench->workers);
        listen_all(bench);
    }
    report("beat, with its lease", (uint64_t)bench->workers * BEATS, s);
}

static void bench_work(struct bench *bench) {
    double asking_s = 0, results_s = 0;
    uint64_t before = UINT64_MAX;
    while (bench->results + (uint64_t)bench->workers <= bench->episodes &&
           before != bench->results) {
        before = bench->results;
        const uint64_t each =
            (bench->episodes - bench->results) / (uint64_t)bench->workers;
        const uint64_t want = each < LIVE ? each : LIVE;
        uint64_t said = 0;
        for (int worker = 0; worker < bench->workers; worker++) {
            say(bench, worker, CR_TAG_WANT, &want);
        }
        asking_s += turns(bench, (uint64_t)bench->workers);
        listen_all(bench);
        for (int worker = 0; worker < bench->workers; worker++) {
            for (; bench->held[worker] > 0; bench->held[worker]--) {
                const int at = worker * LIVE + (int)bench->held[worker] - 1;
                say_result(bench, worker, bench->granted[at]);
                // A queue of gigabytes would be measured, too.
                if (++said % 512 == 0) {
                    results_s += turns(bench, 0);
                }
            }
        }
        results_s += turns(bench, 1024);
    }
    report("grant, several episodes each", bench->grants, asking_s);
    report("episode, 21 calls with texts", bench->results, results_s);
}

// A coordinator takes 500 turns a second, whether anybody says something or not.
static void bench_idle(struct bench *bench) {
    double s = 0;
    cr_fake_clock_advance_ms(&bench->fake, 2000); // what the work left to write
    (void)turns(bench, 0);
    for (int i = 0; i < IDLE_TURNS / 2; i++) {
        s += turns(bench, 0);
    }
    report("turn, nothing said", IDLE_TURNS, s);
}

// Half of the ranks leave, the others hold markets and are not heard of again.
static void bench_losses(struct bench *bench) {
    const uint64_t want = LIVE, half = (uint64_t)bench->workers / 2;
    for (int worker = 0; worker < bench->workers; worker++) {
        const bool leaves = (uint64_t)worker < half;
        say(bench, worker, leaves ? CR_TAG_BYE : CR_TAG_WANT, leaves ? NULL : &want);
    }
    report("rank that leaves", half, turns(bench, (uint64_t)bench->workers));
    // They are all given up in one turn, the longest. Longer gaps between turns would be
    // forgiven.
    double longest_s = 0;
    bool moved = false;
    for (int64_t ms = 0; ms < 2 * LOST_MS; ms += GAP_MS) {
        cr_fake_clock_advance_ms(&bench->fake, GAP_MS);
        const double start = now_s();
        cr_coordinator_step(bench->session.coordinator, &moved);
        const double s = now_s() - start;
        longest_s = s > longest_s ? s : longest_s;
    }
    report("rank that is lost", (uint64_t)bench->workers - half, longest_s);
}

static void allocate(struct bench *bench) {
    const size_t n = (size_t)bench->workers;
    bench->granted = cr_calloc(n * LIVE, sizeof *bench->granted);
    bench->held = cr_calloc(n, sizeof *bench->held);
    bench->is_welcome = cr_calloc(n, sizeof *bench->is_welcome);
    bench->is_over = cr_calloc(n, sizeof *bench->is_over);
    if (bench->granted == NULL || bench->held == NULL || bench->is_welcome == NULL ||
        bench->is_over == NULL) {
        exit(1);
    }
    memset(bench->text, 'x', TEXT_BYTES);
    cr_buf_init(&bench->message, CR_MESSAGE_BYTES_MAX);
    bench->fake =
        (struct cr_fake_clock){.now_ns = 1000000000000, .wall_ns = 1700000000000000000};
    bench->clock = cr_clock_fake(&bench->fake);
    bench->options = (struct cr_run_options){.job_path = "job.json",
                                             .shards = 1,
                                             .is_quiet = true,
                                             .sync_ms = 1000,
                                             .grace_ms = 1000,
                                             .lost_ms = LOST_MS,
                                             .max_failed_share = 1,
                                             .version = "bench",
                                             .revision = "bench"};
}

static long resident_kb(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;
}

int main(int argc, char **argv) {
    static struct bench bench;
    bench.workers = argc > 1 ? atoi(argv[1]) : 1000;
    const uint64_t each = argc > 2 ? strtoull(argv[2], NULL, 10) : 20;
    bench.episodes = (uint64_t)bench.workers * each;
    bench.planned = bench.episodes + (uint64_t)bench.workers;
    if (bench.workers < 1 || bench.episodes < 1) {
        fprintf(stderr, "coordinator_bench: RANKS and EPISODES are numbers from 1\n");
        return 2;
    }
    (void)snprintf(bench.dir, sizeof bench.dir, "%.90s/credence-bench-XXXXXX",
                   argc > 3 ? argv[3] : "/tmp");
    if (mkdtemp(bench.dir) == NULL) {
        perror(bench.dir);
        return 1;
    }
    allocate(&bench);
    const long before_kb = resident_kb();
    open_bench(&bench);
    printf("%d emulated workers, %" PRIu64 " episodes\n", bench.workers,
           bench.episodes);
    for (int worker = 0; worker < bench.workers; worker++) {
        say_hello(&bench, worker);
    }
    report("hello, with its welcome", (uint64_t)bench.workers,
           turns(&bench, (uint64_t)bench.workers));
    listen_all(&bench);
    bench_beats(&bench);
    printf("%-28s %10.1f kB a rank, of %ld kB in all\n", "memory",
           (double)(resident_kb() - before_kb) / bench.workers, resident_kb());
    bench_work(&bench);
    bench_idle(&bench);
    bench_losses(&bench);
    fflush(stdout);
    return scratch_remove(bench.dir) == 0 ? 0 : 1;
}
