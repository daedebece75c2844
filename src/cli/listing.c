// listing.c - see listing.h. A column is one small function and one line of the table.
//
// Prices of a market of several options are those of the option that is right, so that
// one number tells how far the market was from the truth; a quantity's are its median,
// in the quantity's own unit.
#include "cli/listing.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/show.h"
#include "credence/base/mem.h"
#include "credence/base/text.h"

enum { NAMES_MAX = 256 };

enum cr_status cr_listing_init(struct cr_listing *listing,
                               const struct cr_run_view *view) {
    const size_t len = view->episodes + 1;
    *listing = (struct cr_listing){
        .view = view,
        .cell = cr_calloc(len, sizeof *listing->cell),
        .replicate = cr_calloc(len, sizeof *listing->replicate),
        .proposition = cr_calloc(len, sizeof *listing->proposition),
    };
    if (listing->cell == NULL || listing->replicate == NULL ||
        listing->proposition == NULL) {
        cr_listing_fini(listing);
        return CR_E_MEMORY;
    }
    for (uint64_t e = 0; e < view->episodes; e++) {
        struct cr_show_place place = {.proposition = view->proposition[e],
                                      .cell = view->cell[e],
                                      .replicate = view->replicate[e]};
        if (place.cell >= view->cells || place.proposition >= view->propositions) {
            cr_show_place(view, e, &place);
        }
        listing->cell[e] = place.cell;
        listing->proposition[e] = place.proposition;
        listing->replicate[e] = place.replicate;
    }
    return CR_OK;
}

void cr_listing_fini(struct cr_listing *listing) {
    cr_free(listing->cell);
    cr_free(listing->replicate);
    cr_free(listing->proposition);
    *listing = (struct cr_listing){0};
}

struct cr_market cr_listing_market(const struct cr_listing *listing, uint64_t episode) {
    const struct cr_run_view *view = listing->view;
    const uint64_t p = listing->proposition[episode];
    const bool has_options = view->outcome_price != NULL && view->n_outcomes[p] > 1;
    return (struct cr_market){
        .space = !isnan(view->value[p]) ? CR_SPACE_CONTINUOUS
                 : has_options          ? CR_SPACE_CATEGORICAL
                                        : CR_SPACE_BINARY,
        .status = (enum cr_episode_status)view->status[episode],
        .ended = (enum cr_stop_reason)view->ended[episode],
        .prices_len = view->prices_len[episode],
        .price = &view->price[episode * view->iterations],
        .options =
            has_options
                ? &view->outcome_price[episode * view->iterations * view->outcomes]
                : NULL,
        .options_len = view->n_outcomes[p],
        .options_stride = view->outcomes,
        .label = view->label[p],
    };
}

// The price at T as it is listed, or NaN.
static double price_at(const struct cr_listing *listing, uint64_t episode, uint32_t t) {
    const struct cr_run_view *view = listing->view;
    const struct cr_market market = cr_listing_market(listing, episode);
    const uint64_t p = listing->proposition[episode];
    if (t >= market.prices_len) {
        return NAN;
    }
    switch (market.space) {
    case CR_SPACE_CONTINUOUS:
        return view->low[p] + market.price[t] * (view->high[p] - view->low[p]);
    case CR_SPACE_CATEGORICAL:
        return cr_truth_price(&market, t);
    default:
        return market.price[t];
    }
}

static double final_price(const struct cr_listing *listing, uint64_t episode) {
    const uint32_t len = listing->view->prices_len[episode];
    return len > 0 ? price_at(listing, episode, len - 1) : NAN;
}

// One function a column.
#define TEXT(name, what)                                                               \
    static void name(const struct cr_listing *l, uint64_t e,                           \
                     struct cr_listing_value *out) {                                   \
        out->text = (what);                                                            \
    }
#define NUMBER(name, what)                                                             \
    static void name(const struct cr_listing *l, uint64_t e,                           \
                     struct cr_listing_value *out) {                                   \
        out->number = (double)(what);                                                  \
    }
#define CELL(member) l->view->cell_info[l->cell[e]].member

TEXT(get_item, l->view->proposition_id[l->proposition[e]])
TEXT(get_text, l->view->text != NULL ? l->view->text[l->proposition[e]] : NULL)
TEXT(get_question, l->view->question_id[l->proposition[e]])
TEXT(get_benchmark, l->view->benchmark[l->proposition[e]])
TEXT(get_cell, CELL(name))
TEXT(get_protocol, CELL(protocol))
TEXT(get_maker, CELL(maker))
TEXT(get_trader, CELL(trader))
TEXT(get_stance, CELL(stance))
TEXT(get_prompts, CELL(prompts))
TEXT(get_prompts_trader, CELL(prompts_trader))
TEXT(get_elicitation, CELL(elicitation))
TEXT(get_stop_rule, CELL(stop_rule))
TEXT(get_status, cr_episode_status_names[l->view->status[e]])
TEXT(get_reason,
     l->view->reason[e] == CR_REASON_NONE ? NULL : cr_reason_names[l->view->reason[e]])
