// fault_script.c - rules are tried in the order of the script, the first that fits is
// met. A share is a draw from (seed, request, rule), so that the same job meets the
// same faults in every run, whatever the timing.
#include "fault_script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

const char *const fault_names[FAULT_COUNT] = {
    [FAULT_NONE] = "none",
    [FAULT_SLOW] = "slow",
    [FAULT_DRIP] = "drip",
    [FAULT_STALL] = "stall",
    [FAULT_NEVER] = "never",
    [FAULT_RESET_BEFORE] = "reset_before",
    [FAULT_RESET_MID] = "reset_mid",
    [FAULT_STATUS] = "status",
    [FAULT_REFUSE_FORMAT] = "refuse_format",
    [FAULT_HTML] = "html",
    [FAULT_TRUNCATED] = "truncated",
    [FAULT_WRONG_TYPES] = "wrong_types",
    [FAULT_EMPTY_CHOICES] = "empty_choices",
    [FAULT_NULL_CONTENT] = "null_content",
    [FAULT_ENDLESS] = "endless",
    [FAULT_INVALID_UTF8] = "invalid_utf8",
    [FAULT_FENCED] = "fenced",
    [FAULT_THINK] = "think",
    [FAULT_REASONING] = "reasoning",
    [FAULT_LENGTH] = "length",
    [FAULT_GARBAGE] = "garbage",
    [FAULT_OUT_OF_RANGE] = "out_of_range",
    [FAULT_GZIP] = "gzip",
};

// Every key a rule may have; an unknown one is a typing error.
static const char *const rule_keys[] = {
    "fault",      "faults",      "share",      "per_attempt",   "times",
    "ordinals",   "after",       "most",       "model",         "contains",
    "latency_ms", "drip_ms",     "drip_bytes", "gate",          "headers",
    "retry_as",   "retry_after", "status",     "over_in_flight"};
static const char *const script_keys[] = {"seed", "latency_ms", "latency_spread_ms",
                                          "key", "rules"};

static void refuse(const char *what, const char *which) {
    fprintf(stderr, "fault_server: script: %s%s%s\n", what, which != NULL ? ": " : "",
            which != NULL ? which : "");
    exit(2);
}

static void check_keys(const cJSON *object, const char *const *keys, size_t len) {
    if (!cJSON_IsObject(object)) {
        refuse("an object was expected", NULL);
    }
    for (const cJSON *member = object->child; member != NULL; member = member->next) {
        size_t i = 0;
        while (i < len && strcmp(member->string, keys[i]) != 0) {
            i++;
        }
        if (i == len) {
            refuse("unknown key", member->string);
        }
    }
}

static double number(const cJSON *object, const char *key, double fallback) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    if (value != NULL && !cJSON_IsNumber(value)) {
        refuse("a number was expected", key);
    }
    return value != NULL ? value->valuedouble : fallback;
}

static const char *text(const cJSON *object, const char *key) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object, key);
    if (value != NULL && !cJSON_IsString(value)) {
        refuse("a string was expected", key);
    }
    return value != NULL ? value->valuestring : NULL;
}

// "429" is a status, everything else one of fault_names.
static void read_name(struct fault_rule *rule, const char *name) {
    snprintf(rule->name, sizeof rule->name, "%s", name);
    char *end = NULL;
    long status = strtol(name, &end, 10);
    if (status >= 100 && status <= 599 && *end == '\0') {
        rule->fault = FAULT_STATUS;
        rule->status = (int)status;
        return;
    }
    for (unsigned i = 0; i < FAULT_COUNT; i++) {
        if (strcmp(name, fault_names[i]) == 0) {
            rule->fault = (enum fault)i;
            return;
        }
    }
    refuse("unknown fault", name);
}

static void read_ordinals(struct fault_rule *rule, const cJSON *list) {
    const cJSON *item;
    cJSON_ArrayForEach(item, list) {
        if (!cJSON_IsNumber(item) || rule->ordinals_len == FAULT_ORDINALS_MAX) {
            refuse("too many ordinals, or one that is no number", NULL);
        }
        rule->ordinals[rule->ordinals_len++] = (uint64_t)item->valuedouble;
    }
}

static struct fault_rule read_rule(const cJSON *json, uint64_t group) {
    const char *as = text(json, "retry_as");
    struct fault_rule rule = {
        .group = group,
        .status = (int)number(json, "status", 500),
        .per_attempt = cJSON_IsTrue(cJSON_GetObjectItem(json, "per_attempt")),
        .after = (uint64_t)number(json, "after", 0),
        .most = (uint64_t)number(json, "most", 0),
        .over_in_flight = (unsigned)number(json, "over_in_flight", 0),
        .model = text(json, "model"),
        .contains = text(json, "contains"),
        .gate = text(json, "gate"),
        .latency_ms = (long)number(json, "latency_ms", 0),
        .drip_ms = (long)number(json, "drip_ms", 2),
        .drip_bytes = (unsigned)number(json, "drip_bytes", 16),
        .retry_after_s = number(json, "retry_after", -1),
        .retry_as_date = as != NULL && strcmp(as, "date") == 0,
        .headers = cJSON_GetObjectItemCaseSensitive(json, "headers"),
    };
    read_ordinals(&rule, cJSON_GetObjectItemCaseSensitive(json, "ordinals"));
    // What is picked by number or load is met however often the request came before.
    bool is_picked = rule.ordinals_len > 0 || rule.over_in_flight > 0;
    rule.times = (unsigned)number(json, "times", is_picked ? 0 : 1);
    return rule;
}

