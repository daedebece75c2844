// write.c - what a simulated agent writes: the JSON of answer.h, readable prose in
// it.
#include <stdio.h>
#include <string.h>

#include "credence/base/json.h"
#include "model/sim/sim.h"

static enum cr_status add_option(const struct cr_call *call, uint32_t option,
                                 struct cr_buf *out) {
    const char *text = call->proposition->options[option];
    return cr_json_add_quoted(out, text, strlen(text));
}

static uint32_t largest(const struct cr_sim_price *price) {
    uint32_t best = 0;
    for (uint32_t i = 1; i < price->len; i++) {
        best = price->at[i] > price->at[best] ? i : best;
    }
    return best;
}

static const char *reason_of(const struct cr_call *call) {
    return call->id.iteration == call->id.sample // of self_consistency, or 0
               ? "Nothing has been argued yet, so this is my own belief."
               : "I weighed the newest argument against where I stood.";
}

static enum cr_status add_options(const struct cr_call *call,
                                  const struct cr_sim_price *price,
                                  struct cr_buf *out) {
    enum cr_status status = cr_buf_add_text(out, "{\"claim\":");
    status = status != CR_OK ? status : add_option(call, largest(price), out);
    status = status != CR_OK ? status
                             : cr_buf_printf(out, ",\"reasoning\":\"%s\",\"prices\":{",
                                             reason_of(call));
    for (uint32_t i = 0; i < price->len && status == CR_OK; i++) {
        status = i > 0 ? cr_buf_add(out, ",", 1) : CR_OK;
        status = status != CR_OK ? status : add_option(call, i, out);
        status = status != CR_OK ? status : cr_buf_printf(out, ":%.6f", price->at[i]);
    }
    return status != CR_OK ? status : cr_buf_add_text(out, "}}");
}

static enum cr_status add_quantiles(const struct cr_call *call, double place,
                                    struct cr_buf *out) {
    const struct cr_proposition *about = call->proposition;
    double range = about->high - about->low;
    double low = place > 0.15 ? place - 0.15 : 0;
    double high = place < 0.85 ? place + 0.15 : 1;
    return cr_buf_printf(out,
                         "{\"claim\":\"About %.6g.\",\"reasoning\":\"%s\","
                         "\"q05\":%.10g,\"q50\":%.10g,\"q95\":%.10g}",
                         about->low + place * range, reason_of(call),
                         about->low + low * range, about->low + place * range,
                         about->low + high * range);
}

enum cr_status cr_sim_write_judgment(const struct cr_call *call,
                                     const struct cr_sim_price *price,
                                     struct cr_buf *out) {
    switch (call->proposition->space) {
    case CR_SPACE_CATEGORICAL:
        return add_options(call, price, out);
    case CR_SPACE_CONTINUOUS:
        return add_quantiles(call, price->at[0], out);
    case CR_SPACE_BINARY:
        break;
    }
    return cr_buf_printf(out,
                         "{\"claim\":\"The proposition is more likely %s.\","
                         "\"reasoning\":\"%s\",\"price\":%.6f}",
                         price->at[0] > 0.5 ? "true" : "false", reason_of(call),
                         price->at[0]);
}

// The sentences below are what cr_sim_read_argument looks for.
static enum cr_status add_toward(const struct cr_call *call,
                                 const struct cr_sim_argument *argument,
                                 struct cr_buf *out) {
    const char *text = call->proposition->options[argument->option];
    struct cr_buf sentence;
    cr_buf_init(&sentence, out->max_bytes);
    enum cr_status status = cr_buf_add_text(out, "{\"toward\":");
    status = status != CR_OK ? status : add_option(call, argument->option, out);
    status =
        status != CR_OK
            ? status
            : cr_buf_printf(&sentence, "Evidence of strength %.2f points to \"%s\".",
                            argument->strength, text);
    status = status != CR_OK ? status : cr_buf_add_text(out, ",\"argument\":");
    status = status != CR_OK
                 ? status
                 : cr_json_add_quoted(out, sentence.data, sentence.used_bytes);
    cr_buf_fini(&sentence);
    return status != CR_OK ? status : cr_buf_add(out, "}", 1);
}

