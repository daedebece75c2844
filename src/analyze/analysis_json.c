// analysis_json.c - the whole analysis as one JSON object; the report is made from it.
#include "analyze/analysis_internal.h"
#include "credence/base/json_write.h"

// An array of all records of KIND.
static void records(struct cr_json_writer *emit, const struct cr_analysis *analysis,
                    enum cr_record kind, const char *key) {
    struct cr_records walk = {.analysis = analysis, .kind = kind};
    const void *one;
    cr_json_write_open(emit, key, '[');
    while ((one = cr_records_next(&walk)) != NULL) {
        cr_json_write_open(emit, NULL, '{');
        cr_statistics_write(emit, kind, one);
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
}

static void iterations(struct cr_json_writer *emit,
                       const struct cr_group_result *group) {
    cr_json_write_open(emit, "iterations", '[');
    for (uint32_t t = 0; t < group->iterations; t++) {
        cr_json_write_open(emit, NULL, '{');
        cr_statistics_write(emit, CR_RECORD_ITERATION, &group->iteration[t]);
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
}

static void murphy(struct cr_json_writer *emit, const struct cr_group_result *group) {
    cr_json_write_open(emit, "murphy", '[');
    for (int k = 0; k < CR_MURPHY_POINTS && group->has_murphy; k++) {
        struct cr_murphy_result one = {group->label, group->murphy[k]};
        cr_json_write_open(emit, NULL, '{');
        cr_statistics_write(emit, CR_RECORD_MURPHY, &one);
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
}

static void factors(struct cr_json_writer *emit, const struct cr_dataset *dataset,
                    const struct cr_group *group) {
    cr_json_write_open(emit, "factors", '{');
    for (size_t i = 0; i < dataset->factors.len; i++) {
        cr_json_write_text(emit, dataset->factors.at[i].name, group->value[i]);
    }
    cr_json_write_close(emit, '}');
    const struct cr_run_cell *cell = group->cell; // of the group's first cell
    cr_json_write_open(emit, "first_cell", '{');
    cr_json_write_text(emit, "name", cell->name);
    cr_json_write_text(emit, "protocol", cell->protocol);
    cr_json_write_text(emit, "benchmark", cell->benchmark);
    cr_json_write_text(emit, "maker", cell->maker);
    cr_json_write_text(emit, "trader", cell->trader);
    cr_json_write_text(emit, "stance", cell->stance);
    cr_json_write_text(emit, "stop.rule", cell->stop_rule);
    cr_json_write_number(emit, "stop.threshold", cell->threshold);
    cr_json_write_count(emit, "stop.window", cell->window);
    cr_json_write_count(emit, "max_iterations", cell->max_iterations);
    cr_json_write_close(emit, '}');
}

static void groups(struct cr_json_writer *emit, const struct cr_analysis *analysis) {
    cr_json_write_open(emit, "groups", '[');
    for (size_t g = 0; g < analysis->groups; g++) {
        const struct cr_group_result *group = &analysis->group[g];
        cr_json_write_open(emit, NULL, '{');
        cr_json_write_text(emit, "label", group->label);
        factors(emit, analysis->dataset, group->group);
        cr_statistics_write(emit, CR_RECORD_GROUP, group);
        iterations(emit, group);
        murphy(emit, group);
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
}

static void files(struct cr_json_writer *emit, const struct cr_dataset *dataset) {
    cr_json_write_open(emit, "files", '[');
    for (size_t v = 0; v < dataset->views; v++) {
        const struct cr_run_view *view = dataset->view[v].view;
        cr_json_write_open(emit, NULL, '{');
        cr_json_write_text(emit, "path", dataset->view[v].path);
        cr_json_write_text(emit, "job_hash", view->job_hash);
        cr_json_write_text(emit, "version", view->version);
        cr_json_write_count(emit, "episodes", view->episodes);
        cr_json_write_bool(emit, "simulated", view->is_simulated);
        cr_json_write_bool(emit, "complete", view->is_complete);
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
}

static void head(struct cr_json_writer *emit, const struct cr_analysis *analysis,
                 const char *version) {
    cr_json_write_text(emit, "credence", version);
    files(emit, analysis->dataset);
    cr_json_write_open(emit, "settings", '{');
    cr_json_write_count(emit, "resamples", analysis->cfg.resamples);
    cr_json_write_count(emit, "seed", analysis->cfg.seed);
    cr_json_write_number(emit, "level", analysis->cfg.level);
    cr_json_write_count(emit, "bins", analysis->cfg.bins);
    cr_json_write_text(emit, "family", cr_family_names[analysis->cfg.family]);
    cr_json_write_close(emit, '}');
    cr_json_write_open(emit, "warnings", '[');
    for (size_t i = 0; i < analysis->warnings; i++) {
        cr_json_write_text(emit, NULL, analysis->warning[i]);
    }
    cr_json_write_close(emit, ']');
}

static void definitions(struct cr_json_writer *emit) {
    struct cr_definition definition;
    cr_json_write_open(emit, "definitions", '[');
    for (size_t i = 0; cr_analysis_definition(i, &definition); i++) {
        cr_json_write_open(emit, NULL, '{');
        cr_json_write_text(emit, "name", definition.name);
        cr_json_write_text(emit, "section", definition.section);
        cr_json_write_text(emit, "text", definition.text);
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
}

enum cr_status cr_analysis_json(const struct cr_analysis *analysis, const char *version,
                                struct cr_buf *out) {
    struct cr_json_writer emit = {.out = out};
    cr_json_write_open(&emit, NULL, '{');
    head(&emit, analysis, version);
    records(&emit, analysis, CR_RECORD_CONFIRMATORY, "confirmatory");
    groups(&emit, analysis);
    records(&emit, analysis, CR_RECORD_PAIR, "comparisons");
    records(&emit, analysis, CR_RECORD_WHAT_IF, "what_if");
    records(&emit, analysis, CR_RECORD_INDEPENDENCE, "independence");
    records(&emit, analysis, CR_RECORD_REASON, "reasons");
    records(&emit, analysis, CR_RECORD_WORDING, "wordings");
    records(&emit, analysis, CR_RECORD_CONTROL, "controls");
    records(&emit, analysis, CR_RECORD_STOPPING, "stopping");
    records(&emit, analysis, CR_RECORD_FRONTIER, "frontier");
    definitions(&emit);
    cr_json_write_close(&emit, '}');
    if (emit.status == CR_OK) {
        emit.status = cr_buf_add_text(out, "\n");
    }
    return emit.status;
}
