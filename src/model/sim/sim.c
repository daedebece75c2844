// sim.c - the backend of simulated agents. What the dials mean is in README.md.
#include "model/sim/sim.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/mem.h"
#include "credence/model/client.h"
#include "model/backend.h"

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
    [CR_SIM_CROWD] = "crowd"};

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
        cr_sim_write_token(call, i, to->token, sizeof to->token);
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
        return cr_sim_write_vote(call, vote_of(call, &price), text);
    }
    if (call->id.ask == CR_ASK_LOGPROB) {
        return write_logprobs(call, &price, reply, text);
    }
    return cr_sim_write_judgment(call, &price, text);
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
        status = cr_sim_damage((unsigned)(u * CR_SIM_DAMAGES), &text, &reply->finish);
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
