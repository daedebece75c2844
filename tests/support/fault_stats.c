// fault_stats.c - counters, and one entry for each distinct request.
#include "fault_stats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CLOCKS_US = 5000 }; // a wait told as a date is counted by another clock

static struct fault_seen *slot(const struct fault_table *table, uint64_t identity) {
    size_t i = identity & (table->cap - 1);
    while (table->at[i].attempts != 0 && table->at[i].identity != identity) {
        i = (i + 1) & (table->cap - 1);
    }
    return &table->at[i];
}

static void grow(struct fault_table *table) {
    struct fault_table wider = {.cap = table->cap ? table->cap * 2 : 1024,
                                .len = table->len};
    wider.at = calloc(wider.cap, sizeof *wider.at);
    if (wider.at == NULL) {
        abort();
    }
    for (size_t i = 0; i < table->cap; i++) {
        if (table->at[i].attempts != 0) {
            *slot(&wider, table->at[i].identity) = table->at[i];
        }
    }
    free(table->at);
    *table = wider;
}

struct fault_seen *fault_table_get(struct fault_table *table, uint64_t identity) {
    if (table->len * 2 >= table->cap) {
        grow(table);
    }
    struct fault_seen *seen = slot(table, identity);
    if (seen->attempts == 0) {
        seen->identity = identity;
        table->len++;
    }
    return seen;
}

static void account(struct fault_stats *stats, int64_t now_us) {
    if (stats->first_us == 0) {
        stats->first_us = now_us;
        stats->changed_us = now_us;
    }
    stats->in_flight_us +=
        (double)(now_us - stats->changed_us) * (double)stats->in_flight;
    stats->changed_us = now_us;
    stats->last_us = now_us;
}

void fault_stats_enter(struct fault_stats *stats, int64_t now_us) {
    account(stats, now_us);
    stats->in_flight++;
    if (stats->in_flight > stats->in_flight_max) {
        stats->in_flight_max = stats->in_flight;
    }
}

void fault_stats_leave(struct fault_stats *stats, int64_t now_us) {
    account(stats, now_us);
    stats->in_flight--;
}

static struct fault_pause *pause_of(struct fault_stats *stats, const char *model) {
    for (unsigned i = 0; i < stats->pauses_len; i++) {
        if (strcmp(stats->pauses[i].model, model) == 0) {
            return &stats->pauses[i];
        }
    }
    return NULL;
}

struct fault_seen *fault_stats_request(struct fault_stats *stats, const char *model,
                                       uint64_t identity, int64_t now_us) {
    struct fault_seen *seen = fault_table_get(&stats->table, identity);
    const struct fault_pause *pause = pause_of(stats, model);
    stats->requests++;
    stats->again += seen->answered > 0;
    stats->retry_early += now_us + CLOCKS_US < seen->not_before_us;
    // Replies and messages may be under way for long on a busy machine.
    stats->pause_early += pause != NULL &&
                          now_us > (pause->from_us + pause->until_us) / 2 &&
                          now_us + CLOCKS_US < pause->until_us;
    seen->attempts++;
    return seen;
}

void fault_stats_pause(struct fault_stats *stats, const char *model,
                       struct fault_seen *seen, int64_t now_us, int64_t until_us) {
    struct fault_pause *pause = pause_of(stats, model);
    seen->not_before_us = until_us;
    if (pause == NULL && stats->pauses_len < FAULT_MODELS_MAX) {
        pause = &stats->pauses[stats->pauses_len++];
        snprintf(pause->model, sizeof pause->model, "%s", model);
    }
    if (pause != NULL && until_us > pause->until_us) {
        pause->from_us = now_us;
        pause->until_us = until_us;
    }
}

void fault_stats_answered(struct fault_stats *stats, uint64_t identity) {
    stats->answered++;
    fault_table_get(&stats->table, identity)->answered++;
}

static cJSON *faults_json(const struct fault_script *script) {
    cJSON *faults = cJSON_CreateObject();
    for (unsigned i = 0; i < script->rules_len; i++) {
        const struct fault_rule *rule = &script->rules[i];
        const cJSON *before = cJSON_GetObjectItemCaseSensitive(faults, rule->name);
        double met = (double)rule->met + (before != NULL ? before->valuedouble : 0);
        cJSON_DeleteItemFromObjectCaseSensitive(faults, rule->name);
        cJSON_AddNumberToObject(faults, rule->name, met);
    }
    return faults;
}

cJSON *fault_stats_json(const struct fault_stats *stats,
                        const struct fault_script *script) {
    double span_us = (double)(stats->last_us - stats->first_us);
    const struct {
        const char *name;
        double value;
    } numbers[] = {
        {"requests", (double)stats->requests},
        {"distinct", (double)stats->table.len},
        {"answered", (double)stats->answered},
        {"again", (double)stats->again},
        {"others", (double)stats->others},
        {"retry_early", (double)stats->retry_early},
        {"pause_early", (double)stats->pause_early},
        {"bytes_in", (double)stats->bytes_in},
        {"in_flight", stats->in_flight},
        {"in_flight_max", stats->in_flight_max},
        {"in_flight_mean", span_us > 0 ? stats->in_flight_us / span_us : 0},
        {"span_s", span_us / 1e6},
    };
    cJSON *json = cJSON_CreateObject();
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        cJSON_AddNumberToObject(json, numbers[i].name, numbers[i].value);
    }
    cJSON_AddItemToObject(json, "faults", faults_json(script));
    return json;
}

void fault_stats_fini(struct fault_stats *stats) {
    free(stats->table.at);
    if (stats->log != NULL) {
        fclose(stats->log);
    }
    *stats = (struct fault_stats){0};
}
