// anthropic.c - the messages API: the system prompt is a member of its own, JSON is asked for in
// words, and the stable prefix is marked for the server's prompt cache.
#include <stdio.h>
#include <string.h>

#include "credence/base/mem.h"
#include "model/request_id.h"
#include "model/wire.h"

enum { FALLBACK_MAX_TOKENS = 1024 }; // the API requires a number

#define TEXT_OPEN "{\"type\":\"text\",\"text\":"
#define TEXT_CACHED ",\"cache_control\":{\"type\":\"ephemeral\"}}"

// A turn as a list of one text block, marked when the prefix ends there.
static enum cr_status add_block(const struct cr_turn *turn, bool is_marked,
                                struct cr_buf *body) {
    enum cr_status status = cr_buf_add_text(body, "[" TEXT_OPEN);
    status =
        status != CR_OK ? status : cr_buf_add(body, turn->quoted, turn->quoted_bytes);
    return status != CR_OK ? status
                           : cr_buf_add_text(body, is_marked ? TEXT_CACHED "]" : "}]");
}

static enum cr_status add_message(const struct cr_turn *turn, bool is_marked,
                                  struct cr_buf *body) {
    enum cr_status status = cr_buf_add_text(
        body, turn->speaker == CR_ASSISTANT ? "{\"role\":\"assistant\",\"content\":"
                                            : "{\"role\":\"user\",\"content\":");
    status = status != CR_OK ? status : add_block(turn, is_marked, body);
    return status != CR_OK ? status : cr_buf_add(body, "}", 1);
}

static enum cr_status add_messages(const struct cr_call *call, struct cr_buf *body) {
    enum cr_status status = CR_OK;
    bool is_first = true;
    for (size_t i = 0; i < call->turns_len && status == CR_OK; i++) {
        const struct cr_turn *turn = &call->turns[i];
        if (turn->speaker == CR_SYSTEM) {
            continue;
        }
        // Two marks: where the last request ended (read) and where this one does
        // (write).
        bool is_marked = i + 1 == call->prefix_len || i + 1 == call->turns_len;
        status = is_first ? CR_OK : cr_buf_add(body, ",", 1);
        status = status != CR_OK ? status : add_message(turn, is_marked, body);
        is_first = false;
    }
    return status != CR_OK ? status : cr_buf_add(body, "]", 1);
}

static enum cr_status add_system(const struct cr_call *call, struct cr_buf *body) {
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < call->turns_len && status == CR_OK; i++) {
        if (call->turns[i].speaker == CR_SYSTEM) {
            status = cr_buf_add_text(body, ",\"system\":");
            return status != CR_OK ? status : add_block(&call->turns[i], true, body);
        }
    }
    return status;
}

static enum cr_status encode(const struct cr_wire *wire,
                             const struct cr_encode_args *asking, struct cr_buf *body) {
    uint32_t max_tokens = cr_wire_max_tokens(wire, asking->call);
    enum cr_status status = cr_buf_add_text(body, wire->head);
    status = status != CR_OK ? status : add_messages(asking->call, body);
    status = status != CR_OK ? status : add_system(asking->call, body);
    return status != CR_OK
               ? status
               : cr_buf_printf(body, ",\"max_tokens\":%u}",
                               max_tokens > 0 ? max_tokens : FALLBACK_MAX_TOKENS);
}

// The texts joined, the thoughts in lines of their own; without any text, the input of
// a tool that the answer was forced through.
static enum cr_status read_blocks(const struct cr_json *content,
                                  struct cr_reply *reply) {
    struct cr_buf text, thoughts;
    const struct cr_json *input = NULL;
    cr_buf_init(&text, CR_REPLY_BYTES_MAX);
    cr_buf_init(&thoughts, CR_REPLY_BYTES_MAX);
    enum cr_status status = cr_buf_add(&text, "", 0);
    for (const struct cr_json *block = cr_json_first(content);
         block != NULL && status == CR_OK; block = cr_json_next(block)) {
        const char *piece = cr_json_string(cr_json_get(block, "text"));
        const char *thought = cr_json_string(cr_json_get(block, "thinking"));
        input = input != NULL ? input : cr_json_get(block, "input");
        status = piece != NULL ? cr_buf_add_text(&text, piece) : CR_OK;
        if (status == CR_OK && thought != NULL && thought[0]) {
            status = cr_buf_add_text(&thoughts, thoughts.used_bytes > 0 ? "\n" : "");
            status = status != CR_OK ? status : cr_buf_add_text(&thoughts, thought);
        }
    }
    if (status == CR_OK && text.used_bytes == 0 && input != NULL) {
        status = cr_json_print(input, false, &text);
    }
    if (status == CR_OK && thoughts.used_bytes > 0) {
        status = cr_think_add(reply, thoughts.data, thoughts.used_bytes);
    }
    if (status == CR_OK) {
        reply->text = cr_buf_take(&text);
    }
    cr_buf_fini(&text);
    cr_buf_fini(&thoughts);
    return status == CR_E_LIMIT ? CR_E_FORMAT : status;
}

// Here tokens read from the cache and written to it are counted apart from the rest.
static void read_usage(const struct cr_json *usage, struct cr_reply *reply) {
    uint32_t cached = cr_wire_count(usage, "cache_read_input_tokens");
    uint64_t sum = (uint64_t)cr_wire_count(usage, "input_tokens") + cached +
                   cr_wire_count(usage, "cache_creation_input_tokens");
    reply->tokens_in = sum < UINT32_MAX ? (uint32_t)sum : 0; // absurd: not known
    reply->tokens_out = cr_wire_count(usage, "output_tokens");
    reply->tokens_cached = cached < reply->tokens_in ? cached : reply->tokens_in;
}

static enum cr_status read_message(const struct cr_json *root,
                                   const struct cr_decode_args *from,
                                   struct cr_reply *reply, struct cr_error_body *error,
                                   struct cr_err *why) {
    const struct cr_json *content = cr_json_get(root, "content");
    const struct cr_json *failure = cr_error_body_find(root);
    if (failure != NULL) {
        cr_error_body_read_json(failure, from->secret, from->wall_ms, error);
        return CR_E_NET;
    }
    if (content == NULL || cr_json_type(content) != CR_JSON_ARRAY) {
        return cr_err_set(why, CR_E_FORMAT, "no list of content in the reply");
    }
    read_usage(cr_json_get(root, "usage"), reply);
    enum cr_status status = read_blocks(content, reply);
    status = status != CR_OK ? status : cr_think_split(reply);
    return status != CR_OK
               ? status
               : cr_wire_finish(cr_json_string(cr_json_get(root, "stop_reason")), reply,
                                why);
}

static enum cr_status decode(const struct cr_decode_args *from, struct cr_reply *reply,
                             struct cr_error_body *error, struct cr_err *why) {
    struct cr_json *root = NULL;
    enum cr_status status = cr_wire_parse(from->body, from->bytes, &root, why);
    status = status != CR_OK ? status : read_message(root, from, reply, error, why);
    cr_request_id_copy(reply->request_id, cr_json_string(cr_json_get(root, "id")));
    cr_json_free(root);
    return status;
}

const struct cr_backend cr_backend_anthropic = {.name = "anthropic",
                                                .is_remote = true,
                                                .backoff_base_ms = CR_BACKOFF_BASE_MS,
                                                .check = cr_wire_check,
                                                .prepare = cr_wire_prepare,
                                                .encode = encode,
                                                .decode = decode};
