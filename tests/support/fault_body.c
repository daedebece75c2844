// fault_body.c - a conversation hashes as a chain over its messages, twice: byte by
// byte to know a request again, and by its marks to draw the answer.
#include "fault_body.h"

#include <string.h>
#include <xxhash.h>

#include "fault_mark.h"

// Both chains, and the bytes that they ran over.
struct chain {
    uint64_t exact, marked;
    size_t len;
};

static void chain_add(struct chain *chain, const char *text) {
    size_t len = strlen(text);
    chain->exact = XXH3_64bits_withSeed(text, len, chain->exact);
    chain->marked = fault_mark_hash(chain->marked, text);
    chain->len += len;
}

const char *fault_json_text(const cJSON *object, const char *key) {
    const char *value =
        cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return value != NULL ? value : "";
}

// Content is a string, or a list of parts with a text each.
static void chain_add_content(struct chain *chain, const cJSON *content) {
    const cJSON *part;
    if (cJSON_IsString(content)) {
        chain_add(chain, content->valuestring);
    }
    if (cJSON_IsArray(content)) {
        cJSON_ArrayForEach(part, content) {
            chain_add(chain, fault_json_text(part, "text"));
        }
    }
}

static const char *last_text(const cJSON *message) {
    const cJSON *content = cJSON_GetObjectItemCaseSensitive(message, "content");
    int len = cJSON_IsArray(content) ? cJSON_GetArraySize(content) : 0;
    return len > 0 ? fault_json_text(cJSON_GetArrayItem(content, len - 1), "text")
                   : fault_json_text(message, "content");
}

static void read_messages(struct fault_body *body, struct chain chain) {
    const cJSON *message;
    const cJSON *last_assistant = NULL;
    cJSON_ArrayForEach(message, body->messages) {
        const char *role = fault_json_text(message, "role");
        const cJSON *content = cJSON_GetObjectItemCaseSensitive(message, "content");
        chain_add(&chain, role);
        chain_add_content(&chain, content);
        if (body->opening != 0) {
            body->turns++;
        } else if (strcmp(role, "user") == 0) {
            struct chain own = {.marked = 1};
            chain_add_content(&own, content);
            body->opening = own.marked;
        }
        if (strcmp(role, "assistant") == 0) {
            last_assistant = message;
            body->cached_bytes = chain.len;
        }
    }
    body->identity = chain.exact;
    body->answer = chain.marked;
    body->prompt_bytes = chain.len;
    if (last_assistant != NULL) {
        fault_mark_find_bad(last_text(last_assistant), &body->answer, &body->turns);
    }
}

static void read_options(struct fault_body *body) {
    const cJSON *format =
        cJSON_GetObjectItemCaseSensitive(body->root, "response_format");
    const cJSON *named = cJSON_GetObjectItemCaseSensitive(format, "json_schema");
    body->has_format = format != NULL;
    body->schema = cJSON_GetObjectItemCaseSensitive(named, "schema");
    body->wants_logprobs =
        cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(body->root, "logprobs"));
}

static const char *missing(const struct fault_body *body) {
    if (body->root == NULL) {
        return "the body is not JSON";
    }
    if (cJSON_GetArraySize(body->messages) == 0) {
        return "messages: a list is required";
    }
    return body->model[0] == '\0' ? "model: a name is required" : NULL;
}

bool fault_body_read(struct fault_body *body, enum fault_api api, const char *bytes,
                     const char **why) {
    *body = (struct fault_body){.root = cJSON_Parse(bytes), .api = api};
    body->messages = cJSON_GetObjectItemCaseSensitive(body->root, "messages");
    body->model = fault_json_text(body->root, "model");
    *why = missing(body);
    if (*why != NULL) {
        fault_body_fini(body);
        return false;
    }
    struct chain chain = {.exact = 7, .marked = 7};
    const cJSON *seed = cJSON_GetObjectItemCaseSensitive(body->root, "seed");
    if (cJSON_IsNumber(seed)) {
        chain.exact = chain.marked = XXH3_64bits_withSeed(
            &seed->valuedouble, sizeof seed->valuedouble, chain.exact);
    }
    chain_add(&chain, body->model);
    chain_add_content(&chain, cJSON_GetObjectItemCaseSensitive(body->root, "system"));
    read_messages(body, chain);
    read_options(body);
    return true;
}

void fault_body_fini(struct fault_body *body) {
    cJSON_Delete(body->root);
    *body = (struct fault_body){0};
}
