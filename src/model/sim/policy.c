// policy.c - what a simulated agent reads in the chat, and what it thinks.
//
// Reading looks for the few phrases below, as answer.h and the shipped prompts have them,
// and skips over all other prose. All numbers of a thought come from draws by key: belief
// from the trajectory's key, so that it is stable over a market, and from the sample of
// self_consistency; the rest from the call's seed.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/rng.h"
#include "model/sim/sim.h"

#define EVIDENCE "Evidence of strength "
#define POINTS " points to "

enum { LETTER_BYTES = 4 };

static const struct cr_turn *last_turn(const struct cr_call *call,
                                       enum cr_speaker speaker) {
    for (size_t i = call->turns_len; i > 0; i--) {
        if (call->turns[i - 1].speaker == speaker) {
            return &call->turns[i - 1];
        }
    }
    return NULL;
}

// Behind the last PHRASE of TEXT, or NULL.
static const char *behind_last(const char *text, const char *phrase) {
    const char *found = NULL;
    for (const char *at = text; (at = strstr(at, phrase)) != NULL;) {
        at += strlen(phrase);
        found = at;
    }
    return found;
}

// The number behind the last "KEY": of a judgment.
static bool number_of(const char *text, const char *key, double *out) {
    const char *at = behind_last(text, key);
    at = at != NULL ? at + strspn(at, " \t\r\n:\"") : NULL;
    char *end = NULL;
    double number = at != NULL ? strtod(at, &end) : 0;
    if (at == NULL || end == at) {
        return false;
    }
    *out = number;
    return true;
}

// The number of each option in "prices": {"TEXT": 0.3, ..}; options as this agent wrote
// them.
static bool numbers_of(const struct cr_proposition *about, const char *text,
                       struct cr_sim_price *out) {
    const char *at = behind_last(text, "\"prices\"");
    for (uint32_t i = 0; at != NULL && i < about->options_len; i++) {
        // Written in the file's order, so each number is behind the next colon that
        // ends a key.
        const char *colon = strstr(at, "\":");
        char *end = NULL;
        double number = colon != NULL ? strtod(colon + 2, &end) : 0;
        at = colon != NULL && end != colon + 2 ? end : NULL;
        out->at[i] = number;
    }
    return at != NULL;
}

bool cr_sim_read_price(const struct cr_call *call, struct cr_sim_price *out) {
    const struct cr_proposition *about = call->proposition;
    const struct cr_turn *turn = last_turn(call, CR_ASSISTANT);
    if (turn == NULL) {
        return false;
    }
    out->len = cr_proposition_prices(about);
    if (about->space == CR_SPACE_CATEGORICAL) {
        return numbers_of(about, turn->text, out);
    }
    if (about->space == CR_SPACE_BINARY) {
        return number_of(turn->text, "\"price\"", &out->at[0]);
    }
    bool is_read = number_of(turn->text, "\"q50\"", &out->at[0]);
    out->at[0] = (out->at[0] - about->low) / (about->high - about->low);
    return is_read;
}

static bool read_option(const struct cr_proposition *about, const char *text,
                        uint32_t *option) {
    size_t longest = 0; // one option may begin like another
    for (uint32_t i = 0; i < about->options_len; i++) {
        size_t bytes = strlen(about->options[i]);
        if (bytes > longest && strncmp(text, about->options[i], bytes) == 0) {
            longest = bytes;
            *option = i;
        }
    }
    return longest > 0;
}

bool cr_sim_read_argument(const struct cr_proposition *about,
                          const struct cr_turn *turn, const char **at,
                          struct cr_sim_argument *out) {
    const char *found = strstr(*at, EVIDENCE);
    (void)turn;
    if (found == NULL) {
        return false;
    }
    char *end = NULL;
    const char *number = found + strlen(EVIDENCE);
    *out = (struct cr_sim_argument){.strength = strtod(number, &end)};
    *at = end;
    if (strncmp(end, POINTS, strlen(POINTS)) != 0) {
        return cr_sim_read_argument(about, turn, at, out);
    }
    const char *what = end + strlen(POINTS);
    bool is_up = strncmp(what, "true", 4) == 0 || strncmp(what, "a larger", 8) == 0;
    out->side = is_up ? 1 : 0;
    if (about->space == CR_SPACE_CATEGORICAL) {
        what += *what == '"';
        return read_option(about, what, &out->option);
    }
    return true;
}

