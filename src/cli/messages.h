// messages.h - a request to a model as people read it: every message, word for word.
//
// Layer    cli (6)
// Threads  no shared state
// MPI      none
#ifndef CR_CLI_MESSAGES_H
#define CR_CLI_MESSAGES_H

#include "cli/screen.h"
#include "credence/base/json_write.h"
#include "credence/core/call.h"

// "maker, iteration 0, judgment" and the like, into OUT.
enum { CR_CALL_TITLE_BYTES = 96 };
const char *cr_messages_title(struct cr_call_id id, char out[CR_CALL_TITLE_BYTES]);

// Print the turns of CALL, each under the name of its speaker.
CR_MUST_CHECK enum cr_status cr_messages_print(const struct cr_screen *screen,
                                               const struct cr_call *call);
// Write them as "messages": [{"role", "text"}].
void cr_messages_json(struct cr_json_writer *emit, const struct cr_call *call);

#endif
