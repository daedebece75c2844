// protocol.c - what every protocol promises, over every outcome space and in every
// setting that cr_protocol_check lets through.
//
// Models are played by a function of the id and the case's seed alone, so whatever
// differs between two runs of a case comes from the order of replies, from where a run
// was broken off, or from a mistake.
#include "cmocka_all.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/mem.h"
#include "credence/base/rng.h"
#include "credence/prompt/answer.h"
#include "credence/protocol/episode.h"
#include "credence/protocol/protocol.h"
#include "paper.h"
#include "script.h"

enum { CALLS_MAX = 256, TEXT_MAX = 512, CASES = 400, ALLOCATION_CASES = 150 };

static struct cr_prompt_set *prompts;

static const char *const options[] = {"red", "green", "blue", "green"};
static const struct cr_proposition propositions[] = {
    {.id = "b",
     .question_id = "b",
     .text = "Water is wet.",
     .space = CR_SPACE_BINARY,
     .label = 1,
     .unit = ""},
    {.id = "c",
     .question_id = "c",
     .text = "Which one?",
     .space = CR_SPACE_CATEGORICAL,
     .label = 2,
     .options_len = 4,
     .options = options,
     .unit = ""},
    {.id = "q",
     .question_id = "q",
     .text = "How long?",
     .space = CR_SPACE_CONTINUOUS,
     .value = 42,
     .low = -10,
     .high = 90,
     .unit = "m"},
};

static const char *const other_options[] = {"sharp", "flat"};
// What an unrelated argument may be about: another question of each space.
static struct cr_proposition others[] = {
    {.id = "b2",
     .question_id = "b2",
     .text = "Fire is cold.",
     .space = CR_SPACE_BINARY,
     .unit = ""},
    {.id = "c2",
     .question_id = "c2",
     .text = "Which note?",
     .space = CR_SPACE_CATEGORICAL,
     .options_len = 2,
     .options = other_options,
     .unit = ""},
    {.id = "q2",
     .question_id = "q2",
     .text = "How heavy?",
     .space = CR_SPACE_CONTINUOUS,
     .high = 9,
     .unit = "kg"},
};
static const struct cr_propositions benchmark = {.at = others, .len = 3};

// How the models of a case behave.
struct behaviour {
    uint64_t seed;
    double bad;     // share of unusable replies
    double failing; // share of failed calls
};

struct contract_case {
    struct cr_cell cell;
    struct cr_episode_cfg setting;
    struct cr_stop stops[3];
    struct behaviour behaviour;
};

static void write_judgment(const struct cr_proposition *p, struct cr_rng *rng,
                           char *text) {
    double u = cr_rng_uniform(rng);
    if (p->space == CR_SPACE_BINARY) {
        snprintf(text, TEXT_MAX, "{\"claim\":\"c\",\"price\":%.3f}", u);
    } else if (p->space == CR_SPACE_CONTINUOUS) {
        double middle = p->low + 10 + u * (p->high - p->low - 20);
        snprintf(text, TEXT_MAX, "{\"q05\":%.3f,\"q50\":%.3f,\"q95\":%.3f}", middle - 9,
                 middle, middle + 9);
    } else {
        snprintf(
            text, TEXT_MAX,
            "```json\n{\"prices\":{\"A\":%.3f,\"B\":%.3f,\"c\":0.05,\"D\":0.15}}\n```",
            u * 0.8, (1 - u) * 0.8);
    }
}