// The current price as a trader is shown it ("price: 0.73"); FALLBACK when it is not.
static double sim_read_shown(const struct cr_call *call, double fallback) {
    const struct cr_proposition *about = call->proposition;
    const struct cr_turn *turn = last_turn(call, CR_USER);
    double shown = 0;
    if (turn == NULL || about->space == CR_SPACE_CATEGORICAL) {
        return fallback;
    }
    if (about->space == CR_SPACE_BINARY) {
        return number_of(turn->text, "price: ", &shown) ? shown : fallback;
    }
    bool is_read = number_of(turn->text, "price: median ", &shown);
    return is_read ? (shown - about->low) / (about->high - about->low) : fallback;
}

// TEXT names an answer: "true", "B) Paris", "above 3 m", "3 m".
static void read_target(const struct cr_call *call, const char *text,
                        struct cr_sim_argument *toward) {
    const struct cr_proposition *about = call->proposition;
    if (about->space == CR_SPACE_CATEGORICAL) {
        const char *bracket = strstr(text, ") ");
        if (!read_option(about, bracket != NULL ? bracket + 2 : text,
                         &toward->option)) {
            toward->option = 0;
        }
        return;
    }
    bool is_up = strncmp(text, "true", 4) == 0 || strncmp(text, "above", 5) == 0;
    bool is_down = strncmp(text, "false", 5) == 0 || strncmp(text, "below", 5) == 0;
    toward->side = is_up ? 1 : 0;
    if (!is_up && !is_down) {
        double place = (strtod(text, NULL) - about->low) / (about->high - about->low);
        toward->side = place > sim_read_shown(call, 0.5) ? 1 : 0;
    }
}

static void turn_away(const struct cr_call *call, struct cr_sim_argument *toward) {
    uint32_t len = call->proposition->options_len;
    toward->side = 1 - toward->side;
    toward->option = len > 0 ? (toward->option + 1) % len : 0;
}

static bool read_order_in(const struct cr_call *call, const char *text,
                          struct cr_sim_argument *toward) {
    static const char *const targets[] = {
        "is known to you: ", "toward this answer: ", "the right answer is "};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        const char *target = behind_last(text, targets[i]);
        if (target != NULL) {
            read_target(call, target, toward);
            if (strstr(target, "away from it") != NULL) {
                turn_away(call, toward);
            }
            return true;
        }
    }
    bool is_up = strstr(text, "the price up as far") != NULL;
    toward->side = is_up ? 1 : 0;
    return is_up || strstr(text, "the price down as far") != NULL;
}

// Whether a trader is asked about another question, without a history.
static bool sim_read_beside(const struct cr_call *call) {
    const struct cr_turn *turn = last_turn(call, CR_USER);
    return turn != NULL && strstr(turn->text, "that bears most on") != NULL;
}

// What a trader is asked to argue for, in its last user turn or its system prompt: fills
// side or option of *toward. False when it may choose.
static bool sim_read_order(const struct cr_call *call, struct cr_sim_argument *toward) {
    const struct cr_turn *user = last_turn(call, CR_USER);
    const struct cr_turn *system = last_turn(call, CR_SYSTEM);
    return (user != NULL && read_order_in(call, user->text, toward)) ||
           (system != NULL && read_order_in(call, system->text, toward));
}

// Options are listed as "B) text", each on a line of its own.
static bool is_listed(const char *line, const char *option) {
    size_t letters = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    size_t bytes = strlen(option);
    return letters > 0 && strncmp(line + letters, ") ", 2) == 0 &&
           strncmp(line + letters + 2, option, bytes) == 0 &&
           (line[letters + 2 + bytes] == '\n' || line[letters + 2 + bytes] == '\0');
}

static bool find_letter(const char *text, const char *option, char *letter,
                        size_t letter_bytes) {
    const char *line = text;
    while (line != NULL && !is_listed(line, option)) {
        line = strchr(line, '\n');
        line = line != NULL ? line + 1 : NULL;
    }
    size_t letters = line != NULL ? (size_t)(strchr(line, ')') - line) : 0;
    if (line == NULL || letters >= letter_bytes) {
        return false;
    }
    memcpy(letter, line, letters);
    letter[letters] = '\0';
    return true;
}