TEXT(get_stop, l->view->ended[e] == CR_ENDED_NONE
                   ? NULL
                   : cr_stop_reason_names[l->view->ended[e]])
NUMBER(get_threshold, CELL(threshold))
NUMBER(get_window, CELL(window))
NUMBER(get_max_iterations, CELL(max_iterations))
NUMBER(get_samples, CELL(samples))
NUMBER(get_rounds, CELL(rounds))
NUMBER(get_replicate, l->replicate[e])
NUMBER(get_opening, price_at(l, e, 0))
NUMBER(get_final, final_price(l, e))
NUMBER(get_move, final_price(l, e) - price_at(l, e, 0))
NUMBER(get_iterations,
       l->view->prices_len[e] > 0 ? l->view->prices_len[e] - 1.0 : (double)NAN)
NUMBER(get_tokens, l->view->tokens[e])
NUMBER(get_calls, l->view->calls[e])
NUMBER(get_usd, l->view->usd[e])
NUMBER(get_latency, l->view->latency_s[e])

static void get_episode(const struct cr_listing *l, uint64_t e,
                        struct cr_listing_value *out) {
    (void)l;
    out->number = (double)e;
}

static void get_truth(const struct cr_listing *l, uint64_t e,
                      struct cr_listing_value *out) {
    const uint64_t p = l->proposition[e];
    if (!isnan(l->view->value[p])) {
        snprintf(out->own, sizeof out->own, "%.6g", l->view->value[p]);
        out->text = out->own;
    } else if (l->view->n_outcomes[p] > 1) {
        snprintf(out->own, sizeof out->own, "option %d", l->view->label[p] + 1);
        out->text = out->own;
    } else {
        out->text = l->view->label[p] == 1 ? "true" : "false";
    }
}

static void get_largest(const struct cr_listing *l, uint64_t e,
                        struct cr_listing_value *out) {
    const uint32_t len = l->view->prices_len[e];
    double largest = len > 0 ? 0 : NAN;
    for (uint32_t t = 1; t < len; t++) {
        const double move = price_at(l, e, t) - price_at(l, e, t - 1);
        largest = fabs(move) > fabs(largest) ? move : largest;
    }
    out->number = largest;
}

static void get_repairs(const struct cr_listing *l, uint64_t e,
                        struct cr_listing_value *out) {
    const struct cr_run_view *view = l->view;
    out->number = 0;
    for (uint32_t t = 0; t < view->iterations; t++) {
        const uint8_t reason = view->repair_reason[e * view->iterations + t];
        out->number += reason != CR_REASON_NONE && reason < CR_REASON_COUNT;
    }
}

// 1 right, 0 wrong, NaN where neither can be said.
static double verdict(double score) {
    return score == 1 ? 1 : score < 0.5 ? 0 : (double)NAN;
}

static void get_opening_right(const struct cr_listing *l, uint64_t e,
                              struct cr_listing_value *out) {
    const struct cr_market market = cr_listing_market(l, e);
    out->number = market.prices_len > 0 ? verdict(cr_score_opening(&market)) : NAN;
}

static void get_final_right(const struct cr_listing *l, uint64_t e,
                            struct cr_listing_value *out) {
    const struct cr_market market = cr_listing_market(l, e);
    out->number = cr_market_is_scored(&market) ? verdict(cr_score_final(&market)) : NAN;
}

