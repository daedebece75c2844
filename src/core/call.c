// call.c - a reply's storage.
#include "credence/core/call.h"

#include <stddef.h>
#include <string.h>

#include "credence/base/mem.h"

void cr_reply_fini(struct cr_reply *reply) {
    if (reply == NULL) {
        return;
    }
    cr_free(reply->text);
    cr_free(reply->reasoning);
    cr_free(reply->error);
    memset(reply, 0, offsetof(struct cr_reply, logprobs));
}

void cr_reply_move(struct cr_reply *to, const struct cr_reply *from) {
    memcpy(to, from,
           offsetof(struct cr_reply, logprobs) +
               from->logprobs_len * sizeof from->logprobs[0]);
}
