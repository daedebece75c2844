// finish.c - why a generation ended, in the words of the houses.
//
// A word that is not in the table, or none at all, is decided by what came: a whole
// answer was finished, anything else was stopped.
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "model/wire.h"

// In lower case, "-" and " " as "_", between spaces.
static const struct {
    enum cr_finish_kind ending;
    const char *words;
} endings[] = {
    {CR_FINISH_KIND_WHOLE,
     " stop end_turn stop_sequence eos eos_token complete completed"
     " finished finish stopped end tool_calls tool_call tool_use function_call"
     " success end_of_text eot turn_end normal word endoftext "},
    {CR_FINISH_KIND_CUT, " length max_tokens model_length max_length max_output_tokens"
                         " max_new_tokens token_limit model_context_window_exceeded"
                         " context_length context_length_exceeded truncated"
                         " max_tokens_reached error_limit incomplete maximum_tokens"
                         " max_completion_tokens limit "},
    {CR_FINISH_KIND_REFUSED, " refusal refused "},
    {CR_FINISH_KIND_FILTERED,
     " content_filter content_filtered safety prohibited_content blocklist recitation"
     " spii image_safety language error_toxic sensitive guardrail_intervened"
     " guardrails content_policy moderation blocked flagged model_armor"
     " image_prohibited_content safety_filter content_policy_violation policy_violation"
     " prompt_blocked guardrail "},
    {CR_FINISH_KIND_STOPPED,
     " error abort aborted cancel cancelled canceled insufficient_system_resource"
     " timeout time_limit deadline server_error internal_error engine_error"
     " network_error malformed_function_call unexpected_tool_call user_cancel"
     " preempted evicted failed failure disconnect unload load "},
};

// WORD without what some put around it: "FINISH_REASON_SAFETY", "FinishReason.SAFETY";
// what is behind a colon ("content_filter: PROHIBITED_CONTENT") is not read.
static const char *bare_word(const char *word) {
    static const char *const leads[] = {"FINISH_REASON_", "FinishReason."};
    for (size_t i = 0; word != NULL && i < sizeof leads / sizeof leads[0]; i++) {
        size_t len = strlen(leads[i]);
        word += strncasecmp(word, leads[i], len) == 0 ? len : 0;
    }
    return word;
}

enum cr_finish_kind cr_wire_finish_kind(const char *word) {
    char folded[CR_FINISH_WORD_MAX + 2] = " ";
    size_t len = 1;
    word = bare_word(word);
    for (; word != NULL && *word && *word != ':' && len < CR_FINISH_WORD_MAX; word++) {
        char c = (char)tolower((unsigned char)*word);
        folded[len++] = c == '-' || c == ' ' ? '_' : c;
    }
    if (len == 1) {
        return CR_FINISH_KIND_UNKNOWN;
    }
    folded[len] = ' ';
    folded[len + 1] = '\0';
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        if (strstr(endings[i].words, folded) != NULL) {
            return endings[i].ending;
        }
    }
    return CR_FINISH_KIND_UNKNOWN;
}

// Whether TEXT is one whole JSON value, white space and a code fence around it allowed.
static bool is_whole_json(const char *text) {
    static const struct cr_json_limits limits = {CR_REPLY_BYTES_MAX,
                                                 CR_REPLY_DEPTH_MAX};
    const char *start = text + strcspn(text, "{[");
    const char *end = text + strlen(text);
    while (end > start && end[-1] != '}' && end[-1] != ']') {
        end--;
    }
    struct cr_json *value = NULL;
    bool is_whole =
        *start != '\0' && end > start &&
        cr_json_read(start, (size_t)(end - start), limits, &value, NULL) == CR_OK;
    cr_json_free(value);
    return is_whole;
}

// A sentence that ends like one.
static bool ends_as_prose(const char *text) {
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        len--;
    }
    return len > 0 && strchr(".!?\"'`)]}*", text[len - 1]) != NULL;
}

static void note_word(struct cr_reply *reply, const char *word) {
    size_t len = 0;
    for (; word != NULL && word[len] && len + 1 < CR_FINISH_WORD_MAX; len++) {
        reply->finish_word[len] = word[len] > ' ' && word[len] <= '~' ? word[len] : '?';
    }
    reply->finish_word[len] = '\0';
}

enum cr_status cr_wire_finish(const char *word, struct cr_reply *reply,
                              struct cr_err *why) {
    const char *text = reply->text != NULL ? reply->text : "";
    enum cr_finish_kind ending = cr_wire_finish_kind(word);
    note_word(reply, word);
    if (ending == CR_FINISH_KIND_UNKNOWN) {
        bool is_token = reply->logprobs_len > 0;
        bool is_whole = is_token || is_whole_json(text) || ends_as_prose(text);
        ending = is_whole ? CR_FINISH_KIND_WHOLE : CR_FINISH_KIND_STOPPED;
    }
    switch (ending) {
    case CR_FINISH_KIND_WHOLE:
        reply->finish = CR_FINISH_STOP;
        return CR_OK;
    case CR_FINISH_KIND_CUT:
        reply->finish = CR_FINISH_LENGTH;
        return CR_OK;
    case CR_FINISH_KIND_REFUSED:
        reply->finish = CR_FINISH_FILTER;
        reply->reason = CR_REASON_REFUSED;
        return CR_OK;
    case CR_FINISH_KIND_FILTERED:
        reply->finish = CR_FINISH_FILTER;
        reply->reason = CR_REASON_FILTERED;
        return CR_OK;
    case CR_FINISH_KIND_STOPPED:
    case CR_FINISH_KIND_UNKNOWN:
        break;
    }
    return cr_err_set(why, CR_E_FORMAT,
                      reply->finish_word[0]
                          ? "the server stopped the generation (finish_reason \"%s\")"
                          : "the server stopped the generation without saying why%s",
                      reply->finish_word);
}
