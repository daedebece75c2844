// reader.h - what is known while a benchmark file is read.
//
// Layer    bench (3), internal to the folder; formats use format.h alone
// Threads  a reader has one owner
// MPI      none
#ifndef CR_BENCH_READER_H
#define CR_BENCH_READER_H

#include "bench/format.h"
#include "bench/source.h"
#include "credence/base/buf.h"
#include "credence/base/hash.h"

// Ids and the line each was first met on.
struct cr_seen {
    struct cr_seen_slot *slots;
    size_t cap; // a power of two, or 0
    size_t len;
};

// A column that is looked up in every item.
struct cr_item_column {
    const char *key;  // of the job: "keep", "where.subject"; NULL: the format's own
    const char *name; // in the file: names parted by '|'; dots go into nested JSON
    size_t at;        // its place in a row of a CSV file; CR_COLUMN_ABSENT
    bool is_optional; // may be empty, or absent from a JSON object
    bool is_own;      // kept by the format itself: may be absent from the file
    bool is_met;      // some item has it
};
#define CR_COLUMN_ABSENT SIZE_MAX

// An item as its file gives it: a row, or an object.
struct cr_raw_item {
    const char *const *fields;
    const struct cr_json *object;
};

// Which items a sample takes; made by a first pass over the file.
struct cr_draw {
    uint64_t hash, stratum, index;
};
struct cr_sample {
    struct cr_draw *at;
    size_t len, cap;
    bool *is_drawn; // by index among the items that `where` lets through
    size_t drawn_len;
};

enum cr_pass { CR_PASS_ITEMS, CR_PASS_SAMPLE, CR_PASS_ANSWERS };

struct cr_reader {
    const struct cr_bench_format *format;
    const struct cr_benchmark *benchmark;
    struct cr_source *source;
    uint64_t seed;
    struct cr_err *err;
    enum cr_pass pass;
    struct cr_propositions propositions;
    struct cr_seen seen;                 // ids given out
    uint64_t rows;                       // begun so far
    uint64_t items;                      // those of them that `where` lets through
    uint64_t line;                       // of the current item's first character
    const char *id;                      // of the current item
    bool is_numbered;                    // its id is its number
    struct cr_arena scratch;             // of the current item
    struct cr_buf scenario, scenario_id; // of the item before: cr_reader_group
    struct cr_arena names;               // of the columns
    struct cr_item_column *fields, *where, *keep, *cluster, *stratify, *ids;
    size_t fields_len, where_len, keep_len; // the others: one or none (NULL)
    const char *const *kept;                // of the current item
    const char *cluster_id;                 // of the current item; NULL: its own
    struct cr_sample sample;
    unsigned answers;     // table: ways of writing answers that fit all items so far
    bool is_surveyed;     // all answers were seen before
    struct cr_buf header; // the columns of the file, for messages
};

// rows.c: every item of the source to cr_reader_row.
CR_MUST_CHECK enum cr_status cr_reader_rows(struct cr_reader *reader);
// Take ITEM, whose id is ID, or the row's number when that is NULL.
CR_MUST_CHECK enum cr_status
cr_reader_row(struct cr_reader *reader, const struct cr_raw_item *item, const char *id);
// Refuse ID, from column NAME, when it is empty or holds control characters.
CR_MUST_CHECK enum cr_status cr_reader_check_id(struct cr_reader *reader,
                                                const char *name, const char *id);

// columns.c: fill fields, where, keep and the others by the format and the benchmark.
CR_MUST_CHECK enum cr_status cr_reader_make_columns(struct cr_reader *reader);
// The text of COLUMN in ITEM, trimmed; NULL when there is none.
CR_MUST_CHECK enum cr_status cr_item_column_text(struct cr_reader *reader,
                                                 const struct cr_raw_item *item,
                                                 struct cr_item_column *column,
                                                 const char **out);
// Refuse ITEM because COLUMN is empty or missing.
enum cr_status cr_item_column_refuse_empty(struct cr_reader *reader,
                                           const struct cr_raw_item *item,
                                           const struct cr_item_column *column);
// Refuse a JSON file none of whose objects has COLUMN.
enum cr_status cr_item_column_refuse_absent(struct cr_reader *reader,
                                            const struct cr_item_column *column);
// Whether NAME is one of NAMES, which '|' parts.
bool cr_bench_has_column(const char *names, const char *name);
// All columns that are looked up, one after the other: NULL after the last.
struct cr_item_column *cr_reader_column(struct cr_reader *reader, size_t index);
// Refuse the file because COLUMN is not in it. NAMES are those of the file.
enum cr_status cr_reader_no_column(struct cr_reader *reader,
                                   const struct cr_item_column *column,
                                   const char *const *names, size_t names_len);

// sample.c: note the current item for the draw, then draw among those noted.
CR_MUST_CHECK enum cr_status cr_sample_note(struct cr_reader *reader,
                                            const struct cr_raw_item *item);
CR_MUST_CHECK enum cr_status cr_sample_draw(struct cr_reader *reader);

#endif