bool cr_sim_read_letter(const struct cr_call *call, uint32_t option, char *letter,
                        size_t letter_bytes) {
    for (size_t i = 0; i < call->turns_len; i++) {
        if (call->turns[i].speaker == CR_USER &&
            find_letter(call->turns[i].text, call->proposition->options[option], letter,
                        letter_bytes)) {
            return true;
        }
    }
    return false;
}

#define PRICE_LEAST 0.02 // nobody simulated is ever certain
#define BELIEF_REACH 0.25
#define OPENING_NOISE 0.25
#define MOVE_NOISE 0.1
#define OPTION_SHARE 0.5
#define CERTAIN 1e-6 // of exact posteriors, which are written with six digits

double cr_sim_uniform(uint64_t key, enum cr_sim_draw what, uint64_t which) {
    struct cr_rng rng;
    cr_rng_seed(&rng, cr_hash_mix(cr_hash_mix(key, what), which));
    return cr_rng_uniform(&rng);
}

double cr_sim_normal(uint64_t key, enum cr_sim_draw what, uint64_t which) {
    struct cr_rng rng;
    cr_rng_seed(&rng, cr_hash_mix(cr_hash_mix(key, what), which));
    return cr_rng_normal(&rng);
}

// First judgments that have a number are self_consistency's; votes of one judgment have
// one too, and share a belief; a later judgment that has one is the placebo of another.
static uint64_t sample_of(const struct cr_call *call) {
    bool is_first = last_turn(call, CR_ASSISTANT) == NULL;
    return call->id.ask == CR_ASK_JUDGMENT && is_first ? call->id.sample : 0;
}

// Samples of self_consistency are numbered as iterations, and each is an opening.
static uint32_t iteration_of(const struct cr_call *call) {
    return sample_of(call) > 0 ? 0 : call->id.iteration;
}

// Who an agent is in this market, whatever the iteration.
static uint64_t person_of(const struct cr_call *call) {
    uint64_t id = (uint64_t)call->id.role << 8 | call->id.trader;
    return cr_hash_mix(call->opening_key, sample_of(call) << 16 | id);
}

static bool is_right(const struct cr_sim_dials *dials, const struct cr_call *call) {
    return cr_sim_uniform(person_of(call), CR_SIM_DRAW_SIDE, 0) < dials->competence;
}

// The option an agent believes in.
static uint32_t option_of(const struct cr_sim_dials *dials,
                          const struct cr_call *call) {
    const struct cr_proposition *about = call->proposition;
    uint32_t label = (uint32_t)about->label;
    if (is_right(dials, call) || about->options_len < 2) {
        return label;
    }
    double place = cr_sim_uniform(person_of(call), CR_SIM_DRAW_PLACE, 0);
    uint32_t other = (uint32_t)(place * (about->options_len - 1));
    return other < label ? other : other + 1;
}

static double clamp(double price) {
    return fmin(1 - PRICE_LEAST, fmax(PRICE_LEAST, price));
}

// Where in [0, 1] an agent's belief is: a side of a claim, a place of a quantity.
static double place_of(const struct cr_sim_dials *dials, const struct cr_call *call) {
    const struct cr_proposition *about = call->proposition;
    if (about->space == CR_SPACE_BINARY) {
        return is_right(dials, call) == (about->label == 1) ? 1 : 0;
    }
    if (is_right(dials, call) && about->high > about->low) {
        return clamp((about->value - about->low) / (about->high - about->low));
    }
    return clamp(cr_sim_uniform(person_of(call), CR_SIM_DRAW_PLACE, 0));
}

static bool is_vector(const struct cr_call *call) {
    return call->proposition->space == CR_SPACE_CATEGORICAL;
}

// X on the believed option and the rest shared; or X of the way from the opposite of
// the belief to the belief.
static void set_believed(const struct cr_sim_dials *dials, const struct cr_call *call,
                         double x, struct cr_sim_price *out) {
    out->len = cr_proposition_prices(call->proposition);
    if (!is_vector(call)) {
        double place = place_of(dials, call);
        out->at[0] = (1 - place) + (2 * place - 1) * x;
        return;
    }
    uint32_t option = option_of(dials, call);
    double rest = out->len > 1 ? (1 - x) / (out->len - 1) : 0;
    for (uint32_t i = 0; i < out->len; i++) {
        out->at[i] = i == option ? x : rest;
    }
}

