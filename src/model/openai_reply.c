// openai_reply.c - reads the reply to a chat completion, and the shapes that servers
// give it besides the API's own: text in parts, in a tool call, beside the choices.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "credence/base/mem.h"
#include "model/request_id.h"
#include "model/wire.h"

// What is read of a message before it is known what of it is the answer.
struct message {
    struct cr_buf text, reasoning, refusal;
    enum cr_status status; // of the first append that failed
};

static void message_init(struct message *message) {
    *message = (struct message){.status = CR_OK};
    cr_buf_init(&message->text, CR_REPLY_BYTES_MAX);
    cr_buf_init(&message->reasoning, CR_REPLY_BYTES_MAX);
    cr_buf_init(&message->refusal, CR_REPLY_BYTES_MAX);
}

static void message_fini(struct message *message) {
    cr_buf_fini(&message->text);
    cr_buf_fini(&message->reasoning);
    cr_buf_fini(&message->refusal);
}

static void add(struct message *message, struct cr_buf *to, const char *text) {
    if (message->status == CR_OK && text != NULL) {
        message->status = cr_buf_add_text(to, text);
    }
}

// Reasoning is kept in lines of its own.
static void add_thought(struct message *message, const char *text) {
    if (text != NULL && text[0]) {
        add(message, &message->reasoning,
            message->reasoning.used_bytes > 0 ? "\n" : "");
        add(message, &message->reasoning, text);
    }
}

// A thought is a text or a list of parts with one each.
static void add_thoughts(struct message *message, const struct cr_json *value) {
    add_thought(message, cr_json_string(value));
    if (cr_json_type(value) != CR_JSON_ARRAY) {
        return;
    }
    for (const struct cr_json *c = cr_json_first(value); c != NULL;
         c = cr_json_next(c)) {
        const char *text = cr_json_string(cr_json_get(c, "text"));
        add_thought(message,
                    text != NULL ? text : cr_json_string(cr_json_get(c, "summary")));
    }
}

static bool is_thought(const struct cr_json *part) {
    const char *type = cr_json_string(cr_json_get(part, "type"));
    return type != NULL &&
           (strncmp(type, "reasoning", 9) == 0 || strcmp(type, "thinking") == 0 ||
            strcmp(type, "thought") == 0);
}

// CONTENT: a text, or a list of parts.
static void add_content(struct message *message, const struct cr_json *content) {
    add(message, &message->text, cr_json_string(content));
    if (cr_json_type(content) != CR_JSON_ARRAY) {
        return;
    }
    for (const struct cr_json *part = cr_json_first(content); part != NULL;
         part = cr_json_next(part)) {
        const struct cr_json *text = cr_json_get(part, "text");
        if (is_thought(part)) {
            add_thoughts(message, text);
        } else {
            add(message, &message->text, cr_json_string(text));
        }
        add(message, &message->refusal, cr_json_string(cr_json_get(part, "refusal")));
        add_thoughts(message, cr_json_get(part, "thinking"));
    }
}

// The first of the places where some servers put thoughts: they repeat each other.
static void add_reasoning(struct message *message, const struct cr_json *value) {
    static const char *const keys[] = {"reasoning_content", "reasoning",
                                       "thinking",          "thought",
                                       "reasoning_text",    "reasoning_details"};
    size_t had = message->reasoning.used_bytes;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        add_thoughts(message, cr_json_get(value, keys[i]));
        if (message->reasoning.used_bytes > had) {
            return;
        }
    }
}

static void add_json(struct message *message, const struct cr_json *value) {
    if (cr_json_string(value) != NULL) {
        add(message, &message->text, cr_json_string(value));
    } else if (cr_json_type(value) == CR_JSON_OBJECT && message->status == CR_OK) {
        message->status = cr_json_print(value, false, &message->text);
    }
}

// An answer that was forced through a tool, or parsed by a library on its way.
static void add_tool_answer(struct message *message, const struct cr_json *value) {
    const struct cr_json *call = cr_json_first(cr_json_get(value, "tool_calls"));
    const struct cr_json *function = cr_json_get(call, "function");
    const struct cr_json *const places[] = {
        cr_json_get(function, "arguments"),
        cr_json_get(cr_json_get(value, "function_call"), "arguments"),
        cr_json_get(value, "parsed")};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (message->text.used_bytes == 0) {
            add_json(message, places[i]);
        }
    }
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

static uint32_t first_count(const struct cr_json *object, const char *a,
                            const char *b) {
    uint32_t count = cr_wire_count(object, a);
    return count > 0 ? count : cr_wire_count(object, b);
}

