// fault_answer.c - plausible judgments and arguments without a model.
//
// A market has a belief (from its first user message) and a spread that shrinks with
// the turns, so that some markets settle at once and some never do. What shape the
// answer must have is read from the request's JSON schema, or from the words of its
// prompt.
#include "fault_answer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "fault_mark.h"

enum { ANSWER_DEPTH_MAX = 8, OPTIONS_MAX = 64 };

static const char *const words[] = {
    "the",   "claim", "holds",  "because", "evidence", "is",    "weaker",  "than",
    "it",    "seems", "record", "shows",   "that",     "most",  "sources", "agree",
    "while", "some",  "doubt",  "remains", "over",     "exact", "wording", "used"};
enum { WORDS_LEN = sizeof words / sizeof *words };

static double price_of(const struct fault_body *body) {
    double belief = fault_draw(11, body->opening, 0);
    double spread = 0.8 * pow(fault_draw(12, body->opening, 0), 2);
    double fade = pow(0.93, body->turns);
    double move = (fault_draw(13, body->answer, 0) - 0.5) * 2 * spread * fade;
    double price = fmin(0.99, fmax(0.01, belief + move));
    return round(price * 100) / 100;
}

static cJSON *sentence(uint64_t hash, const char *name, int max_len) {
    char text[512];
    char mark[FAULT_MARK_BYTES];
    fault_mark_write(mark, hash);
    size_t used = (size_t)snprintf(text, sizeof text, "On the %.60s %s:", name, mark);
    unsigned count = 8 + (unsigned)(fault_draw(21, hash, 0) * 24);
    for (unsigned i = 0; i < count; i++) {
        unsigned pick = (unsigned)(fault_draw(22, hash, i) * WORDS_LEN);
        used += (size_t)snprintf(text + used, sizeof text - used, " %s", words[pick]);
    }
    if (max_len > 0 && (size_t)max_len < used) {
        text[max_len] = '\0';
    }
    return cJSON_CreateString(text);
}

static int int_of(const cJSON *schema, const char *key, int fallback) {
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(schema, key);
    return cJSON_IsNumber(value) ? value->valueint : fallback;
}

static bool is_type(const cJSON *schema, const char *type) {
    const char *name =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(schema, "type"));
    return name != NULL && strcmp(name, type) == 0;
}

// The price of each of OPTIONS: none negative, and they sum to one in decimal.
static cJSON *prices_of(const struct fault_body *body, const cJSON *options) {
    int weight[OPTIONS_MAX];
    int total = 0;
    int len = cJSON_GetArraySize(options);
    len = len > OPTIONS_MAX ? OPTIONS_MAX : len;
    for (int i = 0; i < len; i++) {
        double base = pow(fault_draw(31, body->opening, (uint64_t)i), 3);
        double move = fault_draw(32, body->answer, (uint64_t)i) * 0.1;
        weight[i] = 1 + (int)((base + move) * 100);
        total += weight[i];
    }
    cJSON *prices = cJSON_CreateObject();
    const cJSON *option = options != NULL ? options->child : NULL;
    int left = 1000;
    for (int i = 0; i < len; i++) {
        int part = i + 1 < len ? weight[i] * 1000 / total : left;
        cJSON_AddNumberToObject(prices, option->string, part / 1000.0);
        left -= part;
        option = option->next;
    }
    return prices;
}

static cJSON *number(const struct fault_body *body, const cJSON *schema,
                     const char *name) {
    const cJSON *min = cJSON_GetObjectItemCaseSensitive(schema, "minimum");
    const cJSON *max = cJSON_GetObjectItemCaseSensitive(schema, "maximum");
    double low = cJSON_IsNumber(min) ? min->valuedouble : 0;
    double high = cJSON_IsNumber(max) ? max->valuedouble : low + 1;
    // Quantiles must rise with their name: q05 < q50 < q95, low < median < high.
    bool is_low = strstr(name, "05") != NULL || strstr(name, "low") != NULL;
    bool is_high = strstr(name, "95") != NULL || strstr(name, "high") != NULL;
    double at = price_of(body) * 0.6 + (is_low ? 0 : is_high ? 0.4 : 0.2);
    at = strstr(name, "price") != NULL ? price_of(body) : at;
    double value = low + at * (high - low);
    return cJSON_CreateNumber(is_type(schema, "integer") ? round(value) : value);
}

