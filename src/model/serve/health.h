// health.h - asks servers whether they are ready, without waiting for the answer.
//
// Layer    model (3), private
// Threads  one owner
// MPI      none
#ifndef CR_MODEL_SERVE_HEALTH_H
#define CR_MODEL_SERVE_HEALTH_H

#include <curl/curl.h>
#include <stdbool.h>

#include "credence/base/status.h"

struct cr_health_check {
    CURL *easy; // NULL: never asked
    bool is_asking;
    bool is_well; // the last answer was a 200
};

struct cr_health_desk {
    CURLM *multi;
};

CR_MUST_CHECK enum cr_status cr_health_open(struct cr_health_desk *desk);
void cr_health_close(struct cr_health_desk *desk);
// Ask URL; an answer is noted by a later cr_health_poll.
CR_MUST_CHECK enum cr_status cr_health_ask(struct cr_health_desk *desk,
                                           struct cr_health_check *check,
                                           const char *url);
void cr_health_poll(struct cr_health_desk *desk);
void cr_health_forget(struct cr_health_desk *desk, struct cr_health_check *check);

#endif
