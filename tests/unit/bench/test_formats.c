// What each format makes of small, well-formed files.
#include "bench_test.h"

#define TQA_HEADER                                                                     \
    "Type,Category,Question,Best Answer,Best Incorrect Answer,Correct Answers,"        \
    "Incorrect Answers,Source\n"

static const char tqa[] = TQA_HEADER
    "A,Myths,\"Can pigs, as a rule, fly?\",No,Yes,No; Never,"
    "Yes; yes ;;Only at night; No,none\n"
    "A,Myths,\"Who said\n\"\"it\"\"?\",Nobody,Somebody,Nobody,Somebody,none\n";

static const struct cr_proposition *at(const struct cr_benchmark *bench, size_t index) {
    assert_true(index < bench->propositions.len);
    return &bench->propositions.at[index];
}

static void truthfulqa_pairs_share_a_question(void **state) {
    (void)state;
    struct cr_benchmark bench =
        bench_of("truthfulqa", CR_FRAMING_BINARY, CR_PAIRING_BOTH);
    read_good(&bench, tqa);
    assert_int_equal(bench.propositions.len, 4);
    assert_string_equal(at(&bench, 0)->id, "1/true");
    assert_string_equal(at(&bench, 1)->id, "1/false");
    assert_string_equal(at(&bench, 1)->question_id, "1");
    assert_int_equal(at(&bench, 0)->label, 1);
    assert_int_equal(at(&bench, 1)->label, 0);
    assert_non_null(
        strstr(at(&bench, 0)->text, "Can pigs, as a rule, fly?\nAnswer: No"));
    assert_non_null(strstr(at(&bench, 2)->text, "Who said\n\"it\"?"));
    cr_propositions_fini(&bench.propositions);
}

static void truthfulqa_options_are_trimmed_and_distinct(void **state) {
    (void)state;
    struct cr_benchmark bench =
        bench_of("truthfulqa", CR_FRAMING_CATEGORICAL, CR_PAIRING_BOTH);
    read_good(&bench, tqa);
    assert_int_equal(bench.propositions.len, 2);
    const struct cr_proposition *first = at(&bench, 0);
    assert_int_equal(first->options_len, 3);
    assert_string_equal(first->options[first->label], "No");
    assert_string_equal(first->options[1], "Yes");
    assert_string_equal(first->options[2], "Only at night");
    assert_string_equal(first->text, "Can pigs, as a rule, fly?");
    assert_string_equal(first->id, "1");
    cr_propositions_fini(&bench.propositions);
}

static void truthfulqa_options_are_capped(void **state) {
    (void)state;
    char text[4096] = TQA_HEADER "A,B,Q?,best,worst,best,";
    for (int i = 0; i < 2 * CR_OPTIONS_MAX; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "wrong %d;", i);
    }
    snprintf(text + strlen(text), sizeof text - strlen(text), ",none\n");
    struct cr_benchmark bench =
        bench_of("truthfulqa", CR_FRAMING_CATEGORICAL, CR_PAIRING_BOTH);
    read_good(&bench, text);
    assert_int_equal(at(&bench, 0)->options_len, CR_OPTIONS_MAX);
    cr_propositions_fini(&bench.propositions);
}

static void columns_are_found_by_name_wherever_they_stand(void **state) {
    (void)state;
    struct cr_benchmark bench =
        bench_of("truthfulqa", CR_FRAMING_BINARY, CR_PAIRING_BOTH);
    read_good(&bench, "Incorrect Answers,Best Incorrect Answer,Best Answer,Question\n"
                      "b;c,b,a,Which?\n");
    assert_non_null(strstr(at(&bench, 0)->text, "Which?\nAnswer: a"));
    cr_propositions_fini(&bench.propositions);
}

static void one_side_is_picked_by_seed_and_item(void **state) {
    (void)state;
    char text[8192] = "";
    for (int i = 0; i < 200; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text), "good %d,bad %d\n", i,
                 i);
    }
    struct cr_benchmark bench =
        bench_of("ethics-utilitarianism", CR_FRAMING_BINARY, CR_PAIRING_ONE);
    read_good(&bench, text);
    assert_int_equal(bench.propositions.len, 200);
    size_t truths = count_label(&bench.propositions, 1);
    assert_in_range(truths, 60, 140);
    struct cr_benchmark tail = bench;
    tail.propositions = (struct cr_propositions){0};
    tail.offset = 150;
    tail.limit = 3;
    read_good(&tail, text);
    assert_int_equal(tail.propositions.len, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(at(&tail, i)->id, at(&bench, 150 + i)->id);
        assert_int_equal(at(&tail, i)->key, at(&bench, 150 + i)->key);
    }
    cr_propositions_fini(&tail.propositions);
    cr_propositions_fini(&bench.propositions);
}