// The reply to CALL, into TEXT; what script_reply makes of it.
static void write_reply(const struct behaviour *behaviour, const struct cr_call *call,
                        char *text) {
    struct cr_rng rng;
    uint64_t id;
    memcpy(&id, &call->id, sizeof id);
    cr_rng_seed(&rng,
                cr_hash_mix(cr_hash64(&call->id, sizeof call->id, 1), behaviour->seed));
    bool is_choice = call->proposition->space == CR_SPACE_CATEGORICAL;
    double u = cr_rng_uniform(&rng);
    if (u < behaviour->failing) {
        snprintf(text, TEXT_MAX, "!");
    } else if (u < behaviour->failing + behaviour->bad) {
        snprintf(text, TEXT_MAX, "%s",
                 call->id.ask == CR_ASK_LOGPROB ? "%well 0.5" : "{\"price\":7,");
    } else if (call->id.ask == CR_ASK_JUDGMENT) {
        write_judgment(call->proposition, &rng, text);
    } else if (call->id.ask == CR_ASK_BET) {
        snprintf(
            text, TEXT_MAX,
            "{\"price\":%.3f,\"prices\":{\"A\":%.3f,\"B\":%.3f,\"C\":0.1,\"D\":0.1},"
            "\"stake\":%.3f}",
            u, u * 0.8, 0.8 - u * 0.8, cr_rng_uniform(&rng));
    } else if (call->id.ask == CR_ASK_ARGUMENT) {
        snprintf(text, TEXT_MAX,
                 "{\"direction\":\"up\",\"toward\":\"B\",\"argument\":\"a%x\"}",
                 (unsigned)cr_rng_below(&rng, 1 << 20));
    } else if (call->id.ask == CR_ASK_VOTE) {
        bool first = cr_rng_uniform(&rng) < 0.5;
        snprintf(text, TEXT_MAX, "{\"answer\":\"%s\"}",
                 is_choice ? (first ? "A" : "B") : (first ? "yes" : "no"));
    } else {
        double p = 0.001 + 0.9 * cr_rng_uniform(&rng);
        snprintf(text, TEXT_MAX, "%%%s %.3f %s %.3f", is_choice ? "A" : "Yes", p,
                 is_choice ? "C" : "No", 1 - p);
    }
}

// One call of a finished run.
struct logged {
    struct cr_call_id id;
    uint64_t chat;
    uint64_t seed;
};

// What a run left: compared between runs of one case.
struct outcome {
    struct logged calls[CALLS_MAX]; // sorted by id
    size_t calls_len;
    uint64_t trajectory; // hash of everything in it
    uint32_t prices_len, steps_len;
    enum cr_episode_status status;
    enum cr_stop_reason ended;
    size_t firsts; // calls that were no repairs
};

static uint64_t hash_chat(const struct cr_call *call) {
    uint64_t hash = call->turns_len;
    for (size_t i = 0; i < call->turns_len; i++) {
        const struct cr_turn *turn = &call->turns[i];
        hash = cr_hash_mix(hash, turn->speaker);
        hash = cr_hash_mix(hash, cr_hash64(turn->text, turn->text_bytes, 0));
        hash = cr_hash_mix(hash, cr_hash64(turn->quoted, turn->quoted_bytes, 0));
    }
    return cr_hash_mix(hash, call->schema != NULL
                                 ? cr_hash64(call->schema, strlen(call->schema), 0)
                                 : 0);
}

static uint64_t hash_trajectory(const struct cr_trajectory *t) {
    uint64_t hash = cr_hash64(t->price, t->prices_len * t->width * sizeof *t->price, 0);
    if (t->quantile != NULL) {
        hash = cr_hash_mix(hash, cr_hash64(t->quantile, t->prices_len * 24, 0));
    }
    hash = cr_hash_mix(hash, cr_hash64(t->step, t->steps_len * sizeof *t->step, 0));
    return cr_hash_mix(hash, ((uint64_t)t->status << 32) | (uint64_t)t->ended);
}

static int by_id(const void *a, const void *b) {
    return memcmp(&((const struct logged *)a)->id, &((const struct logged *)b)->id,
                  sizeof(struct cr_call_id));
}

static void close_outcome(const struct cr_episode *episode, struct outcome *outcome) {
    const struct cr_trajectory *t = cr_episode_trajectory(episode);
    qsort(outcome->calls, outcome->calls_len, sizeof *outcome->calls, by_id);
    outcome->trajectory = hash_trajectory(t);
    outcome->prices_len = t->prices_len;
    outcome->steps_len = t->steps_len;
    outcome->status = t->status;
    outcome->ended = t->ended;
}

