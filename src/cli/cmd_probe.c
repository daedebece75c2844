// cmd_probe.c - credence probe: is this model fit to price?
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/screen.h"
#include "credence/base/json_write.h"
#include "credence/job/estimate.h"
#include "credence/run/probe.h"

enum {
    OPTION_SET = 256,
    OPTION_LIMIT,
    OPTION_JSON,
    SETS_MAX = 256,
    LABEL = 24, // columns of a line's name
    OUTPUT_BYTES_MAX = 1 << 28
};

static const struct cr_option options[] = {
    {'o', "output", "DIR",
     "the run directory that keeps the calls (default runs/NAME)"},
    {'n', "number", "N", "propositions a model (24)"},
    {OPTION_SET, "set", "PATH=VALUE", "change the job: --set cell.prompts=mine"},
    {OPTION_LIMIT, "limit", "N", "the first N items of each benchmark"},
    {OPTION_JSON, "json", NULL, "all of it as one JSON object"},
    {0, NULL, NULL, NULL},
};

static const struct cr_definition terms[] = {
    {"fit, unusable", "",
     "the whole 95 % interval of every criterion is on the good side of its mark; that "
     "of one of them is wholly beyond the other mark"},
    {"doubtful", "", "neither: ask more propositions (-n)"},
    {"usable", "", "replies with a price: at once, after repairs, never"},
    {"prompt numbers", "",
     "prices that are a number of the instructions that were sent, 0 and 1 apart"},
    {"commonest price", "", "the price given most often, and its share"},
    {"copy test", "",
     "slope of the price on the example, when the form shows one with 0.2 or 0.8: 0 "
     "reads the claim, 1 copies the form"},
    {"asked twice", "", "mean difference of the same call with another seed"},
    {"negation", "", "price plus the price of the claim negated, against 1"},
    {"paraphrase", "", "mean difference to the same claim in other words"},
    {"arbitrage", "",
     "what a trader gains for certain from two such prices (arXiv 2412.18544); 0.01 is "
     "its mark; a constant 0.5 passes it"},
    {"discrimination", "",
     "share of pairs of a true and a false claim that are priced in the right order; "
     "from so few items it must not choose a model"},
    {"logprob reading", "",
     "the probability of a yes as the first word of an answer, asked in the price's "
     "place; where yes and no, all spellings together, have a mass below 0.5 it is "
     "missing"},
    {NULL, NULL, NULL},
};

static enum cr_style style_of(enum cr_fitness_verdict verdict) {
    return verdict == CR_FITNESS_FIT        ? CR_STYLE_GOOD
           : verdict == CR_FITNESS_DOUBTFUL ? CR_STYLE_DOUBT
                                            : CR_STYLE_BAD;
}

static void print_share(const struct cr_screen *screen, const char *name,
                        const struct cr_fitness_share *share) {
    cr_screen_printf(screen, "  %-*s%llu of %llu", LABEL, name,
                     (unsigned long long)share->count, (unsigned long long)share->len);
    if (!isnan(share->interval.low)) {
        cr_screen_printf(screen, "  (%.0f to %.0f %%)", 100 * share->interval.low,
                         100 * share->interval.high);
    }
}

static void print_judged(const struct cr_screen *screen,
                         enum cr_fitness_verdict verdict) {
    cr_screen_styled(screen, style_of(verdict), "  %s\n",
                     cr_fitness_verdict_names[verdict]);
}

static void print_mean(const struct cr_screen *screen, const char *name,
                       const struct cr_fitness_mean *mean) {
    if (mean->len == 0) {
        cr_screen_printf(screen, "  %-*s-", LABEL, name);
        return;
    }
    cr_screen_printf(screen, "  %-*s%.3f", LABEL, name, mean->mean);
    if (!isnan(mean->interval.low)) {
        cr_screen_printf(screen, "  (%.3f to %.3f)", mean->interval.low,
                         mean->interval.high);
    }
}

