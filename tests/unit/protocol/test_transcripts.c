// test_transcripts.c - every protocol against hand-written transcripts: what is asked,
// in which order, and what the replies make of the price.
//
// `asked` names each call: M a maker's, T a trader's, then the iteration, .N the
// trader, /N the sample, +N the repair; what is out at the same time stands in
// brackets.
#include "cmocka_all.h"

#include "credence/protocol/episode.h"
#include "paper.h"
#include "script.h"

enum { PRICES_MAX = 16, REPLIES_MAX = 20, ASKED_BYTES = 512 };

static struct cr_prompt_set *prompts;

struct transcript {
    const char *name;
    const char *protocol;
    const struct cr_proposition *proposition;
    void (*change)(struct cr_cell *cell); // NULL: the paper's cell
    const char *replies[REPLIES_MAX];
    const char *asked;
    double price[PRICES_MAX]; // [prices_len][width], options in the file's order
    uint32_t prices_len;
    enum cr_stop_reason ended;
};

static void sample_votes(struct cr_cell *cell) {
    cell->elicitation = CR_ELICIT_SAMPLED;
}

static void read_logprobs(struct cr_cell *cell) {
    cell->elicitation = CR_ELICIT_LOGPROB;
}

static void sample_votes_of_a_market(struct cr_cell *cell) {
    cell->elicitation = CR_ELICIT_SAMPLED;
    cell->samples = 2;
    cell->stop.max_iterations = 1;
}

static void two_in_turn(struct cr_cell *cell) {
    cell->traders_len = 2;
    cell->stop.rule = CR_STOP_FIXED;
    cell->stop.max_iterations = 3;
}

static void room_of_two(struct cr_cell *cell) {
    cell->traders_len = 2;
    cell->room = (struct cr_room){.liquidity = 1, .sizing = CR_SIZING_BELIEF};
}

static void two_at_once(struct cr_cell *cell) {
    cell->traders_len = 2;
    cell->order = CR_ORDER_SIMULTANEOUS;
    cell->stop.max_iterations = 1;
}

static void debate_at_once(struct cr_cell *cell) {
    cell->order = CR_ORDER_SIMULTANEOUS;
    cell->rounds = 1;
}

static void echo(struct cr_cell *cell) {
    cell->stance = CR_STANCE_ECHO;
    cell->stop.max_iterations = 2;
}

static void filler(struct cr_cell *cell) {
    cell->stance = CR_STANCE_FILLER;
    cell->stop.max_iterations = 1;
}

static void patience(struct cr_cell *cell) {
    cell->stop.rule = CR_STOP_PATIENCE;
    cell->stop.window = 2;
}

static void confidence(struct cr_cell *cell) {
    cell->stop.rule = CR_STOP_CONFIDENCE;
    cell->stop.threshold = 0.8;
}

// A lead of two: log(0.85 / 0.15) / log(0.7 / 0.3) is 2.05, of 0.16 it is 1.96.
static void sprt(struct cr_cell *cell) {
    cell->stop.rule = CR_STOP_SPRT;
    cell->stop.threshold = 0.16;
    cell->samples = 5;
    cell->repairs = 0;
}

static void stop_on_a_side(struct cr_cell *cell) {
    cell->stop.rule = CR_STOP_STABLE_SIDE;
    cell->stop.window = 2;
}

static void stop_by_ks(struct cr_cell *cell) {
    cell->stop = (struct cr_stop){CR_STOP_KS, 1, 0, 10};
}

static void run_to_the_end(struct cr_cell *cell) {
    cell->stop_early = false;
    cell->stop.max_iterations = 3;
}

#define P(p) "{\"price\":" #p "}"
#define O(a, b, c) "{\"prices\":{\"oak\":" #a ",\"elm\":" #b ",\"ash\":" #c "}}"
#define Q(a, b, c) "{\"q05\":" #a ",\"q50\":" #b ",\"q95\":" #c "}"

