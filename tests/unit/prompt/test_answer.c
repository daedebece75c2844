// test_answer.c - what the reader makes of what models write.
#include "cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/json.h"
#include "credence/prompt/answer.h"

static const char *const cities[] = {"Paris", "London", "Rome"};
static const char *const twins[] = {"red", "red", "blue"};
static const struct cr_answer_form binary = {.space = CR_SPACE_BINARY};
static const struct cr_answer_form choice = {
    .space = CR_SPACE_CATEGORICAL, .options_len = 3, .options = cities};
static const struct cr_answer_form doubled = {
    .space = CR_SPACE_CATEGORICAL, .options_len = 3, .options = twins};
static const struct cr_answer_form quantity = {
    .space = CR_SPACE_CONTINUOUS, .low = 100, .high = 300, .unit = "km"};

// Reads TEXT; "~TEXT" is one that was cut.
static struct cr_answer read_with(enum cr_ask ask, const struct cr_answer_form *form,
                                  const char *text, struct cr_arena *arena) {
    struct cr_answer answer;
    bool is_cut = text[0] == '~';
    text += is_cut;
    struct cr_answer_text reply = {
        .text = text, .bytes = strlen(text), .is_cut = is_cut};
    assert_int_equal(cr_answer_read(ask, form, reply, arena, &answer), CR_OK);
    return answer;
}

struct price_case {
    const char *text;
    double price;          // -1: unusable
    const char *complaint; // is part of it
};

static const struct price_case prices[] = {
    {"{\"claim\":\"c\",\"reasoning\":\"r\",\"price\":0.73}", 0.73, NULL},
    {"```json\n{\"price\": 0.5}\n```", 0.5, NULL},
    {"Sure! Here is {my} judgment:\n{\"price\": 0.5}\nHope it helps {you}.", 0.5, NULL},
    {"{\"price\":0.1} no, rather {\"price\":0.2}", 0.2, NULL},
    {"{\"price\":0.1} as in {\"claim\":\"x\"}", 0.1, NULL},
    {"{\"judgment\":{\"price\":0.4}}", 0.4, NULL},
    {"{\"Price\":\"0.4\"}", 0.4, NULL},
    {"{\"price\":\" 70% \"}", 0.7, NULL},
    {"{\"price\":70%}", 0.7, NULL},
    {"{\"price\": 70 %, \"claim\": \"x\",}", 0.7, NULL},
    {"{'claim': 'it's \"so\", yes', 'price': 0.4}", 0.4, NULL},
    {"{'price': '40%'}", 0.4, NULL},
    {"{'price: 0.4}", -1, "no \"price\""},
    {"{\"price\": .4}", 0.4, NULL},
    {"{\"price\": 1e-3 // small\n}", 0.001, NULL},
    {"{\"claim\":\"a } and { in \\\" strings\",\"price\":1}", 1, NULL},
    {"{\"claim\":\"line\nbreak\",\"price\":0}", 0, NULL},
    {"<think>{\"price\":0.9}</think>{\"price\":0.1}", 0.1, NULL},
    {"{\"price\":0.9} is too high</think>\n{\"price\":0.1}", 0.1, NULL},
    {"{\"price\":0.3}<think>{\"price\":0.9}", 0.3, NULL},
    {"<think>{\"price\":0.9}", -1, "empty"},
    {"~<think>so {\"price\":0.9}", -1, "cut off"},
    {"~{\"price\":0.7,\"reasoning\":\"becau", 0.7, NULL},
    {"~{\"claim\":\"x\",\"price\":0.7, ", 0.7, NULL},
    {"~{\"price\":\"70%\"", 0.7, NULL},
    {"~{\"claim\":\"x\",\"price\":0.7", -1, "cut off"},
    {"~{\"claim\":\"x\",\"pri", -1, "cut off"},
    {"~```", -1, "cut off"},
    {"{\"claim\":\"x\",\"price\":0.7,", 0.7, NULL},
    {"{\"claim\":\"x\",\"price\":0.7", -1, "never ends"},
    {"{\"price\":0.2} then ~ {\"price\":0.9,", 0.2, NULL},
    {"{\"price\":3}", -1, "\"price\" is 3, outside 0 to 1"},
    {"{\"price\":999}", -1, "999"},
    {"{\"price\":-3e42}", -1, "-3e+42"},
    {"{\"price\":70}", -1, "divide a percentage by 100"},
    {"{\"price\":\"170%\"}", -1, "outside"},
    {"{\"price\":NaN}", -1, "\"NaN\""},
    {"{\"price\":Infinity}", -1, "\"Infinity\""},
    {"{\"price\":1e999}", -1, "price"},
    {"{\"price\":\"0x1\"}", -1, "not a number"},
    {"{\"price\":\"high\"}", -1, "\"high\""},
    {"{\"price\":null}", -1, "null"},
    {"{\"price\":[0.5]}", -1, "array"},
    {"{\"prise\":0.5}", -1, "no \"price\""},
    {"{\"price\":0.5]", -1, "not valid JSON (1:13: unexpected ']')"},
    {"{]} {\"a\" 1}", -1, "not valid JSON"},
    {"0.7", -1, "no JSON object"},
    {"", -1, "empty"},
    {" \n", -1, "empty"},
};