static void print_replies(const struct cr_screen *screen, const struct cr_fitness *s) {
    print_share(screen, "usable at once", &s->at_once);
    print_judged(screen, s->usable);
    print_share(screen, "usable after repairs", &s->repaired);
    cr_screen_printf(screen, "\n");
    print_share(screen, "never usable", &s->never);
    cr_screen_printf(screen, "\n");
    for (int r = 1; r < CR_REASON_COUNT; r++) {
        if (s->by_reason[r] > 0) {
            cr_screen_printf(screen, "  %-*s%llu x %s\n", LABEL, "  first reply",
                             (unsigned long long)s->by_reason[r], cr_reason_names[r]);
        }
    }
    print_share(screen, "cut at max_tokens", &s->cut);
    if (s->tokens_held > 0) {
        cr_screen_printf(screen, "; 99 %% of the others took %u tokens or less",
                         s->tokens_held);
    }
    cr_screen_printf(screen, "\n");
}

static void print_prices(const struct cr_screen *screen, const struct cr_fitness *s) {
    if (s->priced == 0) {
        cr_screen_printf(screen, "  no binary opening has a price\n");
        return;
    }
    print_share(screen, "prompt numbers", &s->prompt_number);
    print_judged(screen, s->numbers);
    print_share(screen, "commonest price", &s->commonest_share);
    cr_screen_printf(screen, ": %.3g, %llu distinct", s->commonest,
                     (unsigned long long)s->distinct);
    print_judged(screen, s->variety);
    print_mean(screen, "copy test", &s->slope);
    cr_screen_printf(screen, ", %llu pairs", (unsigned long long)s->slope.len);
    print_judged(screen, s->copying);
    cr_screen_printf(
        screen, "  %-*s%llu, %llu, %llu; on a tenth %llu\n", LABEL, "at 0, 0.5, 1",
        (unsigned long long)s->zero.count, (unsigned long long)s->half.count,
        (unsigned long long)s->one.count, (unsigned long long)s->tenths.count);
}

// A mean, and beside it the certain profit that it leaves.
static void print_coherence(const struct cr_screen *screen, const char *name,
                            const struct cr_fitness_mean *mean,
                            const struct cr_fitness_mean *arbitrage) {
    print_mean(screen, name, mean);
    if (arbitrage->len > 0) {
        cr_screen_printf(screen, ", arbitrage %.3f%s", arbitrage->mean,
                         arbitrage->mean > CR_FITNESS_ARBITRAGE_MARK
                             ? " (over the mark of 0.01)"
                             : "");
    }
    cr_screen_printf(screen, "\n");
}

static void print_numbers(const struct cr_screen *screen, const struct cr_fitness *s) {
    print_mean(screen, "asked twice", &s->again);
    cr_screen_printf(screen, "\n");
    print_coherence(screen, "negation", &s->negation, &s->negation_arbitrage);
    print_coherence(screen, "paraphrase", &s->paraphrase, &s->paraphrase_arbitrage);
    print_mean(screen, "bias to yes", &s->yes_bias);
    cr_screen_printf(screen, "\n");
    if (!isnan(s->auc)) {
        cr_screen_printf(screen, "  %-*s%.2f (error %.2f); not for choosing a model\n",
                         LABEL, "discrimination", s->auc, s->auc_error);
    }
}

// The logprob reading beside the price that is said.
static void print_readings(const struct cr_screen *screen,
                           const struct cr_probe_model *model) {
    const struct cr_fitness *s = &model->summary;
    if (model->lacks_logprobs) {
        cr_screen_printf(screen, "  %-*sthe server gives no logprobs\n", LABEL,
                         "logprob reading");
    }
    if (s->readable.len == 0) {
        return;
    }
    print_share(screen, "logprob reading", &s->readable);
    cr_screen_printf(screen, ", mass of yes and no %.2f", s->mass.mean);
    if (!isnan(s->held_auc)) {
        cr_screen_printf(screen, ", discrimination %.2f (error %.2f)", s->held_auc,
                         s->held_auc_error);
    }
    cr_screen_printf(screen, "\n");
    if (s->only_held_separates) {
        cr_screen_printf(screen,
                         "  the price that it says does not tell true claims from "
                         "false ones, the logprob reading does:\n"
                         "  set: --set cell.elicitation=logprob, or "
                         "--set cell.held=logprob for both\n");
    }
}

static void print_time(const struct cr_screen *screen, double seconds) {
    if (seconds < 120) {
        cr_screen_printf(screen, "%.0f seconds", fmax(1, seconds));
    } else if (seconds < 7200) {
        cr_screen_printf(screen, "%.0f minutes", seconds / 60);
    } else {
        cr_screen_printf(screen, "%.1f hours", seconds / 3600);
    }
}

