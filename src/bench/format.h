// format.h - how a benchmark format is written: one table entry and one function.
//
// Layer    bench (3), internal to the folder
// Threads  a reader has one owner
// MPI      none
//
// To add a format: write src/bench/NAME.c with a `const struct cr_bench_format` whose
// function turns one item into propositions, declare it below, and name it in table.c.
// The reader does the rest: gzip, encoding, line ends, CSV, TSV or JSON, columns by name,
// trimming, empty fields, identities, duplicates, where, limit, offset and sample, and
// the columns that are kept. The function is called for every item that `where` lets
// through, also for those outside limit and offset, so that a broken file is refused
// however little of it is asked for; what it adds is dropped then.
#ifndef CR_BENCH_FORMAT_H
#define CR_BENCH_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/base/json.h"
#include "credence/base/status.h"
#include "credence/core/job.h"
#include "credence/core/proposition.h"

enum { CR_COLUMNS_MAX = 80 };             // CR_BENCH_COLUMNS_MAX: read of an item
enum { CR_KEEP_MAX = 32 };                // columns kept of an item
enum { CR_BENCH_LINE_MAX = 1024 * 1024 }; // bytes of one JSON object
enum { CR_BENCH_DEPTH_MAX = 8 };          // of one JSON object

struct cr_reader; // reader.h

// One item. Its texts live until the item's function returns.
struct cr_item {
    const char *id;               // its number from 1, or its "id"
    const char *const *fields;    // as format->columns; trimmed; NULL: empty or absent,
                                  // which only optional ones are
    const struct cr_json *object; // the whole of it; NULL: a row of a CSV or TSV file
};

// Add the item's propositions with the cr_reader_add functions, or refuse it.
typedef enum cr_status (*cr_item_fn)(struct cr_reader *reader,
                                     const struct cr_item *item);

struct cr_format_column {
    const char *name; // "Question", or names parted by '|', the first that is found
    bool is_optional;
};
struct cr_format_kept {
    const char *name, *columns; // in run.h5; in the file, as above
};

enum {                      // what a format is like
    CR_FORMAT_HEADLESS = 1, // a CSV file has exactly our columns and no header; a first
                            // row that names them is skipped
    CR_FORMAT_JSON = 2,     // JSON alone, every item with an "id"
    CR_FORMAT_MAPPED = 4    // the job's "columns" say what is read
};

struct cr_bench_format {
    const char *name;
    const char *summary;                             // one line, for help
    struct cr_format_column columns[CR_COLUMNS_MAX]; // ended by a NULL name
    struct cr_format_kept kept[4];                   // by itself; ended by a NULL name
    unsigned framings;                               // bits 1u << enum cr_framing
    unsigned traits;                                 // CR_FORMAT_
    cr_item_fn item;
};

// Refuse the current item: "PATH:LINE: " and the message. Returns CR_E_JOB.
enum cr_status cr_reader_refuse(struct cr_reader *reader, const char *fmt, ...)
    CR_PRINTF(2, 3);
// Say that memory ran out. Returns CR_E_MEMORY.
enum cr_status cr_reader_no_memory(struct cr_reader *reader);
// A text for the current item; NULL when out of memory.
char *cr_reader_text(struct cr_reader *reader, const char *fmt, ...) CR_PRINTF(2, 3);
// BYTES of zeroed storage for the current item; NULL when out of memory.
void *cr_reader_alloc(struct cr_reader *reader, size_t bytes);
// TEXT without white space at its ends; NULL when out of memory.
char *cr_reader_trim(struct cr_reader *reader, const char *text);
// TEXT in quotes, cut and on one line, for a message.
const char *cr_reader_quote(struct cr_reader *reader, const char *text);
const char *cr_reader_id(const struct cr_reader *reader); // of the current item
enum cr_framing cr_reader_framing(const struct cr_reader *reader);
// A number below BOUND (> 0) that depends on the seed, the item's id and PURPOSE.
uint32_t cr_reader_draw(const struct cr_reader *reader, const char *purpose,
                        uint32_t bound);
// The question id for an item that asks about SCENARIO: that of the item before, if it
// had the same scenario, else the item's own id. NULL when out of memory.
const char *cr_reader_group(struct cr_reader *reader, const char *scenario);

// Add one proposition as given. CR_E_JOB when its id is taken, CR_E_MEMORY. A NULL
// text means that memory ran out on the way.
CR_MUST_CHECK enum cr_status cr_reader_add(struct cr_reader *reader,
                                           const struct cr_proposition *proposition);
// Add a claim that is the item's only one, LABEL 0 or 1.
CR_MUST_CHECK enum cr_status cr_reader_add_claim(struct cr_reader *reader,
                                                 const char *question_id,
                                                 const char *text, int32_t label);
// Add a true and a false claim ("ID/true", "ID/false"), or one of them by seed, as the
// benchmark's pairing says.
CR_MUST_CHECK enum cr_status cr_reader_add_pair(struct cr_reader *reader,
                                                const char *question_id,
                                                const char *true_text,
                                                const char *false_text);

// Put a passage (NULL: none) before TEXT, as agents will read it. NULL when out of
// memory.
const char *cr_reader_with_context(struct cr_reader *reader, const char *context,
                                   const char *text);
// JSON: the trimmed text at VALUE, which the file calls NAME. Refused when VALUE
// is NULL, no string, or blank.
CR_MUST_CHECK enum cr_status cr_reader_member(struct cr_reader *reader,
                                              const struct cr_json *value,
                                              const char *name, const char **out);

extern const struct cr_bench_format cr_format_truthfulqa;
extern const struct cr_bench_format cr_format_ethics_commonsense;
extern const struct cr_bench_format cr_format_ethics_deontology;
extern const struct cr_bench_format cr_format_ethics_justice;
extern const struct cr_bench_format cr_format_ethics_utilitarianism;
extern const struct cr_bench_format cr_format_ethics_virtue;
extern const struct cr_bench_format cr_format_commonsenseqa;
extern const struct cr_bench_format cr_format_jsonl;
extern const struct cr_bench_format cr_format_table;

// What the columns of a table can be mapped to (mapped.c); returns how many.
size_t cr_bench_mapped_names(const char *const **out);
// The format called NAME (table.c); NULL when unknown.
const struct cr_bench_format *cr_bench_format(const char *name);

#endif
