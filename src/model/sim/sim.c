// sim.c - the backend of simulated agents, and what they write: the JSON of answer.h,
// readable prose in it. What the dials mean is in README.md.
#include "model/sim/sim.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/json.h"
#include "credence/base/mem.h"
#include "credence/base/text_write.h"
#include "credence/model/client.h"
#include "model/backend.h"

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

static const char *option_of(const struct cr_call *call, uint32_t option) {
    return call->proposition->options[option];
}

// A bet risks half of what its trader owns.
static const char *stake_of(const struct cr_call *call) {
    return call->id.ask == CR_ASK_BET ? ",\"stake\":0.5" : "";
}

static enum cr_status add_options(const struct cr_call *call,
                                  const struct cr_sim_price *price,
                                  struct cr_buf *out) {
    struct cr_text_writer writer = {.out = out};
    cr_text_write(&writer, "{\"claim\":");
    cr_text_write_quoted(&writer, option_of(call, largest(price)));
    cr_text_writef(&writer, ",\"reasoning\":\"%s\",\"prices\":{", reason_of(call));
    for (uint32_t i = 0; i < price->len; i++) {
        cr_text_write(&writer, i > 0 ? "," : "");
        cr_text_write_quoted(&writer, option_of(call, i));
        cr_text_writef(&writer, ":%.6f", price->at[i]);
    }
    cr_text_writef(&writer, "}%s}", stake_of(call));
    return writer.status;
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

static enum cr_status sim_write_judgment(const struct cr_call *call,
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
                         "\"reasoning\":\"%s\",\"price\":%.6f%s}",
                         price->at[0] > 0.5 ? "true" : "false", reason_of(call),
                         price->at[0], stake_of(call));
}

