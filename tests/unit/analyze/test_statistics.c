// test_statistics.c - the rows that every output of `analyze` is made from.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "analyze/statistic.h"
#include "credence/analyze/analysis.h"

enum { PLACES = 32 };

static bool is_value(const struct cr_statistic *row) {
    return row->kind != CR_STATISTIC_TERM;
}

// Columns that people see are numbered from 1 without a gap, and none is taken twice.
static void each_sheet_has_every_column_once(void **state) {
    (void)state;
    for (int sheet = CR_SHEET_NONE + 1; sheet < CR_SHEETS; sheet++) {
        const struct cr_statistic *taken[PLACES] = {NULL};
        const struct cr_statistic_list *list;
        size_t columns = 0;
        for (size_t i = 0; (list = cr_statistic_list_at(i)) != NULL; i++) {
            for (const struct cr_statistic *row = list->row; row->name != NULL; row++) {
                for (int k = 0; k < CR_SHOWN_MAX; k++) {
                    if ((int)row->shown[k].sheet != sheet) {
                        continue;
                    }
                    assert_in_range(row->shown[k].place, 1, PLACES - 1);
                    assert_null(taken[row->shown[k].place]);
                    assert_non_null(row->shown[k].heading);
                    taken[row->shown[k].place] = row;
                    columns++;
                }
            }
        }
        assert_true(columns > 1);
        for (size_t place = 1; place <= columns; place++) {
            assert_non_null(taken[place]);
        }
    }
}

static bool is_same(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void no_object_has_a_key_twice(void **state) {
    (void)state;
    const struct cr_statistic_list *list;
    for (size_t i = 0; (list = cr_statistic_list_at(i)) != NULL; i++) {
        for (const struct cr_statistic *a = list->row; a->name != NULL; a++) {
            for (const struct cr_statistic *b = a + 1; b->name != NULL; b++) {
                bool both = is_value(a) && is_value(b) && !a->is_table_only &&
                            !b->is_table_only && is_same(a->object, b->object);
                if (both && strcmp(a->name, b->name) == 0) {
                    fail_msg("%s has '%s' twice",
                             list->object != NULL ? list->object : "a record", a->name);
                }
            }
        }
    }
}

static void every_section_has_its_definitions(void **state) {
    (void)state;
    struct cr_definition definition;
    size_t len = 0, rows = 0;
    for (; cr_analysis_definition(len, &definition); len++) {
        assert_true(strlen(definition.text) > 10);
        assert_int_not_equal(definition.text[strlen(definition.text) - 1], '.');
        bool is_section = false;
        for (size_t s = 0; s < CR_SECTION_COUNT; s++) {
            is_section =
                is_section || strcmp(definition.section, cr_section_names[s]) == 0;
        }
        assert_true(is_section);
    }
    const struct cr_statistic_list *list;
    for (size_t i = 0; (list = cr_statistic_list_at(i)) != NULL; i++) {
        for (const struct cr_statistic *row = list->row; row->name != NULL; row++) {
            rows += row->text != NULL;
        }
    }
    assert_int_equal(len, rows); // a list of no section would lose its own
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_sheet_has_every_column_once),
        cmocka_unit_test(no_object_has_a_key_twice),
        cmocka_unit_test(every_section_has_its_definitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