static void print_speed(const struct cr_screen *screen, const struct cr_probe *probe,
                        const struct cr_probe_model *model,
                        const struct cr_estimate *estimate) {
    const struct cr_fitness *s = &model->summary;
    const uint32_t limit = probe->job->models[model->model].limits.concurrency;
    const double seconds = estimate->expected.calls * s->latency_s;
    cr_screen_printf(screen, "  %-*s%.2f s, %.0f tokens in, %.0f out\n", LABEL,
                     "a call", s->latency_s, s->tokens_in, s->tokens_out);
    if (seconds > 0) {
        cr_screen_printf(screen, "  %-*sabout ", LABEL, "the whole job");
        print_time(screen, seconds);
        cr_screen_printf(screen, " one call at a time");
        if (limit > 1) {
            cr_screen_printf(screen, ", ");
            print_time(screen, seconds / limit);
            cr_screen_printf(screen, " with %u in flight", limit);
        }
        cr_screen_printf(screen, "\n");
    }
}

// What to change, as it can be copied.
static void print_settings(const struct cr_screen *screen, const char *name,
                           const struct cr_probe_model *model) {
    const struct cr_fitness *s = &model->summary;
    const bool can_read = !model->lacks_logprobs && s->readable.len > 0 &&
                          2 * s->readable.count >= s->readable.len;
    if (s->cut.count > 0) {
        cr_screen_printf(
            screen, "  set: --set models.%s.params.max_tokens=%u or more\n",
            CR_SHOWN(name), s->tokens_held > 0 ? 2 * s->tokens_held : 1024);
    }
    if (s->usable != CR_FITNESS_FIT) {
        cr_screen_printf(screen,
                         "  set: --set models.%s.structured=json_schema, if the server "
                         "takes it\n",
                         CR_SHOWN(name));
    }
    if (s->numbers == CR_FITNESS_UNUSABLE || s->variety == CR_FITNESS_UNUSABLE ||
        s->copying == CR_FITNESS_UNUSABLE) {
        cr_screen_printf(screen,
                         "  set: --set cell.elicitation=%s, which reads no number out "
                         "of a text\n",
                         can_read ? "logprob or sampled" : "sampled");
    }
}

static void print_model(const struct cr_screen *screen, const struct cr_probe *probe,
                        const struct cr_probe_model *model,
                        const struct cr_estimate *estimate) {
    const struct cr_fitness *s = &model->summary;
    const char *name = probe->job->models[model->model].name;
    cr_screen_styled(screen, CR_STYLE_STRONG, "%s", CR_SHOWN(name));
    cr_screen_printf(screen,
                     "  %llu propositions, %llu calls, %llu more from the tape: ",
                     (unsigned long long)s->items, (unsigned long long)model->calls,
                     (unsigned long long)model->recorded);
    cr_screen_styled(screen, style_of(s->verdict), "%s\n",
                     cr_fitness_verdict_names[s->verdict]);
    print_replies(screen, s);
    print_prices(screen, s);
    print_numbers(screen, s);
    print_readings(screen, model);
    print_speed(screen, probe, model, estimate);
    print_settings(screen, name, model);
}

static void write_share(struct cr_json_writer *emit, const char *key,
                        const struct cr_fitness_share *share) {
    cr_json_write_open(emit, key, '{');
    cr_json_write_count(emit, "count", share->count);
    cr_json_write_count(emit, "of", share->len);
    cr_json_write_number(emit, "low", share->interval.low);
    cr_json_write_number(emit, "high", share->interval.high);
    cr_json_write_close(emit, '}');
}

static void write_mean(struct cr_json_writer *emit, const char *key,
                       const struct cr_fitness_mean *mean) {
    cr_json_write_open(emit, key, '{');
    cr_json_write_number(emit, "mean", mean->len > 0 ? mean->mean : (double)NAN);
    cr_json_write_count(emit, "of", mean->len);
    cr_json_write_number(emit, "low", mean->interval.low);
    cr_json_write_number(emit, "high", mean->interval.high);
    cr_json_write_close(emit, '}');
}

