// group_science.c - what is asked of a group beyond its accuracy: rational moves,
// independent opinions, stop rules against the best one.
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "analyze/analysis_internal.h"
#include "analyze/prompt_numbers.h"
#include "credence/base/mem.h"

// Rows sorted by question and, within it, by proposition.
struct cr_questions {
    const struct cr_dataset *dataset;
    uint64_t *row;                    // [len] whole numbers
    uint32_t *question, *proposition; // [len] of each, dense within the group
    uint64_t len, at;
    struct cr_market *market; // of the present question
    size_t cap;
};

// Sort FROM[len] (places in the group) into TO by KEY of each, below KEYS; stable.
static enum cr_status sort_by(const uint32_t *key, uint32_t keys, const uint64_t *from,
                              uint64_t *to, uint64_t len) {
    uint64_t *first = cr_calloc((size_t)keys + 1, sizeof *first);
    if (first == NULL) {
        return CR_E_MEMORY;
    }
    for (uint64_t i = 0; i < len; i++) {
        first[key[i] + 1]++;
    }
    for (uint32_t k = 0; k < keys; k++) {
        first[k + 1] += first[k];
    }
    for (uint64_t i = 0; i < len; i++) {
        to[first[key[from[i]]]++] = from[i];
    }
    cr_free(first);
    return CR_OK;
}

static enum cr_status sort_rows(struct cr_questions *questions,
                                const struct cr_numbering *numbering, uint64_t *place,
                                uint64_t *other) {
    for (uint64_t i = 0; i < questions->len; i++) {
        place[i] = i;
    }
    enum cr_status status = sort_by(numbering->proposition, numbering->propositions,
                                    place, other, questions->len);
    return status == CR_OK ? sort_by(numbering->question, numbering->questions, other,
                                     place, questions->len)
                           : status;
}

// Freed by questions_fini, on failure too.
static enum cr_status questions_init(struct cr_questions *questions,
                                     const struct cr_dataset *dataset,
                                     const struct cr_group *group,
                                     const struct cr_numbering *numbering) {
    size_t rows = (size_t)group->len + 1;
    *questions = (struct cr_questions){.dataset = dataset, .len = group->len};
    questions->row = cr_malloc(rows * sizeof *questions->row);
    questions->question = cr_malloc(rows * sizeof *questions->question);
    questions->proposition = cr_malloc(rows * sizeof *questions->proposition);
    uint64_t *place = cr_malloc(rows * sizeof *place);
    uint64_t *other = cr_malloc(rows * sizeof *other);
    enum cr_status status = CR_E_MEMORY;
    if (questions->row != NULL && questions->question != NULL &&
        questions->proposition != NULL && place != NULL && other != NULL) {
        status = sort_rows(questions, numbering, place, other);
    }
    for (uint64_t i = 0; i < questions->len && status == CR_OK; i++) {
        questions->row[i] = dataset->order[group->first + place[i]];
        questions->question[i] = numbering->question[place[i]];
        questions->proposition[i] = numbering->proposition[place[i]];
    }
    cr_free(place);
    cr_free(other);
    return status;
}

static void questions_fini(struct cr_questions *questions) {
    cr_free(questions->row);
    cr_free(questions->question);
    cr_free(questions->proposition);
    cr_free(questions->market);
    memset(questions, 0, sizeof *questions);
}

// The markets of the next question and how many; *len 0 at the end. They are valid until
// the next call. market[i] is of row questions->row[questions->at - *len + i].
static enum cr_status questions_next(struct cr_questions *questions,
                                     const struct cr_market **market, size_t *len) {
    uint64_t end = questions->at;
    while (end < questions->len &&
           questions->question[end] == questions->question[questions->at]) {
        end++;
    }
    size_t markets = (size_t)(end - questions->at);
    enum cr_status status = cr_array_grow((void **)&questions->market, &questions->cap,
                                          markets + 1, sizeof *questions->market);
    if (status != CR_OK) {
        return status;
    }
    for (size_t i = 0; i < markets; i++) {
        uint64_t at = questions->at + i;
        cr_dataset_market(questions->dataset, questions->row[at],
                          &questions->market[i]);
        questions->market[i].question = questions->question[at];
        questions->market[i].proposition = questions->proposition[at];
    }
    questions->at = end;
    *market = questions->market;
    *len = markets;
    return CR_OK;
}