static cJSON *value_of(const struct fault_body *body, const cJSON *schema,
                       const char *name, unsigned depth);

static cJSON *object_of(const struct fault_body *body, const cJSON *schema,
                        const char *name, unsigned depth) {
    const cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties");
    if (strcmp(name, "prices") == 0) {
        return prices_of(body, properties);
    }
    cJSON *object = cJSON_CreateObject();
    const cJSON *property;
    cJSON_ArrayForEach(property, properties) {
        cJSON_AddItemToObject(object, property->string,
                              value_of(body, property, property->string, depth + 1));
    }
    return object;
}

static cJSON *value_of(const struct fault_body *body, const cJSON *schema,
                       const char *name, unsigned depth) {
    const cJSON *choices = cJSON_GetObjectItemCaseSensitive(schema, "enum");
    int len = cJSON_GetArraySize(choices);
    if (depth > ANSWER_DEPTH_MAX) {
        return cJSON_CreateNull();
    }
    if (len > 0) {
        int pick = (int)(fault_draw(41, body->answer, 0) * len);
        return cJSON_Duplicate(cJSON_GetArrayItem(choices, pick), true);
    }
    if (is_type(schema, "object")) {
        return object_of(body, schema, name, depth);
    }
    if (is_type(schema, "number") || is_type(schema, "integer")) {
        return number(body, schema, name);
    }
    if (is_type(schema, "boolean")) {
        return cJSON_CreateBool(fault_draw(42, body->answer, 0) < 0.5);
    }
    return sentence(body->answer, name, int_of(schema, "maxLength", 0));
}

// Without a schema the prompt's own words say what is asked for; the newest count
// first.
static bool asks_for(const struct fault_body *body, const char *quoted_key) {
    for (int i = cJSON_GetArraySize(body->messages) - 1; i >= 0; i--) {
        const cJSON *message = cJSON_GetArrayItem(body->messages, i);
        if (strcmp(fault_json_text(message, "role"), "assistant") != 0 &&
            strstr(fault_json_text(message, "content"), quoted_key) != NULL) {
            return true;
        }
    }
    return strstr(fault_json_text(body->root, "system"), quoted_key) != NULL;
}

bool fault_answer_is_argument(const struct fault_body *body) {
    const cJSON *properties =
        cJSON_GetObjectItemCaseSensitive(body->schema, "properties");
    return body->schema != NULL ? cJSON_HasObjectItem(properties, "argument")
                                : asks_for(body, "\"argument\"");
}

static cJSON *unschooled(const struct fault_body *body) {
    cJSON *object = cJSON_CreateObject();
    if (fault_answer_is_argument(body)) {
        bool is_up = fault_draw(41, body->answer, 0) < 0.5;
        cJSON_AddStringToObject(object, "direction", is_up ? "up" : "down");
        cJSON_AddItemToObject(object, "argument",
                              sentence(body->answer, "argument", 0));
        return object;
    }
    cJSON_AddItemToObject(object, "claim", sentence(body->answer, "claim", 0));
    cJSON_AddItemToObject(object, "reasoning", sentence(body->answer, "reasoning", 0));
    cJSON_AddItemToObject(object, "price", cJSON_CreateNumber(price_of(body)));
    return object;
}

char *fault_answer_make(const struct fault_body *body) {
    if (body->wants_logprobs) {
        return strdup(price_of(body) > 0.5 ? "Yes" : "No");
    }
    cJSON *answer = body->schema != NULL ? value_of(body, body->schema, "answer", 0)
                                         : unschooled(body);
    char *text = cJSON_PrintUnformatted(answer);
    cJSON_Delete(answer);
    return text;
}
