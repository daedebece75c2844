// The rows. Order here is the order in `plan` and in the manual.
#include "job/keys.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

#include "credence/bench/bench.h"
#include "credence/core/cell.h"
#include "credence/job/job_file.h"
#include "credence/model/client.h"
#include "credence/protocol/protocol.h"

#define LEN(array) (sizeof(array) / sizeof *(array))
#define COUNT_MAX 4294967295.0
#define EXACT_MAX 9007199254740992.0 // 2^53: past it JSON numbers are not exact
#define AT(type, member)                                                               \
    .offset = offsetof(struct type, member), .len_offset = CR_NOWHERE

const char *const cr_api_names[4] = {"openai", "anthropic", "sim", "replay"};

static const struct cr_key limit_keys[] = {
    {"concurrency", CR_KEY_COUNT, "null", 1, 1000000, AT(cr_limits, concurrency),
     .summary = "maximum calls in flight, over the whole job; default: adaptive"},
    {"rpm", CR_KEY_NUMBER, "null", 0.001, 1e12, AT(cr_limits, rpm),
     .summary = "requests a minute, over the whole job"},
    {"tpm", CR_KEY_NUMBER, "null", 0.001, 1e15, AT(cr_limits, tpm),
     .summary = "tokens a minute, over the whole job"},
    {"timeout_s", CR_KEY_NUMBER, "600", 0.001, 1e6, AT(cr_limits, timeout_s),
     .summary = "seconds before an attempt is given up"},
    {"connect_timeout_s", CR_KEY_NUMBER, "10", 0.001, 1e6,
     AT(cr_limits, connect_timeout_s),
     .summary = "seconds before a connection attempt is given up"},
    {"retries", CR_KEY_COUNT, "8", 0, 1000, AT(cr_limits, retries),
     .summary = "further attempts after one that is worth retrying"},
};
static const struct cr_key_table limit_table = {"limits", limit_keys, LEN(limit_keys)};

static const struct cr_key cost_keys[] = {
    {"input", CR_KEY_NUMBER, "0", 0, 1e9, AT(cr_model, cost_input),
     .summary = "dollars per million prompt tokens"},
    {"output", CR_KEY_NUMBER, "0", 0, 1e9, AT(cr_model, cost_output),
     .summary = "dollars per million answer tokens"},
    {"cached", CR_KEY_NUMBER, "null", 0, 1e9, AT(cr_model, cost_cached),
     .absent_is_nan = true,
     .summary = "dollars per million cached prompt tokens; default: as input"},
};
static const struct cr_key_table cost_table = {"cost", cost_keys, LEN(cost_keys)};

static const struct cr_key serve_keys[] = {
    {"command", CR_KEY_TEXTS, "null", AT(cr_serve, command),
     .summary =
         "program and arguments; {port}, {host}, {model} and {gpu} are filled in"},
    {"per", CR_KEY_WORD, "\"node\"", .from = CR_NAMES_PER, AT(cr_serve, per),
     .summary = "one server for each of these"},
    {"health", CR_KEY_TEXT, "\"/health\"", AT(cr_serve, health),
     .summary = "path that answers 200 when the server is ready"},
    {"port", CR_KEY_COUNT, "null", 1, 65535, AT(cr_serve, port),
     .summary = "port to listen on; default: any free one"},
    {"startup_s", CR_KEY_NUMBER, "600", 0.1, 1e5, AT(cr_serve, startup_s),
     .summary = "seconds it may take to be ready"},
    {"gpus", CR_KEY_COUNT, "1", 1, 1024, AT(cr_serve, gpus),
     .summary = "devices each server gets when per is gpu"},
    {"env", CR_KEY_OBJECT, "{}", AT(cr_serve, env),
     .summary =
         "variables of its environment: a text, or true to pass on the run's own"},
};
static const struct cr_key_table serve_table = {"serve", serve_keys, LEN(serve_keys)};

static const struct cr_key param_keys[] = {
    {"temperature", CR_KEY_NUMBER, "null", 0, 100, AT(cr_model, temperature),
     .absent_is_nan = true, .shapes = true, .identity = 5,
     .summary = "default: not sent"},
    {"max_tokens", CR_KEY_COUNT, "1024", 1, 10000000, AT(cr_model, max_tokens),
     .shapes = true, .identity = 14, .summary = "maximum tokens of an answer"},
};
const struct cr_key_table cr_keys_params = {"params", param_keys, LEN(param_keys)};