struct science {
    struct cr_beliefs *beliefs;
    struct cr_judges *replicates;
    struct cr_instrument *instrument;
    struct cr_held_readings *held;
    struct cr_prompt_numbers numbers;
    struct cr_murphy murphy;
    bool has_murphy;
    struct cr_settling settling;
    bool has_settling;
    struct cr_sides sides;
    bool has_sides;
    struct cr_pools pools;
    bool has_rooms;
    uint32_t window; // of the range rule; 0: the cell has another rule
};

// The numbers are those of the prompt set of the group's first cell.
static enum cr_status create_instrument(const struct cr_analysis *analysis,
                                        const struct cr_group *group,
                                        uint32_t questions, struct science *out) {
    enum cr_status status = cr_prompt_numbers_read(group->view, group->cell->prompts,
                                                   &out->numbers, analysis->err);
    if (status != CR_OK) {
        return status;
    }
    struct cr_instrument_cfg cfg = {.iterations = analysis->dataset->iterations,
                                    .questions = questions,
                                    .number = out->numbers.at,
                                    .numbers = out->numbers.len,
                                    .has_numbers = out->numbers.is_known};
    return cr_instrument_create(&cfg, &out->instrument);
}

static enum cr_status science_create(const struct cr_analysis *analysis,
                                     const struct cr_group *group, uint32_t questions,
                                     struct science *out) {
    unsigned sections = analysis->cfg.sections;
    enum cr_status status = CR_OK;
    if ((sections & CR_SECTION_BELIEFS) != 0) {
        status =
            cr_beliefs_create(analysis->dataset->iterations, questions, &out->beliefs);
    }
    if (status == CR_OK && (sections & CR_SECTION_INDEPENDENCE) != 0) {
        status = cr_judges_create(0, questions, &out->replicates);
    }
    if (status == CR_OK && (sections & CR_SECTION_INSTRUMENT) != 0) {
        status = create_instrument(analysis, group, questions, out);
    }
    if (status == CR_OK && (sections & CR_SECTION_HELD) != 0) {
        status = cr_held_create(analysis->dataset->iterations, &out->held);
    }
    out->has_sides = (sections & CR_SECTION_CONSULTANCY) != 0 &&
                     strcmp(group->cell->protocol, "consultancy") == 0;
    out->has_rooms = (sections & CR_SECTION_ROOM) != 0;
    out->has_settling = (sections & CR_SECTION_SETTLING) != 0;
    bool is_range = strcmp(group->cell->stop_rule, "range") == 0;
    out->window = is_range ? group->cell->window : 0;
    out->has_murphy = (sections & CR_SECTION_MURPHY) != 0;
    return status;
}

static void science_destroy(struct science *science) {
    cr_beliefs_destroy(science->beliefs);
    cr_judges_destroy(science->replicates);
    cr_instrument_destroy(science->instrument);
    cr_held_destroy(science->held);
}

enum { REPLICATES_MAX = 64 }; // of one proposition that are set against one another

// The markets [0, LEN) of one proposition as judgments of one another.
static void add_replicates(struct cr_judges *judges, const struct cr_market *market,
                           size_t len) {
    struct cr_judgment_score score[REPLICATES_MAX];
    size_t used = 0;
    for (size_t i = 0; i < len && used < REPLICATES_MAX; i++) {
        score[used++] = cr_judgment_score_of(&market[i]);
    }
    cr_judges_add(judges, score, used, market->options == NULL ? market->label : -1);
}