// clang-format off
static const struct cr_listing_column fixed[] = {
    {"episode", CR_LISTING_NUMBER, 0, "its number, as show takes it", get_episode},
    {"item", CR_LISTING_TEXT, 0, "the proposition's id", get_item},
    {"cell", CR_LISTING_TEXT, 0, "the cell's name", get_cell},
    {"truth", CR_LISTING_TEXT, 0, "true, false, the right option or the quantity", get_truth},
    {"opening", CR_LISTING_NUMBER, 3, "the first price: on \"true\", on the right option, or the median", get_opening},
    {"final", CR_LISTING_NUMBER, 3, "the last price, likewise", get_final},
    {"move", CR_LISTING_NUMBER, 3, "final minus opening", get_move},
    {"largest", CR_LISTING_NUMBER, 3, "the largest move from one price to the next", get_largest},
    {"status", CR_LISTING_TEXT, 0, "pending, done, invalid or failed", get_status},
    {"stop", CR_LISTING_TEXT, 0, "why it ended", get_stop},
    {"reason", CR_LISTING_TEXT, 0, "why it is invalid or failed", get_reason},
    {"iterations", CR_LISTING_NUMBER, 0, "arguments that were answered by a price", get_iterations},
    {"repairs", CR_LISTING_NUMBER, 0, "iterations with a reply that was repaired", get_repairs},
    {"opening_right", CR_LISTING_FLAG, 0, "whether the opening is on the right side", get_opening_right},
    {"final_right", CR_LISTING_FLAG, 0, "whether the end is; an invalid episode is wrong", get_final_right},
    {"text", CR_LISTING_TEXT, 0, "the proposition's words", get_text},
    {"question", CR_LISTING_TEXT, 0, "the id that propositions of one item share", get_question},
    {"benchmark", CR_LISTING_TEXT, 0, "the benchmark's name", get_benchmark},
    {"protocol", CR_LISTING_TEXT, 0, "a factor of the cell, as all up to rounds", get_protocol},
    {"maker", CR_LISTING_TEXT, 0, NULL, get_maker},
    {"trader", CR_LISTING_TEXT, 0, NULL, get_trader},
    {"stance", CR_LISTING_TEXT, 0, NULL, get_stance},
    {"prompts", CR_LISTING_TEXT, 0, NULL, get_prompts},
    {"prompts.trader", CR_LISTING_TEXT, 0, NULL, get_prompts_trader},
    {"elicitation", CR_LISTING_TEXT, 0, NULL, get_elicitation},
    {"stop.rule", CR_LISTING_TEXT, 0, NULL, get_stop_rule},
    {"stop.threshold", CR_LISTING_NUMBER, -1, NULL, get_threshold},
    {"stop.window", CR_LISTING_NUMBER, 0, NULL, get_window},
    {"max_iterations", CR_LISTING_NUMBER, 0, NULL, get_max_iterations},
    {"samples", CR_LISTING_NUMBER, 0, NULL, get_samples},
    {"rounds", CR_LISTING_NUMBER, 0, NULL, get_rounds},
    {"replicate", CR_LISTING_NUMBER, 0, "its number among the replicates, from 0", get_replicate},
    {"calls", CR_LISTING_NUMBER, 0, "calls of its trajectory", get_calls},
    {"tokens", CR_LISTING_NUMBER, 0, "tokens in and out", get_tokens},
    {"usd", CR_LISTING_NUMBER, 6, "dollars", get_usd},
    {"latency_s", CR_LISTING_NUMBER, 3, "seconds of its calls, added up", get_latency},
};
// clang-format on
enum { FIXED_LEN = sizeof fixed / sizeof fixed[0] };

const struct cr_listing_column *cr_listing_fixed(size_t index) {
    return index < FIXED_LEN ? &fixed[index] : NULL;
}

size_t cr_listing_columns(const struct cr_listing *listing) {
    return FIXED_LEN + (listing->view->kept != NULL ? listing->view->kept_len : 0);
}

const char *cr_listing_name(const struct cr_listing *listing, size_t column) {
    return column < FIXED_LEN ? fixed[column].name
                              : listing->view->kept[column - FIXED_LEN].name;
}

enum cr_listing_kind cr_listing_kind(const struct cr_listing *listing, size_t column) {
    (void)listing; // what is kept of an item is a text
    return column < FIXED_LEN ? fixed[column].kind : CR_LISTING_TEXT;
}

int cr_listing_find(const struct cr_listing *listing, const char *name,
                    const char **nearest) {
    const char *names[NAMES_MAX];
    size_t len = cr_listing_columns(listing);
    len = len < NAMES_MAX ? len : NAMES_MAX;
    for (size_t i = 0; i < len; i++) {
        names[i] = cr_listing_name(listing, i);
        const bool is_kept = i >= FIXED_LEN && strncmp(name, "item.", 5) == 0;
        if (strcmp(names[i], name + (is_kept ? 5 : 0)) == 0) {
            return (int)i;
        }
    }
    if (nearest != NULL) {
        *nearest = cr_text_nearest(name, names, len);
    }
    return -1;
}

void cr_listing_get(const struct cr_listing *listing, size_t column, uint64_t episode,
                    struct cr_listing_value *out) {
    *out = (struct cr_listing_value){.number = NAN};
    if (column < FIXED_LEN) {
        fixed[column].get(listing, episode, out);
        return;
    }
    const struct cr_kept_column *kept = &listing->view->kept[column - FIXED_LEN];
    const char *text = kept->text[listing->proposition[episode]];
    out->text = text != NULL && text[0] != '\0' ? text : NULL;
}

const char *cr_listing_text(const struct cr_listing *listing, size_t column,
                            struct cr_listing_value *value) {
    const enum cr_listing_kind kind = cr_listing_kind(listing, column);
    if (kind == CR_LISTING_TEXT) {
        return value->text != NULL ? value->text : "";
    }
    if (isnan(value->number)) {
        return "";
    }
    if (kind == CR_LISTING_FLAG) {
        return value->number != 0 ? "yes" : "no";
    }
    const int decimals = fixed[column].decimals;
    if (decimals < 0) {
        snprintf(value->own, sizeof value->own, "%.9g", value->number);
    } else {
        snprintf(value->own, sizeof value->own, "%.*f", decimals, value->number);
    }
    return value->own;
}