#define DIAL(name_, fallback_, high_, member_, place_, summary_)                       \
    {                                                                                  \
        name_, CR_KEY_NUMBER, fallback_, 0, high_, AT(cr_model, sim.member_),          \
            .apis = CR_API_DIALS, .shapes = (place_) > 0, .identity = (place_),        \
            .summary = (summary_)                                                      \
    }

static const struct cr_key model_keys[] = {
    {"api", CR_KEY_WORD, NULL, .from = CR_NAMES_BACKENDS, AT(cr_model, api),
     .shapes = true,
     .summary = "how to talk to it; sim: simulated agents inside the process"},
    {"model", CR_KEY_TEXT, "null", AT(cr_model, model), .shapes = true, .identity = 1,
     .apis = CR_API_HTTP, .summary = "the model's name on the server"},
    {"endpoints", CR_KEY_TEXTS, "null", .offset = offsetof(struct cr_model, endpoints),
     .len_offset = offsetof(struct cr_model, endpoints_len), .apis = CR_API_HTTP,
     .summary = "base URL or URLs, such as http://127.0.0.1:8000/v1"},
    {"api_key_env", CR_KEY_TEXT, "null", AT(cr_model, api_key_env), .apis = CR_API_HTTP,
     .summary = "environment variable that holds the key"},
    {"api_key_file", CR_KEY_TEXT, "null", AT(cr_model, api_key_file),
     .apis = CR_API_HTTP, .summary = "file of mode 600 that holds the key"},
    {"allow_insecure", CR_KEY_TRUTH, "false", AT(cr_model, allow_insecure),
     .apis = CR_API_HTTP, .summary = "allow a key over plain http to another host"},
    {"dialect", CR_KEY_WORD, "null", .from = CR_NAMES_DIALECTS, AT(cr_model, dialect),
     .apis = CR_API_HTTP,
     .summary = "variant of the api, such as azure; default: the api's own"},
    {"api_version", CR_KEY_TEXT, "null", AT(cr_model, api_version), .apis = CR_API_HTTP,
     .summary = "version the server asks for (azure, anthropic)"},
    {"params", CR_KEY_MAP, "{}", AT(cr_model, params), .shapes = true, .identity = 2,
     .apis = CR_API_HTTP, .group = &cr_keys_params,
     .summary = "sampling; keys other than these go into the request as they are"},
    {"extra", CR_KEY_OBJECT, "{}", AT(cr_model, extra), .shapes = true, .identity = 3,
     .apis = CR_API_HTTP, .summary = "provider-specific fields of the request body"},
    {"structured", CR_KEY_WORD, "\"auto\"", .from = CR_NAMES_STRUCTURED,
     AT(cr_model, structured), .shapes = true, .identity = 4, .apis = CR_API_HTTP,
     .summary = "how the server is asked for JSON"},
    {"system_role", CR_KEY_WORD, "null", .from = CR_NAMES_SYSTEM_ROLES,
     AT(cr_model, system_role), .shapes = true, .identity = CR_IDENTITY_BY_NAME,
     .apis = CR_API_OPENAI,
     .summary = "who speaks the system prompt; user: it precedes the first user turn; "
                "default: system, or what the server is found to take"},
    {"send_seed", CR_KEY_TRUTH, "true", AT(cr_model, send_seed), .shapes = true,
     .identity = 15, .apis = CR_API_HTTP, .summary = "send each call's seed"},
    {"headers", CR_KEY_MAP, "{}", .offset = CR_NOWHERE, .apis = CR_API_HTTP,
     .summary = "further request headers, name: value; no keys here"},
    {"unix_socket", CR_KEY_TEXT, "null", AT(cr_model, unix_socket), .apis = CR_API_HTTP,
     .summary = "connect through this Unix socket"},
    {"proxy", CR_KEY_TEXT, "null", AT(cr_model, proxy), .apis = CR_API_HTTP,
     .summary =
         "proxy URL, or \"none\"; default: as http_proxy, https_proxy and no_proxy "
         "say, and never for loopback, Unix sockets and served models"},
    {"limits", CR_KEY_GROUP, "{}", .group = &limit_table, AT(cr_model, limits),
     .summary = "rate and concurrency limits"},
    {"cost", CR_KEY_GROUP, "{}", .group = &cost_table, .offset = 0,
     .len_offset = CR_NOWHERE, .summary = "prices"},
    {"serve", CR_KEY_GROUP, "{}", .group = &serve_table, AT(cr_model, serve),
     .apis = CR_API_HTTP, .summary = "a server that the run starts itself"},
    DIAL("competence", "0.7", 1, competence, 6,
         "how likely a belief is on the true side"),
    DIAL("noise", "0.3", 1, noise, 7, "spread of a belief and of a move"),
    DIAL("stubbornness", "0.5", 1, stubbornness, 8,
         "share of the way to an argument that the maker does not go"),
    DIAL("persuasion", "0.5", 1, persuasion, 9,
         "how likely an argument moves the maker at all"),
    DIAL("strength", "0.5", 1, strength, 10, "of an adversary's argument"),
    DIAL("malformed", "0", 1, malformed, 11, "share of replies that are unusable"),
    DIAL("failures", "0", 1, failures, 0, "share of attempts that fail"),
    DIAL("latency_ms", "0", 1e6, latency_ms, 0, "mean time to answer"),
    {"behaviour", CR_KEY_CHOICE, "\"belief\"", .from = CR_NAMES_BEHAVIOURS,
     AT(cr_model, sim.behaviour), .apis = CR_API_DIALS, .shapes = true, .identity = 13,
     .summary = "how its prices move"},
    DIAL("rate", "0.5", 1, rate, 12, "of contraction and trend"),
    {"tapes", CR_KEY_TEXTS, "null", .offset = offsetof(struct cr_model, tapes),
     .len_offset = offsetof(struct cr_model, tapes_len), .apis = CR_API_REPLAY,
     .summary = "run directories or tape files that answer"},
};
const struct cr_key_table cr_keys_model = {"a model", model_keys, LEN(model_keys)};

