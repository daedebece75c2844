// prompt.h - a set of prompt templates: {{name}} placeholders, checked when loaded.
//
// Layer    prompt (2): pure; files are read by job/bundle.c
// Threads  read-only after it was made
// MPI      none
#ifndef CREDENCE_PROMPT_PROMPT_H
#define CREDENCE_PROMPT_PROMPT_H

#include <stddef.h>

#include "credence/base/buf.h"
#include "credence/base/hash.h"
#include "credence/base/status.h"

struct cr_prompt_set;

// One template file of a set, as read.
struct cr_prompt_source {
    const char *file; // "maker_opening.txt"
    const char *text;
    size_t bytes;
};

struct cr_prompt_sources {
    const struct cr_prompt_source *at;
    size_t len;
};

// The file names a set may hold, NULL-terminated (prompt/table.c). A set may lack some:
// those come from the shipped set "paper".
extern const char *const cr_prompt_files[];

// Make a set of SOURCES (borrowed; texts are copied) with BASE (may be NULL) filling in
// what is absent. CR_E_JOB lists every mistake, a line each, as "set/file:line: what":
// an unknown file, an unknown placeholder, a required placeholder never used, {{ that
// is not closed, text that is not UTF-8, a template that neither SOURCES nor BASE has.
CR_MUST_CHECK enum cr_status cr_prompt_set_create(const char *name,
                                                  struct cr_prompt_sources sources,
                                                  const struct cr_prompt_set *base,
                                                  struct cr_prompt_set **out,
                                                  struct cr_err *err);
void cr_prompt_set_destroy(struct cr_prompt_set *set);
const char *cr_prompt_set_name(const struct cr_prompt_set *set);
struct cr_hash cr_prompt_set_hash(const struct cr_prompt_set *set); // of all texts

#endif