#define FORM(price)                                                                    \
    "{\"claim\":\"your position in one sentence\",\"reasoning\":\"why, in a few "      \
    "sentences\",\"price\":" price "}"

static const struct price_case echoes[] = {
    {FORM("0.62"), -1, "repeated the form"},
    {"{\"claim\":\"<Your position in one sentence.>\",\"price\":0.62}", -1,
     "repeated the form"},
    {"{\"claim\":\"\",\"reasoning\":\"Why, in a few sentences\",\"price\":0.62}", -1,
     "repeated the form"},
    {FORM("0.62") "\nMine: {\"claim\":\"It is so.\",\"price\":0.8}", 0.8, NULL},
    {"{\"claim\":\"It is so.\",\"price\":0.8}\nThe form was:\n" FORM("0.62"), 0.8,
     NULL},
    {"{\"example\":" FORM("0.62") ",\"answer\":{\"price\":0.7}}", 0.7, NULL},
    {"{\"claim\":\"your position in one sentence\",\"reasoning\":\"Bees seal it.\","
     "\"price\":0.9}",
     0.9, NULL},
    {"{\"claim\": \"<claim>\", \"price\": <probability from 0 to 1>}", -1, "the form"},
    {"{\"claim\": \"It is.\", \"price\": <probability from 0 to 1>}", -1,
     "not a number"},
    {"{\"claim\":\"...\",\"reasoning\":\"\xe2\x80\xa6\",\"price\":0.5}", -1,
     "the form"},
    {"{\"claim\":\"string\",\"reasoning\":\"string\",\"price\":0.5}", -1, "the form"},
    {"{\"claim\":\"<claim>\",\"reasoning\":\"<my reasons>\",\"price\":0.5}", -1,
     "the form"},
    {"{\"claim\":\"<claim>\",\"reasoning\":\"Bees seal it.\",\"price\":0.5}", 0.5,
     NULL},
    {"{\"claim\":\"<a> is not <b>\",\"price\":0.5}", 0.5, NULL},
};

static const struct price_case thoughts[] = {
    {"[THINK]{\"price\":0.9}[/THINK]{\"price\":0.1}", 0.1, NULL},
    {"[THINK]perhaps {\"price\":0.9}", -1, "empty"},
    {"perhaps {\"price\":0.9}[/THINK]", -1, "empty"},
    {"<thinking>{\"price\":0.9}</thinking>\n{\"price\":0.1}", 0.1, NULL},
    {"<Thinking>{\"price\":0.9}", -1, "empty"},
    {"{\"price\":0.9}</thinking>{\"price\":0.1}", 0.1, NULL},
    {"<reasoning>{\"price\":0.9}</reasoning>{\"price\":0.1}", 0.1, NULL},
    {"<scratchpad>{\"price\":0.9}</scratchpad>", -1, "empty"},
    {"<seed:think>{\"price\":0.9}</seed:think>{\"price\":0.1}", 0.1, NULL},
    {"\xe2\x97\x81think\xe2\x96\xb7{\"price\":0.9}\xe2\x97\x81/think\xe2\x96\xb7{\"price\":0.1}",
     0.1, NULL},
    {"<|begin_of_thought|>{\"price\":0.9}<|end_of_thought|>{\"price\":0.1}", 0.1, NULL},
    {"<|channel|>analysis<|message|>{\"price\":0.9}<|end|><|start|>assistant<|channel|>"
     "final<|message|>{\"price\":0.1}<|return|>",
     0.1, NULL},
    {"<|channel|>final <|constrain|>json<|message|>{\"price\":0.1}", 0.1, NULL},
    {"<|channel|>analysis<|message|>{\"price\":0.9}<|end|>", -1, "empty"},
    {"<|channel|>commentary<|message|>{\"price\":0.9}", -1, "empty"},
    {"{\"price\":0.9}<|end|><|start|>assistant<|channel|>final<|message|>"
     "{\"price\":0.1}",
     0.9, NULL},
    {"analysisIt may be {\"price\":0.9}.assistantfinal{\"price\":0.1}", 0.1, NULL},
    {"analysisIt may be {\"price\":0.9}.", -1, "empty"},
    {"{\"price\":0.1}<|im_end|>\n<|im_start|>user\n{\"price\":0.9}", 0.1, NULL},
    {"<|im_start|>assistant\n{\"price\":0.1}</s>{\"price\":0.9}", 0.1, NULL},
    {"<|inner_prefix|>{\"price\":0.9}<|inner_suffix|>Who knows.", -1, "no JSON"},
    {"<|thought_begin|>{\"price\":0.9}<|thought_end|>{\"price\":0.1}", 0.1, NULL},
    {"<|begin_of_reasoning|>so {\"price\":0.9}", -1, "empty"},
    {"<reason>{\"price\":0.9}</reason>Who knows.", -1, "no JSON"},
    {"My steps: {\"price\":0.9} [BEGIN FINAL RESPONSE]{\"price\":0.1}[END FINAL "
     "RESPONSE]",
     0.1, NULL},
    {"<think>a</think>{\"price\":0.1}<think>{\"price\":0.9}</think>", 0.1, NULL},
};

