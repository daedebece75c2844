// model_fixture.h - a job of one or two models and calls to them, for the model tests.
#ifndef CREDENCE_TESTS_MODEL_FIXTURE_H
#define CREDENCE_TESTS_MODEL_FIXTURE_H

#include "cmocka_all.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "credence/model/client.h"

static inline struct cr_model fixture_sim(const char *name) {
    return (struct cr_model){
        .name = name,
        .api = "sim",
        .model = "sim",
        .params = "{}",
        .extra = "{}",
        .temperature = NAN,
        .limits = {.concurrency = 0,
                   .timeout_s = 10,
                   .connect_timeout_s = 5,
                   .retries = 3},
        .sim = {.competence = 0.7,
                .noise = 0.3,
                .stubbornness = 0.5,
                .persuasion = 0.5,
                .strength = 0.5,
                .rate = 0.5},
        .identity = {1, 2},
    };
}

static inline struct cr_model fixture_remote(const char *name, const char *api,
                                             const char *const *endpoints,
                                             uint32_t endpoints_len) {
    struct cr_model model = fixture_sim(name);
    model.api = api;
    model.model = "tiny";
    model.endpoints = endpoints;
    model.endpoints_len = endpoints_len;
    model.structured = "auto";
    model.send_seed = true;
    model.temperature = 0.7;
    model.max_tokens = 256;
    return model;
}

static const struct cr_proposition fixture_claim = {
    .id = "p1",
    .question_id = "q1",
    .text = "Water boils at 100 degrees at sea level.",
    .space = CR_SPACE_BINARY,
    .label = 1,
    .unit = "",
    .key = 77,
};

#define FIXTURE_TURN(speaker_, text_)                                                  \
    {                                                                                  \
        .speaker = speaker_, .text = text_, .text_bytes = sizeof(text_) - 1,           \
        .quoted = "\"" text_ "\"", .quoted_bytes = sizeof("\"" text_ "\"") - 1         \
    }

static const struct cr_turn fixture_opening[] = {
    FIXTURE_TURN(CR_SYSTEM, "You are the market maker."),
    FIXTURE_TURN(CR_USER, "Proposition: Water boils at 100 degrees at sea level."),
};

#define FIXTURE_SCHEMA                                                                 \
    "{\"type\":\"object\",\"properties\":{\"claim\":{\"type\":\"string\"},"            \
    "\"reasoning\":{\"type\":\"string\"},\"price\":{\"type\":\"number\"}},"            \
    "\"required\":[\"claim\",\"reasoning\",\"price\"]}"

static inline struct cr_call fixture_call(uint64_t trajectory) {
    return (struct cr_call){
        .trajectory = trajectory,
        .trajectory_key = 1000 + trajectory,
        .opening_key = 1000 + trajectory,
        .id = {.role = CR_ROLE_MAKER, .ask = CR_ASK_JUDGMENT},
        .seed = 0x9E3779B97F4A7C15u * (trajectory + 1),
        .turns = fixture_opening,
        .turns_len = 2,
        .schema = FIXTURE_SCHEMA,
        .schema_name = "judgment",
        .proposition = &fixture_claim,
    };
}

static inline struct cr_client *fixture_client(const struct cr_client_cfg *cfg) {
    struct cr_client *client = NULL;
    struct cr_err err = {0};
    if (cr_client_create(cfg, &client, &err) != CR_OK) {
        fail_msg("%s", err.text);
    }
    return client;
}

static inline void fixture_submit(struct cr_client *client, struct cr_call *call) {
    struct cr_err err = {0};
    if (cr_client_submit(client, call, &err) != CR_OK) {
        fail_msg("%s", err.text);
    }
}

static inline void fixture_poll(struct cr_client *client, int timeout_ms) {
    struct cr_err err = {0};
    if (cr_client_poll(client, timeout_ms, &err) != CR_OK) {
        fail_msg("%s", err.text);
    }
}

// Take all that is done into REPLIES by the call's number in CALLS; how many.
static inline unsigned fixture_take_all(struct cr_client *client,
                                        const struct cr_call *calls,
                                        struct cr_reply *replies) {
    struct cr_call *call;
    struct cr_reply reply;
    unsigned taken = 0;
    while (cr_client_take(client, &call, &reply)) {
        replies[call - calls] = reply;
        taken++;
    }
    return taken;
}

#endif
