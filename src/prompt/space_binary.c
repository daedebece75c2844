// space_binary.c - a claim that is true or false; the price is P(true).
#include <math.h>

#include "credence/prompt/space.h"
#include "prompt/json_extract.h"

static void read_judgment(const struct cr_answer_form *form,
                          const struct cr_json *object, struct cr_answer *out) {
    (void)form;
    const struct cr_json *value = cr_scan_member(object, "price");
    char shown[CR_SHOWN_MAX];
    double price;
    if (cr_scan_is_twice(object, "price")) {
        cr_answer_complain(out, CR_REASON_UNREADABLE, CR_SAYS_TWICE, "price");
    } else if (!cr_answer_number(value, true, &price)) {
        cr_answer_complain(out, CR_REASON_UNREADABLE,
                           "\"price\" is %s, not a number from 0 to 1.",
                           cr_answer_show(value, shown));
    } else if (price < 0 || price > 1) {
        cr_answer_complain(
            out, CR_REASON_OUT_OF_RANGE,
            "\"price\" is %s, outside 0 to 1. It is a probability: divide "
            "a percentage by 100.",
            cr_answer_show(value, shown));
    } else {
        out->price[0] = price;
    }
}

static int read_direction(const struct cr_answer_form *form, const char *word,
                          size_t bytes) {
    (void)form;
    return cr_answer_is_word(word, bytes, "up") -
           cr_answer_is_word(word, bytes, "down");
}

static int match_vote(const struct cr_answer_form *form, const char *word, size_t bytes,
                      bool is_token) {
    (void)form;
    if (cr_answer_is_word(word, bytes, "yes")) {
        return 1;
    }
    if (cr_answer_is_word(word, bytes, "no")) {
        return 0;
    }
    if (is_token) {
        return -1;
    }
    return cr_answer_is_word(word, bytes, "true")    ? 1
           : cr_answer_is_word(word, bytes, "false") ? 0
                                                     : -1;
}

static enum cr_status add_schema(enum cr_ask ask, const struct cr_answer_form *form,
                                 bool chain_of_thought, struct cr_buf *out) {
    const char *price = form->has_price_steps ? "\"price\":" CR_SCHEMA_PRICE_STEPS
                                              : "\"price\":" CR_SCHEMA_PRICE;
    static const char vote[] =
        "\"answer\":{\"type\":\"string\",\"enum\":[\"yes\",\"no\"]}";
    switch (ask) {
    case CR_ASK_JUDGMENT:
        return chain_of_thought
                   ? cr_buf_printf(
                         out,
                         CR_SCHEMA_OBJECT(CR_SCHEMA_CLAIM CR_SCHEMA_REASONING "%s",
                                          "\"claim\",\"reasoning\",\"price\""),
                         price)
                   : cr_buf_printf(
                         out,
                         CR_SCHEMA_OBJECT(CR_SCHEMA_CLAIM "%s", "\"claim\",\"price\""),
                         price);
    case CR_ASK_BET:
        return chain_of_thought
                   ? cr_buf_printf(out,
                                   CR_SCHEMA_OBJECT(
                                       CR_SCHEMA_CLAIM CR_SCHEMA_REASONING
                                       "%s" CR_SCHEMA_STAKE,
                                       "\"claim\",\"reasoning\",\"price\",\"stake\""),
                                   price)
                   : cr_buf_printf(out,
                                   CR_SCHEMA_OBJECT(CR_SCHEMA_CLAIM
                                                    "%s" CR_SCHEMA_STAKE,
                                                    "\"claim\",\"price\",\"stake\""),
                                   price);
    case CR_ASK_ARGUMENT:
        return cr_buf_add_text(
            out, CR_SCHEMA_OBJECT("\"direction\":{\"type\":\"string\",\"enum\":[\"up\","
                                  "\"down\"]}," CR_SCHEMA_ARGUMENT,
                                  "\"direction\",\"argument\""));
    case CR_ASK_VOTE:
        return chain_of_thought
                   ? cr_buf_printf(out,
                                   CR_SCHEMA_OBJECT(CR_SCHEMA_REASONING "%s",
                                                    "\"reasoning\",\"answer\""),
                                   vote)
                   : cr_buf_printf(out, CR_SCHEMA_OBJECT("%s", "\"answer\""), vote);
    default:
        return CR_OK;
    }
}

static enum cr_status add_price(const struct cr_answer_form *form, const double *price,
                                const double *quantile, struct cr_buf *out) {
    (void)form;
    (void)quantile;
    return cr_buf_printf(out, "%.4g", price[0]);
}

static enum cr_status add_target(const struct cr_answer_form *form,
                                 struct cr_target target, struct cr_buf *out) {
    (void)form;
    return cr_buf_add_text(out, target.option ? "true" : "false");
}

static struct cr_target truth(const struct cr_proposition *proposition,
                              const uint32_t *shown) {
    (void)shown;
    return (struct cr_target){.option = proposition->label};
}

// A market in balance is argued up.
static struct cr_target contrary(const struct cr_answer_form *form,
                                 const double *price) {
    (void)form;
    return (struct cr_target){.option = price[0] <= 0.5};
}

static struct cr_target side(const struct cr_answer_form *form, const double *price,
                             int number) {
    (void)form;
    (void)price;
    return (struct cr_target){.option = number == 0};
}

const struct cr_space_row cr_space_binary = {
    .item = CR_T_ITEM_BINARY,
    .meaning = CR_T_MEANING_BINARY,
    .judgment = {CR_T_JUDGMENT_BINARY_BRIEF, CR_T_JUDGMENT_BINARY},
    .vote = {CR_T_VOTE_BINARY_BRIEF, CR_T_VOTE_BINARY},
    .argument = CR_T_ARGUMENT_BINARY,
    .logprob = CR_T_LOGPROB_BINARY,
    .bet = CR_T_BET_BINARY,
    .judgment_key = "price",
    .read_judgment = read_judgment,
    .direction_key = "direction",
    .read_direction = read_direction,
    .match_vote = match_vote,
    .votes_text = "yes or no",
    .add_schema = add_schema,
    .add_price = add_price,
    .add_target = add_target,
    .truth = truth,
    .contrary = contrary,
    .side = side,
    .stances = (1u << CR_STANCE_COUNT) - 1,
    .elicitations = (1u << CR_ELICIT_COUNT) - 1,
    .stop_rules = (1u << CR_STOP_RULE_COUNT) - 1,
};