static const struct transcript transcripts[] = {
    {"one judgment",
     "single",
     &script_claim,
     NULL,
     {P(0.3)},
     "[M0]",
     {0.3},
     1,
     CR_ENDED_COMPLETE},
    {"one judgment, repaired twice",
     "single",
     &script_claim,
     NULL,
     {"a", "b", P(0.3)},
     "[M0][M0+1][M0+2]",
     {0.3},
     1,
     CR_ENDED_COMPLETE},
    {"one judgment, never usable",
     "single",
     &script_claim,
     NULL,
     {"a", "b", "c"},
     "[M0][M0+1][M0+2]",
     {0},
     0,
     CR_ENDED_INVALID},
    {"the share of votes",
     "single",
     &script_claim,
     sample_votes,
     {"yes", "{\"answer\":\"no\"}", "Yes."},
     "[M0 M0/1 M0/2]",
     {2.0 / 3},
     1,
     CR_ENDED_COMPLETE},
    {"a vote that is lost does not count",
     "single",
     &script_claim,
     sample_votes,
     {"yes", "well", "no", "hm", "er"},
     "[M0 M0/1 M0/2][M0/1+1][M0/1+2]",
     {0.5},
     1,
     CR_ENDED_COMPLETE},
    {"the mass of yes and no",
     "single",
     &script_claim,
     read_logprobs,
     {"%Yes 0.6 No 0.2 Well 0.1"},
     "[M0]",
     {0.75},
     1,
     CR_ENDED_COMPLETE},
    {"an endpoint without logprobs is a failure",
     "single",
     &script_claim,
     read_logprobs,
     {"Yes"},
     "[M0]",
     {0},
     0,
     CR_ENDED_FAILED},
    {"votes over options",
     "single",
     &script_choice,
     sample_votes,
     {"{\"answer\":\"elm\"}", "{\"answer\":\"ash\"}", "{\"answer\":\"Elm\"}"},
     "[M0 M0/1 M0/2]",
     {0, 2.0 / 3, 1.0 / 3},
     1,
     CR_ENDED_COMPLETE},
    {"quantiles",
     "single",
     &script_quantity,
     NULL,
     {Q(10, 30, 60)},
     "[M0]",
     {0.3},
     1,
     CR_ENDED_COMPLETE},
    {"running means",
     "self_consistency",
     &script_claim,
     NULL,
     {P(0.9), P(0.3), P(0.6)},
     "[M0 M1/1 M2/2]",
     {0.9, 0.6, 0.6},
     3,
     CR_ENDED_COMPLETE},
    {"a lost sample is left out of the mean",
     "self_consistency",
     &script_claim,
     NULL,
     {P(0.9), "?", P(0.3), "?", "?"},
     "[M0 M1/1 M2/2][M1/1+1][M1/1+2]",
     {0.9, 0.6},
     2,
     CR_ENDED_COMPLETE},
    {"running means of options",
     "self_consistency",
     &script_choice,
     NULL,
     {O(1, 0, 0), O(0, 1, 0), O(0, 0.5, 0.5)},
     "[M0 M1/1 M2/2]",
     {1, 0, 0, 0.5, 0.5, 0, 1.0 / 3, 0.5, 0.5 / 3},
     3,
     CR_ENDED_COMPLETE},
    {"a maker alone converges",
     "self_refine",
     &script_claim,
     NULL,
     {P(0.2), P(0.5), P(0.6), P(0.55)},
     "[M0][M1][M2][M3]",
     {0.2, 0.5, 0.6, 0.55},
     4,
     CR_ENDED_EQUILIBRIUM},
    {"options converge on the largest range",
     "self_refine",
     &script_choice,
     NULL,
     {O(0.6, 0.2, 0.2), O(0.3, 0.2, 0.5), O(0.4, 0.2, 0.4), O(0.4, 0.1, 0.5)},
     "[M0][M1][M2][M3]",
     {0.6, 0.2, 0.2, 0.3, 0.2, 0.5, 0.4, 0.2, 0.4, 0.4, 0.1, 0.5},
     4,
     CR_ENDED_EQUILIBRIUM},
    {"two sides in turn",
     "debate",
     &script_claim,
     NULL,
     {P(0.5), "for", "against", P(0.6), "for", "against", P(0.1)},
     "[M0][T1.0][T1.1][M1][T2.0][T2.1][M2]",
     {0.5, 0.6, 0.1},
     3,
     CR_ENDED_COMPLETE},
    {"two sides at once",
     "debate",
     &script_choice,
     debate_at_once,
     {O(0.5, 0.3, 0.2), "a", "b", O(0.1, 0.8, 0.1)},
     "[M0][T1.0 T1.1][M1]",
     {0.5, 0.3, 0.2, 0.1, 0.8, 0.1},
     2,
     CR_ENDED_COMPLETE},
    {"a quantity debated",
     "debate",
     &script_quantity,
     debate_at_once,
     {Q(10, 20, 30), "more", "less", Q(10, 10, 30)},
     "[M0][T1.0 T1.1][M1]",
     {0.2, 0.1},
     2,
     CR_ENDED_COMPLETE},
    {"a consultant is heard alone",
     "consultancy",
     &script_claim,
     NULL,
     {P(0.5), "for", P(0.6), "for", P(0.1)},
     "[M0][T1.0][M1][T2.0][M2]",
     {0.5, 0.6, 0.1},
     3,
     CR_ENDED_COMPLETE},
    {"a case and its critique",
     "critic",
     &script_choice,
     debate_at_once,
     {O(0.5, 0.3, 0.2), "elm", "no", O(0.1, 0.8, 0.1)},
     "[M0][T1.0][T1.1][M1]",
     {0.5, 0.3, 0.2, 0.1, 0.8, 0.1},
     2,
     CR_ENDED_COMPLETE},
    {"an echo makes no call",
     "market",
     &script_claim,
     echo,
     {P(0.1), P(0.9), P(0.2)},
     "[M0][M1][M2]",
     {0.1, 0.9, 0.2},
     3,
     CR_ENDED_MAX_ITERATIONS},
    {"a filler makes no call",
     "market",
     &script_quantity,
     filler,
     {Q(10, 20, 30), Q(10, 90, 95)},
     "[M0][M1]",
     {0.2, 0.9},
     2,
     CR_ENDED_MAX_ITERATIONS},
    {"patience",
     "market",
     &script_claim,
     patience,
     {P(0.5), "a", P(0.9), "a", P(0.6), "a", P(0.85)},
     "[M0][T1.0][M1][T2.0][M2][T3.0][M3]",
     {0.5, 0.9, 0.6, 0.85},
     4,
     CR_ENDED_PATIENCE},
    {"confidence",
     "market",
     &script_choice,
     confidence,
     {O(0.5, 0.3, 0.2), "a", O(0.1, 0.1, 0.8)},
     "[M0][T1.0][M1]",
     {0.5, 0.3, 0.2, 0.1, 0.1, 0.8},
     2,
     CR_ENDED_CONFIDENCE},
    {"votes are counted until one leads",
     "self_consistency",
     &script_claim,
     sprt,
     {P(0.9), "x", P(0.2), P(0.7), P(0.8)},
     "[M0][M1/1][M2/2][M3/3][M4/4]",
     {0.9, 0.55, 0.6, 0.65},
     4,
     CR_ENDED_SPRT},
    {"votes that never agree",
     "self_consistency",
     &script_claim,
     sprt,
     {P(0.9), P(0.1), P(0.9), P(0.1), P(0.9)},
     "[M0][M1/1][M2/2][M3/3][M4/4]",
     {0.9, 0.5, 0.633333333333333333, 0.5, 0.58},
     5,
     CR_ENDED_COMPLETE},
    {"a room of two who go to their beliefs",
     "lmsr",
     &script_claim,
     room_of_two,
     {P(0.9), P(0.1), P(0.8), P(0.4), "pass", P(0.6), "er", "hm", P(0.3)},
     "[T0.0 T0.1][T1.0][T2.1][T3.0][T3.0+1][T4.1][T4.1+1][T4.1+2]",
     {0.5, 0.8, 0.4, 0.6, 0.3},
     5,
     CR_ENDED_COMPLETE},
    {"two traders in turn",
     "market",
     &script_claim,
     two_in_turn,
     {P(0.1), "a", P(0.2), "b", P(0.3), "c", P(0.4)},
     "[M0][T1.0][M1][T2.1][M2][T3.0][M3]",
     {0.1, 0.2, 0.3, 0.4},
     4,
     CR_ENDED_MAX_ITERATIONS},
    {"two traders at once",
     "market",
     &script_claim,
     two_at_once,
     {P(0.1), "a", "b", P(0.9)},
     "[M0][T1.0 T1.1][M1]",
     {0.1, 0.9},
     2,
     CR_ENDED_MAX_ITERATIONS},
    {"a market of sampled votes",
     "market",
     &script_claim,
     sample_votes_of_a_market,
     {"yes", "no", "argument", "yes", "yes"},
     "[M0 M0/1][T1.0][M1 M1/1]",
     {0.5, 1},
     2,
     CR_ENDED_MAX_ITERATIONS},
    {"a market of options",
     "market",
     &script_choice,
     NULL,
     {O(0.5, 0.3, 0.2), "{\"toward\":\"elm\",\"argument\":\"x\"}", O(0.5, 0.4, 0.1),
      "y", O(0.5, 0.4, 0.1)},
     "[M0][T1.0][M1][T2.0][M2]",
     {0.5, 0.3, 0.2, 0.5, 0.4, 0.1, 0.5, 0.4, 0.1},
     3,
     CR_ENDED_EQUILIBRIUM},
    {"a market of a quantity",
     "market",
     &script_quantity,
     NULL,
     {Q(0, 50, 100), "x", Q(0, 60, 100), "y", Q(0, 70, 100)},
     "[M0][T1.0][M1][T2.0][M2]",
     {0.5, 0.6, 0.7},
     3,
     CR_ENDED_EQUILIBRIUM},
    {"the same side twice",
     "market",
     &script_claim,
     stop_on_a_side,
     {P(0.9), "x", P(0.5), "x", P(0.1), "x", P(0.4)},
     "[M0][T1.0][M1][T2.0][M2][T3.0][M3]",
     {0.9, 0.5, 0.1, 0.4},
     4,
     CR_ENDED_STABLE_SIDE},
    {"ks of windows of one",
     "market",
     &script_claim,
     stop_by_ks,
     {P(0.9), "x", P(0.5), "x", P(0.5)},
     "[M0][T1.0][M1][T2.0][M2]",
     {0.9, 0.5, 0.5},
     3,
     CR_ENDED_KS},
    {"an equilibrium that is not asked for",
     "market",
     &script_claim,
     run_to_the_end,
     {P(0.5), "x", P(0.5), "x", P(0.5), "x", P(0.5)},
     "[M0][T1.0][M1][T2.0][M2][T3.0][M3]",
     {0.5, 0.5, 0.5, 0.5},
     4,
     CR_ENDED_MAX_ITERATIONS},
};