static void check_speakers(const struct cr_call *call) {
    assert_true(call->turns_len >= 2 && call->prefix_len <= call->turns_len);
    assert_int_equal(call->turns[0].speaker, CR_SYSTEM);
    for (size_t i = 1; i < call->turns_len; i++) {
        assert_int_equal(call->turns[i].speaker, i % 2 ? CR_USER : CR_ASSISTANT);
        assert_true(call->turns[i].text_bytes > 0);
        assert_int_equal(strlen(call->turns[i].text), call->turns[i].text_bytes);
    }
    assert_int_equal(call->turns[call->turns_len - 1].speaker, CR_USER);
}

// The last request of each chat, to check what a later one says of it.
struct prefixes {
    const struct cr_turn *turns[CR_TRADERS_MAX + 1];
    size_t len[CR_TRADERS_MAX + 1];
};

static void check_prefix(struct prefixes *prefixes, const struct cr_call *call,
                         bool is_reading) {
    size_t chat = call->id.role == CR_ROLE_MAKER ? 0 : 1u + call->id.trader;
    if (is_reading) { // dropped again: nothing later follows it
        return;
    }
    assert_true(call->prefix_len <= prefixes->len[chat]);
    for (size_t i = 0; i < call->prefix_len; i++) {
        assert_ptr_equal(call->turns[i].text, prefixes->turns[chat][i].text);
    }
    prefixes->turns[chat] = call->turns;
    prefixes->len[chat] = call->turns_len;
}

static struct cr_episode *create(const struct contract_case *c) {
    struct cr_episode *episode = NULL;
    assert_int_equal(cr_episode_create(&c->setting, &episode, NULL), CR_OK);
    return episode;
}

// Asked and not yet answered.
struct waiting {
    struct cr_call *calls[CALLS_MAX];
    size_t len;
};

// A yes or a no, or a judgment a second time.
static bool is_reading(const struct contract_case *c, const struct cr_call *call) {
    const uint32_t accepted = call->id.ask == CR_ASK_VOTE ? c->cell.samples : 1;
    return call->id.ask == CR_ASK_LOGPROB ||
           (call->id.role == CR_ROLE_MAKER && call->id.sample >= accepted);
}

static void ask_all(const struct contract_case *c, struct cr_episode *episode,
                    struct waiting *waiting, struct prefixes *prefixes,
                    struct outcome *outcome) {
    for (;;) {
        struct cr_call *call;
        assert_int_equal(cr_episode_next(episode, &call, NULL), CR_OK);
        if (call == NULL) {
            return;
        }
        assert_false(cr_episode_is_done(episode));
        check_speakers(call);
        if (prefixes != NULL) {
            check_prefix(prefixes, call,
                         c->cell.held != CR_HELD_NONE && is_reading(c, call));
        }
        assert_true(outcome->calls_len < CALLS_MAX);
        outcome->calls[outcome->calls_len++] =
            (struct logged){call->id, hash_chat(call), call->seed};
        outcome->firsts += call->id.repair == 0;
        waiting->calls[waiting->len++] = call;
    }
}

static enum cr_status answer(const struct contract_case *c, struct cr_episode *episode,
                             struct cr_call *call) {
    char text[TEXT_MAX];
    write_reply(&c->behaviour, call, text);
    struct cr_reply reply = script_reply(text);
    reply.latency_s = 0.1 + 1e-3 * (double)(call->seed % 997);
    if (call->seed % 2 == 0) { // a worker reads before it records; a test may not
        enum cr_reason reason;
        enum cr_status status = cr_episode_read(episode, call, &reply, &reason, NULL);
        if (status != CR_OK) {
            return status;
        }
    }
    return cr_episode_answer(episode, call, &reply, NULL);
}

