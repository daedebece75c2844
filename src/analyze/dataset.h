// dataset.h - the episodes of one run file or many, in groups by factors.
//
// Layer    analyze (5)
// Threads  no shared state
// MPI      none
#ifndef CR_ANALYZE_DATASET_H
#define CR_ANALYZE_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "credence/base/status.h"
#include "credence/stats/score.h"
#include "credence/store/run_view.h"

enum { CR_FACTORS_MAX = 16 };

// Factors that rows are grouped by: columns of the cells, the cell, or the file.
// "item.NAME" is a kept column of the propositions.
enum { CR_FACTOR_NAME_MAX = 80 };
struct cr_factor {
    int at;                        // in the table of factors; -1: a column
    char name[CR_FACTOR_NAME_MAX]; // "stop.threshold", "item.category"
};
struct cr_factor_list {
    struct cr_factor at[CR_FACTORS_MAX];
    size_t len;
    bool has_items;
};
// Read "benchmark,item.category". CR_E_USAGE says what is wrong.
CR_MUST_CHECK enum cr_status cr_factor_list_parse(struct cr_factor_list *factors,
                                                  const char *list, struct cr_err *err);

struct cr_dataset_view {
    const char *path; // as given
    struct cr_run_view *view;
    uint64_t first;        // number of its row 0 in the whole
    size_t first_cell;     // number of its cell 0 in the whole
    uint32_t *question;    // [propositions] numbers shared by all files
    uint32_t *proposition; // [propositions] likewise
    uint32_t *step_calls;  // [episodes][iterations], NULL until asked for
    bool *is_excluded;     // [episodes] rows that no group has, or NULL
    uint32_t *item_class;  // [propositions] by the columns asked for, or NULL
    bool is_shard;         // an earlier file is of the same job
};

// Rows with the same values of the factors asked for.
struct cr_group {
    const char *label;                  // values, joined
    const char *value[CR_FACTORS_MAX];  // in the order asked for
    const struct cr_run_cell *cell;     // the first of its cells
    const struct cr_dataset_view *view; // the file of that one
    uint64_t first, len;                // in cr_dataset.order
};

struct cr_dataset {
    struct cr_dataset_view *view;
    size_t views;
    uint32_t questions, propositions, iterations;
    struct cr_factor_list factors;
    struct cr_item_class { // where its values are
        size_t view;
        uint64_t proposition;
    } * item_class; // [item_classes], NULL when no column is asked for
    uint32_t item_classes;
    struct cr_group *group;
    size_t groups;
    uint64_t *order;       // whole numbers of the rows, group after group
    uint64_t rows;         // over all files
    uint64_t unassigned;   // rows that no cell was written for yet
    uint64_t excluded;     // rows that were left out when asked to
    struct cr_arena arena; // labels
};

// Open PATHS, run files or run directories; with the kept columns when FACTORS name one.
CR_MUST_CHECK enum cr_status cr_dataset_open(char *const *paths, size_t len,
                                             const struct cr_factor_list *factors,
                                             struct cr_dataset **out,
                                             struct cr_err *err);
void cr_dataset_close(struct cr_dataset *dataset);

// Form the groups. No factors: by cell, and by file when jobs differ. CR_E_USAGE when a
// file keeps no such column.
CR_MUST_CHECK enum cr_status cr_dataset_group(struct cr_dataset *dataset,
                                              struct cr_err *err);
// The value of column factor I for PROPOSITION of file VIEW; NULL: the file lacks it.
const char *cr_dataset_item(const struct cr_dataset *dataset, size_t i, size_t view,
                            uint64_t proposition);
// Whether A and B are of the same items, as far as columns group them.
bool cr_dataset_same_items(const struct cr_dataset *dataset, const struct cr_group *a,
                           const struct cr_group *b);
// Number the propositions by their columns. CR_E_USAGE as above.
CR_MUST_CHECK enum cr_status cr_dataset_classify(struct cr_dataset *dataset,
                                                 struct cr_err *err);

// The market of row NUMBER; question and proposition are numbers of the whole dataset.
// Its prices and its truth alone; the costs stay zero and has_samples false.
void cr_dataset_prices(const struct cr_dataset *dataset, uint64_t number,
                       struct cr_market *out);
void cr_dataset_market(const struct cr_dataset *dataset, uint64_t number,
                       struct cr_market *out);
// Read how many calls each iteration made, once.
CR_MUST_CHECK enum cr_status cr_dataset_step_calls(struct cr_dataset *dataset,
                                                   struct cr_err *err);
// The calls of row ROW of one file, from /calls. CR_E_NOT_FOUND when it has none.
CR_MUST_CHECK enum cr_status cr_dataset_calls(const struct cr_dataset_view *one,
                                              uint64_t row,
                                              struct cr_call_records *out);
// The calls of row NUMBER up to iteration T; after cr_dataset_step_calls.
uint64_t cr_dataset_calls_until(const struct cr_dataset *dataset, uint64_t number,
                                uint32_t t);
// The cell and replicate of row NUMBER.
const struct cr_run_cell *cr_dataset_cell(const struct cr_dataset *dataset,
                                          uint64_t number);
const struct cr_dataset_view *cr_dataset_view_of(const struct cr_dataset *dataset,
                                                 uint64_t number);

#endif
