// status.h - how a function says that the machine failed.
//
// Layer    base (0)
// Threads  no shared state
// MPI      none
//
// Defaults for every header of this project, stated once:
//   - arguments are borrowed for the call; results belong to the caller;
//   - a `const char *` result lives as long as the object it came from;
//   - outputs are untouched when a call fails;
//   - every destroy/close/fini accepts NULL or a zeroed struct.
// Exceptions are named at the function by one word: borrowed, taken or given.
//
// An item that fails (a timeout, a bad reply) is data, never a status: see core/call.h.
#ifndef CREDENCE_BASE_STATUS_H
#define CREDENCE_BASE_STATUS_H

#define CR_MUST_CHECK __attribute__((warn_unused_result))
#define CR_PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))

enum cr_status {
    CR_OK = 0,
    CR_E_USAGE,       // the command line is wrong
    CR_E_JOB,         // the job file, a prompt or a benchmark file is wrong
    CR_E_MEMORY,      // an allocation failed
    CR_E_IO,          // the file system refused
    CR_E_FULL,        // no space or quota left
    CR_E_FORMAT,      // bytes are not what their format says
    CR_E_LIMIT,       // a named limit was reached
    CR_E_NOT_FOUND,   // no such thing
    CR_E_BUSY,        // another run holds it
    CR_E_DIFFERS,     // the run directory belongs to another job
    CR_E_UNSUPPORTED, // known, but not possible here
    CR_E_NET,         // the HTTP library failed
    CR_E_PEER,        // a rank is lost or MPI failed
    CR_E_STOPPED,     // stopped early; resumable
    CR_E_BLOCKED      // only a person can mend it; resumable
};

// A result that is dropped on purpose: a reason stands beside the call.
static inline void cr_status_ignore(enum cr_status status) {
    (void)status;
}

enum { CR_ERR_TEXT_MAX = 4096 };

// A message for a person, filled where the failure was found.
struct cr_err {
    enum cr_status status;
    char text[CR_ERR_TEXT_MAX]; // NUL-terminated, no trailing newline
};

// Fill ERR (may be NULL) and return STATUS, so that a failure is one line.
enum cr_status cr_err_set(struct cr_err *err, enum cr_status status, const char *fmt,
                          ...) CR_PRINTF(3, 4);

// Append " while ..." to ERR (may be NULL) and return its status.
enum cr_status cr_err_while(struct cr_err *err, enum cr_status status, const char *fmt,
                            ...) CR_PRINTF(3, 4);

// Append a further line to ERR: for checks that report all mistakes at once.
void cr_err_add_line(struct cr_err *err, const char *fmt, ...) CR_PRINTF(2, 3);

// From errno: CR_E_FULL for ENOSPC, EDQUOT and EFBIG, CR_E_MEMORY for ENOMEM, else CR_E_IO.
enum cr_status cr_status_from_errno(int errnum);

// What the process tells the shell and the batch system: who must act.
enum cr_exit {
    CR_EXIT_COMPLETE = 0, // an invalid answer is a result, not an error
    CR_EXIT_ERROR = 1,
    CR_EXIT_USAGE = 2,  // bad usage or a bad job; nothing was touched
    CR_EXIT_FAILED = 3, // complete, but some episodes failed
    CR_EXIT_BLOCKED =
        4, // only a person can mend it (key, quota, unknown model): a batch
           // system must not try again; resumable
    CR_EXIT_STOPPED = 75 // stopped early; the same command resumes
};
enum cr_exit cr_status_exit(enum cr_status status);

// "no space left" and the like; never NULL.
const char *cr_status_text(enum cr_status status);

#endif