// The sentences below are what cr_sim_read_argument looks for.
static enum cr_status add_toward(const struct cr_call *call,
                                 const struct cr_sim_argument *argument,
                                 struct cr_buf *out) {
    const char *option = option_of(call, argument->option);
    struct cr_buf sentence;
    cr_buf_init(&sentence, out->max_bytes);
    struct cr_text_writer words = {.out = &sentence};
    cr_text_writef(&words, "Evidence of strength %.2f points to \"%s\".",
                   argument->strength, option);
    struct cr_text_writer writer = {.out = out, .status = words.status};
    cr_text_write(&writer, "{\"toward\":");
    cr_text_write_quoted(&writer, option);
    cr_text_write(&writer, ",\"argument\":");
    cr_text_write_quoted(&writer, words.status == CR_OK ? sentence.data : "");
    cr_text_write(&writer, "}");
    cr_buf_fini(&sentence);
    return writer.status;
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

// "yes" or "no" by OUTCOME 1 or 0, or the option OUTCOME.
static enum cr_status sim_write_vote(const struct cr_call *call, uint32_t outcome,
                                     struct cr_buf *out) {
    if (call->proposition->space != CR_SPACE_CATEGORICAL) {
        return cr_buf_printf(out, "{\"answer\":\"%s\"}", outcome ? "yes" : "no");
    }
    struct cr_text_writer writer = {.out = out};
    cr_text_write(&writer, "{\"answer\":");
    cr_text_write_quoted(&writer, option_of(call, outcome));
    cr_text_write(&writer, "}");
    return writer.status;
}

// The word that stands for OUTCOME as a first token: "Yes", "No" or a letter.
static void sim_write_token(const struct cr_call *call, uint32_t outcome, char *out,
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

// Damage the KIND-th way; *finish may change.
static enum cr_status sim_damage(unsigned kind, struct cr_buf *text,
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

enum {
    SIM_BYTES_MAX = 1 << 20,  // of one reply
    SIM_BACKOFF_BASE_MS = 10, // nobody is spared by a longer wait
    BYTES_PER_TOKEN = 4
};

const char *const cr_sim_behaviour_names[CR_SIM_BEHAVIOURS] = {
    [CR_SIM_BELIEF] = "belief",
    [CR_SIM_CONTRACTION] = "contraction",
    [CR_SIM_OSCILLATOR] = "oscillator",
    [CR_SIM_MARTINGALE] = "martingale",
    [CR_SIM_TREND] = "trend",
    [CR_SIM_BAYES] = "bayes",
    [CR_SIM_OVER_REACTOR] = "over_reactor",
    [CR_SIM_UNDER_REACTOR] = "under_reactor",
    [CR_SIM_CROWD] = "crowd",
    [CR_SIM_BETTOR] = "bettor"};

static void check_share(const struct cr_model *model, const char *key, double value,
                        struct cr_err *err) {
    if (!(value >= 0 && value <= 1)) {
        cr_err_add_line(err, "models.%s.%s: %g is not within 0 to 1", model->name, key,
                        value);
    }
}

static enum cr_status check(const struct cr_model *model, struct cr_err *err) {
    const struct cr_sim_dials *dials = &model->sim;
    struct cr_err found = {0};
    check_share(model, "competence", dials->competence, &found);
    check_share(model, "noise", dials->noise, &found);
    check_share(model, "stubbornness", dials->stubbornness, &found);
    check_share(model, "persuasion", dials->persuasion, &found);
    check_share(model, "strength", dials->strength, &found);
    check_share(model, "malformed", dials->malformed, &found);
    check_share(model, "failures", dials->failures, &found);
    check_share(model, "rate", dials->rate, &found);
    if (!(dials->latency_ms >= 0)) {
        cr_err_add_line(&found, "models.%s.latency_ms: %g is not 0 or more",
                        model->name, dials->latency_ms);
    }
    if (dials->behaviour >= CR_SIM_BEHAVIOURS) {
        cr_err_add_line(&found, "models.%s.behaviour: unknown", model->name);
    }
    return found.text[0] ? cr_err_set(err, CR_E_JOB, "%s", found.text) : CR_OK;
}

static uint32_t tokens_of(size_t bytes) {
    return (uint32_t)((bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN);
}

static void count_tokens(const struct cr_call *call, size_t text_bytes,
                         struct cr_reply *reply) {
    size_t all = 0, cached = 0;
    for (size_t i = 0; i < call->turns_len; i++) {
        all += call->turns[i].text_bytes;
        cached += i < call->prefix_len ? call->turns[i].text_bytes : 0;
    }
    reply->tokens_in = tokens_of(all);
    reply->tokens_cached = (uint32_t)(cached / BYTES_PER_TOKEN);
    reply->tokens_out = tokens_of(text_bytes);
}

// One outcome drawn by its price.
static uint32_t vote_of(const struct cr_call *call, const struct cr_sim_price *price) {
    double u = cr_sim_uniform(call->seed, CR_SIM_DRAW_VOTE, 0);
    if (price->len == 1) {
        return u < price->at[0];
    }
    uint32_t outcome = 0;
    while (outcome + 1 < price->len && u >= price->at[outcome]) {
        u -= price->at[outcome++];
    }
    return outcome;
}

static enum cr_status write_logprobs(const struct cr_call *call,
                                     const struct cr_sim_price *price,
                                     struct cr_reply *reply, struct cr_buf *text) {
    double all[CR_OPTIONS_MAX] = {1 - price->at[0], price->at[0]};
    const double *mass = price->len == 1 ? all : price->at;
    uint32_t len = price->len == 1 ? 2 : price->len;
    uint32_t best = 0;
    for (uint32_t i = 0; i < len && i < CR_LOGPROBS_MAX; i++) {
        struct cr_logprob *to = &reply->logprobs[reply->logprobs_len++];
        sim_write_token(call, i, to->token, sizeof to->token);
        to->logprob = log(mass[i]);
        best = mass[i] > mass[best] ? i : best;
    }
    return cr_buf_add_text(text, reply->logprobs[best].token);
}

// CALL without the bad reply and the complaint that end a repair turn: neither is
// anything an agent has thought or was told.
static struct cr_call as_first_asked(const struct cr_call *call) {
    struct cr_call first = *call;
    first.turns_len -= call->id.repair > 0 && call->turns_len >= 2 ? 2 : 0;
    return first;
}

static enum cr_status write_answer(const struct cr_model *model,
                                   const struct cr_call *asked, struct cr_reply *reply,
                                   struct cr_buf *text) {
    const struct cr_call first = as_first_asked(asked), *call = &first;
    struct cr_sim_argument argument;
    struct cr_sim_price price;
    if (call->id.ask == CR_ASK_ARGUMENT) {
        cr_sim_argue(&model->sim, call, &argument);
        return cr_sim_write_argument(call, &argument, text);
    }
    cr_sim_judge(&model->sim, call, &price);
    if (call->id.ask == CR_ASK_VOTE) {
        return sim_write_vote(call, vote_of(call, &price), text);
    }
    if (call->id.ask == CR_ASK_LOGPROB) {
        return write_logprobs(call, &price, reply, text);
    }
    return sim_write_judgment(call, &price, text);
}

static bool happens(const struct cr_call *call, enum cr_sim_draw what, uint64_t which,
                    double share) {
    return share > 0 && cr_sim_uniform(call->seed, what, which) < share;
}

static double latency_of(const struct cr_model *model, const struct cr_call *call,
                         uint32_t attempt) {
    if (model->sim.latency_ms <= 0) {
        return 0;
    }
    double u = cr_sim_uniform(call->seed, CR_SIM_DRAW_LATENCY, attempt);
    return -model->sim.latency_ms / 1000 * log(1 - u);
}

static enum cr_status fail(struct cr_reply *reply) {
    reply->reason = CR_REASON_SERVER;
    reply->http_status = 503;
    reply->error = cr_strdup("HTTP 503: a simulated failure");
    return reply->error != NULL ? CR_OK : CR_E_MEMORY;
}

static enum cr_status answer(const struct cr_model *model, const struct cr_call *call,
                             uint32_t attempt, struct cr_reply *reply) {
    struct cr_buf text;
    *reply = (struct cr_reply){.is_simulated = true,
                               .finish = CR_FINISH_STOP,
                               .latency_s = latency_of(model, call, attempt)};
    if (happens(call, CR_SIM_DRAW_FAILURE, attempt, model->sim.failures)) {
        return fail(reply);
    }
    cr_buf_init(&text, SIM_BYTES_MAX);
    enum cr_status status = write_answer(model, call, reply, &text);
    if (status == CR_OK &&
        happens(call, CR_SIM_DRAW_MALFORMED, 0, model->sim.malformed)) {
        double u = cr_sim_uniform(call->seed, CR_SIM_DRAW_DAMAGE, 0);
        status = sim_damage((unsigned)(u * CR_SIM_DAMAGES), &text, &reply->finish);
    }
    if (status == CR_OK) {
        reply->http_status = 200;
        count_tokens(call, text.used_bytes, reply);
        reply->text = cr_buf_take(&text);
    }
    cr_buf_fini(&text);
    return status;
}

const struct cr_backend cr_backend_sim = {.name = "sim",
                                          .has_logprobs = true,
                                          .backoff_base_ms = SIM_BACKOFF_BASE_MS,
                                          .check = check,
                                          .answer = answer};