// Tokens that only the total knows of were spent on thinking, and are paid for.
static void read_usage(const struct cr_json *root, struct cr_reply *reply) {
    const struct cr_json *usage = cr_json_get(root, "usage");
    const struct cr_json *prompt = cr_json_get(usage, "prompt_tokens_details");
    const struct cr_json *completion = cr_json_get(usage, "completion_tokens_details");
    reply->tokens_in = first_count(usage, "prompt_tokens", "input_tokens");
    reply->tokens_out = first_count(usage, "completion_tokens", "output_tokens");
    if (usage == NULL) { // Ollama's own API
        reply->tokens_in = cr_wire_count(root, "prompt_eval_count");
        reply->tokens_out = cr_wire_count(root, "eval_count");
    }
    uint32_t cached = first_count(prompt, "cached_tokens", "cache_read_tokens");
    cached = cached > 0 ? cached : cr_wire_count(usage, "prompt_cache_hit_tokens");
    cached =
        cached > 0 ? cached : cr_wire_count(cr_json_get(root, "timings"), "cache_n");
    reply->tokens_cached = cached < reply->tokens_in ? cached : reply->tokens_in;
    reply->tokens_reasoning = cr_wire_count(completion, "reasoning_tokens");
    uint64_t known = (uint64_t)reply->tokens_in + reply->tokens_out;
    uint64_t total = cr_wire_count(usage, "total_tokens");
    reply->tokens_total = known == 0 && total < UINT32_MAX ? (uint32_t)total : 0;
    if (reply->tokens_in > 0 && total > known) {
        uint32_t hidden = (uint32_t)(total - known);
        reply->tokens_out += hidden;
        reply->tokens_reasoning =
            reply->tokens_reasoning > 0 ? reply->tokens_reasoning : hidden;
    }
    // More thoughts than tokens: they are counted apart, and no total says so.
    uint64_t apart = (uint64_t)reply->tokens_out + reply->tokens_reasoning;
    if (reply->tokens_reasoning > reply->tokens_out && apart < UINT32_MAX) {
        reply->tokens_out = (uint32_t)apart;
    }
}

// A server without thinking parts of its own may put the whole answer among the
// thoughts; as thoughts alone they would be JSON by no accident.
static void find_answer(struct message *message) {
    if (message->text.used_bytes == 0 && message->reasoning.used_bytes > 0 &&
        cr_wire_is_json(message->reasoning.data)) {
        struct cr_buf empty = message->text;
        message->text = message->reasoning;
        message->reasoning = empty;
    }
}

static enum cr_status keep(struct message *message, struct cr_reply *reply) {
    bool is_refusal = message->text.used_bytes == 0 && message->refusal.used_bytes > 0;
    if (message->status == CR_OK && message->reasoning.used_bytes > 0) {
        message->status =
            cr_think_add(reply, message->reasoning.data, message->reasoning.used_bytes);
    }
    add(message, &message->text, ""); // "" at the least
    if (message->status != CR_OK) {
        return message->status;
    }
    reply->text = cr_buf_take(is_refusal ? &message->refusal : &message->text);
    if (is_refusal) {
        reply->finish = CR_FINISH_FILTER;
        reply->reason = CR_REASON_REFUSED;
        return CR_OK;
    }
    return cr_think_split(reply);
}

static enum cr_status read_message(const struct cr_json *value,
                                   struct cr_reply *reply) {
    struct message message;
    message_init(&message);
    add_content(&message, cr_json_get(value, "content"));
    add(&message, &message.refusal, cr_json_string(cr_json_get(value, "refusal")));
    add_reasoning(&message, value);
    add_tool_answer(&message, value);
    find_answer(&message);
    enum cr_status status = keep(&message, reply);
    message_fini(&message);
    return status == CR_E_LIMIT ? CR_E_FORMAT : status;
}

static enum cr_status check_message(const struct cr_json *message, struct cr_err *why) {
    if (message == NULL || cr_json_type(message) != CR_JSON_OBJECT) {
        return cr_err_set(why, CR_E_FORMAT, "choices[0].message is not an object");
    }
    enum cr_json_type type = cr_json_type(cr_json_get(message, "content"));
    if (type != CR_JSON_NULL && type != CR_JSON_STRING && type != CR_JSON_ARRAY) {
        return cr_err_set(why, CR_E_FORMAT, "choices[0].message.content is %s",
                          cr_json_type_name(type));
    }
    return CR_OK;
}

