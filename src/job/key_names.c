// The words a job file may use, from the tables that give them their meaning.
#include "credence/bench/bench.h"
#include "credence/core/cell.h"
#include "credence/model/client.h"
#include "credence/protocol/protocol.h"
#include "job/keys.h"

#define LEN(array) (sizeof(array) / sizeof *(array))

static const char *const structured[] = {"auto", "json_schema", "json_object", "none"};
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
    [CR_NAMES_PER] = {.list = per, .list_len = LEN(per)},
    [CR_NAMES_BEHAVIOURS] = {.list = cr_sim_behaviour_names,
                             .list_len = CR_SIM_BEHAVIOURS},
    [CR_NAMES_FORMATS] = {.count = cr_bench_count, .at = cr_bench_name},
    [CR_NAMES_FRAMINGS] = {.list = cr_space_names, .list_len = 3},
    [CR_NAMES_PAIRINGS] = {.list = pairings, .list_len = LEN(pairings)},
    [CR_NAMES_PROTOCOLS] = {.count = cr_protocol_count, .at = protocol_at},
    [CR_NAMES_STANCES] = {.list = cr_stance_names, .list_len = CR_STANCE_COUNT},
    [CR_NAMES_ELICITATIONS] = {.list = cr_elicitation_names,
                               .list_len = CR_ELICIT_COUNT},
    [CR_NAMES_ORDERS] = {.list = cr_order_names, .list_len = CR_ORDER_COUNT},
    [CR_NAMES_RULES] = {.list = cr_stop_rule_names, .list_len = CR_STOP_RULE_COUNT},
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
