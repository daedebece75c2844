// learned.h - what the servers of a run were found to refuse, kept in the file
// learned.jsonl of its directory.
//
// Layer    model (3), private
// Threads  one owner
// MPI      none: every rank reads and appends to the same file
//
// A line of JSON each: {"model": NAME, "url": URL, "setting": WORD, "value": WORD}.
// Lines that do not parse are skipped: two ranks on a network file system may tear one,
// and what is lost is learned again at the price of one request.
//
//   setting       value
//   max_tokens    max_completion_tokens, or max_tokens where the dialect has the other
//   seed          none
//   structured    json_object, none
//   system_role   developer, user
#ifndef CR_MODEL_LEARNED_H
#define CR_MODEL_LEARNED_H

#include <stdbool.h>

#include "credence/base/log.h"
#include "model/backend.h"
#include "model/retry.h"

struct cr_learned {
    const char *dir; // borrowed, holds learned.jsonl; NULL: kept in memory alone
    struct cr_log *log;
};

// Who refuses, and which dialect's names the shape is relative to.
struct cr_learned_of {
    const char *model, *url;
    const struct cr_dialect *dialect;
};

// Apply to SHAPE what the file knows of a server. A file that cannot be read is as good
// as none.
void cr_learned_recall(const struct cr_learned *learned, const struct cr_learned_of *of,
                       struct cr_request_shape *shape);

// Make SHAPE do without REFUSED, unless somebody has done so since SENT was sent. The
// first to learn it says so in one line and appends it to the file.
void cr_learned_note(const struct cr_learned *learned, const struct cr_learned_of *of,
                     enum cr_setting refused, const struct cr_request_shape *sent,
                     struct cr_request_shape *shape);

#endif
