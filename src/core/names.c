// names.c - the words that job files, tapes and run.h5 use for the enumerators of core.
#include "credence/core/call.h"
#include "credence/core/cell.h"
#include "credence/core/trajectory.h"

const char *const cr_space_names[3] = {
    [CR_SPACE_BINARY] = "binary",
    [CR_SPACE_CATEGORICAL] = "categorical",
    [CR_SPACE_CONTINUOUS] = "continuous",
};

const char *const cr_stance_names[CR_STANCE_COUNT] = {
    [CR_STANCE_FREE] = "free",         [CR_STANCE_UP] = "up",
    [CR_STANCE_DOWN] = "down",         [CR_STANCE_CONTRARY] = "contrary",
    [CR_STANCE_TRUTHFUL] = "truthful", [CR_STANCE_ADVERSARIAL] = "adversarial",
};

const char *const cr_elicitation_names[CR_ELICIT_COUNT] = {
    [CR_ELICIT_VERBAL] = "verbal",
    [CR_ELICIT_LOGPROB] = "logprob",
    [CR_ELICIT_SAMPLED] = "sampled",
};

const char *const cr_order_names[CR_ORDER_COUNT] = {
    [CR_ORDER_TURN] = "turn",
    [CR_ORDER_SIMULTANEOUS] = "simultaneous",
};

const char *const cr_stop_rule_names[CR_STOP_RULE_COUNT] = {
    [CR_STOP_RANGE] = "range",
    [CR_STOP_FIXED] = "fixed",
    [CR_STOP_STABLE_SIDE] = "stable_side",
    [CR_STOP_KS] = "ks",
};

const char *const cr_role_names[CR_ROLE_COUNT] = {
    [CR_ROLE_MAKER] = "maker",
    [CR_ROLE_TRADER] = "trader",
};

const char *const cr_finish_names[4] = {
    [CR_FINISH_STOP] = "stop",
    [CR_FINISH_LENGTH] = "length",
    [CR_FINISH_FILTER] = "filter",
    [CR_FINISH_OTHER] = "other",
};

const char *const cr_fail_names[CR_FAIL_COUNT] = {
    [CR_FAIL_NONE] = "none",         [CR_FAIL_TRANSPORT] = "transport",
    [CR_FAIL_TIMEOUT] = "timeout",   [CR_FAIL_RATE] = "rate",
    [CR_FAIL_SERVER] = "server",     [CR_FAIL_REFUSED] = "refused",
    [CR_FAIL_PROTOCOL] = "protocol", [CR_FAIL_LIMIT] = "limit",
    [CR_FAIL_REPLAY] = "replay",     [CR_FAIL_STOPPED] = "stopped",
};

const char *const cr_episode_status_names[CR_EPISODE_STATUS_COUNT] = {
    [CR_PENDING] = "pending",
    [CR_DONE] = "done",
    [CR_INVALID] = "invalid",
    [CR_FAILED] = "failed",
};

const char *const cr_stop_reason_names[CR_REASON_COUNT] = {
    [CR_REASON_NONE] = "none",
    [CR_REASON_EQUILIBRIUM] = "equilibrium",
    [CR_REASON_MAX_ITERATIONS] = "max_iterations",
    [CR_REASON_INVALID] = "invalid",
    [CR_REASON_FAILED] = "failed",
    [CR_REASON_STABLE_SIDE] = "stable_side",
    [CR_REASON_KS] = "ks",
    [CR_REASON_COMPLETE] = "complete",
};
