// script.h - an episode that is fed a script of replies, for tests.
//
// A script answers calls in the order in which they were asked. A reply's text decides
// everything; "!" is a failed call, "~TEXT" a reply that was cut at the token limit,
// and
// "%yes 0.7 no 0.2" one with logprobs.
#ifndef TESTS_SUPPORT_SCRIPT_H
#define TESTS_SUPPORT_SCRIPT_H

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "credence/protocol/episode.h"
#include "credence/protocol/protocol.h"

enum { SCRIPT_ASKED_MAX = 512 };

// One proposition of each outcome space; all are true, or say "elm", or 30 m.
static const char *const script_options[] = {"oak", "elm", "ash"};
static const struct cr_proposition script_claim = {.id = "b",
                                                   .text = "Honey never spoils.",
                                                   .space = CR_SPACE_BINARY,
                                                   .label = 1,
                                                   .unit = ""};
static const struct cr_proposition script_choice = {.id = "c",
                                                    .text = "Which tree?",
                                                    .space = CR_SPACE_CATEGORICAL,
                                                    .label = 1,
                                                    .options_len = 3,
                                                    .options = script_options,
                                                    .unit = ""};
static const struct cr_proposition script_quantity = {.id = "q",
                                                      .text = "How tall?",
                                                      .space = CR_SPACE_CONTINUOUS,
                                                      .value = 30,
                                                      .low = 0,
                                                      .high = 100,
                                                      .unit = "m"};

// What a cell is unless a test says otherwise: the paper's market.
static inline struct cr_cell script_cell(const char *protocol) {
    return (struct cr_cell){.name = "cell",
                            .protocol = (uint32_t)cr_protocol_find(protocol),
                            .maker = 0,
                            .traders_len = 1,
                            .traders = {1, 2, 3},
                            .replicates = 1,
                            .samples = 3,
                            .rounds = 2,
                            .repairs = 2,
                            .chain_of_thought = true,
                            .stop_early = true,
                            .stop = {CR_STOP_RANGE, 3, 0.2, 10}};
}

static inline struct cr_reply script_reply(const char *text) {
    struct cr_reply reply = {.attempts = 1, .latency_s = 0.25, .tokens_cached = 1};
    reply.tokens_in = 10;
    reply.tokens_out = (uint32_t)strlen(text);
    if (text[0] == '!') {
        reply.reason = CR_REASON_SERVER;
        return reply;
    }
    if (text[0] == '~') {
        reply.finish = CR_FINISH_LENGTH;
        text++;
    }
    if (text[0] == '%') {
        const char *at = ++text;
        int used;
        double p;
        for (struct cr_logprob *l = reply.logprobs;
             sscanf(at, "%31s %lf%n", l->token, &p, &used) == 2; l++) {
            l->logprob = log(p);
            reply.logprobs_len++;
            at += used;
        }
    }
    reply.text = (char *)text; // lives as long as the script; never freed
    return reply;
}

static inline struct cr_episode *script_create(const struct cr_episode_cfg *setting) {
    struct cr_episode *episode = NULL;
    enum cr_status status = cr_episode_create(setting, &episode, NULL);
    assert(!status);
    return episode;
}

// The one call that is to be asked now.
static inline struct cr_call *script_next(struct cr_episode *episode) {
    struct cr_call *call = NULL;
    enum cr_status status = cr_episode_next(episode, &call, NULL);
    assert(!status && call);
    return call;
}

static inline void script_answer(struct cr_episode *episode, struct cr_call *call,
                                 const char *text) {
    struct cr_reply reply = script_reply(text);
    enum cr_status status = cr_episode_answer(episode, call, &reply, NULL);
    assert(!status);
}

// What CALL asks, in its last turn.
static inline const char *script_question(const struct cr_call *call) {
    return call->turns[call->turns_len - 1].text;
}

// Ask and answer until the episode is done or the script has no more; how many calls.
static inline size_t script_run(struct cr_episode *episode,
                                const char *const *replies) {
    struct cr_call *out[SCRIPT_ASKED_MAX];
    size_t asked = 0, answered = 0;
    for (;;) {
        struct cr_call *call;
        enum cr_status status = cr_episode_next(episode, &call, NULL);
        assert(!status);
        if (call != NULL) {
            assert(asked < SCRIPT_ASKED_MAX);
            out[asked++] = call;
            continue;
        }
        if (answered == asked || replies[answered] == NULL) {
            return answered;
        }
        struct cr_reply reply = script_reply(replies[answered]);
        status = cr_episode_answer(episode, out[answered], &reply, NULL);
        assert(!status);
        answered++;
    }
}

#endif
