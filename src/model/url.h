// url.h - where a request goes, from a base URL as people write it.
//
// Layer    model (3), private
// Threads  no shared state
// MPI      none
//
//   http://host:8000                  -> http://host:8000/v1/chat/completions
//   http://host:8000/v1/              -> http://host:8000/v1/chat/completions
//   https://host/api/openai           -> https://host/api/openai/chat/completions
//   http://host/v1/chat/completions   -> itself
//   azure: https://x.openai.azure.com -> .../openai/deployments/MODEL/chat/completions
//                                        ?api-version=VERSION
#ifndef CR_MODEL_URL_H
#define CR_MODEL_URL_H

#include <stdbool.h>

#include "credence/base/status.h"
#include "model/backend.h"

struct cr_url {
    char *base;   // as given
    char *url;    // complete
    char *shown;  // without user, password and query
    bool is_near; // a Unix socket, or the loopback of this machine
};

// CR_E_JOB when BASE is not an http(s) URL, holds a secret (a user, a password, a key in
// its query), or would carry MODEL's key in the clear to another host (allow_insecure
// permits it). No secret is quoted. *out is the caller's.
CR_MUST_CHECK enum cr_status cr_url_make(struct cr_url *out,
                                         const struct cr_model *model,
                                         const struct cr_dialect *dialect,
                                         const char *base, struct cr_err *err);
void cr_url_fini(struct cr_url *url);

// Which proxy requests of MODEL to the base URL BASE go through (see CURLOPT_PROXY):
// "" for none, NULL when the environment decides. IS_NEAR: see above.
const char *cr_url_proxy(const struct cr_model *model, bool is_near);

#endif
