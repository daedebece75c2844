// held_statistics.c - the rows of what a maker says beside what it holds.
#include "analyze/analysis_internal.h"

static bool has_held(const void *record) {
    return ((const struct cr_group_result *)record)->held.markets > 0;
}

#define AT(member) offsetof(struct cr_group_result, member)
static const struct cr_statistic held[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_HELD, 1, .heading = "group"},
               {CR_SHEET_HELD_MOVES, 1, .heading = "group"},
               {CR_SHEET_HELD_NET, 1, .heading = "group"}}},
    {"markets", CR_STATISTIC_COUNT, .at = AT(held.markets),
     .shown = {{CR_SHEET_HELD, 2, .heading = "n"}},
     .text = "done binary markets with a reading beside every judgment: P(true) "
             "by the logprobs of a yes-or-no question, asked in its place just "
             "before"},
    {"said_opening", CR_STATISTIC_SHARE, .at = AT(held.said_opening),
     .shown = {{CR_SHEET_HELD, 3, .heading = "said0%"}},
     .term = "said_opening, held_opening, said_final, held_final",
     .text = "points of what is said and of what is held, at the opening and at "
             "the end"},
    {"held_opening", CR_STATISTIC_SHARE, .at = AT(held.held_opening),
     .shown = {{CR_SHEET_HELD, 4, .heading = "held0%"}}},
    {"said_final", CR_STATISTIC_SHARE, .at = AT(held.said_final),
     .shown = {{CR_SHEET_HELD, 5, .heading = "said%"}}},
    {"held_final", CR_STATISTIC_SHARE, .at = AT(held.held_final),
     .shown = {{CR_SHEET_HELD, 6, .heading = "held%"}}},
    {"final_difference", CR_STATISTIC_SHARE, .at = AT(held.final_difference.mean),
     .shown = {{CR_SHEET_HELD, 7, .heading = "diff"}},
     .text = "points of held minus said, at the end"},
    {"final_difference_interval", CR_STATISTIC_SHARE_INTERVAL,
     .at = AT(held.final_difference.interval), .digits = 1,
     .shown = {{CR_SHEET_HELD, 8, .heading = "95 %", .csv = "final_difference"}}},
    {"said_brier", CR_STATISTIC_NUMBER, .at = AT(held.said_brier), .digits = 4},
    {"held_brier", CR_STATISTIC_NUMBER, .at = AT(held.held_brier), .digits = 4},
    {"gap", CR_STATISTIC_NUMBER, .at = AT(held.gap.mean), .digits = 3,
     .shown = {{CR_SHEET_HELD, 9, .heading = "gap"}}, .term = "gap, distance",
     .text = "mean log-odds of said minus held (prices moved 0.001 away from 0 "
             "and 1); distance: the mean of its size"},
    {"gap_interval", CR_STATISTIC_INTERVAL, .at = AT(held.gap.interval), .digits = 3,
     .shown = {{CR_SHEET_HELD, 10, .heading = "95 %", .csv = "gap"}}},
    {"distance", CR_STATISTIC_NUMBER, .at = AT(held.distance), .digits = 3,
     .shown = {{CR_SHEET_HELD, 11, .heading = "|gap|"}}},
    {"said_at_rest", CR_STATISTIC_SHARE, .at = AT(held.said_at_rest),
     .shown = {{CR_SHEET_HELD, 12, .heading = "rest", .is_csv_only = true}},
     .term = "said_at_rest, held_at_rest",
     .text = "share of markets of three judgments or more whose last three "
             "prices lie within 0.2, of what is said and of what is held"},
    {"held_at_rest", CR_STATISTIC_SHARE, .at = AT(held.held_at_rest),
     .shown = {{CR_SHEET_HELD, 13, .heading = "rest", .is_csv_only = true}}},
    {"moves", CR_STATISTIC_COUNT, .at = AT(held.moved_said.n),
     .shown = {{CR_SHEET_HELD_MOVES, 2, .heading = "moves"}}},
    {"moved_said", CR_STATISTIC_NUMBER, .at = AT(held.moved_said.mean), .digits = 2,
     .shown = {{CR_SHEET_HELD_MOVES, 3, .heading = "said"}},
     .term = "moved_said, moved_held",
     .text = "mean move of the log-odds in the direction that the trader "
             "declared, of what is said and of what is held"},
    {"moved_said_interval", CR_STATISTIC_INTERVAL, .at = AT(held.moved_said.interval),
     .digits = 2,
     .shown = {{CR_SHEET_HELD_MOVES, 4, .heading = "95 %", .csv = "moved_said"}}},
    {"moved_held", CR_STATISTIC_NUMBER, .at = AT(held.moved_held.mean), .digits = 2,
     .shown = {{CR_SHEET_HELD_MOVES, 5, .heading = "held"}}},
    {"moved_held_interval", CR_STATISTIC_INTERVAL, .at = AT(held.moved_held.interval),
     .digits = 2,
     .shown = {{CR_SHEET_HELD_MOVES, 6, .heading = "95 %", .csv = "moved_held"}}},
    {"net_moves", CR_STATISTIC_COUNT, .at = AT(held.net_held.n),
     .shown = {{CR_SHEET_HELD_NET, 2, .heading = "moves"}}},
    {"net_held", CR_STATISTIC_NUMBER, .at = AT(held.net_held.mean), .digits = 2,
     .shown = {{CR_SHEET_HELD_NET, 3, .heading = "held"}},
     .term = "net_held, moved_idle",
     .text = "moved held minus moved_idle, the move of a reading without the "
             "argument: what the argument does beyond being asked again"},
    {"net_held_interval", CR_STATISTIC_INTERVAL, .at = AT(held.net_held.interval),
     .digits = 2,
     .shown = {{CR_SHEET_HELD_NET, 4, .heading = "95 %", .csv = "net_held"}}},
    {"moved_idle", CR_STATISTIC_NUMBER, .at = AT(held.moved_idle.mean), .digits = 3},
    {"moved_idle_interval", CR_STATISTIC_INTERVAL, .at = AT(held.moved_idle.interval),
     .digits = 3},
    {"net_said", CR_STATISTIC_NUMBER, .at = AT(held.net_said.mean), .digits = 2,
     .shown = {{CR_SHEET_HELD_NET, 5, .heading = "said"}},
     .term = "net_said, said_idle",
     .text = "moved said minus said_idle, the move of what is said without the "
             "argument; of jobs with \"held\": \"both\""},
    {"net_said_interval", CR_STATISTIC_INTERVAL, .at = AT(held.net_said.interval),
     .digits = 2,
     .shown = {{CR_SHEET_HELD_NET, 6, .heading = "95 %", .csv = "net_said"}}},
    {"said_idle", CR_STATISTIC_NUMBER, .at = AT(held.said_idle.mean), .digits = 3},
    {"said_idle_interval", CR_STATISTIC_INTERVAL, .at = AT(held.said_idle.interval),
     .digits = 3},
    {"sycophancy", CR_STATISTIC_NUMBER, .at = AT(held.sycophancy.mean), .digits = 2,
     .shown = {{CR_SHEET_HELD_MOVES, 7, .heading = "syco"}},
     .text = "moved said minus moved held: how much further what is said goes "
             "along with the argument"},
    {"sycophancy_interval", CR_STATISTIC_INTERVAL, .at = AT(held.sycophancy.interval),
     .digits = 2,
     .shown = {{CR_SHEET_HELD_MOVES, 8, .heading = "95 %", .csv = "sycophancy"}}},
    {"net_sycophancy", CR_STATISTIC_NUMBER, .at = AT(held.net_sycophancy.mean),
     .digits = 2, .shown = {{CR_SHEET_HELD_NET, 7, .heading = "syco"}},
     .text = "net said minus net held: sycophancy with the effect of being asked "
             "again taken off both"},
    {"net_sycophancy_interval", CR_STATISTIC_INTERVAL,
     .at = AT(held.net_sycophancy.interval), .digits = 2,
     .shown = {{CR_SHEET_HELD_NET, 8, .heading = "95 %", .csv = "net_sycophancy"}}},
    {.name = NULL},
};
#undef AT