static const struct cr_key benchmark_keys[] = {
    {"format", CR_KEY_WORD, NULL, .from = CR_NAMES_FORMATS, AT(cr_benchmark, format),
     .shapes = true, .summary = "what the file is"},
    {"path", CR_KEY_TEXT, NULL, AT(cr_benchmark, path),
     .summary = "the file, relative to the job file"},
    {"framing", CR_KEY_CHOICE, "\"binary\"", .from = CR_NAMES_FRAMINGS,
     AT(cr_benchmark, framing), .shapes = true, .summary = "what is priced"},
    {"pairing", CR_KEY_CHOICE, "\"both\"", .from = CR_NAMES_PAIRINGS,
     AT(cr_benchmark, pairing), .shapes = true,
     .summary = "a true and a false proposition of each item, or one by seed"},
    {"columns", CR_KEY_BINDINGS, "{}", AT(cr_benchmark, columns), .shapes = true,
     .identity = CR_IDENTITY_BY_NAME,
     .summary = "what the format reads: the file's column, or a list of them; a path "
                "with dots goes into nested JSON"},
    {"answers", CR_KEY_WORD, "\"auto\"", .from = CR_NAMES_ANSWERS,
     AT(cr_benchmark, answers), .shapes = true, .identity = CR_IDENTITY_BY_NAME,
     .summary =
         "table: how the right option is written; auto: the one way that fits all "
         "items"},
    {"range", CR_KEY_RANGE, "null", AT(cr_benchmark, low), .shapes = true,
     .identity = CR_IDENTITY_BY_NAME,
     .summary = "table: [low, high] of every quantity; default: columns low and high"},
    {"unit", CR_KEY_TEXT, "null", AT(cr_benchmark, unit), .shapes = true,
     .identity = CR_IDENTITY_BY_NAME, .summary = "table: unit of every quantity"},
    {"cluster", CR_KEY_TEXT, "null", AT(cr_benchmark, cluster), .shapes = true,
     .identity = CR_IDENTITY_BY_NAME,
     .summary =
         "column that names what questions share (a passage): statistics cluster "
         "on it"},
    {"keep", CR_KEY_BINDINGS, "[]", 1, 1, AT(cr_benchmark, keep), .shapes = true,
     .identity = CR_IDENTITY_BY_NAME,
     .summary = "columns that go into run.h5 and are factors of analyze --by "
                "item.COLUMN: a list, or NAME: column"},
    {"where", CR_KEY_BINDINGS, "{}", AT(cr_benchmark, where), .shapes = true,
     .identity = CR_IDENTITY_BY_NAME,
     .summary =
         "only items whose column has this value, or one of these: column: value"},
    {"sample", CR_KEY_COUNT64, "null", 1, EXACT_MAX, AT(cr_benchmark, sample),
     .shapes = true, .identity = CR_IDENTITY_BY_NAME,
     .summary = "items drawn by the seed, after where, offset and limit"},
    {"stratify", CR_KEY_TEXT, "null", AT(cr_benchmark, stratify), .shapes = true,
     .identity = CR_IDENTITY_BY_NAME,
     .summary = "column whose values keep their shares in the sample"},
    {"limit", CR_KEY_COUNT64, "null", 1, EXACT_MAX, AT(cr_benchmark, limit),
     .summary = "maximum items"},
    {"offset", CR_KEY_COUNT64, "0", 0, EXACT_MAX, AT(cr_benchmark, offset),
     .shapes = true, .summary = "items to skip"},
};
const struct cr_key_table cr_keys_benchmark = {"a benchmark", benchmark_keys,
                                               LEN(benchmark_keys)};

