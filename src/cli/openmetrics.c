// openmetrics.c - see openmetrics.h. Labels are the run's directory and job; a model's
// metrics have its name too.
#include "cli/openmetrics.h"

#include <string.h>

#include "credence/base/text.h"
#include "credence/base/text_write.h"

enum { LABEL_BYTES_MAX = 1 << 16 };

static const struct metric {
    const char *name, *key, *type, *help;
} of_run[] = {
    {"credence_episodes_planned", "episodes", "gauge", "episodes of the plan"},
    {"credence_episodes_done", "done", "gauge", "episodes that are done"},
    {"credence_episodes_invalid", "invalid", "gauge",
     "episodes without a usable answer"},
    {"credence_episodes_failed", "failed", "gauge", "episodes lost to an outage"},
    {"credence_episodes_converged", "converged", "gauge", "episodes that converged"},
    {"credence_in_flight", "in_flight", "gauge", "calls in flight"},
    {"credence_lost_ranks", "lost_ranks", "gauge", "ranks that were lost"},
    {"credence_eta_seconds", "eta_s", "gauge", "time left"},
    {"credence_elapsed_seconds", "elapsed_s", "gauge", "time of this launch"},
    {"credence_calls", "calls", "counter", "calls made"},
    {"credence_tokens_in", "tokens_in", "counter", "tokens sent"},
    {"credence_tokens_out", "tokens_out", "counter", "tokens received"},
    {"credence_tokens_cached", "tokens_cached", "counter",
     "tokens from a prefix cache"},
    {"credence_cost_dollars", "usd", "counter", "dollars spent"},
    {"credence_rate_limited", "rate_limited", "counter", "replies of 429 or 503"},
};

static const struct metric of_model[] = {
    {"credence_model_calls", "calls", "counter", "calls made"},
    {"credence_model_failed", "failed", "counter", "calls that failed for good"},
    {"credence_model_retries", "retries", "counter", "attempts after the first"},
    {"credence_model_rate_limited", "rate_limited", "counter", "replies of 429 or 503"},
    {"credence_model_in_flight", "in_flight", "gauge", "calls in flight"},
    {"credence_model_concurrency", "concurrency", "gauge", "calls allowed in flight"},
    {"credence_model_latency_seconds", "latency_s", "gauge", "mean time of a call"},
};

// NAME="TEXT" with what the format wants escaped.
static void write_label(struct cr_text_writer *out, const char *name,
                        const char *text) {
    struct cr_buf plain;
    cr_buf_init(&plain, LABEL_BYTES_MAX);
    const enum cr_status status = cr_text_add_utf8(&plain, text, strlen(text));
    out->status = out->status == CR_OK ? status : out->status;
    cr_text_writef(out, "%s=\"", name);
    for (size_t i = 0; i < plain.used_bytes; i++) {
        const char c = plain.data[i];
        if (c == '\n') {
            cr_text_write(out, "\\n");
        } else {
            cr_text_writef(out, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
        }
    }
    cr_buf_fini(&plain);
    cr_text_write(out, "\"");
}

static const char *text_of(const struct cr_json *object, const char *key) {
    const char *text = cr_json_string(cr_json_get(object, key));
    return text != NULL ? text : "";
}

static void write_head(struct cr_text_writer *out, const struct metric *metric) {
    cr_text_writef(out, "# TYPE %s %s\n# HELP %s %s\n", metric->name, metric->type,
                   metric->name, metric->help);
}

// One sample; nothing when SOURCE does not have the number.
static void write_sample(struct cr_text_writer *out, const struct metric *metric,
                         const struct cr_json *source, const char *labels) {
    const struct cr_json *value = cr_json_get(source, metric->key);
    const char *tail = strcmp(metric->type, "counter") == 0 ? "_total" : "";
    if (cr_json_type(value) == CR_JSON_NUMBER) {
        cr_text_writef(out, "%s%s{%s} ", metric->name, tail, labels);
        cr_text_write_number(out, cr_json_number(value, 0));
        cr_text_write(out, "\n");
    }
}

static void write_model(struct cr_text_writer *out, const struct metric *metric,
                        const struct cr_json *model, const char *run) {
    struct cr_buf labels;
    cr_buf_init(&labels, LABEL_BYTES_MAX);
    struct cr_text_writer label = {.out = &labels, .status = out->status};
    cr_text_writef(&label, "%s,", run);
    write_label(&label, "model", text_of(model, "name"));
    out->status = label.status;
    write_sample(out, metric, model, labels.data);
    cr_buf_fini(&labels);
}

static void write_models(struct cr_text_writer *out, const struct cr_json *status_json,
                         const char *run) {
    const struct cr_json *models = cr_json_get(status_json, "models");
    for (size_t i = 0; i < sizeof of_model / sizeof of_model[0]; i++) {
        write_head(out, &of_model[i]);
        for (const struct cr_json *model = cr_json_first(models); model != NULL;
             model = cr_json_next(model)) {
            write_model(out, &of_model[i], model, run);
        }
    }
}

static void write_run(struct cr_text_writer *out, const struct cr_json *status_json,
                      bool is_up, const char *labels) {
    cr_text_writef(out,
                   "# TYPE credence_up gauge\n# HELP credence_up whether the run is "
                   "going on\ncredence_up{%s} %d\n",
                   labels, is_up ? 1 : 0);
    for (size_t i = 0; i < sizeof of_run / sizeof of_run[0]; i++) {
        write_head(out, &of_run[i]);
        write_sample(out, &of_run[i], status_json, labels);
    }
    write_models(out, status_json, labels);
    cr_text_write(out, "# EOF\n");
}

enum cr_status cr_openmetrics_print(const struct cr_json *status_json, const char *dir,
                                    bool is_up, struct cr_buf *out) {
    struct cr_buf labels;
    cr_buf_init(&labels, LABEL_BYTES_MAX);
    struct cr_text_writer label = {.out = &labels};
    write_label(&label, "dir", dir);
    cr_text_write(&label, ",");
    write_label(&label, "job", text_of(status_json, "job"));
    struct cr_text_writer writer = {.out = out, .status = label.status};
    write_run(&writer, status_json, is_up, labels.data);
    cr_buf_fini(&labels);
    return writer.status;
}
