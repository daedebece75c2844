// space_categorical.c - a question with K options; the price is a probability for each.
//
// Prices here are in the order shown, A first; the engine maps them back to the file's.
#include <math.h>
#include <string.h>
#include <strings.h>

#include "credence/prompt/space.h"
#include "prompt/json_extract.h"

static struct cr_answer_text trim(const char *text, size_t bytes) {
    while (bytes > 0 && strchr(" \t\r\n", *text) != NULL) {
        text++;
        bytes--;
    }
    while (bytes > 0 && strchr(" \t\r\n", text[bytes - 1]) != NULL) {
        bytes--;
    }
    return (struct cr_answer_text){.text = text, .bytes = bytes};
}

static bool is_same(struct cr_answer_text a, struct cr_answer_text b) {
    return a.bytes == b.bytes && strncasecmp(a.text, b.text, a.bytes) == 0;
}

static int find_letter(const struct cr_answer_form *form, const char *word,
                       size_t bytes) {
    char letter[CR_LETTER_MAX];
    for (uint32_t i = 0; i < form->options_len; i++) {
        cr_answer_letter(i, letter);
        if (cr_answer_is_word(word, bytes, letter)) {
            return (int)i;
        }
    }
    return -1;
}

// "Paris", or "B) Paris" with the option's own letter. Options in TAKEN (may be NULL)
// are passed over, so that a text that occurs twice is filled from the first.
static int find_text(const struct cr_answer_form *form, struct cr_answer_text word,
                     const bool *taken) {
    for (uint32_t i = 0; i < form->options_len; i++) {
        char letter[CR_LETTER_MAX];
        cr_answer_letter(i, letter);
        struct cr_answer_text option = trim(form->options[i], strlen(form->options[i]));
        size_t lead = strlen(letter);
        bool has_lead = word.bytes > lead + 1 &&
                        strncasecmp(word.text, letter, lead) == 0 &&
                        strchr(").:", word.text[lead]) != NULL;
        struct cr_answer_text rest =
            has_lead ? trim(word.text + lead + 1, word.bytes - lead - 1) : word;
        if (!(taken != NULL && taken[i]) &&
            (is_same(word, option) || is_same(rest, option))) {
            return (int)i;
        }
    }
    return -1;
}

static int find_option(const struct cr_answer_form *form, const char *word,
                       size_t bytes, const bool *taken) {
    int letter = find_letter(form, word, bytes);
    return letter >= 0 ? letter : find_text(form, trim(word, bytes), taken);
}

// One member of "prices". False after a complaint.
static bool read_member(const struct cr_answer_form *form, const struct cr_json *member,
                        bool *taken, struct cr_answer *out) {
    const char *key = cr_json_key(member);
    int option = find_option(form, key, strlen(key), taken);
    char shown[CR_SHOWN_MAX];
    double p;
    if (option < 0) {
        cr_answer_complain(
            out, CR_REASON_UNREADABLE,
            "\"prices\" names \"%.40s\", which is not an option%s.", key,
            find_option(form, key, strlen(key), NULL) < 0 ? "" : " that is left");
    } else if (taken[option]) {
        cr_answer_complain(out, CR_REASON_UNREADABLE,
                           "\"prices\" names option \"%.40s\" twice.", key);
    } else if (!cr_answer_number(member, true, &p)) {
        cr_answer_complain(
            out, CR_REASON_UNREADABLE,
            "The probability of \"%.40s\" is %s, not a number from 0 to 1.", key,
            cr_answer_show(member, shown));
    } else if (p < 0 || p > 1) {
        cr_answer_complain(out, CR_REASON_OUT_OF_RANGE,
                           "The probability of \"%.40s\" is %s, not within 0 to 1.",
                           key, cr_answer_show(member, shown));
    } else {
        out->price[option] = p;
        taken[option] = true;
        return true;
    }
    return false;
}

static void check_all(const struct cr_answer_form *form, const bool *taken,
                      struct cr_answer *out) {
    double sum = 0;
    for (uint32_t i = 0; i < form->options_len; i++) {
        char letter[CR_LETTER_MAX];
        cr_answer_letter(i, letter);
        if (!taken[i]) {
            cr_answer_complain(out, CR_REASON_UNREADABLE, "\"prices\" lacks option %s.",
                               letter);
            return;
        }
        sum += out->price[i];
    }
    if (fabs(sum - 1) > CR_ANSWER_SUM_TOLERANCE + 1e-9) {
        cr_answer_complain(
            out, CR_REASON_OUT_OF_RANGE,
            "The probabilities in \"prices\" sum to %.4g; they must sum to 1.", sum);
        return;
    }
    for (uint32_t i = 0; i < form->options_len; i++) {
        out->price[i] /= sum;
    }
}

