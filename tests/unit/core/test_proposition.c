#include "cmocka_all.h"

#include <string.h>

#include "credence/core/proposition.h"

static const char *const colours[] = {"red", "green"};

static struct cr_proposition claim(void) {
    return (struct cr_proposition){
        .id = "q1-true", .question_id = "q1", .text = "Water is wet.", .label = 1};
}

static uint64_t key_of(struct cr_proposition p) {
    struct cr_propositions list = {0};
    assert_int_equal(cr_propositions_add(&list, &p), CR_OK);
    uint64_t key = list.at[0].key;
    cr_propositions_fini(&list);
    return key;
}

static void texts_are_copied(void **state) {
    (void)state;
    char text[] = "changes";
    struct cr_proposition p = claim();
    p.text = text;
    p.question_id = NULL;
    struct cr_propositions list = {0};
    assert_int_equal(cr_propositions_add(&list, &p), CR_OK);
    text[0] = 'X';
    assert_string_equal(list.at[0].text, "changes");
    assert_string_equal(list.at[0].question_id, "q1-true"); // its own question
    assert_string_equal(list.at[0].unit, "");
    assert_null(list.at[0].options);
    cr_propositions_fini(&list);
    cr_propositions_fini(&list);
    cr_propositions_fini(NULL);
}

static void columns_of_the_item_are_kept_beside_it(void **state) {
    (void)state;
    char value[] = "myths";
    const char *const names[] = {"category", "type"};
    const char *const kept[] = {value, ""};
    struct cr_propositions list = {0};
    struct cr_proposition p = claim();
    assert_int_equal(cr_propositions_keep(&list, names, 2), CR_OK);
    p.kept = kept;
    assert_int_equal(cr_propositions_add(&list, &p), CR_OK);
    p.kept = NULL;
    assert_int_equal(cr_propositions_add(&list, &p), CR_OK);
    value[0] = 'X';
    assert_int_equal(list.kept_len, 2);
    assert_string_equal(list.kept_names[1], "type");
    assert_string_equal(list.at[0].kept[0], "myths");
    assert_string_equal(list.at[0].kept[1], "");
    assert_null(list.at[1].kept);
    assert_int_equal(list.at[0].key, list.at[1].key); // no part of the identity
    cr_propositions_fini(&list);
}

static void many_are_kept_in_order(void **state) {
    (void)state;
    struct cr_propositions list = {0};
    struct cr_proposition p = claim();
    for (int i = 0; i < 1000; i++) {
        p.label = i & 1;
        p.options = colours;
        p.options_len = 2;
        p.space = CR_SPACE_CATEGORICAL;
        assert_int_equal(cr_propositions_add(&list, &p), CR_OK);
    }
    assert_int_equal(list.len, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(list.at[i].label, i & 1);
        assert_string_equal(list.at[i].options[1], "green");
        assert_ptr_not_equal(list.at[i].options, colours);
    }
    assert_int_equal(cr_proposition_prices(&list.at[0]), 2);
    cr_propositions_fini(&list);
}

static void key_changes_with_whatever_makes_another_question(void **state) {
    (void)state;
    struct cr_proposition p = claim();
    uint64_t key = key_of(p);
    assert_true(key == key_of(p));
    p.label = 0;
    assert_true(key != key_of(p));
    p = claim();
    p.text = "Water is dry.";
    assert_true(key != key_of(p));
    p = claim();
    p.id = "q2";
    assert_true(key != key_of(p));
    p = claim();
    p.question_id = "other"; // not part of the identity
    assert_true(key == key_of(p));

    p = claim();
    p.space = CR_SPACE_CATEGORICAL;
    p.options = colours;
    p.options_len = 2;
    static const char *const run_together[] = {"redg", "reen"};
    uint64_t categorical = key_of(p);
    p.options = run_together;
    assert_true(categorical != key_of(p));

    p = claim();
    p.space = CR_SPACE_CONTINUOUS;
    p.value = 2;
    p.high = 10;
    uint64_t quantity = key_of(p);
    p.value = 3;
    assert_true(quantity != key_of(p));
    p.value = 2;
    p.unit = "m";
    assert_true(quantity != key_of(p));
}

static enum cr_status add_some(void) {
    struct cr_propositions list = {0};
    struct cr_proposition p = claim();
    p.options = colours;
    p.options_len = 2;
    p.space = CR_SPACE_CATEGORICAL;
    enum cr_status status = CR_OK;
    size_t before = 0;
    for (int i = 0; i < 200 && status == CR_OK; i++) {
        before = list.len;
        status = cr_propositions_add(&list, &p);
    }
    assert_int_equal(list.len, before + !status);
    cr_propositions_fini(&list);
    return status;
}

static void survives_each_failing_allocation(void **state) {
    (void)state;
    torture(add_some);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(columns_of_the_item_are_kept_beside_it),
        cmocka_unit_test(many_are_kept_in_order),
        cmocka_unit_test(key_changes_with_whatever_makes_another_question),
        cmocka_unit_test(survives_each_failing_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
