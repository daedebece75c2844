// space_continuous.c - a quantity with a range; the price is the median's place in it.
#include <string.h>

#include "credence/prompt/space.h"
#include "prompt/json_extract.h"

static const char *const quantile_keys[3] = {"q05", "q50", "q95"};

// Quantile I in units. False after a complaint.
static bool read_quantile(const struct cr_answer_form *form,
                          const struct cr_json *object, int i, double *value,
                          struct cr_answer *out) {
    const char *key = quantile_keys[i];
    const struct cr_json *member = cr_scan_member(object, key);
    if (cr_scan_is_twice(object, key)) {
        cr_answer_complain(out, CR_REASON_UNREADABLE, CR_SAYS_TWICE, key);
        return false;
    }
    if (member == NULL) {
        cr_answer_complain(out, CR_REASON_UNREADABLE, "Your JSON object has no \"%s\".",
                           key);
        return false;
    }
    char shown[CR_SHOWN_MAX];
    if (!cr_answer_number(member, false, value)) {
        cr_answer_complain(out, CR_REASON_UNREADABLE,
                           "\"%s\" is %s, not a plain number.", key,
                           cr_answer_show(member, shown));
        return false;
    }
    if (*value < form->low || *value > form->high) {
        cr_answer_complain(out, CR_REASON_OUT_OF_RANGE,
                           "\"%s\" is %s, outside the range %g to %g.", key,
                           cr_answer_show(member, shown), form->low, form->high);
        return false;
    }
    return true;
}

static void read_judgment(const struct cr_answer_form *form,
                          const struct cr_json *object, struct cr_answer *out) {
    double value[3];
    for (int i = 0; i < 3; i++) {
        if (!read_quantile(form, object, i, &value[i], out)) {
            return;
        }
    }
    if (value[0] > value[1] || value[1] > value[2]) {
        cr_answer_complain(
            out, CR_REASON_OUT_OF_RANGE,
            "\"q05\", \"q50\" and \"q95\" are %g, %g and %g; they must not "
            "decrease.",
            value[0], value[1], value[2]);
        return;
    }
    for (int i = 0; i < 3; i++) {
        out->quantile[i] = (value[i] - form->low) / (form->high - form->low);
    }
    out->price[0] = out->quantile[1];
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
    (void)word;
    (void)bytes;
    (void)is_token;
    return -1;
}

static enum cr_status add_judgment_schema(const struct cr_answer_form *form,
                                          bool chain_of_thought, struct cr_buf *out) {
    enum cr_status status =
        cr_buf_add_text(out, "{\"type\":\"object\",\"properties\":{" CR_SCHEMA_CLAIM);
    if (status == CR_OK && chain_of_thought) {
        status = cr_buf_add_text(out, CR_SCHEMA_REASONING);
    }
    for (int i = 0; i < 3 && status == CR_OK; i++) {
        status = cr_buf_printf(
            out, "%s\"%s\":{\"type\":\"number\",\"minimum\":%.17g,\"maximum\":%.17g}",
            i ? "," : "", quantile_keys[i], form->low, form->high);
    }
    if (status != CR_OK) {
        return status;
    }
    return cr_buf_printf(out,
                         "},\"required\":[\"claim\",%s\"q05\",\"q50\",\"q95\"],"
                         "\"additionalProperties\":false}",
                         chain_of_thought ? "\"reasoning\"," : "");
}

static enum cr_status add_schema(enum cr_ask ask, const struct cr_answer_form *form,
                                 bool chain_of_thought, struct cr_buf *out) {
    switch (ask) {
    case CR_ASK_JUDGMENT:
        return add_judgment_schema(form, chain_of_thought, out);
    case CR_ASK_ARGUMENT:
        return cr_space_binary.add_schema(ask, form, chain_of_thought, out);
    default:
        return CR_OK;
    }
}

static double in_units(const struct cr_answer_form *form, double fraction) {
    return form->low + fraction * (form->high - form->low);
}

static enum cr_status add_price(const struct cr_answer_form *form, const double *price,
                                const double *quantile, struct cr_buf *out) {
    enum cr_status status = cr_buf_printf(out, "median %.6g", in_units(form, price[0]));
    if (status == CR_OK && quantile != NULL) {
        status =
            cr_buf_printf(out, " (5%% %.6g, 95%% %.6g)", in_units(form, quantile[0]),
                          in_units(form, quantile[2]));
    }
    return status;
}

static enum cr_status add_target(const struct cr_answer_form *form,
                                 struct cr_target target, struct cr_buf *out) {
    static const char *const places[] = {"below ", "", "above "};
    bool has_unit = form->unit != NULL && form->unit[0];
    return cr_buf_printf(out, "%s%.6g%s%s", places[target.option + 1], target.value,
                         has_unit ? " " : "", has_unit ? form->unit : "");
}

static struct cr_target truth(const struct cr_proposition *proposition,
                              const uint32_t *shown) {
    (void)shown;
    return (struct cr_target){.option = 0, .value = proposition->value};
}

static struct cr_target side(const struct cr_answer_form *form, const double *price,
                             int number) {
    return (struct cr_target){.option = number == 0 ? 1 : -1,
                              .value = in_units(form, price[0])};
}

const struct cr_space_row cr_space_continuous = {
    .item = CR_T_ITEM_CONTINUOUS,
    .meaning = CR_T_MEANING_CONTINUOUS,
    .judgment = {CR_T_JUDGMENT_CONTINUOUS_BRIEF, CR_T_JUDGMENT_CONTINUOUS},
    .argument = CR_T_ARGUMENT_CONTINUOUS,
    .judgment_key = "q50",
    .read_judgment = read_judgment,
    .direction_key = "direction",
    .read_direction = read_direction,
    .match_vote = match_vote,
    .votes_text = "a quantity",
    .add_schema = add_schema,
    .add_price = add_price,
    .add_target = add_target,
    .truth = truth,
    .side = side,
    // A quantity has no side to be contrary to, nor one to be stable on.
    .stances = (1u << CR_STANCE_FREE) | (1u << CR_STANCE_UP) | (1u << CR_STANCE_DOWN) |
               (1u << CR_STANCE_TRUTHFUL) | (1u << CR_STANCE_ADVERSARIAL) |
               CR_STANCES_PLACEBO,
    .elicitations = 1u << CR_ELICIT_VERBAL,
    .stop_rules = (1u << CR_STOP_RANGE) | (1u << CR_STOP_FIXED) | (1u << CR_STOP_KS) |
                  (1u << CR_STOP_PATIENCE),
};
