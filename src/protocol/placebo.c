// placebo.c - arguments that argue nothing: controls for what a market gains by being
// asked again. All are functions of the seed and the history, so ranks and timing change
// none of them.
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/rng.h"
#include "protocol/episode_internal.h"

enum { OTHER_SALT = 0x07e4, FILLER_SALT = 0xf177 };
enum { FILLER_BYTES_MIN = 200, FILLER_BYTES_MAX = 1200, SENTENCES_MAX = 64 };

static void seed_rng(const struct cr_episode *episode, uint64_t salt,
                     struct cr_rng *rng) {
    uint64_t seed = cr_hash_mix(episode->cfg.job_seed, episode->cfg.trajectory_key);
    seed = cr_hash_mix(seed, episode->history.prices_len);
    cr_rng_seed(rng, cr_hash_mix(seed, salt));
}

static bool is_other(const struct cr_proposition *one,
                     const struct cr_proposition *own) {
    return one->space == own->space && strcmp(one->question_id, own->question_id) != 0;
}

// The place of OWN in ALL, and behind the last when it is not one of them.
static size_t place_of(const struct cr_propositions *all,
                       const struct cr_proposition *own) {
    uintptr_t from = (uintptr_t)all->at, at = (uintptr_t)own;
    bool is_there = at >= from && at < (uintptr_t)(all->at + all->len);
    return is_there ? (at - from) / sizeof *own : all->len;
}

// Drawn from what comes before the market's own question, and only the first question
// looks ahead: a job that is extended by items changes no market that is there.
const struct cr_proposition *cr_placebo_other(const struct cr_episode *episode) {
    const struct cr_propositions *all = episode->cfg.benchmark;
    const struct cr_proposition *own = episode->cfg.proposition;
    size_t before = all != NULL ? place_of(all, own) : 0;
    struct cr_rng rng;
    seed_rng(episode, OTHER_SALT, &rng);
    size_t first = before > 0 ? cr_rng_below(&rng, before) : 0;
    for (size_t i = 0; i < before; i++) {
        const struct cr_proposition *other = &all->at[(first + i) % before];
        if (is_other(other, own)) {
            return other;
        }
    }
    for (size_t i = before; all != NULL && i < all->len; i++) {
        if (is_other(&all->at[i], own)) {
            return &all->at[i];
        }
    }
    return NULL;
}

void cr_placebo_form(const struct cr_proposition *other, struct cr_answer_form *out) {
    *out = (struct cr_answer_form){.space = other->space,
                                   .options_len = other->options_len,
                                   .options = other->options,
                                   .low = other->low,
                                   .high = other->high,
                                   .unit = other->unit};
}

static struct cr_span last_judgment(const struct cr_history *h) {
    for (uint32_t i = h->events_len; i > 0; i--) {
        if (h->events[i - 1].role == CR_ROLE_MAKER) {
            return h->events[i - 1].text;
        }
    }
    return (struct cr_span){"-", 1};
}

// The lines of TEXT that are not blank.
static size_t split(char *text, const char **lines) {
    size_t len = 0;
    char *rest = text;
    while (rest != NULL && len < SENTENCES_MAX) {
        char *line = strsep(&rest, "\n");
        lines[len] = line;
        len += line[strspn(line, " \t\r")] != '\0';
    }
    return len;
}

// Sentences of the set's filler in an order drawn by the seed, over and over, until they
// are as long as the maker's own last text.
static enum cr_status make_filler(struct cr_episode *episode, char *text,
                                  struct cr_buf *out) {
    const char *lines[SENTENCES_MAX + 1];
    size_t len = split(text, lines), want = last_judgment(&episode->history).bytes;
    struct cr_rng rng;
    seed_rng(episode, FILLER_SALT, &rng);
    want = want < FILLER_BYTES_MIN   ? FILLER_BYTES_MIN
           : want > FILLER_BYTES_MAX ? FILLER_BYTES_MAX
                                     : want;
    enum cr_status status = CR_OK;
    while (status == CR_OK && len > 0 && out->used_bytes < want) {
        status = cr_buf_printf(out, "%s%s", out->used_bytes > 0 ? " " : "",
                               lines[cr_rng_below(&rng, len)]);
    }
    return status;
}

static enum cr_status filler(struct cr_episode *episode, struct cr_span *out) {
    struct cr_span sentences;
    struct cr_values none = {0};
    struct cr_buf text;
    cr_buf_clear(&episode->scratch);
    enum cr_status status =
        cr_prompt_render(cr_chat_side(episode, CR_ROLE_TRADER)->prompts, CR_T_FILLER,
                         &none, &episode->scratch);
    if (status == CR_OK) {
        struct cr_span made = {episode->scratch.data, episode->scratch.used_bytes};
        status = cr_chat_keep(episode, made, &sentences);
    }
    char *lines = status == CR_OK ? cr_arena_strndup(&episode->arena, sentences.text,
                                                     sentences.bytes)
                                  : NULL;
    if (lines == NULL) {
        return CR_E_MEMORY;
    }
    cr_buf_init(&text, episode->scratch.max_bytes);
    status = make_filler(episode, lines, &text);
    if (status == CR_OK) {
        status =
            cr_chat_keep(episode, (struct cr_span){text.data, text.used_bytes}, out);
    }
    cr_buf_fini(&text);
    return status;
}

enum cr_status cr_placebo_text(struct cr_episode *episode, enum cr_stance stance,
                               struct cr_span *out) {
    if (stance == CR_STANCE_FILLER) {
        return filler(episode, out);
    }
    struct cr_span judgment = last_judgment(&episode->history);
    struct cr_span reasoning;
    enum cr_status status = cr_answer_reasoning(judgment.text, judgment.bytes,
                                                &episode->arena, &reasoning.text);
    if (status != CR_OK) {
        return status;
    }
    reasoning.bytes = strlen(reasoning.text);
    *out = reasoning;
    return CR_OK;
}
