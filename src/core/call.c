// call.c - a reply's storage.
#include "credence/core/call.h"

#include "credence/base/mem.h"

void cr_reply_fini(struct cr_reply *reply) {
    if (reply == NULL) {
        return;
    }
    cr_free(reply->text);
    cr_free(reply->reasoning);
    cr_free(reply->error);
    *reply = (struct cr_reply){0};
}