static void add_rule(struct fault_script *script, struct fault_rule rule,
                     const cJSON *name, double from, double to) {
    if (script->rules_len == FAULT_RULES_MAX || !cJSON_IsString(name)) {
        refuse("too many rules, or a fault that is no string", NULL);
    }
    read_name(&rule, name->valuestring);
    rule.share_from = from;
    rule.share_to = to;
    script->rules[script->rules_len++] = rule;
}

// A list of faults divides the rule's share evenly.
static void read_rules_of(struct fault_script *script, const cJSON *json,
                          uint64_t group) {
    check_keys(json, rule_keys, sizeof rule_keys / sizeof *rule_keys);
    struct fault_rule rule = read_rule(json, group);
    double share = number(json, "share", 1);
    const cJSON *one = cJSON_GetObjectItemCaseSensitive(json, "fault");
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "faults");
    if (one != NULL) {
        add_rule(script, rule, one, 0, share);
        return;
    }
    int len = cJSON_GetArraySize(list);
    if (len == 0) {
        refuse("a rule without a fault", NULL);
    }
    for (int i = 0; i < len; i++) {
        add_rule(script, rule, cJSON_GetArrayItem(list, i), share * i / len,
                 share * (i + 1) / len);
    }
}

void fault_script_read(struct fault_script *script, const char *source) {
    *script = (struct fault_script){.root = cJSON_Parse(source)};
    if (script->root == NULL) {
        refuse("not JSON", source);
    }
    check_keys(script->root, script_keys, sizeof script_keys / sizeof *script_keys);
    script->seed = (uint64_t)number(script->root, "seed", 1);
    script->latency_ms = (long)number(script->root, "latency_ms", 0);
    script->latency_spread_ms = (long)number(script->root, "latency_spread_ms", 0);
    script->key = text(script->root, "key");
    uint64_t group = 0;
    const cJSON *json;
    cJSON_ArrayForEach(json, cJSON_GetObjectItemCaseSensitive(script->root, "rules")) {
        read_rules_of(script, json, group++);
    }
}

void fault_script_fini(struct fault_script *script) {
    cJSON_Delete(script->root);
    *script = (struct fault_script){0};
}

double fault_draw(uint64_t seed, uint64_t a, uint64_t b) {
    const uint64_t parts[2] = {a, b};
    return (double)(XXH3_64bits_withSeed(parts, sizeof parts, seed) >> 11) * 0x1p-53;
}

static bool has_ordinal(const struct fault_rule *rule, uint64_t ordinal) {
    for (unsigned i = 0; i < rule->ordinals_len; i++) {
        if (rule->ordinals[i] == ordinal) {
            return true;
        }
    }
    return rule->ordinals_len == 0;
}

static bool is_drawn(const struct fault_script *script, const struct fault_rule *rule,
                     const struct fault_request *request) {
    uint64_t turn = rule->per_attempt ? request->attempt + 1 : 0;
    double draw = fault_draw(script->seed, request->identity, rule->group << 32 | turn);
    return draw >= rule->share_from && draw < rule->share_to;
}

static bool fits(const struct fault_script *script, const struct fault_rule *rule,
                 const struct fault_request *request) {
    return request->ordinal > rule->after && has_ordinal(rule, request->ordinal) &&
           (rule->most == 0 || rule->met < rule->most) &&
           (rule->per_attempt || rule->times == 0 || request->attempt < rule->times) &&
           (rule->over_in_flight == 0 || request->in_flight > rule->over_in_flight) &&
           (rule->model == NULL || strcmp(rule->model, request->model) == 0) &&
           (rule->contains == NULL || strstr(request->body, rule->contains) != NULL) &&
           (rule->fault != FAULT_REFUSE_FORMAT || request->has_format) &&
           is_drawn(script, rule, request);
}

struct fault_rule *fault_script_choose(struct fault_script *script,
                                       const struct fault_request *request) {
    for (unsigned i = 0; i < script->rules_len; i++) {
        if (fits(script, &script->rules[i], request)) {
            script->rules[i].met++;
            return &script->rules[i];
        }
    }
    return NULL;
}

long fault_script_latency_ms(const struct fault_script *script,
                             const struct fault_rule *rule, uint64_t identity) {
    double spread = fault_draw(script->seed, identity, UINT64_MAX) *
                    (double)script->latency_spread_ms;
    return script->latency_ms + (long)spread + (rule != NULL ? rule->latency_ms : 0);
}