static struct cr_episode *create(const struct cr_cell *cell,
                                 const struct cr_proposition *proposition,
                                 uint32_t replicate) {
    struct cr_episode_cfg setting = {.cell = cell,
                                     .proposition = proposition,
                                     .prompts = prompts,
                                     .trajectory_key = 5,
                                     .job_seed = 1,
                                     .replicate = replicate};
    return script_create(&setting);
}

static size_t name_call(const struct cr_call *call, char *out, size_t bytes) {
    const struct cr_call_id *id = &call->id;
    int used = snprintf(out, bytes, "%c%u", id->role == CR_ROLE_MAKER ? 'M' : 'T',
                        id->iteration);
    if (id->role == CR_ROLE_TRADER) {
        used += snprintf(out + used, bytes - (size_t)used, ".%u", id->trader);
    }
    if (id->sample) {
        used += snprintf(out + used, bytes - (size_t)used, "/%u", id->sample);
    }
    if (id->repair) {
        used += snprintf(out + used, bytes - (size_t)used, "+%u", id->repair);
    }
    return (size_t)used;
}

// Ask all that can be asked; the names of the calls go to ASKED. How many.
static size_t ask_all(struct cr_episode *episode, struct cr_call **calls, char *asked) {
    size_t len = 0, used = strlen(asked);
    for (;; len++) {
        assert_int_equal(cr_episode_next(episode, &calls[len], NULL), CR_OK);
        if (calls[len] == NULL) {
            break;
        }
        asked[used++] = len ? ' ' : '[';
        used += name_call(calls[len], asked + used, ASKED_BYTES - used);
    }
    snprintf(asked + used, ASKED_BYTES - used, "%s", len ? "]" : "");
    return len;
}

