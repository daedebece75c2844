// Made-up replies, in the shapes of answer.h. The history grows by their length in
// every later prompt, so prompts are linear in it: two lengths determine them.
#include "job/dry_run.h"

#include <string.h>

#include "credence/base/buf.h"
#include "credence/base/text_write.h"
#include "credence/prompt/answer.h"

enum { CALLS_MAX = 65536, OPEN_MAX = 1024 };

struct dry {
    const struct cr_job *job;
    const struct cr_episode_cfg *setting;
    struct cr_dry_usage *usage;
    size_t reply_bytes;
    bool restless;
    uint32_t judgments; // made so far, for prices that jump
    struct cr_buf text;
};

// TEXT so far, a filler, and END behind it, REPLY_BYTES in all when they fit.
static void fill(struct dry *dry, struct cr_text_writer *out, const char *end) {
    size_t used = dry->text.used_bytes + strlen(end);
    size_t len = used + 1 < dry->reply_bytes ? dry->reply_bytes - used : 1;
    for (size_t i = 0; i < len && out->status == CR_OK; i++) {
        cr_text_write(out, i % 6 == 5 && i + 1 < len ? " " : "x");
    }
    cr_text_write(out, end);
}

static void write_prices(const struct dry *dry, struct cr_text_writer *out,
                         double price) {
    const struct cr_proposition *p = dry->setting->proposition;
    char letter[CR_LETTER_MAX];
    if (p->space == CR_SPACE_BINARY) {
        cr_text_writef(out, "\"price\":%.2f,", price);
        return;
    }
    if (p->space == CR_SPACE_CONTINUOUS) {
        double span = p->high - p->low, middle = p->low + price * span;
        cr_text_writef(out, "\"q05\":%.9g,\"q50\":%.9g,\"q95\":%.9g,",
                       middle - 0.05 * span, middle, middle + 0.05 * span);
        return;
    }
    cr_text_write(out, "\"prices\":{");
    for (uint32_t i = 0; i < p->options_len; i++) {
        double rest = (1 - price) / (p->options_len - 1);
        cr_answer_letter(i, letter);
        cr_text_writef(out, "%s\"%s\":%.6f", i > 0 ? "," : "", letter,
                       i == 0 ? price : rest);
    }
    cr_text_write(out, "},");
}

static void write_judgment(struct dry *dry, bool has_stake,
                           struct cr_text_writer *out) {
    double price = 0.5;
    if (dry->restless) {
        price = dry->judgments % 2 == 0 ? 0.1 : 0.9;
    }
    dry->judgments++;
    cr_text_write(out, has_stake ? "{\"stake\":0.5," : "{");
    write_prices(dry, out, price);
    cr_text_write(out, dry->setting->cell->chain_of_thought
                           ? "\"claim\":\"x\",\"reasoning\":\""
                           : "\"claim\":\"");
    fill(dry, out, "\"}");
}

static void write_argument(struct dry *dry, struct cr_text_writer *out) {
    bool is_toward = dry->setting->proposition->space == CR_SPACE_CATEGORICAL;
    cr_text_write(out, is_toward ? "{\"toward\":\"A\",\"argument\":\""
                                 : "{\"direction\":\"up\",\"argument\":\"");
    fill(dry, out, "\"}");
}

static void write_vote(struct dry *dry, struct cr_text_writer *out) {
    bool is_letter = dry->setting->proposition->space == CR_SPACE_CATEGORICAL;
    const char *answer = is_letter ? "A" : "yes";
    if (!dry->setting->cell->chain_of_thought) {
        cr_text_writef(out, "{\"answer\":\"%s\"}", answer);
        return;
    }
    cr_text_writef(out, "{\"answer\":\"%s\",\"reasoning\":\"", answer);
    fill(dry, out, "\"}");
}

