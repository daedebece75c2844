// openai.c - the chat completions API: OpenAI, Azure, vLLM, llama.cpp, SGLang, Ollama,
// TGI, OpenRouter and whoever else speaks it. Differences are data: dialect.c.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "credence/base/mem.h"
#include "model/wire.h"

static const char *const roles[] = {[CR_SYSTEM] = "{\"role\":\"system\",\"content\":",
                                    [CR_USER] = "{\"role\":\"user\",\"content\":",
                                    [CR_ASSISTANT] =
                                        "{\"role\":\"assistant\",\"content\":"};

static enum cr_status add_turns(const struct cr_call *call, struct cr_buf *body) {
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < call->turns_len && status == CR_OK; i++) {
        const struct cr_turn *turn = &call->turns[i];
        status = i > 0 ? cr_buf_add(body, ",", 1) : CR_OK;
        status = status != CR_OK ? status : cr_buf_add_text(body, roles[turn->speaker]);
        status = status != CR_OK ? status
                                 : cr_buf_add(body, turn->quoted, turn->quoted_bytes);
        status = status != CR_OK ? status : cr_buf_add(body, "}", 1);
    }
    return status != CR_OK ? status : cr_buf_add(body, "]", 1);
}

static enum cr_status add_form(const struct cr_encode_args *asking,
                               struct cr_buf *body) {
    const struct cr_call *call = asking->call;
    if (call->schema == NULL || asking->structured == CR_STRUCTURED_NONE) {
        return CR_OK;
    }
    if (asking->structured == CR_STRUCTURED_OBJECT) {
        return cr_buf_add_text(body, ",\"response_format\":{\"type\":\"json_object\"}");
    }
    const char *const parts[] = {
        ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"",
        call->schema_name != NULL ? call->schema_name : "answer",
        "\",\"strict\":true,\"schema\":", call->schema, "}}"};
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0] && status == CR_OK; i++) {
        status = cr_buf_add_text(body, parts[i]);
    }
    return status;
}

// 31 bits: every server takes that much, some no more.
static unsigned seed_of(uint64_t seed) {
    return (unsigned)(seed >> 33);
}

static enum cr_status add_numbers(const struct cr_wire *wire,
                                  const struct cr_call *call, struct cr_buf *body) {
    char text[256];
    int used = 0;
    uint32_t max_tokens = cr_wire_max_tokens(wire, call);
    if (max_tokens > 0) {
        used += snprintf(text, sizeof text, ",\"%s\":%u", wire->dialect->max_tokens,
                         max_tokens);
    }
    if (wire->model->send_seed && wire->dialect->seed != NULL) {
        // One seed for all at temperature 0, so that equal requests are equal bytes.
        used += snprintf(text + used, sizeof text - (size_t)used, ",\"%s\":%u",
                         wire->dialect->seed,
                         wire->allows_single_seed ? 1 : seed_of(call->seed));
    }
    if (call->top_logprobs > 0) {
        used += snprintf(text + used, sizeof text - (size_t)used,
                         ",\"logprobs\":true,\"top_logprobs\":%u", call->top_logprobs);
    }
    return cr_buf_add(body, text, (size_t)used);
}

static enum cr_status encode(const struct cr_wire *wire,
                             const struct cr_encode_args *asking, struct cr_buf *body) {
    enum cr_status status = cr_buf_add_text(body, wire->head);
    status = status != CR_OK ? status : add_turns(asking->call, body);
    status = status != CR_OK ? status : add_numbers(wire, asking->call, body);
    if (wire->dialect->sends_structured) {
        status = status != CR_OK ? status : add_form(asking, body);
    }
    return status != CR_OK ? status : cr_buf_add(body, "}", 1);
}

// The text of CONTENT: a string, a list of parts, or null.
static enum cr_status read_content(const struct cr_json *content,
                                   struct cr_reply *reply) {
    const char *whole = cr_json_string(content);
    if (whole != NULL) {
        reply->text = cr_strdup(whole);
        return reply->text != NULL ? CR_OK : CR_E_MEMORY;
    }
    struct cr_buf text;
    cr_buf_init(&text, CR_REPLY_BYTES_MAX);
    enum cr_status status = cr_buf_add(&text, "", 0);
    for (const struct cr_json *part = cr_json_first(content);
         part != NULL && status == CR_OK; part = cr_json_next(part)) {
        const char *piece = cr_json_string(cr_json_get(part, "text"));
        status = piece != NULL ? cr_buf_add_text(&text, piece) : CR_OK;
    }
    if (status == CR_OK) {
        reply->text = cr_buf_take(&text);
    }
    cr_buf_fini(&text);
    return status;
}

static enum cr_status read_reasoning(const struct cr_json *message,
                                     struct cr_reply *reply) {
    static const char *const keys[] = {"reasoning_content", "reasoning"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        const char *text = cr_json_string(cr_json_get(message, keys[i]));
        if (text != NULL && text[0]) {
            return cr_think_add(reply, text, strlen(text));
        }
    }
    return CR_OK;
}