static void tidy(const struct cr_call *call, struct cr_sim_price *price) {
    double sum = 0;
    for (uint32_t i = 0; i < price->len; i++) {
        price->at[i] = clamp(price->at[i]);
        sum += price->at[i];
    }
    for (uint32_t i = 0; is_vector(call) && i < price->len; i++) {
        price->at[i] /= sum;
    }
}

static void blur(const struct cr_call *call, double spread,
                 struct cr_sim_price *price) {
    double scale = is_vector(call) ? spread / price->len : spread;
    for (uint32_t i = 0; scale > 0 && i < price->len; i++) {
        price->at[i] += scale * cr_sim_normal(call->seed, CR_SIM_DRAW_NOISE, i);
    }
    tidy(call, price);
}

void cr_sim_belief(const struct cr_sim_dials *dials, const struct cr_call *call,
                   struct cr_sim_price *out) {
    double x = 0.5 + BELIEF_REACH;
    if (is_vector(call)) {
        double chance = 1.0 / call->proposition->options_len;
        x = chance + OPTION_SHARE * (1 - chance);
    } else if (call->proposition->space == CR_SPACE_CONTINUOUS) {
        x = 1; // at the believed place itself
    }
    set_believed(dials, call, x, out);
}

static void move(const struct cr_sim_dials *dials,
                 const struct cr_sim_argument *argument, const struct cr_call *call,
                 struct cr_sim_price *price) {
    double share = (1 - dials->stubbornness) * argument->strength;
    for (uint32_t i = 0; i < price->len; i++) {
        double side = is_vector(call) ? (i == argument->option) : argument->side;
        price->at[i] += share * (side - price->at[i]);
    }
}

// Every argument of TURN that persuades. KEY decides which do.
static void hear(const struct cr_sim_dials *dials, const struct cr_call *call,
                 const struct cr_turn *turn, uint64_t key, struct cr_sim_price *price) {
    const char *at = turn->text;
    struct cr_sim_argument argument;
    for (uint64_t n = 0; cr_sim_read_argument(call->proposition, turn, &at, &argument);
         n++) {
        if (cr_sim_uniform(key, CR_SIM_DRAW_PERSUADED, n) < dials->persuasion) {
            move(dials, &argument, call, price);
        }
    }
}

// A maker that cannot see an earlier price of its own (it voted) hears everything
// again.
static void hear_all(const struct cr_sim_dials *dials, const struct cr_call *call,
                     struct cr_sim_price *price) {
    cr_sim_belief(dials, call, price);
    for (size_t i = 0; i < call->turns_len; i++) {
        if (call->turns[i].speaker == CR_USER) {
            hear(dials, call, &call->turns[i], cr_hash_mix(person_of(call), i), price);
        }
    }
}

static void judge_by_belief(const struct cr_sim_dials *dials,
                            const struct cr_call *call, struct cr_sim_price *out) {
    if (iteration_of(call) == 0) {
        cr_sim_belief(dials, call, out);
        blur(call, OPENING_NOISE * dials->noise, out);
        return;
    }
    const struct cr_turn *turn = last_turn(call, CR_USER);
    if (!cr_sim_read_price(call, out)) {
        hear_all(dials, call, out);
    } else if (turn != NULL) {
        hear(dials, call, turn, call->seed, out);
    }
    blur(call, MOVE_NOISE * dials->noise, out);
}

static void judge_by_walk(const struct cr_sim_dials *dials, const struct cr_call *call,
                          struct cr_sim_price *out) {
    if (iteration_of(call) == 0 || !cr_sim_read_price(call, out)) {
        cr_sim_belief(dials, call, out);
        return;
    }
    double sign = cr_sim_uniform(call->seed, CR_SIM_DRAW_SIGN, 0) < 0.5 ? -1 : 1;
    double first = out->at[0];
    double step = sign * dials->rate / 2 * fmin(first, 1 - first);
    out->at[0] += step;
    for (uint32_t i = 1; i < out->len; i++) {
        out->at[i] -= first < 1 ? step * out->at[i] / (1 - first) : 0;
    }
}