static const struct price_case glued[] = {
    {"{\"price\":0.2,\"price\":0.8}", -1, "\"price\" twice"},
    {"{\"price\":0.2,\"Price\":0.2}", -1, "twice"},
    {"{\"claim\":\"a\",\"price\":0.2,\"reasoning\":\"b\",\"PRICE\":\"80%\"}", -1,
     "twice"},
    {"{\"price\": +0.05}", -1, "\"+0.05\""},
    {"{\"price\":\"+5%\"}", -1, "\"+5%\""},
    {"{\"price\": -0.0}", -1, "not a number"},
    {"{\"price\":\"-0\"}", -1, "not a number"},
    {"{\"price\": ~0.7}", -1, "\"~0.7\""},
    {"{\"price\": >0.7}", -1, "\">0.7\""},
    {"{\"price\": p0.7}", -1, "\"p0.7\""},
    {"{\"price\": 0.7ish}", -1, "\"0.7ish\""},
    {"{\"price\":\"about 0.7\"}", -1, "\"about 0.7\""},
    {"{\"price\":\"$0.70\"}", -1, "\"$0.70\""},
    {"{\"price\":\"0.6-0.7\"}", -1, "\"0.6-0.7\""},
    {"{\"price\":0.6-0.7}", -1, "not valid JSON"},
    {"{\"price\":\"0.7%\"}", -1, "\"0.7%\""},
    {"{\"price\":\"0%\"}", 0, NULL},
    {"[{\"price\":0.9},\n {\"price\":0.1}]", -1, "side by side"},
    {"{\"for\":{\"price\":0.9}, \"against\" : {\"price\":0.1}}", -1, "side by side"},
    {"[{\"price\":0.9},{\"price\":0.1}] In all: {\"price\":0.4}", 0.4, NULL},
    {"{\"price\":0.9}\n{\"price\":0.1}", 0.1, NULL},
    {"~Say {\"price\":0.9} came first. Then we", -1, "cut off"},
    {"~{\"price\":0.9}\n\nAnd so on and", 0.9, NULL},
    {"~Here it is:\n```json\n{\"price\":0.9}\n```\nAnd so on and", 0.9, NULL},
};

static void check_prices(const struct price_case *cases, size_t len) {
    for (size_t i = 0; i < len; i++) {
        const struct price_case *c = &cases[i];
        struct cr_arena arena = {0};
        struct cr_answer a = read_with(CR_ASK_JUDGMENT, &binary, c->text, &arena);
        bool is_right = c->price < 0
                            ? !a.is_usable && strstr(a.complaint, c->complaint) != NULL
                            : a.is_usable && fabs(a.price[0] - c->price) < 1e-12;
        if (!is_right) {
            fail_msg("%s: usable %d, price %g, complaint: %s", c->text, a.is_usable,
                     a.price[0], a.complaint);
        }
        cr_arena_fini(&arena);
    }
}

#define CHECK_PRICES(cases) check_prices(cases, sizeof(cases) / sizeof *(cases))

static void prices_are_read_or_refused_with_the_reason(void **state) {
    (void)state;
    CHECK_PRICES(prices);
}

static void the_form_handed_back_is_no_judgment(void **state) {
    (void)state;
    CHECK_PRICES(echoes);
}

static void reasoning_is_told_by_the_marks_of_every_house(void **state) {
    (void)state;
    CHECK_PRICES(thoughts);
}

static void a_number_that_was_not_meant_is_no_price(void **state) {
    (void)state;
    CHECK_PRICES(glued);
}

static void the_words_of_a_set_of_ones_own_are_learnt(void **state) {
    (void)state;
    static const char how[] =
        "Reply so: {\"claim\": \"<what you hold>\", \"reasoning\": "
        "\"<the grounds>\", \"price\": <number>} and no more.";
    struct cr_answer_form form = binary;
    struct cr_arena arena = {0};
    assert_int_equal(cr_answer_learn_form(how, strlen(how), &arena, &form), CR_OK);
    assert_int_equal(form.examples_len, 2);
    struct cr_answer a = read_with(
        CR_ASK_JUDGMENT, &form,
        "{\"claim\":\"what you hold\",\"reasoning\":\"<The grounds>\",\"price\":0.5}",
        &arena);
    assert_false(a.is_usable);
    assert_non_null(strstr(a.complaint, "repeated the form"));
    cr_arena_fini(&arena);
}