static const struct cr_key stop_keys[] = {
    {"rule", CR_KEY_CHOICE, "\"range\"", .from = CR_NAMES_RULES, AT(cr_stop, rule),
     .shapes = true, .summary = "when a market is in equilibrium"},
    {"window", CR_KEY_COUNT, "3", 2, CR_WINDOW_MAX, AT(cr_stop, window), .shapes = true,
     .summary = "judgments the rule looks at"},
    {"threshold", CR_KEY_NUMBER, "0.2", 0, 1, AT(cr_stop, threshold), .shapes = true,
     .summary = "the largest range of an equilibrium"},
};
static const struct cr_key_table stop_table = {"stop", stop_keys, LEN(stop_keys)};

static const struct cr_key prompts_keys[] = {
    {"maker", CR_KEY_CHOICE, "\"paper\"", .from = CR_NAMES_PROMPTS, .offset = 0,
     .len_offset = CR_NOWHERE, .shapes = true,
     .summary = "the set of who sets the price"},
    {"trader", CR_KEY_CHOICE, "\"paper\"", .from = CR_NAMES_PROMPTS,
     .offset =
         offsetof(struct cr_cell, prompts_trader) - offsetof(struct cr_cell, prompts),
     .len_offset = CR_NOWHERE, .shapes = true, .summary = "the set of who argues"},
};
static const struct cr_key_table prompts_table = {"prompts", prompts_keys,
                                                  LEN(prompts_keys)};

static const struct cr_key room_keys[] = {
    {"liquidity", CR_KEY_NUMBER, "1", 0.001, 1e6, AT(cr_room, liquidity),
     .shapes = true, .summary = "of the market maker, b, in wallets of a trader"},
    {"sizing", CR_KEY_CHOICE, "\"kelly\"", .from = CR_NAMES_SIZINGS,
     AT(cr_room, sizing), .shapes = true,
     .summary = "how much a trader bets: by Kelly's rule, the stake that it names, or "
                "all the way to its belief"},
    {"prior", CR_KEY_NUMBER, "null", 0.001, 0.999, AT(cr_room, prior), .shapes = true,
     .summary = "the price that a room opens at; default: all outcomes alike"},
    {"adversary", CR_KEY_NUMBER, "0", 0, 1e6, AT(cr_room, adversary), .shapes = true,
     .summary = "wallets of the last trader, who then trades against the truth; 0: it "
                "is one of the others"},
};
static const struct cr_key_table room_table = {"room", room_keys, LEN(room_keys)};