static void write_criteria(struct cr_json_writer *emit, const struct cr_fitness *s) {
    cr_json_write_text(emit, "verdict", cr_fitness_verdict_names[s->verdict]);
    cr_json_write_text(emit, "usable", cr_fitness_verdict_names[s->usable]);
    cr_json_write_text(emit, "numbers", cr_fitness_verdict_names[s->numbers]);
    cr_json_write_text(emit, "variety", cr_fitness_verdict_names[s->variety]);
    cr_json_write_text(emit, "copying", cr_fitness_verdict_names[s->copying]);
    write_share(emit, "at_once", &s->at_once);
    write_share(emit, "repaired", &s->repaired);
    write_share(emit, "never", &s->never);
    write_share(emit, "cut", &s->cut);
    write_share(emit, "prompt_number", &s->prompt_number);
    write_share(emit, "commonest_share", &s->commonest_share);
    write_share(emit, "at_zero", &s->zero);
    write_share(emit, "at_half", &s->half);
    write_share(emit, "at_one", &s->one);
    write_share(emit, "on_tenths", &s->tenths);
}

static void write_model(struct cr_json_writer *emit, const struct cr_probe *probe,
                        const struct cr_probe_model *model) {
    const struct cr_fitness *s = &model->summary;
    cr_json_write_open(emit, NULL, '{');
    cr_json_write_text(emit, "model", probe->job->models[model->model].name);
    cr_json_write_count(emit, "propositions", s->items);
    cr_json_write_count(emit, "calls", model->calls);
    cr_json_write_count(emit, "recorded", model->recorded);
    write_criteria(emit, s);
    cr_json_write_number(emit, "commonest", s->priced > 0 ? s->commonest : (double)NAN);
    cr_json_write_count(emit, "distinct", s->distinct);
    write_mean(emit, "asked_twice", &s->again);
    write_mean(emit, "negation", &s->negation);
    write_mean(emit, "negation_arbitrage", &s->negation_arbitrage);
    write_mean(emit, "paraphrase", &s->paraphrase);
    write_mean(emit, "paraphrase_arbitrage", &s->paraphrase_arbitrage);
    write_mean(emit, "copy_slope", &s->slope);
    write_mean(emit, "yes_bias", &s->yes_bias);
    cr_json_write_number(emit, "auc", s->auc);
    cr_json_write_number(emit, "auc_error", s->auc_error);
    cr_json_write_bool(emit, "lacks_logprobs", model->lacks_logprobs);
    write_share(emit, "readable", &s->readable);
    write_mean(emit, "mass", &s->mass);
    cr_json_write_number(emit, "held_auc", s->held_auc);
    cr_json_write_number(emit, "held_auc_error", s->held_auc_error);
    cr_json_write_bool(emit, "only_held_separates", s->only_held_separates);
    cr_json_write_count(emit, "tokens_held", s->tokens_held);
    cr_json_write_number(emit, "latency_s", s->latency_s);
    cr_json_write_open(emit, "reasons", '{');
    for (int r = 1; r < CR_REASON_COUNT; r++) {
        if (s->by_reason[r] > 0) {
            cr_json_write_count(emit, cr_reason_names[r], s->by_reason[r]);
        }
    }
    cr_json_write_close(emit, '}');
    cr_json_write_close(emit, '}');
}

static enum cr_status print_json(const struct cr_screen *screen,
                                 const struct cr_probe *probe) {
    struct cr_buf out;
    cr_buf_init(&out, OUTPUT_BYTES_MAX);
    struct cr_json_writer emit = {.out = &out};
    cr_json_write_open(&emit, NULL, '{');
    cr_json_write_text(&emit, "directory", probe->dir);
    cr_json_write_bool(&emit, "simulated", probe->job->is_simulated);
    cr_json_write_open(&emit, "models", '[');
    for (uint32_t i = 0; i < probe->models_len; i++) {
        write_model(&emit, probe, &probe->models[i]);
    }
    cr_json_write_close(&emit, ']');
    cr_json_write_close(&emit, '}');
    enum cr_status status =
        emit.status == CR_OK ? cr_buf_add_text(&out, "\n") : emit.status;
    if (status == CR_OK) {
        status = cr_screen_json(screen, &out);
    }
    cr_buf_fini(&out);
    return status;
}