struct reason_case {
    enum cr_ask ask;
    const struct cr_answer_form *form;
    const char *text;
    enum cr_reason reason;
};

static const struct reason_case reasons[] = {
    {CR_ASK_JUDGMENT, &binary, "{\"price\":0.5}", CR_REASON_NONE},
    {CR_ASK_JUDGMENT, &binary, "I would say so.", CR_REASON_UNREADABLE},
    {CR_ASK_JUDGMENT, &binary, "{\"price\":1.5}", CR_REASON_OUT_OF_RANGE},
    {CR_ASK_JUDGMENT, &binary, "~{\"claim\":\"x", CR_REASON_CUT},
    {CR_ASK_JUDGMENT, &binary, "~", CR_REASON_CUT},
    {CR_ASK_JUDGMENT, &choice, "{\"prices\":{\"A\":1,\"B\":1,\"C\":0}}",
     CR_REASON_OUT_OF_RANGE},
    {CR_ASK_JUDGMENT, &choice, "{\"prices\":{\"A\":-1,\"B\":1,\"C\":1}}",
     CR_REASON_OUT_OF_RANGE},
    {CR_ASK_JUDGMENT, &choice, "{\"prices\":{\"A\":\"?\"}}", CR_REASON_UNREADABLE},
    {CR_ASK_JUDGMENT, &quantity, "{\"q05\":1,\"q50\":2,\"q95\":3}",
     CR_REASON_OUT_OF_RANGE},
    {CR_ASK_JUDGMENT, &quantity, "{\"q05\":200,\"q50\":150,\"q95\":250}",
     CR_REASON_OUT_OF_RANGE},
    {CR_ASK_ARGUMENT, &binary, "~It is so because", CR_REASON_CUT},
    {CR_ASK_ARGUMENT, &binary, "I'm sorry, but I can't assist with that.",
     CR_REASON_REFUSED},
    {CR_ASK_ARGUMENT, &binary, "I cannot help with this request.", CR_REASON_REFUSED},
    {CR_ASK_ARGUMENT, &binary,
     "{\"direction\":\"up\",\"argument\":\"Sorry, I won't do that.\"}",
     CR_REASON_REFUSED},
    {CR_ASK_ARGUMENT, &binary, "I cannot see how it could be false: bees seal it.",
     CR_REASON_NONE},
    {CR_ASK_ARGUMENT, &binary, "{\"argument\":\"<your argument>\"}",
     CR_REASON_UNREADABLE},
    {CR_ASK_VOTE, &binary, "{\"answer\":\"yes\",\"answer\":\"no\"}",
     CR_REASON_UNREADABLE},
    {CR_ASK_VOTE, &binary,
     "{\"reasoning\":\"why, in a few sentences\",\"answer\":\"yes\"}",
     CR_REASON_UNREADABLE},
};

static void what_cannot_be_used_has_its_reason(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        const struct reason_case *c = &reasons[i];
        struct cr_arena arena = {0};
        struct cr_answer a = read_with(c->ask, c->form, c->text, &arena);
        if (a.reason != c->reason || a.is_usable != (c->reason == CR_REASON_NONE)) {
            fail_msg("%s: reason %s, complaint: %s", c->text, cr_reason_names[a.reason],
                     a.complaint);
        }
        cr_arena_fini(&arena);
    }
}

static void what_was_refused_or_filtered_holds_no_answer(void **state) {
    (void)state;
    static const enum cr_reason given[] = {CR_REASON_REFUSED, CR_REASON_FILTERED};
    static const enum cr_ask asks[] = {CR_ASK_JUDGMENT, CR_ASK_ARGUMENT, CR_ASK_VOTE};
    const char *text = "{\"price\":0.5,\"argument\":\"a\",\"answer\":\"yes\"}";
    for (int i = 0; i < 6; i++) {
        struct cr_answer_text reply = {
            .text = text, .bytes = strlen(text), .given = given[i % 2]};
        struct cr_answer a;
        assert_int_equal(cr_answer_read(asks[i / 2], &binary, reply, NULL, &a), CR_OK);
        assert_false(a.is_usable);
        assert_int_equal(a.reason, given[i % 2]);
    }
}

static void marks_of_chat_templates_leave_a_text(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"<|channel|>final<|message|>It is so.<|return|>", "finalIt is so."},
        {"so<|im_end|>\n<|im_start|>system", "so\nsystem"},
        {"a <| b |> c <|x", "a <| b |> c <|x"},
        {"1 < 2", "1 < 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        snprintf(text, sizeof text, "%s", cases[i][0]);
        assert_int_equal(cr_answer_clean(text), strlen(cases[i][1]));
        assert_string_equal(text, cases[i][1]);
    }
}

struct choice_case {
    const char *text;
    double price[3];
    const char *complaint;
};

