#include "cmocka_all.h"

#include <ctype.h>
#include <string.h>

#include "credence/core/cell.h"
#include "credence/core/trajectory.h"

static const struct {
    const char *table;
    const char *const *names;
    int len;
} tables[] = {
    {"space", cr_space_names, 3},
    {"stance", cr_stance_names, CR_STANCE_COUNT},
    {"elicitation", cr_elicitation_names, CR_ELICIT_COUNT},
    {"order", cr_order_names, CR_ORDER_COUNT},
    {"stop rule", cr_stop_rule_names, CR_STOP_RULE_COUNT},
    {"role", cr_role_names, CR_ROLE_COUNT},
    {"ask", cr_ask_names, CR_ASK_COUNT},
    {"finish", cr_finish_names, 4},
    {"fail", cr_reason_names, CR_REASON_COUNT},
    {"episode status", cr_episode_status_names, CR_EPISODE_STATUS_COUNT},
    {"stop reason", cr_stop_reason_names, CR_ENDED_COUNT},
};

static void every_enumerator_has_a_lower_case_name_of_its_own(void **state) {
    (void)state;
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        print_message("  %s\n", tables[t].table);
        for (int i = 0; i < tables[t].len; i++) {
            const char *name = tables[t].names[i];
            assert_non_null(name);
            for (const char *c = name; *c; c++) {
                assert_true(islower((unsigned char)*c) || *c == '_');
            }
            for (int j = 0; j < i; j++) {
                assert_string_not_equal(name, tables[t].names[j]);
            }
        }
    }
}

// The numbers are in run.h5, so these pairs may never change.
static void numbers_in_files_keep_their_meaning(void **state) {
    (void)state;
    assert_string_equal(cr_stop_reason_names[1], "equilibrium");
    assert_string_equal(cr_stop_reason_names[2], "max_iterations");
    assert_string_equal(cr_stop_reason_names[3], "invalid");
    assert_string_equal(cr_stop_reason_names[4], "failed");
    assert_string_equal(cr_stop_reason_names[7], "complete");
    assert_string_equal(cr_episode_status_names[1], "done");
    assert_string_equal(cr_episode_status_names[2], "invalid");
    assert_string_equal(cr_episode_status_names[3], "failed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_enumerator_has_a_lower_case_name_of_its_own),
        cmocka_unit_test(numbers_in_files_keep_their_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
