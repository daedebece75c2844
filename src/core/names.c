// names.c - the words that job files, tapes and run.h5 use for the enumerators of core.
#include "credence/core/call.h"
#include "credence/core/cell.h"
#include "credence/core/hypothesis.h"
#include "credence/core/trajectory.h"

const char *const cr_space_names[3] = {
    [CR_SPACE_BINARY] = "binary",
    [CR_SPACE_CATEGORICAL] = "categorical",
    [CR_SPACE_CONTINUOUS] = "continuous",
};

const char *const cr_contrast_names[CR_CONTRASTS] = {
    [CR_CONTRAST_FINAL] = "final",
    [CR_CONTRAST_GAIN] = "gain",
    [CR_CONTRAST_BRIER] = "brier",
    [CR_CONTRAST_AGENT_SCORE] = "agent-score",
};
const char *const cr_expected_names[CR_EXPECTED_COUNT] = {
    [CR_EXPECTED_GREATER] = "greater",
    [CR_EXPECTED_LESS] = "less",
    [CR_EXPECTED_TWO_SIDED] = "two-sided",
};
const char *const cr_stance_names[CR_STANCE_COUNT] = {
    [CR_STANCE_FREE] = "free",           [CR_STANCE_UP] = "up",
    [CR_STANCE_DOWN] = "down",           [CR_STANCE_CONTRARY] = "contrary",
    [CR_STANCE_TRUTHFUL] = "truthful",   [CR_STANCE_ADVERSARIAL] = "adversarial",
    [CR_STANCE_UNRELATED] = "unrelated", [CR_STANCE_ECHO] = "echo",
    [CR_STANCE_FILLER] = "filler",
};

const char *const cr_elicitation_names[CR_ELICIT_COUNT] = {
    [CR_ELICIT_VERBAL] = "verbal",
    [CR_ELICIT_LOGPROB] = "logprob",
    [CR_ELICIT_SAMPLED] = "sampled",
};

const char *const cr_held_names[CR_HELD_COUNT] = {
    [CR_HELD_NONE] = "none",
    [CR_HELD_LOGPROB] = "logprob",
    [CR_HELD_BOTH] = "both",
};
const char *const cr_sizing_names[CR_SIZING_COUNT] = {
    [CR_SIZING_KELLY] = "kelly",
    [CR_SIZING_STAKE] = "stake",
    [CR_SIZING_BELIEF] = "belief",
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
    [CR_STOP_PATIENCE] = "patience",
    [CR_STOP_CONFIDENCE] = "confidence",
    [CR_STOP_SPRT] = "sprt",
};

const char *const cr_role_names[CR_ROLE_COUNT] = {
    [CR_ROLE_MAKER] = "maker",
    [CR_ROLE_TRADER] = "trader",
};

const char *const cr_ask_names[CR_ASK_COUNT] = {
    [CR_ASK_JUDGMENT] = "judgment", [CR_ASK_ARGUMENT] = "argument",
    [CR_ASK_VOTE] = "vote",         [CR_ASK_LOGPROB] = "logprob",
    [CR_ASK_BET] = "bet",
};

const char *const cr_finish_names[4] = {
    [CR_FINISH_STOP] = "stop",
    [CR_FINISH_LENGTH] = "length",
    [CR_FINISH_FILTER] = "filter",
    [CR_FINISH_OTHER] = "other",
};

const char *const cr_reason_names[CR_REASON_COUNT] = {
    [CR_REASON_NONE] = "none",
    [CR_REASON_UNREADABLE] = "unreadable",
    [CR_REASON_OUT_OF_RANGE] = "out_of_range",
    [CR_REASON_CUT] = "cut",
    [CR_REASON_REFUSED] = "refused",
    [CR_REASON_FILTERED] = "filtered",
    [CR_REASON_NO_LOGPROBS] = "no_logprobs",
    [CR_REASON_CONNECTION] = "connection",
    [CR_REASON_TIMEOUT] = "timeout",
    [CR_REASON_RATE] = "rate",
    [CR_REASON_QUOTA] = "quota",
    [CR_REASON_KEY] = "key",
    [CR_REASON_NOT_FOUND] = "not_found",
    [CR_REASON_BAD_REQUEST] = "bad_request",
    [CR_REASON_SERVER] = "server",
    [CR_REASON_REPLAY] = "replay",
    [CR_REASON_STOPPED] = "stopped",
};

const char *const cr_episode_status_names[CR_EPISODE_STATUS_COUNT] = {
    [CR_PENDING] = "pending",
    [CR_DONE] = "done",
    [CR_INVALID] = "invalid",
    [CR_FAILED] = "failed",
};

const char *const cr_stop_reason_names[CR_ENDED_COUNT] = {
    [CR_ENDED_NONE] = "none",
    [CR_ENDED_EQUILIBRIUM] = "equilibrium",
    [CR_ENDED_MAX_ITERATIONS] = "max_iterations",
    [CR_ENDED_INVALID] = "invalid",
    [CR_ENDED_FAILED] = "failed",
    [CR_ENDED_STABLE_SIDE] = "stable_side",
    [CR_ENDED_KS] = "ks",
    [CR_ENDED_COMPLETE] = "complete",
    [CR_ENDED_NO_ARGUMENT] = "no_argument",
    [CR_ENDED_PATIENCE] = "patience",
    [CR_ENDED_CONFIDENCE] = "confidence",
    [CR_ENDED_SPRT] = "sprt",
};