// WORD is the server's for how it ended; HAS_WORD: it has a member for it.
static enum cr_status finish(const char *word, bool has_word, struct cr_reply *reply,
                             struct cr_err *why) {
    if (reply->reason == CR_REASON_REFUSED) { // by the message: whatever the word says
        struct cr_reply other = {.text = reply->text};
        cr_status_ignore(cr_wire_finish(word, &other, NULL));
        memcpy(reply->finish_word, other.finish_word, sizeof reply->finish_word);
        return CR_OK;
    }
    if (!has_word && reply->text != NULL && reply->text[0]) {
        reply->finish = CR_FINISH_STOP; // an API without such a member
        return CR_OK;
    }
    return cr_wire_finish(word, reply, why);
}

// The server's word for how it ended: a text, or an object that has it as its type.
static const char *word_of(const struct cr_json *value) {
    const char *word = cr_json_string(value);
    return word != NULL ? word : cr_json_string(cr_json_get(value, "type"));
}

// A filter or a refusal may leave no message at all.
static bool is_withheld(const struct cr_json *message, const char *word) {
    enum cr_finish_kind kind = cr_wire_finish_kind(word);
    return cr_json_type(message) == CR_JSON_NULL &&
           (kind == CR_FINISH_KIND_FILTERED || kind == CR_FINISH_KIND_REFUSED);
}

static enum cr_status read_choice(const struct cr_json *choice,
                                  const struct cr_decode_args *from,
                                  struct cr_reply *reply, struct cr_error_body *error,
                                  struct cr_err *why) {
    const struct cr_json *failure = cr_error_body_find(choice);
    const struct cr_json *message = cr_json_get(choice, "message");
    const struct cr_json *word = cr_json_get(choice, "finish_reason");
    const char *plain = cr_json_string(cr_json_get(choice, "text"));
    if (failure != NULL) {
        cr_error_body_read_json(failure, from->secret, from->wall_ms, error);
        return CR_E_NET;
    }
    enum cr_status status = CR_OK;
    read_logprobs(choice, reply);
    if (message == NULL && plain != NULL) { // of the older completions API
        reply->text = cr_strdup(plain);
        status = reply->text != NULL ? cr_think_split(reply) : CR_E_MEMORY;
    } else if (is_withheld(message, word_of(word))) {
        reply->text = cr_strdup("");
        status = reply->text != NULL ? CR_OK : CR_E_MEMORY;
    } else {
        status = check_message(message, why);
        status = status != CR_OK ? status : read_message(message, reply);
    }
    return status != CR_OK ? status : finish(word_of(word), word != NULL, reply, why);
}

// Google's word for a prompt that it does not answer: there is no choice at all.
static const char *blocked_word(const struct cr_json *root) {
    const struct cr_json *feedback = cr_json_get(root, "promptFeedback");
    feedback = feedback != NULL ? feedback : cr_json_get(root, "prompt_feedback");
    const char *word = cr_json_string(cr_json_get(feedback, "blockReason"));
    return word != NULL ? word : cr_json_string(cr_json_get(feedback, "block_reason"));
}

static enum cr_status read_blocked(const char *word, struct cr_reply *reply,
                                   struct cr_err *why) {
    const bool is_known = cr_wire_finish_kind(word) == CR_FINISH_KIND_FILTERED;
    reply->text = cr_strdup("");
    return reply->text == NULL
               ? CR_E_MEMORY
               : cr_wire_finish(is_known ? word : "content_filter", reply, why);
}

// The members of ROOT, so that people can see what kind of reply it is.
static enum cr_status refuse_root(const struct cr_json *root, struct cr_err *why) {
    char names[160] = "";
    size_t used = 0;
    for (const struct cr_json *c = cr_json_first(root); c != NULL;
         c = cr_json_next(c)) {
        const char *key = cr_json_key(c);
        size_t len = key != NULL ? strlen(key) : 0;
        if (len == 0 || used + len + 3 > sizeof names) {
            break;
        }
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s",
                                 used > 0 ? ", " : "", key);
    }
    return cr_err_set(why, CR_E_FORMAT, "no choices in the reply (%s%s)",
                      used > 0 ? "it has " : "it has no members", names);
}