static void another_seed_picks_other_sides_and_distractors(void **state) {
    (void)state;
    char text[16384] = "";
    for (int i = 0; i < 60; i++) {
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 "{\"id\":%d,\"question\":\"?\",\"options\":[\"a\",\"b\",\"c\",\"d\"],"
                 "\"label\":%d}\n",
                 i, i % 4);
    }
    struct cr_benchmark a = bench_of("jsonl", CR_FRAMING_BINARY, CR_PAIRING_ONE), b = a;
    read_good(&a, text);
    assert_int_equal(cr_bench_read(&b, text, strlen(text), TEST_SEED + 1, NULL), CR_OK);
    size_t sides = 0, distractors = 0;
    for (size_t i = 0; i < 60; i++) {
        bool is_same_side = at(&a, i)->label == at(&b, i)->label;
        sides += !is_same_side;
        distractors += is_same_side && strcmp(at(&a, i)->text, at(&b, i)->text) != 0;
    }
    assert_in_range(sides, 10, 50);
    assert_in_range(distractors, 1, 50);
    cr_propositions_fini(&a.propositions);
    cr_propositions_fini(&b.propositions);
}

static void utilitarianism_orders_the_sides_by_label(void **state) {
    (void)state;
    struct cr_benchmark bench =
        bench_of("ethics-utilitarianism", CR_FRAMING_BINARY, CR_PAIRING_BOTH);
    read_good(&bench, "\"I won, again.\",I lost.\n");
    assert_int_equal(bench.propositions.len, 2);
    assert_non_null(
        strstr(at(&bench, 0)->text, "A: I won, again.\nScenario B: I lost."));
    assert_non_null(
        strstr(at(&bench, 1)->text, "A: I lost.\nScenario B: I won, again."));
    assert_int_equal(at(&bench, 0)->label, 1);
    assert_int_equal(at(&bench, 1)->label, 0);
    cr_propositions_fini(&bench.propositions);
}

static void utilitarianism_takes_a_header_for_what_it_is(void **state) {
    (void)state;
    struct cr_benchmark bench =
        bench_of("ethics-utilitarianism", CR_FRAMING_BINARY, CR_PAIRING_BOTH);
    read_good(&bench, "baseline,less_pleasant\nI won.,I lost.\n");
    assert_int_equal(bench.propositions.len, 2);
    assert_string_equal(at(&bench, 0)->question_id, "1");
    cr_propositions_fini(&bench.propositions);
}

static void ethics_rows_keep_their_own_label(void **state) {
    (void)state;
    static const char *const formats[] = {"ethics-commonsense", "ethics-justice"};
    static const char *const files[] = {
        "label,input,is_short,edited\n0,I waved.,True,False\n1,\"I stole\n\nit.\",True,"
        "False\n",
        "label,scenario\n0,\"I left, because of the moon.\"\n1,I left because I was "
        "ill.\n"};
    for (size_t i = 0; i < 2; i++) {
        struct cr_benchmark bench =
            bench_of(formats[i], CR_FRAMING_BINARY, CR_PAIRING_BOTH);
        read_good(&bench, files[i]);
        assert_int_equal(bench.propositions.len, 2);
        assert_int_equal(at(&bench, 0)->label, 0);
        assert_int_equal(at(&bench, 1)->label, 1);
        assert_string_equal(at(&bench, 1)->id, "2");
        assert_string_equal(at(&bench, 1)->question_id, "2");
        cr_propositions_fini(&bench.propositions);
    }
}

static void rows_of_one_scenario_share_a_question(void **state) {
    (void)state;
    static const char *const formats[] = {"ethics-deontology", "ethics-virtue"};
    static const char *const files[] = {
        "label,scenario,excuse\n1,Will you sing?,I am hoarse.\n0,Will you sing?,It is "
        "Monday.\n1,I am a baker.,So I should bake.\n",
        "label,scenario\n1,He sang. [SEP] merry\n0,He sang. [SEP] rude\n0,She ran. "
        "[SEP] "
        "lazy\n"};
    for (size_t i = 0; i < 2; i++) {
        struct cr_benchmark bench =
            bench_of(formats[i], CR_FRAMING_BINARY, CR_PAIRING_BOTH);
        read_good(&bench, files[i]);
        assert_int_equal(bench.propositions.len, 3);
        assert_string_equal(at(&bench, 0)->question_id, "1");
        assert_string_equal(at(&bench, 1)->question_id, "1");
        assert_string_equal(at(&bench, 1)->id, "2");
        assert_string_equal(at(&bench, 2)->question_id, "3");
        cr_propositions_fini(&bench.propositions);
    }
}

