// statistic.h - one row a statistic: what it is called, where its value is, how and
// where it is shown, and what it means.
//
// Layer    analyze (5)
// Threads  read-only tables
// MPI      none
//
// JSON, every table, CSV, Markdown and the definitions are walks over these rows; a new
// statistic is a field that is computed once and one row here.
#ifndef CR_ANALYZE_STATISTIC_H
#define CR_ANALYZE_STATISTIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "analyze/sheets.h"
#include "credence/base/json_write.h"
#include "credence/base/status.h"
#include "credence/stats/definition.h"

// How a value is stored, and how people see it.
enum cr_statistic_kind {
    CR_STATISTIC_TERM,           // a word of the definitions alone, without a value
    CR_STATISTIC_LABEL,          // const char *: a group, shortened where it must be
    CR_STATISTIC_TEXT,           // const char *
    CR_STATISTIC_BOOL,           // bool
    CR_STATISTIC_COUNT,          // uint64_t
    CR_STATISTIC_COUNT32,        // uint32_t
    CR_STATISTIC_NUMBER,         // double, to `digits` decimals
    CR_STATISTIC_SHARE,          // double; people see a percentage
    CR_STATISTIC_INTERVAL,       // struct cr_interval of a number
    CR_STATISTIC_SHARE_INTERVAL, // struct cr_interval of a share
    CR_STATISTIC_TEST,           // struct cr_test; tables show its p
    CR_STATISTIC_P               // double: a p value
};

// A column of a sheet. Columns stand in the order of `place`: from 1, without gaps.
struct cr_shown {
    enum cr_sheet sheet;
    uint8_t place;
    const char *heading; // for people
    const char *csv;     // the column's name in CSV; NULL: the statistic's name
    bool is_csv_only;
};
enum { CR_SHOWN_MAX = 3 };

struct cr_statistic {
    const char *name; // the key in JSON
    enum cr_statistic_kind kind;
    size_t at;                            // of the value in its record
    int digits;                           // decimals that people see
    const char *object;                   // in JSON, inside the list's; NULL: that one
    bool (*is_known)(const void *record); // NULL: always; else absent from JSON
    bool is_table_only;                   // not in JSON
    struct cr_shown shown[CR_SHOWN_MAX];
    const char *term; // its name in the definitions, where several share one
    const char *text; // the definition; NULL: given with another
};

// The statistics of one object of the output.
struct cr_statistic_list {
    const char *object;                   // key in JSON; NULL: the record's own object
    const char *section;                  // of its definitions
    enum cr_record record;                // what each is a statistic of
    bool (*is_known)(const void *record); // NULL: always; else the object is absent
    const struct cr_statistic *row;       // ended by a NULL name
    // Arrays that follow in the same object; NULL: none.
    void (*write_arrays)(struct cr_json_writer *emit, const void *record);
};

// All of them; each ends with a NULL row.
extern const struct cr_statistic_list cr_group_statistics[];
extern const struct cr_statistic_list cr_iteration_statistics[];
extern const struct cr_statistic_list cr_pair_statistics[];
extern const struct cr_statistic_list cr_belief_statistics[];
extern const struct cr_statistic_list cr_reason_statistics[];
extern const struct cr_statistic_list cr_corp_statistics[];
extern const struct cr_statistic_list cr_stopping_statistics[];
extern const struct cr_statistic_list cr_control_statistics[];
extern const struct cr_statistic_list cr_confirmatory_statistics[];
extern const struct cr_statistic_list cr_held_statistics[];
extern const struct cr_statistic_list cr_room_statistics[];
extern const struct cr_statistic_list cr_settling_statistics[];
extern const struct cr_statistic_list cr_side_statistics[];
extern const struct cr_statistic_list cr_wording_statistics[];
extern const struct cr_statistic_list cr_instrument_statistics[];

// List INDEX of all, in the order of the outputs; NULL past the last.
const struct cr_statistic_list *cr_statistic_list_at(size_t index);

// The value at ROW in RECORD.
static inline const void *cr_statistic_value(const struct cr_statistic *row,
                                             const void *record) {
    return (const char *)record + row->at;
}

// The values of all lists of KIND in RECORD, as members of the JSON object that is
// open.
void cr_statistics_write(struct cr_json_writer *emit, enum cr_record kind,
                         const void *record);

#endif
