// openai.c - the chat completions API: OpenAI, Azure, vLLM, llama.cpp, SGLang, Ollama,
// TGI, OpenRouter and whoever else speaks it. Differences are data: dialect.c.
#include "model/wire.h"

static const char *const roles[] = {[CR_SYSTEM] = "{\"role\":\"system\",\"content\":",
                                    [CR_USER] = "{\"role\":\"user\",\"content\":",
                                    [CR_ASSISTANT] =
                                        "{\"role\":\"assistant\",\"content\":"};
#define DEVELOPER "{\"role\":\"developer\",\"content\":"

static enum cr_status add_turn(const struct cr_turn *turn, const char *role,
                               struct cr_buf *body) {
    enum cr_status status = cr_buf_add_text(body, role);
    status =
        status != CR_OK ? status : cr_buf_add(body, turn->quoted, turn->quoted_bytes);
    return status != CR_OK ? status : cr_buf_add(body, "}", 1);
}

// The system prompt, an empty line and the turn behind it as one turn of the user. Both
// are quoted already: the inner quotes are left out.
static enum cr_status add_joined(const struct cr_turn *system,
                                 const struct cr_turn *user, struct cr_buf *body) {
    enum cr_status status = cr_buf_add_text(body, roles[CR_USER]);
    status = status != CR_OK
                 ? status
                 : cr_buf_add(body, system->quoted, system->quoted_bytes - 1);
    status = status != CR_OK ? status : cr_buf_add_text(body, "\\n\\n");
    status = status != CR_OK
                 ? status
                 : cr_buf_add(body, user->quoted + 1, user->quoted_bytes - 1);
    return status != CR_OK ? status : cr_buf_add(body, "}", 1);
}

static enum cr_status add_turns(const struct cr_encode_args *asking,
                                struct cr_buf *body) {
    const struct cr_call *call = asking->call;
    enum cr_system_role role = asking->shape.system_role;
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < call->turns_len && status == CR_OK; i++) {
        const struct cr_turn *turn = &call->turns[i];
        bool is_system = turn->speaker == CR_SYSTEM;
        bool is_joined = is_system && role == CR_SYSTEM_ROLE_USER &&
                         i + 1 < call->turns_len && turn[1].speaker == CR_USER;
        status =
            body->data[body->used_bytes - 1] != '[' ? cr_buf_add(body, ",", 1) : CR_OK;
        if (status != CR_OK) {
            break;
        }
        if (is_joined) {
            status = add_joined(turn, turn + 1, body);
            i++;
        } else if (is_system && role != CR_SYSTEM_ROLE_SYSTEM) {
            status = add_turn(
                turn, role == CR_SYSTEM_ROLE_USER ? roles[CR_USER] : DEVELOPER, body);
        } else {
            status = add_turn(turn, roles[turn->speaker], body);
        }
    }
    return status != CR_OK ? status : cr_buf_add(body, "]", 1);
}

static enum cr_status add_form(const struct cr_encode_args *asking,
                               struct cr_buf *body) {
    const struct cr_call *call = asking->call;
    if (call->schema == NULL || asking->shape.structured == CR_STRUCTURED_NONE) {
        return CR_OK;
    }
    if (asking->shape.structured == CR_STRUCTURED_OBJECT) {
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

static enum cr_status add_number(struct cr_buf *body, const char *name,
                                 uint32_t number) {
    enum cr_status status = cr_buf_add_text(body, ",\"");
    status = status != CR_OK ? status : cr_buf_add_text(body, name);
    status = status != CR_OK ? status : cr_buf_add_text(body, "\":");
    return status != CR_OK ? status : cr_buf_add_count(body, number);
}

static enum cr_status add_numbers(const struct cr_wire *wire,
                                  const struct cr_encode_args *asking,
                                  struct cr_buf *body) {
    const struct cr_call *call = asking->call;
    uint32_t max_tokens = wire->has_limit ? 0 : cr_wire_max_tokens(wire, call);
    enum cr_status status = CR_OK;
    if (max_tokens > 0) {
        status = add_number(
            body, cr_limit_name(wire->dialect, asking->shape.uses_other_limit),
            max_tokens);
    }
    if (status == CR_OK && wire->model->send_seed && wire->dialect->seed != NULL &&
        !asking->shape.omits_seed && !wire->has_seed) {
        // One seed for all at temperature 0, so that equal requests are equal bytes.
        status = add_number(body, wire->dialect->seed,
                            wire->allows_single_seed ? 1 : seed_of(call->seed));
    }
    if (status == CR_OK && call->top_logprobs > 0 && !wire->has_logprobs) {
        status = cr_buf_add_text(body, ",\"logprobs\":true");
        status = status != CR_OK ? status
                                 : add_number(body, "top_logprobs", call->top_logprobs);
    }
    return status;
}

static enum cr_status encode(const struct cr_wire *wire,
                             const struct cr_encode_args *asking, struct cr_buf *body) {
    enum cr_status status = cr_buf_add_text(body, wire->head);
    status = status != CR_OK ? status : add_turns(asking, body);
    status = status != CR_OK ? status : add_numbers(wire, asking, body);
    if (wire->dialect->sends_structured && !wire->has_form) {
        status = status != CR_OK ? status : add_form(asking, body);
    }
    return status != CR_OK ? status : cr_buf_add(body, "}", 1);
}

const struct cr_backend cr_backend_openai = {.name = "openai",
                                             .has_logprobs = true,
                                             .is_remote = true,
                                             .takes_other_limit = true,
                                             .backoff_base_ms = CR_BACKOFF_BASE_MS,
                                             .check = cr_wire_check,
                                             .prepare = cr_wire_prepare,
                                             .encode = encode,
                                             .decode = cr_openai_decode};