static void add_murphy(struct cr_murphy *murphy, const struct cr_market *market,
                       size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (market[i].status != CR_DONE || market[i].prices_len == 0 ||
            market[i].space == CR_SPACE_CONTINUOUS) {
            continue;
        }
        double opening, final, outcome, at_end;
        cr_forecast_at(&market[i], 0, &opening, &outcome);
        cr_forecast_at(&market[i], market[i].prices_len - 1, &final, &at_end);
        if (market[i].options == NULL) { // of options, opening and end bet on others
            cr_murphy_add(murphy, opening, final, outcome);
        }
    }
    cr_murphy_question(murphy);
}

static void add_question(struct science *science, const struct cr_market *market,
                         size_t len) {
    if (science->beliefs != NULL) {
        cr_beliefs_add(science->beliefs, market, len);
    }
    if (science->held != NULL) {
        cr_held_add(science->held, market, len);
    }
    if (science->has_sides) {
        cr_sides_add(&science->sides, market, len);
    }
    if (science->has_rooms) {
        cr_pools_add(&science->pools, market, len);
    }
    if (science->has_settling) {
        cr_settling_add(&science->settling, market, len, science->window);
    }
    if (science->instrument != NULL) {
        cr_instrument_add(science->instrument, market, len);
    }
    if (science->has_murphy) {
        add_murphy(&science->murphy, market, len);
    }
    if (science->replicates == NULL) {
        return;
    }
    for (size_t i = 0; i < len;) {
        size_t end = i + 1;
        while (end < len && market[end].proposition == market[i].proposition) {
            end++;
        }
        add_replicates(science->replicates, &market[i], end - i);
        i = end;
    }
    cr_judges_question(science->replicates);
}

static enum cr_status finish(struct cr_analysis *analysis, struct science *science,
                             struct cr_group_result *out) {
    double level = analysis->cfg.level;
    enum cr_status status = CR_OK;
    if (science->beliefs != NULL) {
        status = cr_beliefs_finish(science->beliefs, level, &out->beliefs);
    }
    if (status == CR_OK && science->held != NULL) {
        status = cr_held_finish(science->held, level, &out->held);
    }
    if (status == CR_OK && science->instrument != NULL) {
        status = cr_instrument_finish(science->instrument, level, &out->instrument);
    }
    if (science->has_sides) {
        cr_sides_finish(&science->sides, level, &out->sides);
    }
    if (science->has_rooms) {
        cr_pools_finish(&science->pools, level, &out->room);
    }
    if (science->has_settling) {
        cr_settling_finish(&science->settling, science->window,
                           out->group->cell->threshold, level, &out->settling);
    }
    if (science->has_murphy && science->murphy.n > 0) {
        cr_murphy_finish(&science->murphy, level, out->murphy);
        out->has_murphy = true;
    }
    if (status == CR_OK && science->replicates != NULL) {
        struct cr_independence_result one = {.label = out->label, .over = "replicates"};
        status = cr_judges_finish(science->replicates, level, &one.numbers);
        if (status == CR_OK && one.numbers.propositions > 0) {
            status = cr_analysis_add_independence(analysis, &one);
        }
    }
    return status;
}

enum cr_status cr_group_science(struct cr_analysis *analysis,
                                struct cr_group_result *group,
                                const struct cr_numbering *numbering) {
    struct cr_questions questions = {0};
    struct science science = {0};
    enum cr_status status =
        science_create(analysis, group->group, numbering->questions, &science);
    if (status == CR_OK) {
        status = questions_init(&questions, analysis->dataset, group->group, numbering);
    }
    while (status == CR_OK) {
        const struct cr_market *market = NULL;
        size_t len = 0;
        status = questions_next(&questions, &market, &len);
        if (status != CR_OK || len == 0) {
            break;
        }
        add_question(&science, market, len);
    }
    if (status == CR_OK) {
        status = finish(analysis, &science, group);
    }
    questions_fini(&questions);
    science_destroy(&science);
    return status;
}
