// Budgets: which part is used up, and when.
#include "cmocka_all.h"

#include "run/budget.h"

static void each_part_ends_a_run_when_it_is_reached(void **state) {
    (void)state;
    static const struct {
        struct cr_budget budget;
        struct cr_spent spent;
        int64_t elapsed_ms;
        const char *used_up;
    } cases[] = {
        {{0}, {.calls = 1000000, .usd = 1e6}, 1000000000, NULL},
        {{.calls = 10}, {.calls = 9}, 0, NULL},
        {{.calls = 10}, {.calls = 10}, 0, "calls"},
        {{.tokens = 10}, {.tokens_in = 4, .tokens_out = 5}, 0, NULL},
        {{.tokens = 10}, {.tokens_in = 4, .tokens_out = 6}, 0, "tokens"},
        {{.usd = 1.5}, {.usd = 1.49}, 0, NULL},
        {{.usd = 1.5}, {.usd = 1.5}, 0, "dollars (usd)"},
        {{.wall_s = 600}, {0}, 569999, NULL},
        {{.wall_s = 600}, {0}, 570000, "wall time (wall_s)"}, // 30 s of grace
        {{.wall_s = 20}, {0}, 14999, NULL}, // shorter than its grace: a quarter
        {{.wall_s = 20}, {0}, 15000, "wall time (wall_s)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *found = cr_budget_used_up(&cases[i].budget, &cases[i].spent,
                                              cases[i].elapsed_ms, 30000);
        if (cases[i].used_up == NULL) {
            assert_null(found);
        } else {
            assert_string_equal(found, cases[i].used_up);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_ends_a_run_when_it_is_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