static void play(const struct transcript *t, struct cr_episode *episode, char *asked) {
    struct cr_call *calls[REPLIES_MAX + 1];
    size_t at = 0, len;
    while ((len = ask_all(episode, calls, asked)) > 0) {
        for (size_t i = 0; i < len; i++) {
            if (at == REPLIES_MAX || t->replies[at] == NULL) {
                fail_msg("%s: asks more: %s", t->name, asked);
            }
            script_answer(episode, calls[i], t->replies[at++]);
        }
    }
}

static void check_transcript(const struct transcript *t) {
    struct cr_cell cell = script_cell(t->protocol);
    if (t->change != NULL) {
        t->change(&cell);
    }
    assert_int_equal(cr_protocol_check(&cell, t->proposition->space, NULL), CR_OK);
    struct cr_episode *episode = create(&cell, t->proposition, 0);
    char asked[ASKED_BYTES] = "";
    play(t, episode, asked);
    const struct cr_trajectory *made = cr_episode_trajectory(episode);
    if (!cr_episode_is_done(episode) || strcmp(asked, t->asked) != 0 ||
        made->prices_len != t->prices_len || made->ended != t->ended) {
        fail_msg("%s: asked %s, %u prices, reason %s", t->name, asked, made->prices_len,
                 cr_stop_reason_names[made->ended]);
    }
    for (uint32_t i = 0; i < made->prices_len * made->width; i++) {
        if (fabs(made->price[i] - t->price[i]) > 1e-12) {
            fail_msg("%s: price %u is %g", t->name, i, made->price[i]);
        }
    }
    cr_episode_destroy(episode);
}

static void every_transcript_ends_as_written(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof transcripts / sizeof *transcripts; i++) {
        check_transcript(&transcripts[i]);
    }
}

static void every_protocol_has_a_transcript(void **state) {
    (void)state;
    for (uint32_t p = 0; p < cr_protocol_count(); p++) {
        bool has_one = false;
        for (size_t i = 0; i < sizeof transcripts / sizeof *transcripts; i++) {
            has_one = has_one || cr_protocol_find(transcripts[i].protocol) == (int)p;
        }
        if (!has_one) {
            fail_msg("no transcript of %s", cr_protocol_name(p));
        }
    }
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
        cmocka_unit_test(every_transcript_ends_as_written),
        cmocka_unit_test(every_protocol_has_a_transcript),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
