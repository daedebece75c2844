// request.c - the state of a request changes here and nowhere else.
#include "model/request.h"

#include <assert.h>

static const char *const state_names[CR_REQUEST_STATE_COUNT] = {
    "free", "waiting", "following", "in flight", "backing off", "done"};

#define TO(state) (1u << CR_REQUEST_##state)

// Legal moves, by the state they start from.
static const unsigned moves[CR_REQUEST_STATE_COUNT] = {
    [CR_REQUEST_FREE] = TO(WAITING) | TO(FOLLOWING) | TO(DONE),
    [CR_REQUEST_WAITING] = TO(IN_FLIGHT) | TO(DONE),
    [CR_REQUEST_FOLLOWING] = TO(DONE),
    [CR_REQUEST_IN_FLIGHT] = TO(WAITING) | TO(BACKING_OFF) | TO(DONE),
    [CR_REQUEST_BACKING_OFF] = TO(WAITING) | TO(DONE),
    [CR_REQUEST_DONE] = TO(FREE),
};

const char *cr_request_state_name(enum cr_request_state state) {
    return state_names[state];
}

bool cr_request_may_move(enum cr_request_state from, enum cr_request_state to) {
    return (moves[from] >> to) & 1u;
}

void cr_request_move(struct cr_request *request, enum cr_request_state to) {
    assert(cr_request_may_move(request->state, to));
    request->state = to;
}
