// records.c - walking over the records of one kind, group after group.
#include "analyze/analysis_internal.h"

// The next iteration of any group.
static const void *next_iteration(struct cr_records *records) {
    const struct cr_analysis *analysis = records->analysis;
    while (records->group < analysis->groups) {
        const struct cr_group_result *group = &analysis->group[records->group];
        if (records->at < group->iterations) {
            return &group->iteration[records->at++];
        }
        records->group++;
        records->at = 0;
    }
    return NULL;
}

// The next bin that holds anything, of a group's opening and then of its end.
static const void *next_reliability(struct cr_records *records) {
    const struct cr_analysis *analysis = records->analysis;
    for (; records->group < analysis->groups; records->group++, records->at = 0) {
        const struct cr_group_result *group = &analysis->group[records->group];
        uint32_t ends = group->iterations < 2 ? group->iterations : 2;
        for (; records->at < (size_t)ends * analysis->cfg.bins; records->at++) {
            bool is_final = records->at >= analysis->cfg.bins;
            uint32_t b = (uint32_t)(records->at % analysis->cfg.bins);
            const struct cr_calibration *c =
                &group->iteration[is_final ? group->iterations - 1 : 0]
                     .slice.calibration;
            if (b >= c->bins || (c->width[b].n == 0 && c->mass[b].n == 0)) {
                continue;
            }
            records->reliability = (struct cr_reliability_result){
                group->label, is_final ? "final" : "opening", (double)b / c->bins,
                c->width[b], c->mass[b]};
            records->at++;
            return &records->reliability;
        }
    }
    return NULL;
}

// The next iteration of any group that any market moved into.
static const void *next_belief_step(struct cr_records *records) {
    const struct cr_analysis *analysis = records->analysis;
    for (; records->group < analysis->groups; records->group++, records->at = 0) {
        const struct cr_group_result *group = &analysis->group[records->group];
        while (records->at < group->beliefs.steps) {
            uint32_t t = (uint32_t)records->at++;
            if (group->beliefs.step[t].n > 0) {
                records->belief_step = (struct cr_belief_step_result){
                    group->label, t, group->beliefs.step[t]};
                return &records->belief_step;
            }
        }
    }
    return NULL;
}

struct cr_corp_band_result cr_corp_band_result_of(const struct cr_iteration_result *one,
                                                  uint32_t at) {
    const struct cr_corp_band *band = &one->corp.band[at];
    return (struct cr_corp_band_result){one->label, one->when, *band,
                                        band->share < band->low ||
                                            band->share > band->high};
}

// The next price of the curve of a group's opening, and then of its end.
static const void *next_band(struct cr_records *records) {
    const struct cr_analysis *analysis = records->analysis;
    for (; records->group < analysis->groups; records->group++, records->at = 0) {
        const struct cr_group_result *group = &analysis->group[records->group];
        for (; records->at < (size_t)group->iterations * CR_CORP_GRID; records->at++) {
            const struct cr_iteration_result *one =
                &group->iteration[records->at / CR_CORP_GRID];
            uint32_t at = (uint32_t)(records->at % CR_CORP_GRID);
            if (at < one->corp.bands) {
                records->band = cr_corp_band_result_of(one, at);
                records->at++;
                return &records->band;
            }
        }
    }
    return NULL;
}

static const void *next_murphy(struct cr_records *records) {
    const struct cr_analysis *analysis = records->analysis;
    for (; records->group < analysis->groups; records->group++, records->at = 0) {
        const struct cr_group_result *group = &analysis->group[records->group];
        if (group->has_murphy && records->at < CR_MURPHY_POINTS) {
            records->murphy =
                (struct cr_murphy_result){group->label, group->murphy[records->at++]};
            return &records->murphy;
        }
    }
    return NULL;
}

static const void *next_instrument_step(struct cr_records *records) {
    const struct cr_analysis *analysis = records->analysis;
    for (; records->group < analysis->groups; records->group++, records->at = 0) {
        const struct cr_group_result *group = &analysis->group[records->group];
        while (records->at < group->instrument.steps) {
            uint32_t t = (uint32_t)records->at++;
            if (group->instrument.step[t].n > 0) {
                records->instrument_step = (struct cr_instrument_step_result){
                    group->label, t, group->instrument.step[t]};
                return &records->instrument_step;
            }
        }
    }
    return NULL;
}

static const void *next_held_step(struct cr_records *records) {
    const struct cr_analysis *analysis = records->analysis;
    for (; records->group < analysis->groups; records->group++, records->at = 0) {
        const struct cr_group_result *group = &analysis->group[records->group];
        while (records->at < group->held.steps) {
            uint32_t t = (uint32_t)records->at++;
            if (group->held.step[t].n > 0) {
                records->held_step =
                    (struct cr_held_step_result){group->label, t, group->held.step[t]};
                return &records->held_step;
            }
        }
    }
    return NULL;
}

const void *cr_records_next(struct cr_records *records) {
    const struct cr_analysis *analysis = records->analysis;
    switch (records->kind) {
    case CR_RECORD_GROUP:
        return records->at < analysis->groups ? &analysis->group[records->at++] : NULL;
    case CR_RECORD_ITERATION:
        return next_iteration(records);
    case CR_RECORD_RELIABILITY:
        return next_reliability(records);
    case CR_RECORD_PAIR:
        return records->at < analysis->pairs ? &analysis->pair[records->at++] : NULL;
    case CR_RECORD_WHAT_IF:
        return records->at < analysis->what_if.len
                   ? &analysis->what_if.at[records->at++]
                   : NULL;
    case CR_RECORD_BELIEF_STEP:
        return next_belief_step(records);
    case CR_RECORD_INDEPENDENCE:
        return records->at < analysis->independences
                   ? &analysis->independence[records->at++]
                   : NULL;
    case CR_RECORD_CORP_BAND:
        return next_band(records);
    case CR_RECORD_MURPHY:
        return next_murphy(records);
    case CR_RECORD_INSTRUMENT_STEP:
        return next_instrument_step(records);
    case CR_RECORD_WORDING:
        return records->at < analysis->wordings ? &analysis->wording[records->at++]
                                                : NULL;
    case CR_RECORD_HELD_STEP:
        return next_held_step(records);
    case CR_RECORD_CONTROL:
        return records->at < analysis->controls ? &analysis->control[records->at++]
                                                : NULL;
    case CR_RECORD_CONFIRMATORY:
        return records->at < analysis->confirmatories
                   ? &analysis->confirmatory[records->at++]
                   : NULL;
    case CR_RECORD_STOPPING:
        return records->at < analysis->stoppings ? &analysis->stopping[records->at++]
                                                 : NULL;
    case CR_RECORD_FRONTIER:
        return records->at < analysis->frontiers ? &analysis->frontier[records->at++]
                                                 : NULL;
    case CR_RECORD_REASON:
        return records->at < analysis->reasons ? &analysis->reason[records->at++]
                                               : NULL;
    default:
        return NULL; // bins and pools are part of an iteration
    }
}