static const struct choice_case choices[] = {
    {"{\"prices\":{\"A\":0.5,\"B\":0.3,\"C\":0.2}}", {0.5, 0.3, 0.2}, NULL},
    {"{\"prices\":{\"rome\":0.5,\" PARIS \":0.3,\"London\":\"20%\"}}",
     {0.3, 0.2, 0.5},
     NULL},
    {"{\"prices\":{\"B) London\":0.5,\"c. Rome\":0.3,\"a\":0.2}}",
     {0.2, 0.5, 0.3},
     NULL},
    {"{\"prices\":{\"A\":0.5,\"B\":0.31,\"C\":0.21}}",
     {0.5 / 1.02, 0.31 / 1.02, 0.21 / 1.02},
     NULL},
    {"{\"prices\":{\"A\":0.5,\"B\":0.3,\"C\":0.23}}", {0}, "sum to 1.03"},
    {"{\"prices\":{\"A\":0.5,\"B\":0.3,\"C\":0.17}}", {0}, "sum to 0.97"},
    {"{\"prices\":{\"A\":0.5,\"B\":0.5}}", {0}, "lacks option C"},
    {"{\"prices\":{\"A\":0.5,\"Berlin\":0.5}}",
     {0},
     "\"Berlin\", which is not an option"},
    {"{\"prices\":{\"A\":0.5,\"Paris\":0.5}}", {0}, "not an option that is left"},
    {"{\"prices\":{\"A\":0.5,\"A\":0.5}}", {0}, "twice"},
    {"{\"prices\":{\"A\":1.5,\"B\":-0.5,\"C\":0}}", {0}, "1.5, not within 0 to 1"},
    {"{\"prices\":{\"A\":\"most\",\"B\":0,\"C\":0}}", {0}, "\"most\""},
    {"{\"prices\":[0.5,0.3,0.2]}", {0}, "an array"},
    {"~{\"prices\":{\"A\":0.5,\"B\":0.3,\"C\":0.2}", {0.5, 0.3, 0.2}, NULL},
    {"~{\"prices\":{\"A\":0.5,\"B\":0.3,\"C\":0.2", {0}, "cut off"},
    {"{\"price\":0.5}", {0}, "no \"prices\""},
};

static void option_prices_go_by_letter_or_name_and_sum_to_one(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        const struct choice_case *c = &choices[i];
        struct cr_arena arena = {0};
        struct cr_answer a = read_with(CR_ASK_JUDGMENT, &choice, c->text, &arena);
        bool is_right = c->complaint != NULL
                            ? !a.is_usable && strstr(a.complaint, c->complaint) != NULL
                            : a.is_usable;
        for (int k = 0; k < 3 && c->complaint == NULL; k++) {
            is_right = is_right && fabs(a.price[k] - c->price[k]) < 1e-12;
        }
        if (!is_right) {
            fail_msg("%s: %g %g %g, complaint: %s", c->text, a.price[0], a.price[1],
                     a.price[2], a.complaint);
        }
        cr_arena_fini(&arena);
    }
}

static void a_text_that_stands_twice_is_filled_from_the_first(void **state) {
    (void)state;
    struct cr_answer a =
        read_with(CR_ASK_JUDGMENT, &doubled,
                  "{\"prices\":{\"red\":0.5,\"blue\":0.3,\"Red\":0.2}}", NULL);
    assert_true(a.is_usable);
    assert_true(a.price[0] == 0.5 && a.price[1] == 0.2 && a.price[2] == 0.3);
}

struct quantity_case {
    const char *text;
    double quantile[3];
    const char *complaint;
};

static const struct quantity_case quantities[] = {
    {"{\"q05\":100,\"q50\":150,\"q95\":300}", {0, 0.25, 1}, NULL},
    {"{\"q05\":\"110\",\"q50\":150,\"q95\":200,}", {0.05, 0.25, 0.5}, NULL},
    {"{\"q05\":150,\"q50\":150,\"q95\":150}", {0.25, 0.25, 0.25}, NULL},
    {"{\"q05\":160,\"q50\":150,\"q95\":200}", {0}, "must not decrease"},
    {"{\"q05\":110,\"q50\":150,\"q95\":301}", {0}, "\"q95\" is 301, outside the range"},
    {"{\"q05\":99,\"q50\":150,\"q95\":300}", {0}, "\"q05\" is 99"},
    {"{\"q50\":150,\"q95\":300}", {0}, "no \"q05\""},
    {"{\"q05\":110,\"q50\":\"150%\",\"q95\":300}", {0}, "not a plain number"},
    {"{\"price\":0.5}", {0}, "no \"q50\""},
};

