// cmd_analyze.c - credence analyze: the numbers that a run's prices hold.
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "credence/analyze/analysis.h"
#include "credence/base/mem.h"
#include "credence/base/text.h"
#include "credence/stats/calibration.h"

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_CSV, FORMAT_MD, FORMAT_LEN };
static const char *const format_names[FORMAT_LEN] = {"table", "json", "csv", "md"};

static const char *const exclusion_names[] = {"prompt_number"};

enum { OUTPUT_BYTES_MAX = 1 << 30 };

enum { WHAT_IFS_MAX = 64 };

struct request {
    enum format format;
    struct cr_analysis_cfg cfg; // sections 0: not said
    const char *what_if[WHAT_IFS_MAX];
};

enum {
    KEY_RESAMPLES = 256,
    KEY_SEED,
    KEY_BINS,
    KEY_FORMAT,
    KEY_SECTION,
    KEY_COMPARE,
    KEY_FAMILY,
    KEY_BY,
    KEY_WHAT_IF,
    KEY_EXCLUDE
};

static const struct cr_option options[] = {
    {KEY_BY, "by", "FACTOR,..",
     "group rows by these factors: cell, file, protocol, benchmark, maker, trader, "
     "stance, prompts, prompts.trader, elicitation, stop.rule, stop.threshold, "
     "stop.window, max_iterations, samples, rounds, or item.NAME, a column that the "
     "benchmark keeps (default cell)"},
    {KEY_SECTION, "section", "NAME,..",
     "tables to print: accuracy (default), calibration, reliability, dynamics, "
     "iterations, worth, comparison, continuous, what-if, beliefs, independence, "
     "reasons, corp, diagram, murphy, stopping, placebo, agent-score, instrument, wording, held, room, consultancy, all; json always has all"},
    {KEY_FORMAT, "format", "FORMAT", "table (default), json, csv (one section) or md"},
    {KEY_COMPARE, "compare", "LABEL",
     "compare every group with the one of this label, paired by proposition"},
    {KEY_WHAT_IF, "what-if", "AXIS=V,..",
     "the stored trajectories under other stop rules: stop.rule, stop.window, "
     "stop.threshold or max_iterations; several of these options make a grid; a job "
     "with \"stop_early\": false stores what every rule needs"},
    {KEY_EXCLUDE, "exclude", "WHAT",
     "prompt_number: leave out the markets whose prices never left the numbers that "
     "stand in their prompt (from the run directory's bundle)"},
    {KEY_FAMILY, "family", "FAMILY",
     "tests that Holm's correction spans: groups (default), comparisons or all"},
    {KEY_RESAMPLES, "resamples", "N",
     "bootstrap replicates and random flips (default 2000; 0: no intervals)"},
    {KEY_SEED, "seed", "N", "of the resampling (default 1)"},
    {KEY_BINS, "bins", "N", "calibration bins (default 10)"},
    {0, NULL, NULL, NULL},
};

