// statistics.c - all rows together: what they mean, and their values as JSON.
#include <string.h>

#include "analyze/analysis_internal.h"

static const struct cr_statistic_list *const parts[] = {
    cr_group_statistics,    cr_held_statistics,      cr_instrument_statistics,
    cr_belief_statistics,   cr_iteration_statistics, cr_corp_statistics,
    cr_pair_statistics,     cr_reason_statistics,    cr_stopping_statistics,
    cr_control_statistics,  cr_wording_statistics,   cr_confirmatory_statistics,
    cr_settling_statistics, cr_room_statistics,      cr_side_statistics};
enum { PARTS = sizeof parts / sizeof parts[0] };

const struct cr_statistic_list *cr_statistic_list_at(size_t index) {
    for (size_t p = 0; p < PARTS; p++) {
        for (const struct cr_statistic_list *list = parts[p]; list->row != NULL;
             list++) {
            if (index-- == 0) {
                return list;
            }
        }
    }
    return NULL;
}

// The definitions of one section stand together, whichever lists they come from.
static bool find_definition(const char *section, size_t *index,
                            struct cr_definition *out) {
    const struct cr_statistic_list *list;
    for (size_t i = 0; (list = cr_statistic_list_at(i)) != NULL; i++) {
        if (strcmp(list->section, section) != 0) {
            continue;
        }
        for (const struct cr_statistic *row = list->row; row->name != NULL; row++) {
            if (row->text != NULL && (*index)-- == 0) {
                *out = (struct cr_definition){row->term != NULL ? row->term : row->name,
                                              section, row->text};
                return true;
            }
        }
    }
    return false;
}

bool cr_analysis_definition(size_t index, struct cr_definition *out) {
    for (size_t s = 0; s < CR_SECTION_COUNT; s++) {
        if (find_definition(cr_section_names[s], &index, out)) {
            return true;
        }
    }
    return false;
}

static void write_interval(struct cr_json_writer *emit, const char *key,
                           const struct cr_interval *interval) {
    cr_json_write_open(emit, key, '{');
    cr_json_write_number(emit, "low", interval->low);
    cr_json_write_number(emit, "high", interval->high);
    if (interval->reason != NULL) {
        cr_json_write_text(emit, "reason", interval->reason);
    }
    cr_json_write_close(emit, '}');
}

static void write_test(struct cr_json_writer *emit, const char *key,
                       const struct cr_test *test) {
    cr_json_write_open(emit, key, '{');
    cr_json_write_number(emit, "p", test->p);
    cr_json_write_number(emit, "statistic", test->statistic);
    cr_json_write_bool(emit, "exact", test->is_exact);
    if (test->reason != NULL) {
        cr_json_write_text(emit, "reason", test->reason);
    }
    cr_json_write_close(emit, '}');
}

static void write_value(struct cr_json_writer *emit, const struct cr_statistic *row,
                        const void *record) {
    const void *value = cr_statistic_value(row, record);
    switch (row->kind) {
    case CR_STATISTIC_TERM:
        break;
    case CR_STATISTIC_LABEL:
    case CR_STATISTIC_TEXT:
        cr_json_write_text(emit, row->name, *(const char *const *)value);
        break;
    case CR_STATISTIC_BOOL:
        cr_json_write_bool(emit, row->name, *(const bool *)value);
        break;
    case CR_STATISTIC_COUNT:
        cr_json_write_count(emit, row->name, *(const uint64_t *)value);
        break;
    case CR_STATISTIC_COUNT32:
        cr_json_write_count(emit, row->name, *(const uint32_t *)value);
        break;
    case CR_STATISTIC_NUMBER:
    case CR_STATISTIC_SHARE:
    case CR_STATISTIC_P:
        cr_json_write_number(emit, row->name, *(const double *)value);
        break;
    case CR_STATISTIC_INTERVAL:
    case CR_STATISTIC_SHARE_INTERVAL:
        write_interval(emit, row->name, value);
        break;
    case CR_STATISTIC_TEST:
        write_test(emit, row->name, value);
        break;
    }
}

static bool is_same_object(const char *a, const char *b) {
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void write_rows(struct cr_json_writer *emit, const struct cr_statistic *row,
                       const void *record) {
    const char *open = NULL;
    for (; row->name != NULL; row++) {
        if (row->is_table_only || (row->is_known != NULL && !row->is_known(record))) {
            continue;
        }
        if (!is_same_object(open, row->object)) {
            if (open != NULL) {
                cr_json_write_close(emit, '}');
            }
            if (row->object != NULL) {
                cr_json_write_open(emit, row->object, '{');
            }
            open = row->object;
        }
        write_value(emit, row, record);
    }
    if (open != NULL) {
        cr_json_write_close(emit, '}');
    }
}

static void write_list(struct cr_json_writer *emit,
                       const struct cr_statistic_list *list, const void *record) {
    if (list->is_known != NULL && !list->is_known(record)) {
        return;
    }
    if (list->object != NULL) {
        cr_json_write_open(emit, list->object, '{');
    }
    write_rows(emit, list->row, record);
    if (list->write_arrays != NULL) {
        list->write_arrays(emit, record);
    }
    if (list->object != NULL) {
        cr_json_write_close(emit, '}');
    }
}

void cr_statistics_write(struct cr_json_writer *emit, enum cr_record kind,
                         const void *record) {
    const struct cr_statistic_list *list;
    for (size_t i = 0; (list = cr_statistic_list_at(i)) != NULL; i++) {
        if (list->record == kind) {
            write_list(emit, list, record);
        }
    }
}