static void quantiles_become_fractions_of_the_range(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof quantities / sizeof *quantities; i++) {
        const struct quantity_case *c = &quantities[i];
        struct cr_answer a = read_with(CR_ASK_JUDGMENT, &quantity, c->text, NULL);
        bool is_right = c->complaint != NULL
                            ? !a.is_usable && strstr(a.complaint, c->complaint) != NULL
                            : a.is_usable && a.price[0] == a.quantile[1];
        for (int k = 0; k < 3 && c->complaint == NULL; k++) {
            is_right = is_right && fabs(a.quantile[k] - c->quantile[k]) < 1e-12;
        }
        if (!is_right) {
            fail_msg("%s: %g %g %g, complaint: %s", c->text, a.quantile[0],
                     a.quantile[1], a.quantile[2], a.complaint);
        }
    }
}

struct argument_case {
    const struct cr_answer_form *form;
    const char *text;
    const char *argument; // NULL: unusable
    int direction;
    const char *complaint;
};

static const struct argument_case arguments[] = {
    {&binary, "{\"direction\":\"up\",\"argument\":\" because \"}", "because", 1, NULL},
    {&binary, "{\"direction\":\"Down.\",\"argument\":\"\\u00e9\"}", "\xc3\xa9", -1,
     NULL},
    {&binary, "{\"argument\":\"a\"}", "a", 0, NULL},
    {&binary, "{\"direction\":\"sideways\",\"argument\":\"a\"}", "a", 0, NULL},
    {&binary, "I say it is so.", "I say it is so.", 0, NULL},
    {&binary, "<think>no</think> I say so.", "I say so.", 0, NULL},
    {&binary, "~I say it is", NULL, 0, "cut off"},
    {&binary, "<|channel|>final<|message|>I say so.<|return|>", "I say so.", 0, NULL},
    {&binary, "{\"argument\":\"so<|im_end|> it is\"}", "so it is", 0, NULL},
    {&binary, "{\"argument\":\"<|im_end|>\"}", NULL, 0, "empty"},
    {&binary, "{\"argument\":\"a\",\"Argument\":\"b\"}", NULL, 0, "twice"},
    {&binary, "{\"direction\":\"up\",\"argument\":\"\"}", NULL, 0, "empty"},
    {&binary, "{\"direction\":\"up\"}", NULL, 0, "no \"argument\""},
    {&binary, "{\"direction\":\"up\",\"argument\":7}", NULL, 0, "must be a string"},
    {&binary, "~{\"direction\":\"up\",\"argument\":\"be", NULL, 0, "cut off"},
    {&binary, "  ", NULL, 0, "empty"},
    {&choice, "{\"toward\":\"B\",\"argument\":\"a\"}", "a", 2, NULL},
    {&choice, "{\"toward\":\"rome\",\"argument\":\"a\"}", "a", 3, NULL},
    {&choice, "{\"toward\":\"Oslo\",\"argument\":\"a\"}", "a", 0, NULL},
    {&quantity, "{\"direction\":\"down\",\"argument\":\"a\"}", "a", -1, NULL},
};

static void arguments_carry_their_direction(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++) {
        const struct argument_case *c = &arguments[i];
        struct cr_arena arena = {0};
        struct cr_answer a = read_with(CR_ASK_ARGUMENT, c->form, c->text, &arena);
        bool is_right = c->argument != NULL
                            ? a.is_usable && a.direction == c->direction &&
                                  strcmp(a.argument, c->argument) == 0 &&
                                  a.argument_bytes == strlen(c->argument)
                            : !a.is_usable && strstr(a.complaint, c->complaint) != NULL;
        if (!is_right) {
            fail_msg("%s: usable %d, push %d, complaint: %s", c->text, a.is_usable,
                     a.direction, a.complaint);
        }
        cr_arena_fini(&arena);
    }
}

struct vote_case {
    const struct cr_answer_form *form;
    const char *text;
    int vote; // -1: unusable
};

static const struct vote_case votes[] = {
    {&binary, "{\"answer\":\"yes\"}", 1},
    {&binary, "{\"reasoning\":\"no doubt\",\"answer\":\"No.\"}", 0},
    {&binary, "{\"answer\":true}", 1},
    {&binary, "Yes.", 1},
    {&binary, "no, because it is not", 0},
    {&binary, "**No**", 0},
    {&binary, "It is true", -1},
    {&binary, "{\"answer\":\"perhaps\"}", -1},
    {&binary, "{\"answer\":1}", -1},
    {&binary, "{\"reply\":\"yes\"}", -1},
    {&binary, "", -1},
    {&binary, "[{\"answer\":\"yes\"},{\"answer\":\"no\"}]", -1},
    {&choice, "{\"answer\":\"C\"}", 2},
    {&choice, "{\"answer\":\"London\"}", 1},
    {&choice, "(b)", 1},
    {&choice, "{\"answer\":\"D\"}", -1},
    {&choice, "{\"answer\":true}", -1},
};

static void votes_are_yes_or_no_or_an_option(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof votes / sizeof *votes; i++) {
        const struct vote_case *c = &votes[i];
        struct cr_answer a = read_with(CR_ASK_VOTE, c->form, c->text, NULL);
        bool is_right =
            a.is_usable == (c->vote >= 0) && (a.is_usable || a.complaint[0]);
        if (a.is_usable && c->form == &binary) {
            is_right = a.price[0] == c->vote;
        } else if (a.is_usable) {
            is_right = a.price[c->vote] == 1;
        }
        if (!is_right) {
            fail_msg("%s: usable %d, %g, complaint: %s", c->text, a.is_usable,
                     a.price[0], a.complaint);
        }
    }
}

