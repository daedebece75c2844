// source.h - the clean text of a benchmark file, piece by piece.
//
// Layer    bench (3), internal to the folder; the only user of <zlib.h>
// Threads  a source has one owner
// MPI      none
//
// Bytes come from memory or from a descriptor. Gzip is undone, a byte order mark and the
// CR of CRLF are dropped, and the text is checked: UTF-8 without NUL. Memory is that of
// a few pieces, whatever the size of the file.
#ifndef CR_BENCH_SOURCE_H
#define CR_BENCH_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "credence/base/hash.h"
#include "credence/base/status.h"

enum cr_container {
    CR_CONTAINER_CSV,        // comma-separated, the first row names the columns
    CR_CONTAINER_TSV,        // the same with tabs
    CR_CONTAINER_JSON_LINES, // one object a line
    CR_CONTAINER_JSON_ARRAY, // one array of objects
    CR_CONTAINER_COUNT
};
extern const char *const cr_container_names[CR_CONTAINER_COUNT]; // "a CSV file"

struct cr_source_input {
    const char *name; // of the file, for messages
    const char *text; // its bytes ...
    size_t bytes;
    int fd; // ... or, when text is NULL, a descriptor that can be rewound
};

struct cr_source;
// Open INPUT (borrowed until close) and look at its beginning. CR_E_JOB for a container
// that is not read here (Parquet, xlsx, UTF-16, zip, ...): the message says how to
// convert it. CR_E_IO, CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_source_open(const struct cr_source_input *input,
                                            struct cr_source **out, struct cr_err *err);
void cr_source_close(struct cr_source *source);

// What the text looks like: by its first character, its header and the file's name.
enum cr_container cr_source_container(const struct cr_source *source);
// The next piece of text, borrowed until the next call; *bytes is 0 at the end. It is
// cut between characters, anywhere else. CR_E_JOB names PATH:LINE.
CR_MUST_CHECK enum cr_status cr_source_next(struct cr_source *source, const char **text,
                                            size_t *bytes, struct cr_err *err);
CR_MUST_CHECK enum cr_status cr_source_rewind(struct cr_source *source,
                                              struct cr_err *err);
// XXH3-128 of the file's bytes as they are on disk, once the end was reached.
struct cr_hash cr_source_hash(const struct cr_source *source);

#endif
