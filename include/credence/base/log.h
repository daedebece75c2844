// log.h - diagnostics for people, to stderr; results never pass here.
//
// Layer    base (0)
// Threads  one writer
// MPI      none; the rank is only a prefix
#ifndef CREDENCE_BASE_LOG_H
#define CREDENCE_BASE_LOG_H

#include <stdio.h>

#include "credence/base/status.h"

enum cr_log_level { CR_LOG_ERROR, CR_LOG_WARN, CR_LOG_INFO };

// What a developer can ask to see (--log, CREDENCE_LOG), a bit each.
enum cr_log_module {
    CR_LOG_RUN = 1 << 0,     // phases of the coordinator, ranks that come and go
    CR_LOG_MESSAGE = 1 << 1, // each message: sender, receiver, tag, bytes
    CR_LOG_LIMITS = 1 << 2,  // each lease
    CR_LOG_MODEL = 1 << 3,   // moves of requests, each retry with its cause
    CR_LOG_SERVER = 1 << 4,  // local servers
    CR_LOG_STORE = 1 << 5    // tape, spool, run.h5
};

struct cr_log {
    FILE *file;              // NULL: silent
    enum cr_log_level level; // what is more detailed than this is dropped
    int rank;                // -1: no prefix
    int line_is_open; // a progress line is on the terminal; wiped before a message
    unsigned modules; // bits of enum cr_log_module: what cr_log_trace shows
};

// LOG may be NULL. One line, "credence: [rank N] text\n", written at once; a text of
// several lines becomes as many, each with the prefix. Control characters of the text
// are shown as \xNN so that model text cannot drive a terminal. Allocates nothing.
void cr_log_write(struct cr_log *log, enum cr_log_level level, const char *fmt, ...)
    CR_PRINTF(3, 4);

// Whether MODULE is shown. Ask before cr_log_trace where its arguments cost anything:
// what is off then costs this branch.
static inline int cr_log_shows(const struct cr_log *log, enum cr_log_module module) {
    return log != NULL && (log->modules & (unsigned)module) != 0;
}
// One line as cr_log_write makes it, "[model] text", when MODULE is shown.
void cr_log_trace(struct cr_log *log, enum cr_log_module module, const char *fmt, ...)
    CR_PRINTF(3, 4);

// "run,limits" or "all" into bits. CR_E_USAGE names the word that is no module, and all
// that there are. NULL and "" are no module.
CR_MUST_CHECK enum cr_status cr_log_modules(const char *list, unsigned *out,
                                            struct cr_err *err);

#endif