static enum cr_status print(const struct cr_probe *probe, bool is_json) {
    const struct cr_screen screen = cr_screen_make(stdout);
    struct cr_estimate estimate;
    if (is_json) {
        return print_json(&screen, probe);
    }
    const enum cr_status status = cr_estimate_make(probe->plan, NULL, &estimate, NULL);
    for (uint32_t i = 0; status == CR_OK && i < probe->models_len; i++) {
        cr_screen_printf(&screen, i > 0 ? "\n" : "");
        print_model(&screen, probe, &probe->models[i], &estimate);
    }
    cr_screen_styled(&screen, CR_STYLE_FAINT,
                     "%sthe calls are on the tape of %s, for a run of this job\n",
                     probe->job->is_simulated ? "[simulated agents] " : "",
                     CR_SHOWN(probe->dir));
    return status;
}

// The exit code: the worst verdict, and 3 where no model answered at all.
static int code_of(const struct cr_probe *probe) {
    int code = CR_EXIT_COMPLETE;
    for (uint32_t i = 0; i < probe->models_len; i++) {
        const struct cr_fitness *s = &probe->models[i].summary;
        uint64_t failed = 0;
        for (int r = CR_REASON_FIRST_FAILURE; r < CR_REASON_COUNT; r++) {
            failed += s->by_reason[r];
        }
        if (s->verdict == CR_FITNESS_UNUSABLE) {
            code = CR_EXIT_BLOCKED;
        } else if (failed > 0 && code == CR_EXIT_COMPLETE) {
            code = CR_EXIT_FAILED;
        }
    }
    return code;
}

static int probe_job(const struct cr_probe_options *wanted, bool is_json) {
    struct cr_log log = {.file = stderr, .level = CR_LOG_WARN, .rank = -1};
    struct cr_err err = {0};
    struct cr_probe probe;
    enum cr_status status = cr_probe_run(wanted, &log, &probe, &err);
    if (status == CR_OK) {
        status = print(&probe, is_json);
    }
    const int code = status == CR_OK ? code_of(&probe) : cr_exit_error(status, &err);
    cr_probe_fini(&probe);
    return code;
}

static int run(int argc, char **argv) {
    const char *sets[SETS_MAX];
    struct cr_probe_options wanted = {.items = CR_PROBE_ITEMS,
                                      .request = {.shards = 1, .sets = sets}};
    struct cr_args args;
    bool is_json = false, is_good = true;
    unsigned long long number = 0;
    int key;
    cr_args_init(&args, &cr_command_probe, argc, argv);
    while ((key = cr_args_next(&args)) >= 0 && is_good) {
        if (key == 'o') {
            wanted.dir = args.value;
        } else if (key == 'n') {
            is_good = cr_args_u64(&args, "number", 2, 100000, &number);
            wanted.items = (uint32_t)number;
        } else if (key == OPTION_LIMIT) {
            is_good = cr_args_u64(&args, "limit", 1, 1ULL << 40, &number);
            wanted.request.limit = number;
        } else if (key == OPTION_SET) {
            is_good =
                cr_args_add(&args, "set", SETS_MAX, sets, &wanted.request.sets_len);
        } else {
            is_json = true;
        }
    }
    if (!is_good) {
        return CR_EXIT_USAGE;
    }
    if (key != CR_ARGS_END) {
        return cr_args_exit(key);
    }
    if (!cr_args_want(&args, 1, 1)) {
        return CR_EXIT_USAGE;
    }
    wanted.request.job_path = args.operands[0];
    return probe_job(&wanted, is_json);
}

const struct cr_command cr_command_probe = {
    .name = "probe",
    .usage = "JOB [-o DIR] [-n N] [--set PATH=VALUE]... [--limit N] [--json]",
    .summary = "is this model fit to price? a few calls, a verdict",
    .description =
        "Makes the first opening calls of the job itself (24 propositions a model, drawn "
        "by the seed over benchmarks and labels), and for each a few beside it: the same "
        "call again, the claim negated and paraphrased, the form with an example in it, a yes or a "
        "no by its logprobs. "
        "Openings go onto the tape of the run directory, so that a run of the job does "
        "not pay for them again; a job that was changed may go on in a directory that "
        "only a probe has used.\n\n"
        "Exit code 4 when a model is unusable, 3 when some calls failed for good.",
    .options = options,
    .terms = terms,
    .run = run,
};