// The alternatives of the first token.
static void read_logprobs(const struct cr_json *choice, struct cr_reply *reply) {
    const struct cr_json *first =
        cr_json_first(cr_json_get(cr_json_get(choice, "logprobs"), "content"));
    const struct cr_json *top = cr_json_get(first, "top_logprobs");
    const struct cr_json *one = cr_json_len(top) > 0 ? cr_json_first(top) : first;
    for (; one != NULL && reply->logprobs_len < CR_LOGPROBS_MAX;
         one = cr_json_next(one)) {
        const char *token = cr_json_string(cr_json_get(one, "token"));
        double logprob = cr_json_number(cr_json_get(one, "logprob"), NAN);
        if (token != NULL && !isnan(logprob)) {
            struct cr_logprob *to = &reply->logprobs[reply->logprobs_len++];
            snprintf(to->token, sizeof to->token, "%s", token);
            to->logprob = logprob;
        }
    }
}

static void read_usage(const struct cr_json *root, struct cr_reply *reply) {
    const struct cr_json *usage = cr_json_get(root, "usage");
    const struct cr_json *prompt = cr_json_get(usage, "prompt_tokens_details");
    const struct cr_json *completion = cr_json_get(usage, "completion_tokens_details");
    reply->tokens_in = cr_wire_count(usage, "prompt_tokens");
    reply->tokens_out = cr_wire_count(usage, "completion_tokens");
    reply->tokens_cached = cr_json_get(prompt, "cached_tokens") != NULL
                               ? cr_wire_count(prompt, "cached_tokens")
                               : cr_wire_count(cr_json_get(root, "timings"), "cache_n");
    reply->tokens_reasoning = cr_wire_count(completion, "reasoning_tokens");
}

static enum cr_status read_choice(const struct cr_json *choice, struct cr_reply *reply,
                                  struct cr_err *why) {
    const struct cr_json *message = cr_json_get(choice, "message");
    const struct cr_json *content = cr_json_get(message, "content");
    const char *refusal = cr_json_string(cr_json_get(message, "refusal"));
    if (message == NULL || cr_json_type(message) != CR_JSON_OBJECT) {
        return cr_err_set(why, CR_E_FORMAT, "choices[0].message is not an object");
    }
    enum cr_json_type type = content != NULL ? cr_json_type(content) : CR_JSON_NULL;
    if (type != CR_JSON_NULL && type != CR_JSON_STRING && type != CR_JSON_ARRAY) {
        return cr_err_set(why, CR_E_FORMAT, "choices[0].message.content is %s",
                          cr_json_type_name(type));
    }
    reply->finish =
        cr_wire_finish(cr_json_string(cr_json_get(choice, "finish_reason")));
    if (type == CR_JSON_NULL && refusal != NULL) {
        reply->finish = CR_FINISH_FILTER;
        content = cr_json_get(message, "refusal");
    }
    enum cr_status status = read_content(content, reply);
    status = status != CR_OK ? status : read_reasoning(message, reply);
    read_logprobs(choice, reply);
    return status != CR_OK ? status : cr_think_split(reply);
}

// Some gateways answer 200 with the error of the server behind them.
static enum cr_status read_error(const struct cr_json *root, struct cr_reply *reply,
                                 struct cr_err *why) {
    const struct cr_json *error = cr_json_get(root, "error");
    uint32_t code = cr_wire_count(error, "code");
    if (error == NULL || cr_json_type(error) == CR_JSON_NULL) {
        return cr_err_set(why, CR_E_FORMAT, "no choices in the reply");
    }
    const char *message = cr_json_string(cr_json_get(error, "message"));
    reply->http_status = code >= 400 && code <= 599 ? code : 500;
    return cr_err_set(why, CR_E_NET, "%.300s",
                      message != NULL ? message : "an error in a 200");
}

static enum cr_status decode(const char *body, size_t bytes, struct cr_reply *reply,
                             struct cr_err *why) {
    struct cr_json *root = NULL;
    enum cr_status status = cr_wire_parse(body, bytes, &root, why);
    if (status != CR_OK) {
        return status;
    }
    const struct cr_json *choices = cr_json_get(root, "choices");
    const struct cr_json *choice =
        choices != NULL && cr_json_type(choices) == CR_JSON_ARRAY
            ? cr_json_first(choices)
            : NULL;
    status =
        choice != NULL ? read_choice(choice, reply, why) : read_error(root, reply, why);
    read_usage(root, reply);
    cr_json_free(root);
    return status;
}

const struct cr_backend cr_backend_openai = {.name = "openai",
                                             .is_remote = true,
                                             .backoff_base_ms = CR_BACKOFF_BASE_MS,
                                             .check = cr_wire_check,
                                             .prepare = cr_wire_prepare,
                                             .encode = encode,
                                             .decode = decode};