static struct cr_reply reply_of(const struct cr_logprob *at, uint32_t len) {
    struct cr_reply reply = {.logprobs_len = len};
    memcpy(reply.logprobs, at, len * sizeof *at);
    return reply;
}

static void logprobs_share_their_mass_among_the_answers(void **state) {
    (void)state;
    struct cr_logprob words[] = {{"Yes", log(0.5)},
                                 {" yes", log(0.1)},
                                 {"\xc4\xa0No", log(0.2)},
                                 {"Maybe", log(0.2)}};
    struct cr_reply reply = reply_of(words, 4);
    struct cr_answer a;
    cr_answer_logprobs(&binary, &reply, &a);
    assert_true(a.is_usable && fabs(a.price[0] - 0.75) < 1e-12);

    struct cr_logprob letters[] = {{"A", log(0.45)},
                                   {"\xe2\x96\x81"
                                    "C",
                                    log(0.15)},
                                   {"a", log(0.4)}};
    reply = reply_of(letters, 3);
    cr_answer_logprobs(&choice, &reply, &a);
    assert_true(a.is_usable && fabs(a.price[0] - 0.75) < 1e-12);
    assert_true(a.price[1] == 0 && fabs(a.price[2] - 0.25) < 1e-12);

    reply = reply_of(words + 3, 1);
    cr_answer_logprobs(&binary, &reply, &a);
    assert_false(a.is_usable);
    assert_non_null(strstr(a.complaint, "yes or no"));
}

static void a_first_token_that_is_mostly_no_answer_is_no_price(void **state) {
    (void)state;
    static const struct cr_logprob firsts[][3] = {
        {{"So", -0.58}, {"Okay", -0.9}, {"Yes", -13.1}},
        {{"The", -0.5}, {"Yes", -2}, {"No", -2}},
        {{"I", -0.1}, {"No", -3}, {"yes", -4}},
        {{"<think>", -0.01}, {"Yes", -6}, {"No", -7}},
    };
    for (size_t i = 0; i < sizeof firsts / sizeof *firsts; i++) {
        struct cr_reply reply = reply_of(firsts[i], 3);
        struct cr_answer a;
        cr_answer_logprobs(&binary, &reply, &a);
        assert_false(a.is_usable);
        assert_int_equal(a.reason, CR_REASON_UNREADABLE);
    }
}

static void letters_go_on_after_z(void **state) {
    (void)state;
    char letter[CR_LETTER_MAX];
    cr_answer_letter(0, letter);
    assert_string_equal(letter, "A");
    cr_answer_letter(25, letter);
    assert_string_equal(letter, "Z");
    cr_answer_letter(26, letter);
    assert_string_equal(letter, "AA");
    cr_answer_letter(CR_OPTIONS_MAX - 1, letter);
    assert_string_equal(letter, "BL");
}

static void schemas_are_json_that_requires_every_property(void **state) {
    (void)state;
    const struct cr_answer_form *const forms[] = {&binary, &choice, &quantity};
    for (int f = 0; f < 3; f++) {
        for (int ask = 0; ask < CR_ASK_LOGPROB; ask++) {
            for (int thinks = 0; thinks < 2; thinks++) {
                struct cr_buf schema;
                struct cr_json *root = NULL;
                struct cr_json_limits limits = {1 << 16, 16};
                cr_buf_init(&schema, 1 << 16);
                assert_int_equal(
                    cr_answer_schema((enum cr_ask)ask, forms[f], thinks, &schema),
                    CR_OK);
                if (forms[f] == &quantity && ask == CR_ASK_VOTE) {
                    assert_int_equal(schema.used_bytes, 0);
                    continue;
                }
                assert_int_equal(
                    cr_json_parse(schema.data, schema.used_bytes, limits, &root, NULL),
                    CR_OK);
                assert_int_equal(cr_json_len(cr_json_get(root, "properties")),
                                 cr_json_len(cr_json_get(root, "required")));
                assert_false(
                    cr_json_bool(cr_json_get(root, "additionalProperties"), true));
                cr_json_free(root);
                cr_buf_fini(&schema);
            }
        }
    }
}

static void a_schema_lists_prices_only_when_asked(void **state) {
    (void)state;
    const struct cr_answer_form *const forms[] = {&binary, &choice};
    for (int i = 0; i < 4; i++) {
        struct cr_answer_form form = *forms[i / 2];
        struct cr_buf schema;
        cr_buf_init(&schema, 1 << 16);
        form.has_price_steps = i % 2;
        assert_int_equal(cr_answer_schema(CR_ASK_JUDGMENT, &form, true, &schema),
                         CR_OK);
        assert_true((strstr(schema.data, "0.62") != NULL) == form.has_price_steps);
        assert_non_null(strstr(schema.data, "\"maximum\":1"));
        cr_buf_fini(&schema);
    }
}