// How a reply of another API ended; NULL when it does not say.
static const struct cr_json *other_word(const struct cr_json *root) {
    const struct cr_json *const places[] = {
        cr_json_get(root, "done_reason"),
        cr_json_get(root, "finish_reason"),
        cr_json_get(root, "stop_reason"),
        cr_json_get(cr_json_get(root, "details"), "finish_reason"),
        cr_json_get(cr_json_get(root, "incomplete_details"), "reason"),
        cr_json_get(root, "output") != NULL ? cr_json_get(root, "status") : NULL};
    const struct cr_json *word = NULL;
    for (size_t i = 0; i < sizeof places / sizeof places[0] && word == NULL; i++) {
        word = word_of(places[i]) != NULL ? places[i] : NULL;
    }
    return word;
}

// Replies of other APIs that some servers give on the same path: Ollama's chat, TGI's
// and others' generate, the responses API.
static enum cr_status read_other(const struct cr_json *root, struct cr_reply *reply,
                                 struct cr_err *why) {
    static const char *const texts[] = {"response", "generated_text", "output_text"};
    const struct cr_json *word = other_word(root);
    const struct cr_json *message = cr_json_get(root, "message");
    const char *text = NULL;
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && text == NULL; i++) {
        text = cr_json_string(cr_json_get(root, texts[i]));
    }
    for (const struct cr_json *c = cr_json_first(cr_json_get(root, "output"));
         c != NULL && message == NULL; c = cr_json_next(c)) {
        message = cr_json_get(c, "content") != NULL && !is_thought(c) ? c : NULL;
    }
    if (message != NULL && cr_json_type(message) == CR_JSON_OBJECT) {
        status = read_message(message, reply);
    } else if (text != NULL) {
        reply->text = cr_strdup(text);
        status = reply->text != NULL ? cr_think_split(reply) : CR_E_MEMORY;
    } else {
        return refuse_root(root, why);
    }
    // "done": false, a part of a stream: without a word, what came decides.
    bool has_word = word != NULL || !cr_json_bool(cr_json_get(root, "done"), true);
    return status != CR_OK ? status : finish(word_of(word), has_word, reply, why);
}

static enum cr_status read_root(const struct cr_json *root,
                                const struct cr_decode_args *from,
                                struct cr_reply *reply, struct cr_error_body *error,
                                struct cr_err *why) {
    const struct cr_json *choices = cr_json_get(root, "choices");
    const struct cr_json *choice =
        cr_json_type(choices) == CR_JSON_ARRAY ? cr_json_first(choices) : NULL;
    const struct cr_json *failure = cr_error_body_find(root);
    if (failure != NULL) {
        cr_error_body_read_json(failure, from->secret, from->wall_ms, error);
        return CR_E_NET;
    }
    if (choice != NULL) {
        return read_choice(choice, from, reply, error, why);
    }
    const char *blocked = blocked_word(root);
    if (blocked != NULL) {
        return read_blocked(blocked, reply, why);
    }
    enum cr_status status = read_other(root, reply, why);
    // {"code": .., "message": ..}: an error all the same.
    bool is_error =
        status == CR_E_FORMAT && reply->text == NULL && cr_error_body_has_words(root);
    if (is_error) {
        cr_error_body_read_json(root, from->secret, from->wall_ms, error);
    }
    return is_error ? CR_E_NET : status;
}

// A server that made no token, and says so, has not answered: some do while a model is
// being loaded.
static enum cr_status check_made(const struct cr_json *root,
                                 const struct cr_reply *reply, struct cr_err *why) {
    const struct cr_json *usage = cr_json_get(root, "usage");
    bool is_none = cr_json_number(cr_json_get(usage, "completion_tokens"), -1) == 0 &&
                   reply->tokens_out == 0 && reply->tokens_in > 0;
    bool is_empty = (reply->text == NULL || !reply->text[0]) &&
                    reply->reasoning == NULL && reply->logprobs_len == 0;
    return is_none && is_empty && reply->finish == CR_FINISH_STOP
               ? cr_err_set(why, CR_E_FORMAT,
                            "the server made no token of an answer (completion_tokens "
                            "is 0)")
               : CR_OK;
}

enum cr_status cr_openai_decode(const struct cr_decode_args *from,
                                struct cr_reply *reply, struct cr_error_body *error,
                                struct cr_err *why) {
    struct cr_json *root = NULL;
    enum cr_status status = cr_wire_parse(from->body, from->bytes, &root, why);
    if (status != CR_OK) {
        return status;
    }
    status = read_root(root, from, reply, error, why);
    read_usage(root, reply);
    cr_request_id_copy(reply->request_id, cr_json_string(cr_json_get(root, "id")));
    status = status != CR_OK ? status : check_made(root, reply, why);
    cr_json_free(root);
    return status;
}