enum cr_status cr_sim_write_argument(const struct cr_call *call,
                                     const struct cr_sim_argument *argument,
                                     struct cr_buf *out) {
    enum cr_space space = call->proposition->space;
    bool is_up = argument->side > 0.5;
    if (argument->is_beside) {
        return cr_buf_add_text(
            out,
            space == CR_SPACE_CATEGORICAL
                ? "{\"toward\":\"A\",\"argument\":\"A remark on that question.\"}"
                : "{\"direction\":\"up\",\"argument\":\"A remark on that question.\"}");
    }
    if (space == CR_SPACE_CATEGORICAL) {
        return add_toward(call, argument, out);
    }
    const char *claim = is_up ? "true" : "false";
    const char *quantity = is_up ? "a larger value" : "a smaller value";
    return cr_buf_printf(out,
                         "{\"direction\":\"%s\",\"argument\":\"Evidence of strength "
                         "%.2f points to %s.\"}",
                         is_up ? "up" : "down", argument->strength,
                         space == CR_SPACE_BINARY ? claim : quantity);
}

enum cr_status cr_sim_write_vote(const struct cr_call *call, uint32_t outcome,
                                 struct cr_buf *out) {
    if (call->proposition->space != CR_SPACE_CATEGORICAL) {
        return cr_buf_printf(out, "{\"answer\":\"%s\"}", outcome ? "yes" : "no");
    }
    enum cr_status status = cr_buf_add_text(out, "{\"answer\":");
    status = status != CR_OK ? status : add_option(call, outcome, out);
    return status != CR_OK ? status : cr_buf_add(out, "}", 1);
}

void cr_sim_write_token(const struct cr_call *call, uint32_t outcome, char *out,
                        size_t out_bytes) {
    if (call->proposition->space != CR_SPACE_CATEGORICAL) {
        snprintf(out, out_bytes, "%s", outcome ? "Yes" : "No");
    } else if (!cr_sim_read_letter(call, outcome, out, out_bytes)) {
        snprintf(out, out_bytes, "%c", (char)('A' + outcome % 26));
    }
}

static enum cr_status replace(struct cr_buf *text, const char *with) {
    cr_buf_clear(text);
    return cr_buf_add_text(text, with);
}

static enum cr_status fence(struct cr_buf *text) {
    static const char open[] = "Here is my answer:\n```json\n";
    size_t had = text->used_bytes, lead = sizeof open - 1;
    enum cr_status status = cr_buf_add_text(text, open); // makes room
    if (status != CR_OK) {
        return status;
    }
    memmove(text->data + lead, text->data, had);
    memcpy(text->data, open, lead);
    return cr_buf_add_text(text, "\n```\n");
}

static void cut(struct cr_buf *text, size_t keep_bytes) {
    while (keep_bytes > 0 && ((unsigned char)text->data[keep_bytes] & 0xC0) == 0x80) {
        keep_bytes--; // not inside a character
    }
    text->used_bytes = keep_bytes;
    text->data[keep_bytes] = '\0';
}

enum cr_status cr_sim_damage(unsigned kind, struct cr_buf *text,
                             enum cr_finish *finish) {
    switch (kind) {
    case 0:
        return fence(text);
    case 1:
        cut(text, text->used_bytes / 2);
        *finish = CR_FINISH_LENGTH;
        return CR_OK;
    case 2: // a trailing comma
        cut(text, text->used_bytes - 1);
        return cr_buf_add_text(text, ",}");
    case 3:
        return replace(text, "I would rather not put a number on this.");
    case 4:
        return replace(text, "");
    case 5:
        return replace(text, "{\"claim\":\"Certain.\",\"reasoning\":\"It is obvious.\","
                             "\"price\":7.5,\"answer\":\"perhaps\"}");
    default:
        return replace(text, "{\"claim\":\"Unsure.\",\"reasoning\":\"Hard to say.\","
                             "\"price\":\"rather high\",\"answer\":[]}");
    }
}