static const struct cr_key cell_keys[] = {
    {"protocol", CR_KEY_CHOICE, "\"market\"", .from = CR_NAMES_PROTOCOLS,
     AT(cr_cell, protocol), .shapes = true, .summary = "what is run"},
    {"benchmark", CR_KEY_CHOICE, NULL, .from = CR_NAMES_BENCHMARKS,
     AT(cr_cell, benchmark), .shapes = true, .summary = "what is priced"},
    {"maker", CR_KEY_CHOICE, NULL, .from = CR_NAMES_MODELS, AT(cr_cell, maker),
     .shapes = true, .summary = "the model that prices"},
    {"trader", CR_KEY_CHOICES, "null", .from = CR_NAMES_MODELS,
     .offset = offsetof(struct cr_cell, traders),
     .len_offset = offsetof(struct cr_cell, traders_len), .shapes = true,
     .summary = "the model or models that argue; default: the maker"},
    {"stance", CR_KEY_CHOICE, "\"free\"", .from = CR_NAMES_STANCES, AT(cr_cell, stance),
     .shapes = true, .summary = "what the trader argues for"},
    {"elicitation", CR_KEY_CHOICE, "\"verbal\"", .from = CR_NAMES_ELICITATIONS,
     AT(cr_cell, elicitation), .shapes = true, .summary = "how a price is read"},
    {"held", CR_KEY_CHOICE, "\"none\"", .from = CR_NAMES_HELD, AT(cr_cell, held),
     .shapes = true,
     .summary = "a second reading before each judgment, by logprobs of a yes or no; "
                "both: and the judgment after an empty turn"},
    {"order", CR_KEY_CHOICE, "\"turn\"", .from = CR_NAMES_ORDERS, AT(cr_cell, order),
     .shapes = true, .summary = "in which order several traders speak"},
    {"prompts", CR_KEY_SIDES, "\"paper\"", .from = CR_NAMES_PROMPTS,
     AT(cr_cell, prompts), .group = &prompts_table, .shapes = true,
     .summary = "a shipped set or a folder; one name, or {\"maker\", \"trader\"}"},
    {"replicates", CR_KEY_COUNT, "1", 1, 1000000, AT(cr_cell, replicates),
     .summary = "runs of every proposition"},
    {"samples", CR_KEY_COUNT, "5", 1, CR_SAMPLES_MAX, AT(cr_cell, samples),
     .shapes = true,
     .summary = "answers of self_consistency and of sampled elicitation"},
    {"rounds", CR_KEY_COUNT, "3", 1, CR_ITERATIONS_MAX, AT(cr_cell, rounds),
     .shapes = true, .summary = "of a debate, or of a room"},
    {"memory", CR_KEY_COUNT, "0", 0, CR_ITERATIONS_MAX, AT(cr_cell, memory),
     .shapes = true, .summary = "turns the maker remembers; 0: all"},
    {"repairs", CR_KEY_COUNT, "2", 0, 16, AT(cr_cell, repairs), .shapes = true,
     .summary = "follow-up turns after an unusable reply"},
    {"price_steps", CR_KEY_TRUTH, "false", AT(cr_cell, price_steps), .shapes = true,
     .summary = "where answers follow a schema, list the prices in steps of 0.01, for "
                "servers that do not hold a number to its range; rounds what is said"},
    {"chain_of_thought", CR_KEY_TRUTH, "true", AT(cr_cell, chain_of_thought),
     .shapes = true, .summary = "reasoning before the price"},
    {"stop_early", CR_KEY_TRUTH, "true", AT(cr_cell, stop_early), .shapes = true,
     .summary = "false: run to max_iterations, so that analyze --what-if can ask any "
                "rule later; a further cell, NAME to the end, keeps the whole length"},
    {"max_iterations", CR_KEY_COUNT, "10", 0, CR_ITERATIONS_MAX,
     AT(cr_cell, stop.max_iterations), .shapes = true,
     .summary = "maximum arguments; there is one price more"},
    {"stop", CR_KEY_GROUP, "{}", .group = &stop_table, AT(cr_cell, stop),
     .shapes = true, .summary = "the equilibrium"},
    {"room", CR_KEY_GROUP, "{}", .group = &room_table, AT(cr_cell, room),
     .shapes = true, .summary = "of lmsr: the automaton that traders trade with"},
};
const struct cr_key_table cr_keys_cell = {"a cell", cell_keys, LEN(cell_keys)};

