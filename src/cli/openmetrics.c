// openmetrics.c - see openmetrics.h. Labels are the run's directory and job; a model's
// metrics have its name too.
#include "cli/openmetrics.h"

#include <string.h>

#include "credence/base/text.h"

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
static enum cr_status add_label(struct cr_buf *out, const char *name,
                                const char *text) {
    struct cr_buf plain;
    cr_buf_init(&plain, LABEL_BYTES_MAX);
    enum cr_status status = cr_text_add_utf8(&plain, text, strlen(text));
    if (status == CR_OK) {
        status = cr_buf_printf(out, "%s=\"", name);
    }
    for (size_t i = 0; status == CR_OK && i < plain.used_bytes; i++) {
        const char c = plain.data[i];
        status = c == '\n'               ? cr_buf_add_text(out, "\\n")
                 : c == '"' || c == '\\' ? cr_buf_printf(out, "\\%c", c)
                                         : cr_buf_add(out, &c, 1);
    }
    cr_buf_fini(&plain);
    return status == CR_OK ? cr_buf_add_text(out, "\"") : status;
}

static const char *text_of(const struct cr_json *object, const char *key) {
    const char *text = cr_json_string(cr_json_get(object, key));
    return text != NULL ? text : "";
}

static enum cr_status add_head(struct cr_buf *out, const struct metric *metric) {
    return cr_buf_printf(out, "# TYPE %s %s\n# HELP %s %s\n", metric->name,
                         metric->type, metric->name, metric->help);
}

// One sample; nothing when SOURCE does not have the number.
static enum cr_status add_sample(struct cr_buf *out, const struct metric *metric,
                                 const struct cr_json *source, const char *labels) {
    const struct cr_json *value = cr_json_get(source, metric->key);
    if (cr_json_type(value) != CR_JSON_NUMBER) {
        return CR_OK;
    }
    const char *tail = strcmp(metric->type, "counter") == 0 ? "_total" : "";
    enum cr_status status = cr_buf_printf(out, "%s%s{%s} ", metric->name, tail, labels);
    if (status == CR_OK) {
        status = cr_json_add_number(out, cr_json_number(value, 0));
    }
    return status == CR_OK ? cr_buf_add_text(out, "\n") : status;
}

static enum cr_status run_labels(struct cr_buf *out, const struct cr_json *status_json,
                                 const char *dir) {
    enum cr_status status = add_label(out, "dir", dir);
    if (status == CR_OK) {
        status = cr_buf_add_text(out, ",");
    }
    return status == CR_OK ? add_label(out, "job", text_of(status_json, "job"))
                           : status;
}

static enum cr_status add_model(struct cr_buf *out, const struct metric *metric,
                                const struct cr_json *model, const char *run) {
    struct cr_buf labels;
    cr_buf_init(&labels, LABEL_BYTES_MAX);
    enum cr_status status = cr_buf_printf(&labels, "%s,", run);
    if (status == CR_OK) {
        status = add_label(&labels, "model", text_of(model, "name"));
    }
    if (status == CR_OK) {
        status = add_sample(out, metric, model, labels.data);
    }
    cr_buf_fini(&labels);
    return status;
}

static enum cr_status add_models(struct cr_buf *out, const struct cr_json *status_json,
                                 const char *run) {
    const struct cr_json *models = cr_json_get(status_json, "models");
    enum cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && i < sizeof of_model / sizeof of_model[0];
         i++) {
        status = add_head(out, &of_model[i]);
        for (const struct cr_json *model = cr_json_first(models);
             status == CR_OK && model != NULL; model = cr_json_next(model)) {
            status = add_model(out, &of_model[i], model, run);
        }
    }
    return status;
}

enum cr_status cr_openmetrics_print(const struct cr_json *status_json, const char *dir,
                                    bool is_up, struct cr_buf *out) {
    struct cr_buf labels;
    cr_buf_init(&labels, LABEL_BYTES_MAX);
    enum cr_status status = run_labels(&labels, status_json, dir);
    if (status == CR_OK) {
        status = cr_buf_printf(out,
                               "# TYPE credence_up gauge\n# HELP credence_up whether "
                               "the run is going on\ncredence_up{%s} %d\n",
                               labels.data, is_up ? 1 : 0);
    }
    for (size_t i = 0; status == CR_OK && i < sizeof of_run / sizeof of_run[0]; i++) {
        status = add_head(out, &of_run[i]);
        if (status == CR_OK) {
            status = add_sample(out, &of_run[i], status_json, labels.data);
        }
    }
    if (status == CR_OK) {
        status = add_models(out, status_json, labels.data);
    }
    cr_buf_fini(&labels);
    return status == CR_OK ? cr_buf_add_text(out, "# EOF\n") : status;
}
