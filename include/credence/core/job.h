// job.h - a job as it was understood: models, benchmarks, cells. Data only.
//
// Layer    core (1); read by job/job.c
// Threads  read-only after it was made
// MPI      every rank builds the same one from the same bytes
#ifndef CREDENCE_CORE_JOB_H
#define CREDENCE_CORE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/hash.h"
#include "credence/base/mem.h"
#include "credence/core/benchmark.h"
#include "credence/core/cell.h"
#include "credence/core/hypothesis.h"

struct cr_prompt_set; // prompt.h

// The dials of the sim backend (api "sim"); ranges in brackets.
struct cr_sim_dials {
    double competence; // [0,1] how likely an agent's private belief is on the true side
    double noise;      // [0,1] spread of a belief and of a move
    double stubbornness; // [0,1] share of the way to an argument the maker does NOT go
    double persuasion;   // [0,1] how likely an argument moves the maker at all
    double strength;     // [0,1] of an adversary's argument
    double malformed;    // [0,1] share of replies without a usable answer
    double failures;     // [0,1] share of attempts that fail like a server
    double latency_ms;   // mean, exponential; recorded and waited for
    uint32_t behaviour;  // index into cr_sim_behaviour_names
    double rate; // of all behaviours but belief and oscillator: see sim/README.md
};

struct cr_limits {
    uint32_t concurrency; // 0: adaptive
    double rpm, tpm;      // 0: none
    double timeout_s;
    double connect_timeout_s;
    uint32_t retries; // attempts after the first
};

struct cr_serve {               // a server the run starts itself
    const char *const *command; // NULL-terminated argv template; NULL: no server
    const char *per;            // "node", "gpu" or "job"
    const char *health;         // path, "/health"
    uint32_t port;              // 0: any free one
    double startup_s;
    uint32_t gpus;   // devices a server gets when per = "gpu"
    const char *env; // JSON object: NAME: text, or NAME: true for the run's own
};

struct cr_header {
    const char *name, *value;
};

struct cr_model {
    const char *name; // the key in the job file
    const char *api;  // "openai", "anthropic", "sim", "replay"
    const char *model;
    uint32_t endpoints_len;
    const char *const *endpoints; // base URLs
    const char *api_key_env;      // NULL: none
    const char *api_key_file;     // NULL: none; must be mode 0600
    bool allow_insecure;          // a key over plain http to another host
    const char *dialect; // "openai" (default), "azure", ...: a row of model/dialect.c
    const char *api_version; // azure
    const char *params;      // JSON object merged into the request body; "{}" at least
    const char *extra;       // JSON object, provider-specific body fields
    uint32_t max_tokens;
    double temperature;      // NaN: not sent
    const char *structured;  // "auto", "json_schema", "json_object", "none"
    const char *system_role; // "system", "developer", "user"; NULL: found out
    bool send_seed;
    struct cr_header *headers;
    uint32_t headers_len;
    const char *unix_socket; // NULL: none
    const char *proxy;       // a URL, or "none"; NULL: as the environment says
    struct cr_limits limits;
    double cost_input, cost_output, cost_cached; // dollars per million tokens
    struct cr_serve serve;
    struct cr_sim_dials sim;
    const char *const *tapes; // api "replay": run directories or tape files
    uint32_t tapes_len;
    struct cr_hash identity; // of what changes an answer: model, params, extra, dials
};

struct cr_budget {
    double usd;      // 0: none
    uint64_t calls;  // 0: none
    uint64_t tokens; // 0: none
    double wall_s;   // 0: none
};

struct cr_axis { // for readable names and for plan
    const char *path;
    uint32_t values_len;
};

struct cr_job {
    const char *name;
    uint64_t seed;
    struct cr_model *models;
    uint32_t models_len;
    struct cr_benchmark *benchmarks;
    uint32_t benchmarks_len;
    const struct cr_prompt_set **prompts;
    uint32_t prompts_len;
    struct cr_cell *cells;
    uint32_t cells_len;
    struct cr_axis *axes;
    uint32_t axes_len;
    struct cr_hypothesis *hypotheses;
    uint32_t hypotheses_len;
    struct cr_budget budget;
    bool output_text;          // transcripts in run.h5 too
    bool output_group;         // files of the run directory are the group's too
    const char *const *caches; // other runs' directories whose tapes may answer
    uint32_t caches_len;
    const char *resolved; // the whole job as understood, JSON, indented, no secrets
    const char *identity_json; // the part that makes two jobs the same job, JSON
    struct cr_hash identity;
    bool is_simulated;      // any cell uses a sim model
    uint32_t shard, shards; // this launch's part: 0 of 1 for all
    struct cr_arena arena;
};
#endif