static void read_judgment(const struct cr_answer_form *form,
                          const struct cr_json *object, struct cr_answer *out) {
    const struct cr_json *prices = cr_scan_member(object, "prices");
    if (cr_scan_is_twice(object, "prices")) {
        cr_answer_complain(out, CR_REASON_UNREADABLE, CR_SAYS_TWICE, "prices");
        return;
    }
    if (cr_json_type(prices) != CR_JSON_OBJECT) {
        cr_answer_complain(out, CR_REASON_UNREADABLE,
                           "\"prices\" is %s, not an object with a probability for "
                           "each option.",
                           cr_json_type_name(cr_json_type(prices)));
        return;
    }
    bool taken[CR_OPTIONS_MAX] = {0};
    const struct cr_json *member = cr_json_first(prices);
    while (member != NULL && read_member(form, member, taken, out)) {
        member = cr_json_next(member);
    }
    if (member == NULL) {
        check_all(form, taken, out);
    }
}

static int read_direction(const struct cr_answer_form *form, const char *word,
                          size_t bytes) {
    return find_option(form, word, bytes, NULL) + 1;
}

static int match_vote(const struct cr_answer_form *form, const char *word, size_t bytes,
                      bool is_token) {
    if (!is_token) {
        return find_option(form, word, bytes, NULL);
    }
    struct cr_answer_text token = trim(word, bytes);
    bool is_upper = token.bytes > 0 && token.text[0] >= 'A' && token.text[0] <= 'Z';
    return is_upper ? find_letter(form, token.text, token.bytes) : -1;
}

// The letters, quoted, as FMT says, with commas between.
static enum cr_status add_letters(const struct cr_answer_form *form, const char *behind,
                                  struct cr_buf *out) {
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; i < form->options_len && status == CR_OK; i++) {
        char letter[CR_LETTER_MAX];
        cr_answer_letter(i, letter);
        status = cr_buf_printf(out, "%s\"%s\"%s", i ? "," : "", letter, behind);
    }
    return status;
}

// LEAD, then the letters, then TAIL.
static enum cr_status add_around(const struct cr_answer_form *form, const char *lead,
                                 const char *behind, const char *tail,
                                 struct cr_buf *out) {
    enum cr_status status = cr_buf_add_text(out, lead);
    if (status == CR_OK) {
        status = add_letters(form, behind, out);
    }
    return status != CR_OK ? status : cr_buf_add_text(out, tail);
}

#define OPEN "{\"type\":\"object\",\"properties\":{"
#define CLOSE(required) "},\"required\":[" required "],\"additionalProperties\":false}"

// What follows the prices of the options.
static const char *tail_of(bool chain_of_thought, bool has_stake) {
#define TAIL "],\"additionalProperties\":false}"
    if (has_stake) {
        return chain_of_thought
                   ? TAIL CR_SCHEMA_STAKE CLOSE(
                         "\"claim\",\"reasoning\",\"prices\",\"stake\"")
                   : TAIL CR_SCHEMA_STAKE CLOSE("\"claim\",\"prices\",\"stake\"");
    }
    return chain_of_thought ? TAIL CLOSE("\"claim\",\"reasoning\",\"prices\"")
                            : TAIL CLOSE("\"claim\",\"prices\"");
}

static enum cr_status add_judgment_schema(const struct cr_answer_form *form,
                                          bool chain_of_thought, bool has_stake,
                                          struct cr_buf *out) {
    enum cr_status status = add_around(
        form,
        chain_of_thought ? OPEN CR_SCHEMA_CLAIM CR_SCHEMA_REASONING "\"prices\":" OPEN
                         : OPEN CR_SCHEMA_CLAIM "\"prices\":" OPEN,
        form->has_price_steps ? ":" CR_SCHEMA_PRICE_STEPS : ":" CR_SCHEMA_PRICE,
        "},\"required\":[", out);
    if (status != CR_OK) {
        return status;
    }
    return add_around(form, "", "", tail_of(chain_of_thought, has_stake), out);
}