// Probabilities of outcomes, one an option or {false, true}, out of a price.
static uint32_t outcomes_of(const struct cr_sim_price *price, double *out) {
    if (price->len > 1) {
        memcpy(out, price->at, price->len * sizeof *out);
        return price->len;
    }
    out[1] = price->at[0];
    out[0] = 1 - price->at[0];
    return 2;
}

// What a signal points to that is right with probability Q, by KEY.
static uint32_t signal_of(const struct cr_call *call, uint32_t len, double q,
                          uint64_t key) {
    uint32_t label = (uint32_t)call->proposition->label;
    if (cr_sim_uniform(key, CR_SIM_DRAW_SIGNAL, 0) < q || len < 2) {
        return label;
    }
    double place = cr_sim_uniform(key, CR_SIM_DRAW_SIGNAL, 1);
    uint32_t other = (uint32_t)(place * (len - 1));
    return other < label ? other : other + 1;
}

// Bayes' rule for a signal toward OPTION that is right with probability Q, its likelihoods
// to the POWER.
static void update(double *p, uint32_t len, uint32_t option, double q, double power) {
    double sum = 0;
    for (uint32_t k = 0; k < len; k++) {
        p[k] *= pow(k == option ? q : (1 - q) / (len - 1), power);
        sum += p[k];
    }
    for (uint32_t k = 0; k < len; k++) {
        p[k] = fmin(1 - CERTAIN, fmax(CERTAIN, p[k] / sum));
    }
}

static double power_of(const struct cr_sim_dials *dials) {
    switch ((enum cr_sim_behaviour)dials->behaviour) {
    case CR_SIM_OVER_REACTOR:
        return 1 + 2 * dials->strength;
    case CR_SIM_UNDER_REACTOR:
        return 1 - dials->strength;
    default:
        return 1;
    }
}

static void judge_by_signals(const struct cr_sim_dials *dials,
                             const struct cr_call *call, struct cr_sim_price *out) {
    double p[CR_OPTIONS_MAX + 2];
    bool is_opening = iteration_of(call) == 0 || !cr_sim_read_price(call, out);
    out->len = cr_proposition_prices(call->proposition);
    uint32_t len = outcomes_of(out, p);
    // The first signal is the agent's own, so that samples and replicates differ.
    uint64_t key = is_opening ? person_of(call) : call->seed;
    double q =
        is_opening ? fmin(0.98, fmax(0.02, dials->competence)) : 0.5 + dials->rate / 4;
    for (uint32_t k = 0; k < len && is_opening; k++) {
        p[k] = 1.0 / len;
    }
    update(p, len, signal_of(call, len, q, key), q, is_opening ? 1 : power_of(dials));
    memcpy(out->at, out->len > 1 ? p : p + 1, out->len * sizeof *p);
}

// The opinion that everybody has on a proposition, or one's own.
static void judge_in_crowd(const struct cr_sim_dials *dials, const struct cr_call *call,
                           struct cr_sim_price *out) {
    uint64_t own = person_of(call);
    bool is_shared = cr_sim_uniform(own, CR_SIM_DRAW_SHARED, 0) < sqrt(dials->rate);
    uint64_t key = is_shared ? call->proposition->key : own;
    out->len = cr_proposition_prices(call->proposition);
    uint32_t len = out->len > 1 ? out->len : 2;
    uint32_t option = signal_of(call, len, dials->competence, key);
    double top = 0.5 + BELIEF_REACH;
    for (uint32_t k = 0; k < out->len; k++) {
        bool is_top = out->len > 1 ? k == option : option == 1;
        out->at[k] = is_top ? top : (1 - top) / (len - 1);
    }
}

// The price that the last turn shows, one an outcome: "price: 0.73" or "price: A 0.7, B
// 0.3". False when it shows none.
static bool read_shown(const struct cr_call *call, uint32_t len, double *p) {
    const struct cr_turn *turn = last_turn(call, CR_USER);
    const char *price = turn != NULL ? behind_last(turn->text, "price: ") : NULL;
    if (price == NULL || !is_vector(call)) {
        p[1] = price != NULL ? strtod(price, NULL) : 0.5;
        p[0] = 1 - p[1];
        return price != NULL;
    }
    for (uint32_t k = 0; k < len; k++) {
        char letter[LETTER_BYTES] = "", key[LETTER_BYTES + 1];
        bool has_letter = cr_sim_read_letter(call, k, letter, sizeof letter);
        snprintf(key, sizeof key, "%s ", letter);
        const char *at = has_letter ? strstr(price, key) : NULL;
        if (at == NULL) {
            return false;
        }
        p[k] = fmax(CERTAIN, strtod(at + strlen(key), NULL));
    }
    return true;
}