static const struct cr_key budget_keys[] = {
    {"usd", CR_KEY_NUMBER, "null", 0, 1e12, AT(cr_job, budget.usd),
     .summary = "dollars"},
    {"calls", CR_KEY_COUNT64, "null", 1, EXACT_MAX, AT(cr_job, budget.calls),
     .summary = "calls"},
    {"tokens", CR_KEY_COUNT64, "null", 1, EXACT_MAX, AT(cr_job, budget.tokens),
     .summary = "tokens, in and out"},
    {"wall_s", CR_KEY_NUMBER, "null", 0.001, 1e9, AT(cr_job, budget.wall_s),
     .summary = "seconds of a launch"},
};
static const struct cr_key_table budget_table = {"budget", budget_keys,
                                                 LEN(budget_keys)};

static const struct cr_key output_keys[] = {
    {"text", CR_KEY_TRUTH, "true", AT(cr_job, output_text),
     .summary = "transcripts in run.h5 too, not on the tape alone"},
    {"group", CR_KEY_TRUTH, "false", AT(cr_job, output_group),
     .summary = "the run directory is open to the group, not to its owner alone"},
};
static const struct cr_key_table output_table = {"output", output_keys,
                                                 LEN(output_keys)};

static const struct cr_key hypothesis_keys[] = {
    {"name", CR_KEY_TEXT, NULL, AT(cr_hypothesis, name), .summary = "a title"},
    {"contrast", CR_KEY_CHOICE, NULL, .from = CR_NAMES_CONTRASTS,
     AT(cr_hypothesis, contrast),
     .summary = "what is compared, paired by proposition: points at the end, points "
                "gained from opening to end (of one cell: against none), Brier score, "
                "or ln q of a truthful cell less ln (1 - q) of an adversarial one"},
    {"direction", CR_KEY_CHOICE, "\"two-sided\"", .from = CR_NAMES_EXPECTED,
     AT(cr_hypothesis, direction),
     .summary = "expected of the first cell less the second"},
    {"cells", CR_KEY_TEXTS, NULL, .offset = offsetof(struct cr_hypothesis, cells),
     .len_offset = offsetof(struct cr_hypothesis, cells_len),
     .summary = "the names of the two cells (plan prints them); of one, for gain"},
};
const struct cr_key_table cr_keys_hypothesis = {"a hypothesis", hypothesis_keys,
                                                LEN(hypothesis_keys)};

static const struct cr_key job_keys[] = {
    {"name", CR_KEY_TEXT, NULL, AT(cr_job, name), .summary = "a title, for people"},
    {"seed", CR_KEY_COUNT64, "1", 0, EXACT_MAX, AT(cr_job, seed), .shapes = true,
     .summary = "every random choice comes from it"},
    {"models", CR_KEY_MAP, NULL, .group = &cr_keys_model, .offset = CR_NOWHERE,
     .shapes = true, .summary = "models by name"},
    {"benchmarks", CR_KEY_MAP, NULL, .group = &cr_keys_benchmark, .offset = CR_NOWHERE,
     .shapes = true, .summary = "benchmarks by name"},
    {"cell", CR_KEY_MAP, NULL, .group = &cr_keys_cell, .offset = CR_NOWHERE,
     .shapes = true, .summary = "the configuration that the grid varies"},
    {"grid", CR_KEY_MAP, "{}", .offset = CR_NOWHERE, .shapes = true,
     .summary = "axes: a path into cell, and its values; their cross product is run"},
    {"exclude", CR_KEY_LIST, "[]", .offset = CR_NOWHERE, .shapes = true,
     .summary = "points of the grid that are left out: path: value or values"},
    {"cells", CR_KEY_LIST, "[]", .offset = CR_NOWHERE, .shapes = true,
     .summary = "further cells, each what it changes of cell, with a name if wished"},
    {"hypotheses", CR_KEY_LIST, "[]", .group = &cr_keys_hypothesis,
     .offset = CR_NOWHERE,
     .summary = "what the study expects to find, locked at its first launch"},
    {"budget", CR_KEY_GROUP, "{}", .group = &budget_table, .offset = 0,
     .len_offset = CR_NOWHERE, .summary = "limits of the whole job"},
    {"output", CR_KEY_GROUP, "{}", .group = &output_table, .offset = 0,
     .len_offset = CR_NOWHERE, .summary = "what is written"},
    {"cache", CR_KEY_TEXTS, "null", .offset = offsetof(struct cr_job, caches),
     .len_offset = offsetof(struct cr_job, caches_len),
     .summary = "other runs' directories whose tapes may answer"},
};
const struct cr_key_table cr_keys_job = {"a job", job_keys, LEN(job_keys)};