static enum cr_status add_schema(enum cr_ask ask, const struct cr_answer_form *form,
                                 bool chain_of_thought, struct cr_buf *out) {
    switch (ask) {
    case CR_ASK_JUDGMENT:
    case CR_ASK_BET:
        return add_judgment_schema(form, chain_of_thought, ask == CR_ASK_BET, out);
    case CR_ASK_ARGUMENT:
        return add_around(form, OPEN "\"toward\":{\"type\":\"string\",\"enum\":[", "",
                          "]}," CR_SCHEMA_ARGUMENT CLOSE("\"toward\",\"argument\""),
                          out);
    case CR_ASK_VOTE:
        return chain_of_thought
                   ? add_around(form,
                                OPEN CR_SCHEMA_REASONING
                                "\"answer\":{\"type\":\"string\",\"enum\":[",
                                "", "]}" CLOSE("\"reasoning\",\"answer\""), out)
                   : add_around(form, OPEN "\"answer\":{\"type\":\"string\",\"enum\":[",
                                "", "]}" CLOSE("\"answer\""), out);
    default:
        return CR_OK;
    }
}

static enum cr_status add_price(const struct cr_answer_form *form, const double *price,
                                const double *quantile, struct cr_buf *out) {
    (void)quantile;
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; i < form->options_len && status == CR_OK; i++) {
        char letter[CR_LETTER_MAX];
        cr_answer_letter(i, letter);
        status = cr_buf_printf(out, "%s%s %.4g", i ? ", " : "", letter, price[i]);
    }
    return status;
}

static enum cr_status add_target(const struct cr_answer_form *form,
                                 struct cr_target target, struct cr_buf *out) {
    char letter[CR_LETTER_MAX];
    cr_answer_letter((uint32_t)target.option, letter);
    return cr_buf_printf(out, "%s) %s", letter, form->options[target.option]);
}

static struct cr_target truth(const struct cr_proposition *proposition,
                              const uint32_t *shown) {
    int at = 0;
    while ((int32_t)shown[at] != proposition->label) {
        at++;
    }
    return (struct cr_target){.option = at};
}

// The option with the largest price besides EXCEPT (-1: none); the first of equals.
static int leader(const struct cr_answer_form *form, const double *price, int except) {
    int best = -1;
    for (int i = 0; i < (int)form->options_len; i++) {
        if (i != except && (best < 0 || price[i] > price[best])) {
            best = i;
        }
    }
    return best;
}

// The runner-up has the best chance against the leader.
static struct cr_target contrary(const struct cr_answer_form *form,
                                 const double *price) {
    return (struct cr_target){.option = leader(form, price, leader(form, price, -1))};
}

static struct cr_target side(const struct cr_answer_form *form, const double *price,
                             int number) {
    if (number == 0) {
        return (struct cr_target){.option = leader(form, price, -1)};
    }
    return contrary(form, price);
}

const struct cr_space_row cr_space_categorical = {
    .item = CR_T_ITEM_CATEGORICAL,
    .meaning = CR_T_MEANING_CATEGORICAL,
    .judgment = {CR_T_JUDGMENT_CATEGORICAL_BRIEF, CR_T_JUDGMENT_CATEGORICAL},
    .vote = {CR_T_VOTE_CATEGORICAL_BRIEF, CR_T_VOTE_CATEGORICAL},
    .argument = CR_T_ARGUMENT_CATEGORICAL,
    .logprob = CR_T_LOGPROB_CATEGORICAL,
    .bet = CR_T_BET_CATEGORICAL,
    .judgment_key = "prices",
    .read_judgment = read_judgment,
    .direction_key = "toward",
    .read_direction = read_direction,
    .match_vote = match_vote,
    .votes_text = "one of the options' letters",
    .add_schema = add_schema,
    .add_price = add_price,
    .add_target = add_target,
    .truth = truth,
    .contrary = contrary,
    .side = side,
    // No option is up or down of another.
    .stances = (1u << CR_STANCE_FREE) | (1u << CR_STANCE_CONTRARY) |
               (1u << CR_STANCE_TRUTHFUL) | (1u << CR_STANCE_ADVERSARIAL) |
               CR_STANCES_PLACEBO,
    .elicitations = (1u << CR_ELICIT_COUNT) - 1,
    .stop_rules = (1u << CR_STOP_RULE_COUNT) - 1,
};