static void refuse_hostile(const char *text, size_t bytes) {
    struct cr_answer a;
    struct cr_answer_text reply = {.text = text, .bytes = bytes};
    assert_int_equal(cr_answer_read(CR_ASK_JUDGMENT, &binary, reply, NULL, &a), CR_OK);
    assert_false(a.is_usable);
    assert_true(a.complaint[0]);
}

// 128 KiB of the worst that was thought of, bare and in braces; a quadratic reader
// would take minutes.
static void hostile_replies_are_refused_in_bounded_time(void **state) {
    (void)state;
    static const char *const worst[] = {"{",    "{\"", "{\"a\":", "[{", "{\"a{",
                                        "}{\"", "{}",  "'a,",     "1 ,"};
    size_t bytes = CR_ANSWER_BYTES_MAX / 8;
    char *text = malloc(bytes + 1);
    assert_non_null(text);
    for (size_t i = 0; i < sizeof worst / sizeof *worst; i++) {
        size_t len = strlen(worst[i]);
        for (size_t at = 0; at < bytes; at++) {
            text[at] = worst[i][at % len];
        }
        refuse_hostile(text, bytes);
        text[0] = '{';
        text[bytes - 1] = '}';
        refuse_hostile(text, bytes);
    }
    free(text);
}

static void a_reply_over_the_limit_is_not_looked_at(void **state) {
    (void)state;
    static const char judgment[] = "{\"price\":0.5}";
    size_t bytes = CR_ANSWER_BYTES_MAX + 1;
    char *text = malloc(bytes);
    assert_non_null(text);
    memset(text, ' ', bytes);
    memcpy(text, judgment, sizeof judgment - 1);
    struct cr_answer a;
    struct cr_answer_text reply = {.text = text, .bytes = bytes};
    assert_int_equal(cr_answer_read(CR_ASK_JUDGMENT, &binary, reply, NULL, &a), CR_OK);
    assert_non_null(strstr(a.complaint, "bytes long"));
    reply.bytes--;
    assert_int_equal(cr_answer_read(CR_ASK_JUDGMENT, &binary, reply, NULL, &a), CR_OK);
    assert_true(a.is_usable);
    free(text);
}

static void out_of_memory_is_an_error_and_not_a_bad_answer(void **state) {
    (void)state;
    const char *text = "x {\"direction\":\"up\",\"argument\":\"a\",} y";
    struct cr_answer_text reply = {.text = text, .bytes = strlen(text)};
    enum cr_status status = CR_E_MEMORY;
    int failures = -1;
    for (uint64_t n = 1; status != CR_OK; n++) {
        struct cr_arena arena = {0};
        struct cr_answer a;
        cr_mem_fail_at(n);
        status = cr_answer_read(CR_ASK_ARGUMENT, &binary, reply, &arena, &a);
        cr_mem_fail_at(0);
        assert_true(status == CR_OK || status == CR_E_MEMORY);
        assert_true(status || a.is_usable);
        cr_arena_fini(&arena);
        failures++;
    }
    assert_true(failures > 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prices_are_read_or_refused_with_the_reason),
        cmocka_unit_test(the_form_handed_back_is_no_judgment),
        cmocka_unit_test(reasoning_is_told_by_the_marks_of_every_house),
        cmocka_unit_test(a_number_that_was_not_meant_is_no_price),
        cmocka_unit_test(the_words_of_a_set_of_ones_own_are_learnt),
        cmocka_unit_test(what_cannot_be_used_has_its_reason),
        cmocka_unit_test(what_was_refused_or_filtered_holds_no_answer),
        cmocka_unit_test(marks_of_chat_templates_leave_a_text),
        cmocka_unit_test(a_first_token_that_is_mostly_no_answer_is_no_price),
        cmocka_unit_test(option_prices_go_by_letter_or_name_and_sum_to_one),
        cmocka_unit_test(a_text_that_stands_twice_is_filled_from_the_first),
        cmocka_unit_test(quantiles_become_fractions_of_the_range),
        cmocka_unit_test(arguments_carry_their_direction),
        cmocka_unit_test(votes_are_yes_or_no_or_an_option),
        cmocka_unit_test(logprobs_share_their_mass_among_the_answers),
        cmocka_unit_test(letters_go_on_after_z),
        cmocka_unit_test(schemas_are_json_that_requires_every_property),
        cmocka_unit_test(a_schema_lists_prices_only_when_asked),
        cmocka_unit_test(hostile_replies_are_refused_in_bounded_time),
        cmocka_unit_test(a_reply_over_the_limit_is_not_looked_at),
        cmocka_unit_test(out_of_memory_is_an_error_and_not_a_bad_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