// Run C, answering at most LIMIT calls; ORDER (may be NULL) draws which call comes
// first.
static void run(const struct contract_case *c, struct cr_rng *order, size_t limit,
                struct outcome *outcome) {
    struct cr_episode *episode = create(c);
    struct waiting waiting = {0};
    struct prefixes prefixes = {0};
    *outcome = (struct outcome){0};
    for (size_t answered = 0;; answered++) {
        ask_all(c, episode, &waiting, order != NULL ? NULL : &prefixes, outcome);
        if (waiting.len == 0 || answered == limit) {
            break;
        }
        size_t i = order != NULL ? cr_rng_below(order, waiting.len) : 0;
        struct cr_call *call = waiting.calls[i];
        memmove(waiting.calls + i, waiting.calls + i + 1,
                (--waiting.len - i) * sizeof *waiting.calls);
        assert_int_equal(answer(c, episode, call), CR_OK);
    }
    assert_true(waiting.len > 0 || cr_episode_is_done(episode));
    close_outcome(episode, outcome);
    cr_episode_destroy(episode);
}

static const char *describe(const struct contract_case *c) {
    static char text[256];
    const struct cr_cell *cell = &c->cell;
    snprintf(
        text, sizeof text,
        "%s, %s, %s, %s, stance %s, stop %s, %u traders, memory %u, bad %g, fail %g",
        cr_protocol_name(cell->protocol), cr_space_names[c->setting.proposition->space],
        cr_elicitation_names[cell->elicitation], cr_order_names[cell->order],
        cr_stance_names[cell->stance], cr_stop_rule_names[cell->stop.rule],
        cell->traders_len, cell->memory, c->behaviour.bad, c->behaviour.failing);
    return text;
}

static void draw_cell(struct cr_rng *rng, struct cr_cell *cell) {
    cell->traders_len = 1 + (uint32_t)cr_rng_below(rng, 3);
    cell->elicitation = (enum cr_elicitation)cr_rng_below(rng, CR_ELICIT_COUNT);
    cell->order = (enum cr_order)cr_rng_below(rng, CR_ORDER_COUNT);
    cell->stance = cr_rng_below(rng, 2)
                       ? CR_STANCE_FREE
                       : (enum cr_stance)cr_rng_below(rng, CR_STANCE_COUNT);
    cell->held = cr_rng_below(rng, 4)   ? CR_HELD_NONE
                 : cr_rng_below(rng, 2) ? CR_HELD_LOGPROB
                                        : CR_HELD_BOTH;
    cell->room = (struct cr_room){
        .liquidity = 0.1 + 3 * cr_rng_uniform(rng),
        .sizing = (enum cr_sizing)cr_rng_below(rng, CR_SIZING_COUNT),
        .prior = cr_rng_below(rng, 4) ? 0 : 0.3,
        .adversary = cr_rng_below(rng, 3) ? 0 : 4,
    };
    cell->memory = (uint32_t)cr_rng_below(rng, 3);
    cell->samples = 1 + (uint32_t)cr_rng_below(rng, 5);
    cell->rounds = 1 + (uint32_t)cr_rng_below(rng, 3);
    cell->repairs = (uint32_t)cr_rng_below(rng, 3);
    cell->chain_of_thought = cr_rng_below(rng, 2);
    cell->stop_early = cr_rng_below(rng, 4) > 0;
    cell->stop =
        (struct cr_stop){(enum cr_stop_rule)cr_rng_below(rng, CR_STOP_RULE_COUNT),
                         1 + (uint32_t)cr_rng_below(rng, 3), cr_rng_uniform(rng),
                         (uint32_t)cr_rng_below(rng, 7)};
}