// The index of WORD (LEN bytes) among NAMES, or -1 with a message.
static int choose(const char *option, const char *word, size_t len,
                  const char *const *names, size_t names_len) {
    char plain[64];
    snprintf(plain, sizeof plain, "%.*s", (int)len, word);
    for (size_t i = 0; i < names_len; i++) {
        if (strcmp(names[i], plain) == 0) {
            return (int)i;
        }
    }
    const char *nearest = cr_text_nearest(plain, names, names_len);
    cr_command_usage_error(&cr_command_analyze, "--%s has no '%s'%s%s%s", option, plain,
                           nearest != NULL ? "; did you mean '" : "",
                           nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
    return -1;
}

static bool read_sections(const char *list, struct request *request) {
    const char *names[CR_SECTION_COUNT + 1];
    memcpy(names, cr_section_names, sizeof cr_section_names);
    names[CR_SECTION_COUNT] = "all";
    for (;;) {
        size_t len = strcspn(list, ",");
        int section = choose("section", list, len, names, CR_SECTION_COUNT + 1);
        if (section < 0) {
            return false;
        }
        request->cfg.sections |=
            section == CR_SECTION_COUNT ? (unsigned)CR_SECTION_ALL : 1u << section;
        if (list[len] == '\0') {
            return true;
        }
        list += len + 1;
    }
}

static bool read_name(const struct cr_args *args, const char *option,
                      const char *const *names, size_t len, int *out) {
    *out = choose(option, args->value, strlen(args->value), names, len);
    return *out >= 0;
}

static bool read_number(const struct cr_args *args, const char *option,
                        unsigned long long max, unsigned long long *out) {
    return cr_args_u64(args, option, 0, max, out);
}

static bool add_what_if(const struct cr_args *args, struct request *request) {
    if (request->cfg.what_ifs == WHAT_IFS_MAX) {
        cr_command_usage_error(&cr_command_analyze, "--what-if: more than %d of them",
                               WHAT_IFS_MAX);
        return false;
    }
    request->what_if[request->cfg.what_ifs++] = args->value;
    return true;
}

static bool read_option(const struct cr_args *args, int key, struct request *request) {
    unsigned long long number = 0;
    int name = 0;
    bool is_good = true;
    switch (key) {
    case KEY_BY:
        request->cfg.by = args->value;
        return true;
    case KEY_SECTION:
        return read_sections(args->value, request);
    case KEY_FORMAT:
        is_good = read_name(args, "format", format_names, FORMAT_LEN, &name);
        request->format = (enum format)name;
        return is_good;
    case KEY_FAMILY:
        is_good = read_name(args, "family", cr_family_names, 3, &name);
        request->cfg.family = (enum cr_family)name;
        return is_good;
    case KEY_EXCLUDE:
        request->cfg.excludes_prompted = true;
        return read_name(args, "exclude", exclusion_names, 1, &name);
    case KEY_WHAT_IF:
        return add_what_if(args, request);
    case KEY_COMPARE:
        request->cfg.compare = args->value;
        return true;
    case KEY_RESAMPLES:
        is_good = read_number(args, "resamples", 1000000, &number);
        request->cfg.resamples = (uint32_t)number;
        return is_good;
    case KEY_SEED:
        is_good = read_number(args, "seed", UINT64_MAX, &number);
        request->cfg.seed = number;
        return is_good;
    default:
        is_good = cr_args_u64(args, "bins", 1, CR_BINS_MAX, &number);
        request->cfg.bins = (uint32_t)number;
        return is_good;
    }
}

static enum cr_status print(const struct cr_analysis *analysis,
                            const struct request *request) {
    static const enum cr_dress dress[FORMAT_LEN] = {[FORMAT_TABLE] = CR_DRESS_TABLE,
                                                    [FORMAT_CSV] = CR_DRESS_CSV,
                                                    [FORMAT_MD] = CR_DRESS_MD};
    struct cr_buf out;
    cr_buf_init(&out, OUTPUT_BYTES_MAX);
    enum cr_status status = request->format == FORMAT_JSON
                                ? cr_analysis_json(analysis, cr_build_version(), &out)
                                : cr_analysis_tables(analysis, request->cfg.sections,
                                                     dress[request->format], &out);
    if (status == CR_OK) {
        fwrite(out.data, 1, out.used_bytes, stdout);
    }
    cr_buf_fini(&out);
    return status;
}

static enum cr_status analyze(const struct cr_args *args, const struct request *request,
                              struct cr_err *err) {
    struct cr_analysis *analysis = NULL;
    enum cr_status status = cr_analysis_make(args->operands, args->operands_len,
                                             &request->cfg, &analysis, err);
    if (status == CR_OK) {
        status = print(analysis, request);
    }
    cr_analysis_destroy(analysis);
    return status;
}

// What was not said, from what was.
static void complete(struct request *request) {
    unsigned *sections = &request->cfg.sections;
    request->cfg.what_if = request->what_if;
    if (request->format == FORMAT_JSON ||
        (request->format == FORMAT_MD && *sections == 0)) {
        *sections = CR_SECTION_ALL;
    }
    if (*sections == 0) {
        *sections =
            request->cfg.what_ifs > 0 ? CR_SECTION_WHAT_IF : CR_SECTION_ACCURACY;
    }
    // What a study locked beforehand comes before anything that was found on the way.
    if (request->format != FORMAT_CSV) {
        *sections |= CR_SECTION_CONFIRMATORY;
    }
}

static int run(int argc, char **argv) {
    struct request request = {.cfg = {.resamples = 2000,
                                      .seed = 1,
                                      .level = 0.95,
                                      .bins = 10,
                                      .family = CR_FAMILY_GROUPS}};
    struct cr_args args;
    int key;
    cr_args_init(&args, &cr_command_analyze, argc, argv);
    while ((key = cr_args_next(&args)) != CR_ARGS_END) {
        if (key < 0) {
            return cr_args_exit(key);
        }
        if (!read_option(&args, key, &request)) {
            return CR_EXIT_USAGE;
        }
    }
    if (!cr_args_want(&args, 1, SIZE_MAX)) {
        return CR_EXIT_USAGE;
    }
    if (request.format == FORMAT_CSV &&
        (request.cfg.sections & (request.cfg.sections - 1)) != 0) {
        return cr_command_usage_error(&cr_command_analyze,
                                      "csv is one table: name one --section");
    }
    complete(&request);
    struct cr_err err = {0};
    enum cr_status status = cr_analysis_check(&request.cfg, &err);
    if (status == CR_E_USAGE) {
        return cr_command_usage_error(&cr_command_analyze, "%s", err.text);
    }
    if (status == CR_OK) {
        status = analyze(&args, &request, &err);
    }
    return status == CR_OK ? CR_EXIT_COMPLETE : cr_exit_error(status, &err);
}

const struct cr_command cr_command_analyze = {
    .name = "analyze",
    .usage =
        "DIR|FILE... [--by FACTOR,..] [--section NAME,..] [--what-if AXIS=V,..]... "
        "[--compare LABEL] [--format FORMAT] [--resamples N]",
    .summary = "accuracy, calibration, convergence and worth of runs",
    .description =
        "Computes every statistic of one run or many, per cell or by any factors, and "
        "prints it as a table, CSV, Markdown or JSON. Intervals and tests are clustered "
        "by benchmark question. Works on a run that is still going.",
    .options = options,
    .term_at = cr_analysis_definition,
    .run = run,
};