static const char flat[] =
    "{\"id\":\"q1\",\"question\":\"Where is money?\",\"question_concept\":\"money\","
    "\"choices\":{\"label\":[\"A\",\"B\",\"C\"],\"text\":[\"bar\",\"Bar \",\"bank\"]},"
    "\"answerKey\":\"B\"}\n";
static const char nested[] =
    "{\"answerKey\":\"B\",\"id\":\"q1\",\"question\":{\"question_concept\":\"money\","
    "\"stem\":\"Where is money?\",\"choices\":[{\"label\":\"A\",\"text\":\"bar\"},"
    "{\"label\":\"B\",\"text\":\"Bar \"},{\"label\":\"C\",\"text\":\"bank\"}]}}\n";

static void commonsenseqa_shapes_give_the_same_propositions(void **state) {
    (void)state;
    for (int framing = CR_FRAMING_BINARY; framing <= CR_FRAMING_CATEGORICAL;
         framing++) {
        struct cr_benchmark a =
            bench_of("commonsenseqa", (enum cr_framing)framing, CR_PAIRING_BOTH);
        struct cr_benchmark b = a;
        read_good(&a, flat);
        read_good(&b, nested);
        assert_int_equal(a.propositions.len, b.propositions.len);
        for (size_t i = 0; i < a.propositions.len; i++) {
            assert_int_equal(at(&a, i)->key, at(&b, i)->key);
        }
        cr_propositions_fini(&a.propositions);
        cr_propositions_fini(&b.propositions);
    }
}

static void commonsenseqa_distractor_differs_in_text(void **state) {
    (void)state;
    struct cr_benchmark bench =
        bench_of("commonsenseqa", CR_FRAMING_BINARY, CR_PAIRING_BOTH);
    read_good(&bench, flat);
    assert_int_equal(bench.propositions.len, 2);
    assert_non_null(strstr(at(&bench, 0)->text, "is \"Bar\""));
    assert_non_null(strstr(at(&bench, 1)->text, "is \"bank\""));
    assert_non_null(strstr(at(&bench, 1)->text, "Answers: bar; bank"));
    cr_propositions_fini(&bench.propositions);
}

static void commonsenseqa_keeps_every_option_by_a_name_of_its_own(void **state) {
    (void)state;
    struct cr_benchmark bench =
        bench_of("commonsenseqa", CR_FRAMING_CATEGORICAL, CR_PAIRING_BOTH);
    read_good(&bench, flat);
    const struct cr_proposition *p = at(&bench, 0);
    assert_int_equal(p->options_len, 3);
    assert_int_equal(p->label, 1);
    assert_string_equal(p->options[0], "bar");
    assert_string_equal(p->options[1], "Bar (2)");
    cr_propositions_fini(&bench.propositions);
}

static void jsonl_reads_each_shape_in_its_framing(void **state) {
    (void)state;
    struct cr_benchmark bench = bench_of("jsonl", CR_FRAMING_BINARY, CR_PAIRING_BOTH);
    read_good(&bench,
              "\n{\"id\":\"a\",\"proposition\":\"Ice floats.\",\"label\":true}\n"
              "  \n{\"id\":7,\"proposition\":\"Iron floats.\",\"label\":0,"
              "\"question_id\":\"float\"}\n"
              "{\"id\":\"c\",\"question\":\"Which?\",\"options\":[\"x\",\"y\"],"
              "\"label\":\"y\"}");
    assert_int_equal(bench.propositions.len, 4);
    assert_string_equal(at(&bench, 0)->text, "Ice floats.");
    assert_int_equal(at(&bench, 0)->label, 1);
    assert_string_equal(at(&bench, 1)->id, "7");
    assert_string_equal(at(&bench, 1)->question_id, "float");
    assert_string_equal(at(&bench, 2)->id, "c/true");
    assert_string_equal(at(&bench, 3)->question_id, "c");
    cr_propositions_fini(&bench.propositions);

    struct cr_benchmark quantity =
        bench_of("jsonl", CR_FRAMING_CONTINUOUS, CR_PAIRING_BOTH);
    read_good(&quantity, "{\"id\":\"q\",\"question\":\"How hot?\",\"value\":-3.5,"
                         "\"range\":[-10,10],\"unit\":\"K\",\"source\":\"me\"}\r\n");
    assert_int_equal(at(&quantity, 0)->space, CR_SPACE_CONTINUOUS);
    assert_true(at(&quantity, 0)->value == -3.5);
    assert_true(at(&quantity, 0)->low == -10 && at(&quantity, 0)->high == 10);
    assert_string_equal(at(&quantity, 0)->unit, "K");
    cr_propositions_fini(&quantity.propositions);
}

