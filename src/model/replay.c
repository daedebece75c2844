// replay.c - a model that answers from tapes. The client looks every call up before it
// asks a backend (cr_client_cfg.lookup); this one is asked about what was not found.
#include <stdio.h>

#include "credence/base/mem.h"
#include "model/backend.h"

static enum cr_status check(const struct cr_model *model, struct cr_err *err) {
    return model->tapes_len > 0
               ? CR_OK
               : cr_err_set(err, CR_E_JOB,
                            "models.%s.tapes: expected run directories or tape files",
                            model->name);
}

static enum cr_status answer(const struct cr_model *model, const struct cr_call *call,
                             uint32_t attempt, struct cr_reply *reply) {
    char hex[CR_HASH_HEX_BYTES], text[256];
    (void)attempt;
    cr_hash_hex(call->request_hash, hex);
    snprintf(text, sizeof text,
             "no tape of the %u given holds this request (%s, iteration %u, hash %s)",
             model->tapes_len, cr_role_names[call->id.role], call->id.iteration, hex);
    *reply = (struct cr_reply){.reason = CR_REASON_REPLAY, .error = cr_strdup(text)};
    return reply->error != NULL ? CR_OK : CR_E_MEMORY;
}

const struct cr_backend cr_backend_replay = {
    .name = "replay", .has_logprobs = true, .check = check, .answer = answer};
