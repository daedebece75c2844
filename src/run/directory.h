// directory.h - a run directory: made, recognised, or moved aside.
//
// Layer    run (5)
// Threads  one owner
//
//   bundle       the job's inputs, byte for byte: what every rank works from
//   job.json     the job as it was understood, for people
//   hypotheses.json  what the study expects to find, locked at its first launch
//   tape/        the record of every finished call
//   spool        results on their way into run.h5 (disposable)
//   run.h5       the product
//   status.json  how far it is, and how it ended
//   probe        only credence probe has made calls (until a run begins)
//   lock         who is running it
#ifndef CR_RUN_DIRECTORY_H
#define CR_RUN_DIRECTORY_H

#include <stdbool.h>

#include "credence/base/buf.h"
#include "credence/base/log.h"
#include "credence/core/job.h"

// Make DIR (0700) unless it exists; FRESH: an existing one is renamed to DIR.N first
// (the caller holds its lock, or a live run would be moved).
// CR_E_IO when it cannot be written, CR_E_USAGE when it holds something else.
CR_MUST_CHECK enum cr_status cr_directory_make(const char *dir, bool fresh,
                                               struct cr_log *log, struct cr_err *err);
// Keep BUNDLE of JOB in DIR, and remove what killed writers left half-written there (the
// caller holds its lock). CR_E_DIFFERS, with what differs, when DIR belongs to
// another job; a changed budget, limit or number of replicates does not make it another job. When
// the bundle changed, status.json is removed: it spoke of another.
CR_MUST_CHECK enum cr_status cr_directory_claim(const char *dir,
                                                const struct cr_job *job,
                                                const struct cr_buf *bundle,
                                                bool *is_unchanged, struct cr_err *err);
// Say that a probe makes calls here; without effect once a run has begun. Until then the
// directory accepts another job: calls are told apart by their requests.
CR_MUST_CHECK enum cr_status cr_directory_mark_probed(const char *dir,
                                                      struct cr_err *err);
// The bundle that DIR holds, appended to OUT.
CR_MUST_CHECK enum cr_status cr_directory_bundle(const char *dir, struct cr_buf *out,
                                                 struct cr_err *err);
// How many lines of DIR's tapes status.json has counted, less what may not have reached the
// disk when a launch was killed; 0 when it does not say.
uint64_t cr_directory_tape_lines(const char *dir);
void cr_directory_remove(const char *dir, const char *name); // if it is there
// Rename FROM to TO in DIR; one that is not there is fine.
CR_MUST_CHECK enum cr_status cr_directory_rename(const char *dir, const char *from,
                                                 const char *to, struct cr_err *err);
// Whether status.json says that all is done and nothing failed, and run.h5 is there.
bool cr_directory_is_complete(const char *dir);

#endif