// Case NUMBER; false when such a cell is refused.
static bool draw_case(uint64_t number, struct contract_case *c) {
    struct cr_rng rng;
    struct cr_err err = {0};
    cr_rng_seed(&rng, number);
    *c = (struct contract_case){.cell = script_cell("market")};
    c->cell.protocol = (uint32_t)(number % cr_protocol_count());
    const struct cr_proposition *p = &propositions[number / cr_protocol_count() % 3];
    draw_cell(&rng, &c->cell);
    if (p->space != CR_SPACE_BINARY) { // refused there: would thin the cases out
        c->cell.held = CR_HELD_NONE;
    }
    if (p->space == CR_SPACE_CONTINUOUS) {
        c->cell.elicitation = CR_ELICIT_VERBAL;
    }
    c->behaviour.seed = cr_rng_u64(&rng);
    c->behaviour.bad = cr_rng_below(&rng, 2) ? 0.3 : 0;
    c->behaviour.failing = cr_rng_below(&rng, 4) ? 0 : 0.1;
    c->stops[0] = c->cell.stop;
    c->setting = (struct cr_episode_cfg){.cell = &c->cell,
                                         .stops = c->stops,
                                         .stops_len = 1,
                                         .proposition = p,
                                         .prompts = prompts,
                                         .trajectory = number,
                                         .trajectory_key = cr_rng_u64(&rng),
                                         .opening_key = number,
                                         .benchmark = &benchmark,
                                         .job_seed = 3,
                                         .replicate = (uint32_t)cr_rng_below(&rng, 2)};
    enum cr_status status = cr_protocol_check(&c->cell, p->space, &err);
    assert_true(status == CR_OK || (status == CR_E_JOB && err.text[0]));
    return status == CR_OK;
}

typedef void (*property_fn)(const struct contract_case *c);

// PROPERTY of the first LEN cases that are let through; each protocol must meet each
// space that it takes.
static void hold(property_fn property, size_t len) {
    size_t met[64][3] = {{0}};
    for (uint64_t number = 0, held = 0; held < len; number++) {
        struct contract_case c;
        if (draw_case(number, &c)) {
            // The setting points into the case.
            c.setting.cell = &c.cell;
            c.setting.stops = c.stops;
            property(&c);
            met[c.cell.protocol][c.setting.proposition->space]++;
            held++;
        }
    }
    for (uint32_t protocol = 0; protocol < cr_protocol_count(); protocol++) {
        for (int space = 0; space < 3; space++) {
            bool is_refused = // no shares of a quantity are sold
                cr_protocol_is_room(protocol) && space == CR_SPACE_CONTINUOUS;
            if (met[protocol][space] == 0 && !is_refused) {
                fail_msg("%s never met %s prices", cr_protocol_name(protocol),
                         cr_space_names[space]);
            }
        }
    }
}

static void check_end(const struct contract_case *c) {
    struct outcome o;
    run(c, NULL, SIZE_MAX, &o);
    struct cr_bounds bounds = cr_protocol_calls(&c->cell);
    bool is_done = o.status == CR_DONE;
    bool is_silent = o.ended == CR_ENDED_NO_ARGUMENT;
    bool is_whole = is_done && o.firsts >= bounds.min && o.steps_len == o.prices_len;
    bool is_broken = (o.status == CR_INVALID && o.ended == CR_ENDED_INVALID) ||
                     (o.status == CR_FAILED && o.ended == CR_ENDED_FAILED);
    bool is_by_rule = o.ended == CR_ENDED_COMPLETE || cr_ended_by_rule(o.ended) ||
                      o.ended == CR_ENDED_MAX_ITERATIONS;
    bool breaks = c->behaviour.bad > 0 || c->behaviour.failing > 0;
    if (!(is_done ? (is_whole && is_by_rule) || (is_silent && breaks)
                  : is_broken && breaks) ||
        o.firsts > bounds.max || o.prices_len > cr_protocol_prices_max(&c->cell)) {
        fail_msg(
            "%s: %zu calls of %llu to %llu, %u prices, %u steps, status %d, reason %d",
            describe(c), o.firsts, (unsigned long long)bounds.min,
            (unsigned long long)bounds.max, o.prices_len, o.steps_len, (int)o.status,
            (int)o.ended);
    }
    for (size_t i = 1; i < o.calls_len; i++) {
        assert_true(by_id(&o.calls[i - 1], &o.calls[i]) != 0);
    }
}

static void an_episode_ends_once_within_its_bounds(void **state) {
    (void)state;
    hold(check_end, CASES);
}

