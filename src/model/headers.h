// headers.h - the HTTP headers of one model, its API key among them.
//
// Layer    model (3), private
// Threads  no shared state
// MPI      none
//
// A key lives in the header list alone, is zeroed when the list goes, and is never
// printed: replies are cleaned of it on receipt (cr_redact).
#ifndef CR_MODEL_HEADERS_H
#define CR_MODEL_HEADERS_H

#include <curl/curl.h>

#include "credence/base/status.h"
#include "model/backend.h"

struct cr_headers {
    struct curl_slist *list;
    const char *secret; // the key, inside the list; NULL when there is none
};

#define CR_USER_AGENT "credence"

enum { CR_KEY_BYTES_MAX = 8192 };

// CR_E_JOB when the variable is unset or empty, or the file cannot be read, is open to
// others or holds no key.
CR_MUST_CHECK enum cr_status cr_headers_make(struct cr_headers *out,
                                             const struct cr_model *model,
                                             const struct cr_dialect *dialect,
                                             struct cr_err *err);
void cr_headers_fini(struct cr_headers *headers);

#endif