static uint32_t turns_of(const struct cr_call *call, enum cr_speaker speaker) {
    uint32_t len = 0;
    for (size_t i = 0; i < call->turns_len; i++) {
        len += call->turns[i].speaker == speaker;
    }
    return len;
}

// A trader of a room that knows one signal, and that the price holds the others'.
static void judge_as_bettor(const struct cr_sim_dials *dials,
                            const struct cr_call *call, struct cr_sim_price *out) {
    double p[CR_OPTIONS_MAX + 2];
    struct cr_sim_argument order;
    double q = fmin(0.98, fmax(0.02, dials->competence));
    out->len = cr_proposition_prices(call->proposition);
    uint32_t len = outcomes_of(out, p), label = (uint32_t)call->proposition->label;
    bool is_priced = read_shown(call, len, p);
    for (uint32_t k = 0; k < len && !is_priced; k++) {
        p[k] = 1.0 / len;
    }
    if (is_priced && sim_read_order(call, &order)) {
        for (uint32_t k = 0; k < len; k++) {
            p[k] = k == label ? PRICE_LEAST : (1 - PRICE_LEAST) / (len - 1);
        }
    } else if (turns_of(call, CR_ASSISTANT) < 2) { // its signal is in no price yet
        update(p, len, signal_of(call, len, q, person_of(call)), q, 1);
    }
    memcpy(out->at, out->len > 1 ? p : p + 1, out->len * sizeof *p);
}

// The share of the believed side at iteration T.
static double path_at(const struct cr_sim_dials *dials, double t) {
    switch ((enum cr_sim_behaviour)dials->behaviour) {
    case CR_SIM_CONTRACTION:
        return 0.9 - 0.8 * pow(dials->rate, t);
    case CR_SIM_OSCILLATOR:
        return 0.5 + (fmod(t, 2) < 1 ? 0.4 : -0.4);
    case CR_SIM_TREND:
        return fmin(1 - PRICE_LEAST, 0.3 + dials->rate / 10 * t);
    default: // these have no path
        break;
    }
    return 0.5;
}

void cr_sim_judge(const struct cr_sim_dials *dials, const struct cr_call *call,
                  struct cr_sim_price *out) {
    bool has_outcomes = call->proposition->space != CR_SPACE_CONTINUOUS;
    bool has_signals = dials->behaviour >= CR_SIM_BAYES;
    if (dials->behaviour == CR_SIM_BETTOR && has_outcomes) {
        judge_as_bettor(dials, call, out);
    } else if (dials->behaviour == CR_SIM_CROWD && has_outcomes) {
        judge_in_crowd(dials, call, out);
    } else if (has_signals && has_outcomes) {
        judge_by_signals(dials, call, out);
    } else if (dials->behaviour == CR_SIM_BELIEF || has_signals) {
        judge_by_belief(dials, call, out);
    } else if (dials->behaviour == CR_SIM_MARTINGALE) {
        judge_by_walk(dials, call, out);
    } else {
        set_believed(dials, call, path_at(dials, iteration_of(call)), out);
        blur(call, MOVE_NOISE * dials->noise, out);
    }
}

void cr_sim_argue(const struct cr_sim_dials *dials, const struct cr_call *call,
                  struct cr_sim_argument *out) {
    *out = (struct cr_sim_argument){.strength = dials->strength,
                                    .is_beside = sim_read_beside(call)};
    if (out->is_beside) {
        return;
    }
    if (sim_read_order(call, out)) {
        return;
    }
    out->strength = clamp(0.5 + OPENING_NOISE * dials->noise *
                                    cr_sim_normal(call->seed, CR_SIM_DRAW_NOISE, 0));
    if (is_vector(call)) {
        out->option = option_of(dials, call);
        return;
    }
    bool is_quantity = call->proposition->space == CR_SPACE_CONTINUOUS;
    double from = is_quantity ? sim_read_shown(call, 0.5) : 0.5;
    out->side = place_of(dials, call) > from ? 1 : 0;
}