static bool is_same(const struct outcome *a, const struct outcome *b) {
    return a->calls_len == b->calls_len && a->trajectory == b->trajectory &&
           memcmp(a->calls, b->calls, a->calls_len * sizeof *a->calls) == 0;
}

static void check_order(const struct contract_case *c) {
    struct outcome straight, shuffled;
    struct cr_rng order;
    cr_rng_seed(&order, c->behaviour.seed);
    run(c, NULL, SIZE_MAX, &straight);
    for (int i = 0; i < 3; i++) {
        run(c, &order, SIZE_MAX, &shuffled);
        // After a failure nothing more is asked, so how much was depends on when.
        bool is_failed = straight.status == CR_FAILED;
        if (shuffled.status != straight.status ||
            shuffled.prices_len != straight.prices_len ||
            (!is_failed && !is_same(&straight, &shuffled))) {
            fail_msg("%s: depends on the order of replies", describe(c));
        }
    }
}

static void nothing_depends_on_the_order_of_replies(void **state) {
    (void)state;
    hold(check_order, CASES);
}

static const struct logged *find_id(const struct outcome *o, struct cr_call_id id) {
    struct logged key = {.id = id};
    return bsearch(&key, o->calls, o->calls_len, sizeof key, by_id);
}

static void check_resume(const struct contract_case *c) {
    struct outcome whole, part, resumed;
    struct cr_rng order;
    cr_rng_seed(&order, c->behaviour.seed);
    run(c, NULL, SIZE_MAX, &whole);
    for (size_t stop = 0; stop <= whole.calls_len; stop++) {
        // The first launch is killed after STOP answers, in whatever order they came.
        // The second asks the same, so that its replies can be fed again.
        run(c, &order, stop, &part);
        for (size_t i = 0; i < part.calls_len; i++) {
            const struct logged *same = find_id(&whole, part.calls[i].id);
            // Which calls are still asked beside one that fails depends on the order.
            bool is_asked = same != NULL && same->chat == part.calls[i].chat &&
                            same->seed == part.calls[i].seed;
            if (!is_asked && whole.status != CR_FAILED) {
                fail_msg("%s: asks another call before a resume", describe(c));
            }
        }
        run(c, NULL, SIZE_MAX, &resumed);
        if (!is_same(&whole, &resumed)) {
            fail_msg("%s: differs after a resume at call %zu", describe(c), stop);
        }
    }
}

static void an_episode_resumes_at_every_call(void **state) {
    (void)state;
    hold(check_resume, CASES / 2);
}

// Play C with the N-th allocation failing; whether it went through.
static bool survives(const struct contract_case *c, uint64_t n) {
    struct cr_episode *episode = NULL;
    struct cr_call *call;
    cr_mem_fail_at(n);
    enum cr_status status = cr_episode_create(&c->setting, &episode, NULL);
    while (status == CR_OK && !cr_episode_is_done(episode)) {
        status = cr_episode_next(episode, &call, NULL);
        if (status == CR_OK) {
            assert_non_null(call);
            status = answer(c, episode, call);
        }
    }
    cr_mem_fail_at(0);
    assert_true(status == CR_OK || status == CR_E_MEMORY);
    cr_episode_destroy(episode);
    return status == CR_OK;
}

static void check_allocations(const struct contract_case *c) {
    uint64_t n = 1;
    while (!survives(c, n)) {
        n++;
    }
    assert_true(n > 5);
}

static void each_failed_allocation_is_an_error_and_leaks_nothing(void **state) {
    (void)state;
    hold(check_allocations, ALLOCATION_CASES);
}

static int load(void **state) {
    (void)state;
    prompts = paper_load();
    return 0;
}

static int unload(void **state) {
    (void)state;
    cr_prompt_set_destroy(prompts);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_episode_ends_once_within_its_bounds),
        cmocka_unit_test(nothing_depends_on_the_order_of_replies),
        cmocka_unit_test(an_episode_resumes_at_every_call),
        cmocka_unit_test(each_failed_allocation_is_an_error_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