static void jsonl_label_is_text_before_letter_before_index(void **state) {
    (void)state;
    static const struct {
        const char *label;
        int32_t index;
    } cases[] = {{"\"red\"", 0}, {"\"B\"", 2}, {"\"A\"", 0}, {"1", 1}, {"\"D\"", 3}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "{\"id\":\"q\",\"question\":\"?\",\"options\":[\"red\",\"blue\",\"B\","
                 "\"green\"],\"label\":%s}",
                 cases[i].label);
        struct cr_benchmark bench =
            bench_of("jsonl", CR_FRAMING_CATEGORICAL, CR_PAIRING_BOTH);
        read_good(&bench, text);
        assert_int_equal(at(&bench, 0)->label, cases[i].index);
        cr_propositions_fini(&bench.propositions);
    }
}

static void encoding_of_a_file_changes_nothing(void **state) {
    (void)state;
    static const char lf[] = "label,scenario\n1,\"one\ntwo [SEP] kind\"\n";
    static const char crlf[] =
        "\xEF\xBB\xBFlabel,scenario\r\n1,\"one\r\ntwo [SEP] kind\"\r\n";
    struct cr_benchmark a =
        bench_of("ethics-virtue", CR_FRAMING_BINARY, CR_PAIRING_BOTH);
    struct cr_benchmark b = a;
    read_good(&a, lf);
    read_good(&b, crlf);
    assert_int_equal(b.propositions.len, 1);
    assert_int_equal(at(&a, 0)->key, at(&b, 0)->key);
    cr_propositions_fini(&a.propositions);
    cr_propositions_fini(&b.propositions);
}

static void limit_and_offset_count_items_not_propositions(void **state) {
    (void)state;
    struct cr_benchmark bench =
        bench_of("truthfulqa", CR_FRAMING_BINARY, CR_PAIRING_BOTH);
    bench.limit = 1;
    bench.offset = 1;
    read_good(&bench, tqa);
    assert_int_equal(bench.propositions.len, 2);
    assert_string_equal(at(&bench, 0)->id, "2/true");
    cr_propositions_fini(&bench.propositions);
    bench.limit = UINT64_MAX;
    read_good(&bench, tqa);
    assert_int_equal(bench.propositions.len, 2);
    cr_propositions_fini(&bench.propositions);
}

static void grouping_is_the_same_under_an_offset(void **state) {
    (void)state;
    struct cr_benchmark bench =
        bench_of("ethics-virtue", CR_FRAMING_BINARY, CR_PAIRING_BOTH);
    bench.offset = 1;
    read_good(&bench,
              "label,scenario\n1,He sang. [SEP] merry\n0,He sang. [SEP] rude\n");
    assert_string_equal(at(&bench, 0)->question_id, "1");
    cr_propositions_fini(&bench.propositions);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(truthfulqa_pairs_share_a_question),
        cmocka_unit_test(truthfulqa_options_are_trimmed_and_distinct),
        cmocka_unit_test(truthfulqa_options_are_capped),
        cmocka_unit_test(columns_are_found_by_name_wherever_they_stand),
        cmocka_unit_test(one_side_is_picked_by_seed_and_item),
        cmocka_unit_test(another_seed_picks_other_sides_and_distractors),
        cmocka_unit_test(utilitarianism_orders_the_sides_by_label),
        cmocka_unit_test(utilitarianism_takes_a_header_for_what_it_is),
        cmocka_unit_test(ethics_rows_keep_their_own_label),
        cmocka_unit_test(rows_of_one_scenario_share_a_question),
        cmocka_unit_test(commonsenseqa_shapes_give_the_same_propositions),
        cmocka_unit_test(commonsenseqa_distractor_differs_in_text),
        cmocka_unit_test(commonsenseqa_keeps_every_option_by_a_name_of_its_own),
        cmocka_unit_test(jsonl_reads_each_shape_in_its_framing),
        cmocka_unit_test(jsonl_label_is_text_before_letter_before_index),
        cmocka_unit_test(encoding_of_a_file_changes_nothing),
        cmocka_unit_test(limit_and_offset_count_items_not_propositions),
        cmocka_unit_test(grouping_is_the_same_under_an_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
