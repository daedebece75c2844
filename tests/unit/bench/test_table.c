#include "bench_test.h"

static void every_format_is_found_by_its_name(void **state) {
    (void)state;
    assert_int_equal(cr_bench_count(), 9);
    for (size_t i = 0; i < cr_bench_count(); i++) {
        assert_int_equal(cr_bench_find(cr_bench_name(i)), (int)i);
        assert_true(strlen(cr_bench_summary(i)) > 10);
        assert_true(cr_bench_can_frame((int)i, CR_FRAMING_BINARY));
    }
    assert_int_equal(cr_bench_find("truthful"), -1);
    assert_int_equal(cr_bench_find(""), -1);
}

static void framings_are_those_the_format_can_give(void **state) {
    (void)state;
    int truthfulqa = cr_bench_find("truthfulqa"),
        virtue = cr_bench_find("ethics-virtue");
    int jsonl = cr_bench_find("jsonl");
    assert_true(cr_bench_can_frame(truthfulqa, CR_FRAMING_CATEGORICAL));
    assert_false(cr_bench_can_frame(truthfulqa, CR_FRAMING_CONTINUOUS));
    assert_false(cr_bench_can_frame(virtue, CR_FRAMING_CATEGORICAL));
    assert_true(cr_bench_can_frame(jsonl, CR_FRAMING_CONTINUOUS));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_is_found_by_its_name),
        cmocka_unit_test(framings_are_those_the_format_can_give),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