const struct cr_key *cr_key_find(const struct cr_key_table *table, const char *path,
                                 size_t *offset) {
    size_t len = strcspn(path, ".");
    for (size_t i = 0; i < table->len; i++) {
        const struct cr_key *key = &table->keys[i];
        if (strncmp(key->name, path, len) != 0 || key->name[len] != '\0') {
            continue;
        }
        size_t at = key->offset;
        if (path[len] == '.') {
            size_t inner = 0;
            key = key->type == CR_KEY_GROUP || key->type == CR_KEY_SIDES
                      ? cr_key_find(key->group, path + len + 1, &inner)
                      : NULL;
            at += inner;
        }
        *offset = at;
        return key;
    }
    return NULL;
}

// The words a job file may use, from the tables that give them their meaning.

#define LEN(array) (sizeof(array) / sizeof *(array))

static const char *const structured[] = {"auto", "json_schema", "json_object", "none"};
static const char *const system_roles[] = {"system", "developer", "user"};
static const char *const per[] = {"node", "gpu", "job"};
static const char *const pairings[] = {
    [CR_PAIRING_BOTH] = "both", [CR_PAIRING_ONE] = "one"};

static const char *protocol_at(size_t index) {
    return cr_protocol_name((uint32_t)index);
}

// Either a list, or a function of the index.
struct source {
    const char *const *list;
    size_t list_len;
    size_t (*count)(void);
    const char *(*at)(size_t index);
};

static const struct source sources[CR_NAMES_OF_JOB] = {
    [CR_NAMES_BACKENDS] = {.count = cr_backend_count, .at = cr_backend_name},
    [CR_NAMES_DIALECTS] = {.count = cr_dialect_count, .at = cr_dialect_name},
    [CR_NAMES_STRUCTURED] = {.list = structured, .list_len = LEN(structured)},
    [CR_NAMES_SYSTEM_ROLES] = {.list = system_roles, .list_len = LEN(system_roles)},
    [CR_NAMES_PER] = {.list = per, .list_len = LEN(per)},
    [CR_NAMES_BEHAVIOURS] = {.list = cr_sim_behaviour_names,
                             .list_len = CR_SIM_BEHAVIOURS},
    [CR_NAMES_FORMATS] = {.count = cr_bench_count, .at = cr_bench_name},
    [CR_NAMES_FRAMINGS] = {.list = cr_space_names, .list_len = 3},
    [CR_NAMES_ANSWERS] = {.list = cr_bench_answers, .list_len = CR_BENCH_ANSWERS},
    [CR_NAMES_PAIRINGS] = {.list = pairings, .list_len = LEN(pairings)},
    [CR_NAMES_PROTOCOLS] = {.count = cr_protocol_count, .at = protocol_at},
    [CR_NAMES_STANCES] = {.list = cr_stance_names, .list_len = CR_STANCE_COUNT},
    [CR_NAMES_ELICITATIONS] = {.list = cr_elicitation_names,
                               .list_len = CR_ELICIT_COUNT},
    [CR_NAMES_SIZINGS] = {.list = cr_sizing_names, .list_len = CR_SIZING_COUNT},
    [CR_NAMES_HELD] = {.list = cr_held_names, .list_len = CR_HELD_COUNT},
    [CR_NAMES_ORDERS] = {.list = cr_order_names, .list_len = CR_ORDER_COUNT},
    [CR_NAMES_RULES] = {.list = cr_stop_rule_names, .list_len = CR_STOP_RULE_COUNT},
    [CR_NAMES_CONTRASTS] = {.list = cr_contrast_names, .list_len = CR_CONTRASTS},
    [CR_NAMES_EXPECTED] = {.list = cr_expected_names, .list_len = CR_EXPECTED_COUNT},
};