#define AT(member) offsetof(struct cr_held_step_result, member)
static const struct cr_statistic step[] = {
    {"group", CR_STATISTIC_LABEL, .at = AT(label), .is_table_only = true,
     .shown = {{CR_SHEET_HELD_STEPS, 1, .heading = "group"}}},
    {"t", CR_STATISTIC_COUNT32, .at = AT(t),
     .shown = {{CR_SHEET_HELD_STEPS, 2, .heading = "t"}}},
    {"n", CR_STATISTIC_COUNT, .at = AT(step.n),
     .shown = {{CR_SHEET_HELD_STEPS, 3, .heading = "n"}}},
    {"said", CR_STATISTIC_NUMBER, .at = AT(step.said), .digits = 3,
     .shown = {{CR_SHEET_HELD_STEPS, 4, .heading = "said"}}},
    {"held", CR_STATISTIC_NUMBER, .at = AT(step.held), .digits = 3,
     .shown = {{CR_SHEET_HELD_STEPS, 5, .heading = "held"}}},
    {"gap", CR_STATISTIC_NUMBER, .at = AT(step.gap.mean), .digits = 3,
     .shown = {{CR_SHEET_HELD_STEPS, 6, .heading = "gap"}}},
    {"gap_interval", CR_STATISTIC_INTERVAL, .at = AT(step.gap.interval), .digits = 3,
     .shown = {{CR_SHEET_HELD_STEPS, 7, .heading = "95 %", .csv = "gap"}}},
    {"distance", CR_STATISTIC_NUMBER, .at = AT(step.distance), .digits = 3,
     .shown = {{CR_SHEET_HELD_STEPS, 8, .heading = "|gap|"}}},
    {.name = NULL},
};
#undef AT

static void write_steps(struct cr_json_writer *emit, const void *record) {
    const struct cr_group_result *group = record;
    cr_json_write_open(emit, "steps", '[');
    for (uint32_t t = 0; t < group->held.steps; t++) {
        struct cr_held_step_result one = {group->label, t, group->held.step[t]};
        if (one.step.n > 0) {
            cr_json_write_open(emit, NULL, '{');
            cr_statistics_write(emit, CR_RECORD_HELD_STEP, &one);
            cr_json_write_close(emit, '}');
        }
    }
    cr_json_write_close(emit, ']');
}

const struct cr_statistic_list cr_held_statistics[] = {
    {"held", "held", CR_RECORD_GROUP, .is_known = has_held, .row = held,
     .write_arrays = write_steps},
    {NULL, "held", CR_RECORD_HELD_STEP, .row = step},
    {.row = NULL},
};
