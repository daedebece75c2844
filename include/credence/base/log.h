// log.h - diagnostics for people, to stderr; results never pass here.
//
// Layer    base (0)
// Threads  one writer
// MPI      none; the rank is only a prefix
#ifndef CREDENCE_BASE_LOG_H
#define CREDENCE_BASE_LOG_H

#include <stdio.h>

#include "credence/base/status.h"

enum cr_log_level { CR_LOG_ERROR, CR_LOG_WARN, CR_LOG_INFO, CR_LOG_DEBUG };

struct cr_log {
    FILE *file;              // NULL: silent
    enum cr_log_level level; // what is more detailed than this is dropped
    int rank;                // -1: no prefix
    int line_is_open; // a progress line stands on the terminal; wiped before a message
};

// LOG may be NULL. One line, "credence: [rank N] text\n", written at once; a text of
// several lines becomes as many, each with the prefix. Control characters of the text
// are shown as \xNN so that model text cannot drive a terminal. Allocates nothing.
void cr_log_write(struct cr_log *log, enum cr_log_level level, const char *fmt, ...)
    CR_PRINTF(3, 4);

#endif