size_t cr_names_known(enum cr_names_from from, const char *out[CR_KNOWN_NAMES_MAX]) {
    if (from >= CR_NAMES_OF_JOB) {
        return 0;
    }
    const struct source *source = &sources[from];
    size_t len = source->count != NULL ? source->count() : source->list_len;
    for (size_t i = 0; i < len && i < CR_KNOWN_NAMES_MAX; i++) {
        out[i] = source->at != NULL ? source->at(i) : source->list[i];
    }
    return len < CR_KNOWN_NAMES_MAX ? len : CR_KNOWN_NAMES_MAX;
}

// The keys of the job file for people: help and the manual.

struct docs {
    struct cr_job_key *out;
    size_t cap;
    size_t len;
};

static void names_type(const struct cr_key *key, char *out, size_t bytes) {
    const char *names[CR_KNOWN_NAMES_MAX];
    size_t len = cr_names_known(key->from, names), used = 0;
    static const char *const of_job[] = {"a model", "a benchmark", "a prompt set"};
    if (len == 0) {
        snprintf(out, bytes, "%s%s", of_job[key->from - CR_NAMES_OF_JOB],
                 key->type == CR_KEY_CHOICES ? " or a list of them"
                 : key->type == CR_KEY_SIDES ? " or an object of two"
                                             : "");
        return;
    }
    for (size_t i = 0; i < len && used + 1 < bytes; i++) {
        int n = snprintf(out + used, bytes - used, "%s%s", i > 0 ? ", " : "", names[i]);
        used += n < 0 ? 0 : (size_t)n;
    }
}

static void describe_type(const struct cr_key *key, char *out, size_t bytes) {
    static const char *const words[CR_KEY_TYPE_COUNT] = {
        [CR_KEY_TEXT] = "text",
        [CR_KEY_TEXTS] = "text or a list of texts",
        [CR_KEY_TRUTH] = "true or false",
        [CR_KEY_OBJECT] = "an object",
        [CR_KEY_BINDINGS] = "an object",
        [CR_KEY_RANGE] = "[low, high]",
        [CR_KEY_GROUP] = "an object",
        [CR_KEY_LIST] = "a list",
        [CR_KEY_MAP] = "an object",
        [CR_KEY_NUMBER] = "a number",
        [CR_KEY_COUNT] = "a whole number",
        [CR_KEY_COUNT64] = "a whole number"};
    bool is_number = key->type == CR_KEY_NUMBER || key->type == CR_KEY_COUNT ||
                     key->type == CR_KEY_COUNT64;
    if (key->from != CR_NAMES_NONE) {
        names_type(key, out, bytes);
    } else if (is_number) {
        snprintf(out, bytes, "%s from %.16g to %.16g", words[key->type], key->low,
                 key->high);
    } else {
        snprintf(out, bytes, "%s", words[key->type]);
    }
}

static void add_table(struct docs *docs, const struct cr_key_table *table,
                      const char *prefix) {
    for (size_t i = 0; i < table->len; i++) {
        const struct cr_key *key = &table->keys[i];
        struct cr_job_key row = {.fallback = key->fallback, .summary = key->summary};
        snprintf(row.path, sizeof row.path, "%s%s%s", prefix, *prefix ? "." : "",
                 key->name);
        describe_type(key, row.type, sizeof row.type);
        if (docs->len < docs->cap) {
            docs->out[docs->len] = row;
        }
        docs->len++;
        if (key->group != NULL) {
            char inner[sizeof row.path + 2];
            bool is_named = key->group == &cr_keys_model ||
                            key->group == &cr_keys_benchmark; // by names of the user's
            snprintf(inner, sizeof inner, "%s%s", row.path, is_named ? ".*" : "");
            add_table(docs, key->group, inner);
        }
    }
}

size_t cr_job_keys(struct cr_job_key *out, size_t cap) {
    struct docs docs = {out, cap, 0};
    add_table(&docs, &cr_keys_job, "");
    return docs.len;
}