static enum cr_status write_reply(struct dry *dry, enum cr_ask ask) {
    struct cr_text_writer out = {.out = &dry->text};
    cr_buf_clear(&dry->text);
    switch (ask) {
    case CR_ASK_JUDGMENT:
    case CR_ASK_BET:
        write_judgment(dry, ask == CR_ASK_BET, &out);
        break;
    case CR_ASK_ARGUMENT:
        write_argument(dry, &out);
        break;
    case CR_ASK_VOTE:
        write_vote(dry, &out);
        break;
    default:
        cr_text_write(&out, dry->setting->proposition->space == CR_SPACE_CATEGORICAL
                                ? "A"
                                : "Yes");
    }
    return out.status;
}

static void measure(struct dry *dry, const struct cr_call *call) {
    uint32_t cap = call->max_tokens;
    double in = 0;
    for (size_t i = 0; i < call->turns_len; i++) {
        in += (double)call->turns[i].text_bytes;
    }
    if (call->schema != NULL) {
        in += (double)strlen(call->schema);
    }
    cap = cap == 0 ? dry->job->models[call->model].max_tokens : cap;
    dry->usage->calls[call->id.role]++;
    dry->usage->bytes_in[call->id.role] += in;
    dry->usage->bytes_out[call->id.role] += (double)dry->text.used_bytes;
    dry->usage->tokens_cap[call->id.role] += cap;
}

static enum cr_status answer(struct dry *dry, struct cr_episode *episode,
                             struct cr_call *call) {
    enum cr_status status = write_reply(dry, (enum cr_ask)call->id.ask);
    if (status != CR_OK) {
        return status;
    }
    measure(dry, call);
    struct cr_reply reply = {.text = dry->text.data, .attempts = 1};
    if (call->id.ask == CR_ASK_LOGPROB) {
        memcpy(reply.logprobs[0].token, dry->text.data, dry->text.used_bytes + 1);
        reply.logprobs_len = 1; // logprob 0: certain
    }
    return cr_episode_answer(episode, call, &reply, NULL); // the text stays ours
}

// Ask for all that can be asked, then answer it, until the episode is done.
static enum cr_status play(struct dry *dry, struct cr_episode *episode) {
    struct cr_call *open[OPEN_MAX];
    enum cr_status status = CR_OK;
    size_t calls = 0;
    while (status == CR_OK && !cr_episode_is_done(episode) && calls < CALLS_MAX) {
        size_t len = 0;
        do {
            status = cr_episode_next(episode, &open[len], NULL);
        } while (status == CR_OK && open[len] != NULL && ++len < OPEN_MAX);
        if (status == CR_OK && len == 0) {
            return CR_E_LIMIT; // neither done nor asking
        }
        for (size_t i = 0; i < len && status == CR_OK; i++) {
            status = answer(dry, episode, open[i]);
        }
        calls += len;
    }
    return status;
}

enum cr_status cr_dry_run(const struct cr_job *job,
                          const struct cr_episode_cfg *setting, size_t reply_bytes,
                          bool restless, struct cr_dry_usage *usage) {
    struct dry dry = {.job = job,
                      .setting = setting,
                      .usage = usage,
                      .reply_bytes = reply_bytes,
                      .restless = restless};
    struct cr_episode_cfg longest = *setting;
    struct cr_stop full = {.rule = CR_STOP_FIXED, .window = 2};
    struct cr_episode *episode = NULL;
    for (uint32_t i = 0; i < setting->stops_len; i++) {
        uint32_t n = setting->stops[i].max_iterations;
        full.max_iterations = n > full.max_iterations ? n : full.max_iterations;
    }
    longest.stops = &full;
    longest.stops_len = 1;
    cr_buf_init(&dry.text, reply_bytes + 4096);
    enum cr_status status =
        cr_episode_create(restless ? &longest : setting, &episode, NULL);
    status = status == CR_OK ? play(&dry, episode) : status;
    cr_episode_destroy(episode);
    cr_buf_fini(&dry.text);
    return status;
}
