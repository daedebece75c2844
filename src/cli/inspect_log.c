// inspect_log.c - see inspect_log.h. The form is version 2 of Inspect's JSON log.
#include "cli/inspect_log.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/listing.h"
#include "cli/show.h"
#include "credence/base/file.h"
#include "credence/base/hash.h"
#include "credence/base/json_write.h"
#include "credence/base/mem.h"
#include "credence/stats/score.h"

enum {
    LOG_VERSION = 2,
    LOG_BYTES_MAX = 2147483647,
    PATH_BYTES_MAX = 1 << 16,
    NAME_BYTES_MAX = 100,
    MODELS_MAX = 64
};

struct exporter {
    struct cr_show show;
    struct cr_listing listing;
    const char *to;
    struct cr_err *err;
};

// What one cell's log adds up: points by score, tokens by model.
struct sums {
    double points[2]; // opening, final
    uint64_t scored[2], samples, completed;
    struct usage {
        const char *model;
        uint64_t in, out, cached;
    } models[MODELS_MAX];
    size_t models_len;
};

static const char *const score_names[2] = {"opening", "final"};

static bool is_ours(const struct exporter *x, uint64_t episode, uint32_t cell) {
    return x->listing.cell[episode] == cell &&
           x->show.view->status[episode] != CR_PENDING;
}

// The points of a market at its opening or its end; NaN: it is not scored.
static double points_of(const struct exporter *x, uint64_t episode, int which) {
    const struct cr_market market = cr_listing_market(&x->listing, episode);
    if (!cr_market_is_scored(&market) || market.space == CR_SPACE_CONTINUOUS) {
        return NAN;
    }
    return which == 0 ? cr_score_opening(&market) : cr_score_final(&market);
}

static void count_usage(struct usage *models, size_t *len, const char *model,
                        const struct cr_call_record *record) {
    size_t at = 0;
    while (at < *len && strcmp(models[at].model, model) != 0) {
        at++;
    }
    if (at == *len && at == MODELS_MAX) {
        return;
    }
    if (at == *len) {
        models[(*len)++] = (struct usage){.model = model};
    }
    models[at].in += record->tokens_in;
    models[at].out += record->tokens_out;
    models[at].cached += record->tokens_cached;
}

static void write_usage(struct cr_json_writer *emit, const struct usage *models,
                        size_t len) {
    cr_json_write_open(emit, "model_usage", '{');
    for (size_t i = 0; i < len; i++) {
        cr_json_write_open(emit, models[i].model, '{');
        cr_json_write_count(emit, "input_tokens", models[i].in);
        cr_json_write_count(emit, "output_tokens", models[i].out);
        cr_json_write_count(emit, "total_tokens", models[i].in + models[i].out);
        cr_json_write_count(emit, "input_tokens_cache_read", models[i].cached);
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, '}');
}

// The calls of a market as turns of one conversation.
struct talk {
    const struct cr_playback_call *
        *at; // the accepted replies, in the order of speaking
    size_t len;
};

// Within an iteration the traders speak before the maker.
static int by_turn(const void *a, const void *b) {
    const struct cr_call_id *x =
        &(*(const struct cr_playback_call *const *)a)->record->id;
    const struct cr_call_id *y =
        &(*(const struct cr_playback_call *const *)b)->record->id;
    const int64_t order[] = {
        (int64_t)x->iteration - y->iteration,
        (x->role == CR_ROLE_MAKER) - (y->role == CR_ROLE_MAKER),
        x->trader - y->trader,
        x->sample - y->sample,
        x->repair - y->repair,
    };
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        if (order[i] != 0) {
            return order[i] < 0 ? -1 : 1;
        }
    }
    return 0;
}

static bool is_same_turn(const struct cr_call_id *a, const struct cr_call_id *b) {
    return a->iteration == b->iteration && a->role == b->role &&
           a->trader == b->trader && a->sample == b->sample;
}

// Of a repaired reply the last try counts.
static void keep_last_tries(struct talk *talk) {
    size_t kept = 0;
    for (size_t i = 0; i < talk->len; i++) {
        if (kept > 0 &&
            is_same_turn(&talk->at[kept - 1]->record->id, &talk->at[i]->record->id)) {
            kept--;
        }
        talk->at[kept++] = talk->at[i];
    }
    talk->len = kept;
}

static enum cr_status collect(const struct cr_show_episode *shown, struct talk *talk) {
    *talk = (struct talk){0};
    talk->at = cr_calloc(shown->script.len + 1, sizeof(*talk->at));
    if (talk->at == NULL) {
        return CR_E_MEMORY;
    }
    for (size_t i = 0; i < shown->script.len; i++) {
        const struct cr_call_record *record = shown->script.at[i].record;
        if (cr_show_episode_has(shown, i) && record->text != NULL &&
            (record->id.ask == CR_ASK_JUDGMENT || record->id.ask == CR_ASK_ARGUMENT)) {
            talk->at[talk->len++] = &shown->script.at[i];
        }
    }
    qsort(talk->at, talk->len, sizeof(*talk->at), by_turn);
    keep_last_tries(talk);
    return CR_OK;
}

static void write_reply(struct cr_json_writer *emit, const char *key,
                        const struct cr_show_episode *shown,
                        const struct cr_playback_call *call) {
    const bool is_maker = call->record->id.role == CR_ROLE_MAKER;
    cr_json_write_open(emit, key, '{');
    cr_json_write_text(emit, "role", is_maker ? "assistant" : "user");
    cr_json_write_text(emit, "content", call->record->text);
    if (is_maker) {
        cr_json_write_text(emit, "source", "generate");
        cr_json_write_text(emit, "model", cr_show_episode_model(shown, call));
    }
    cr_json_write_close(emit, '}');
}

static void write_messages(struct cr_json_writer *emit,
                           const struct cr_show_episode *shown,
                           const struct talk *talk) {
    const char *text = shown->show->view->text[shown->place.proposition];
    cr_json_write_open(emit, "messages", '[');
    cr_json_write_open(emit, NULL, '{');
    cr_json_write_text(emit, "role", "user");
    cr_json_write_text(emit, "content", text);
    cr_json_write_text(emit, "source", "input");
    cr_json_write_close(emit, '}');
    for (size_t i = 0; i < talk->len; i++) {
        write_reply(emit, NULL, shown, talk->at[i]);
    }
    cr_json_write_close(emit, ']');
}

// The maker's last word is what Inspect calls the output.
static void write_output(struct cr_json_writer *emit,
                         const struct cr_show_episode *shown, const struct talk *talk) {
    const struct cr_playback_call *last = NULL;
    for (size_t i = 0; i < talk->len; i++) {
        last = talk->at[i]->record->id.role == CR_ROLE_MAKER ? talk->at[i] : last;
    }
    cr_json_write_open(emit, "output", '{');
    cr_json_write_text(emit, "model",
                       last != NULL ? cr_show_episode_model(shown, last) : "");
    cr_json_write_text(emit, "completion", last != NULL ? last->record->text : "");
    cr_json_write_open(emit, "choices", '[');
    if (last != NULL) {
        cr_json_write_open(emit, NULL, '{');
        write_reply(emit, "message", shown, last);
        cr_json_write_text(emit, "stop_reason", "stop");
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
    cr_json_write_close(emit, '}');
}

static const char *text_of(const struct exporter *x, const char *column,
                           uint64_t episode, struct cr_listing_value *value) {
    const int at = cr_listing_find(&x->listing, column, NULL);
    cr_listing_get(&x->listing, (size_t)at, episode, value);
    return cr_listing_text(&x->listing, (size_t)at, value);
}

static void write_number_of(const struct exporter *x, struct cr_json_writer *emit,
                            const char *key, const char *column, uint64_t episode) {
    struct cr_listing_value value;
    const int at = cr_listing_find(&x->listing, column, NULL);
    cr_listing_get(&x->listing, (size_t)at, episode, &value);
    cr_json_write_number(emit, key, value.number);
}

static void write_scores(const struct exporter *x, struct cr_json_writer *emit,
                         uint64_t episode) {
    cr_json_write_open(emit, "scores", '{');
    for (int which = 0; which < 2; which++) {
        const double points = points_of(x, episode, which);
        if (isnan(points)) {
            continue;
        }
        cr_json_write_open(emit, score_names[which], '{');
        cr_json_write_number(emit, "value", points);
        cr_json_write_open(emit, "metadata", '{');
        write_number_of(x, emit, "price", score_names[which], episode);
        cr_json_write_close(emit, '}');
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, '}');
}

static void write_metadata(const struct exporter *x, struct cr_json_writer *emit,
                           uint64_t episode) {
    static const char *const texts[] = {"cell", "status", "stop", "reason", "question"};
    const struct cr_run_view *view = x->show.view;
    struct cr_listing_value value;
    cr_json_write_open(emit, "metadata", '{');
    cr_json_write_count(emit, "episode", episode);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cr_json_write_text(emit, texts[i], text_of(x, texts[i], episode, &value));
    }
    cr_json_write_open(emit, "prices", '[');
    for (uint32_t t = 0; t < view->prices_len[episode]; t++) {
        cr_json_write_number(emit, NULL, view->price[episode * view->iterations + t]);
    }
    cr_json_write_close(emit, ']');
    cr_json_write_close(emit, '}');
}

static void write_head(const struct exporter *x, struct cr_json_writer *emit,
                       const struct cr_show_episode *shown) {
    const struct cr_run_view *view = x->show.view;
    const uint64_t e = shown->episode, p = shown->place.proposition;
    struct cr_listing_value value;
    cr_json_write_text(emit, "id", view->proposition_id[p]);
    cr_json_write_count(emit, "epoch", shown->place.replicate + 1u);
    cr_json_write_text(emit, "input", view->text[p]);
    cr_json_write_text(emit, "target", text_of(x, "truth", e, &value));
    if (shown->proposition != NULL && shown->proposition->options_len > 0) {
        cr_json_write_open(emit, "choices", '[');
        for (uint32_t i = 0; i < shown->proposition->options_len; i++) {
            cr_json_write_text(emit, NULL, shown->proposition->options[i]);
        }
        cr_json_write_close(emit, ']');
    }
    if (view->status[e] == CR_FAILED) {
        char why[80];
        (void)snprintf(why, sizeof why, "failed: %s", text_of(x, "reason", e, &value));
        cr_json_write_open(emit, "error", '{');
        cr_json_write_text(emit, "message", why);
        cr_json_write_text(emit, "traceback", "");
        cr_json_write_text(emit, "traceback_ansi", "");
        cr_json_write_close(emit, '}');
    }
}

static void write_sample(const struct exporter *x, struct cr_json_writer *emit,
                         const struct cr_show_episode *shown, const struct talk *talk,
                         struct sums *sums) {
    struct usage models[MODELS_MAX];
    size_t len = 0;
    for (size_t i = 0; i < shown->script.len; i++) {
        const struct cr_playback_call *call = &shown->script.at[i];
        const char *model = cr_show_episode_model(shown, call);
        if (cr_show_episode_has(shown, i)) {
            count_usage(models, &len, model, call->record);
            count_usage(sums->models, &sums->models_len, model, call->record);
        }
    }
    cr_json_write_open(emit, NULL, '{');
    write_head(x, emit, shown);
    write_messages(emit, shown, talk);
    write_output(emit, shown, talk);
    write_scores(x, emit, shown->episode);
    write_metadata(x, emit, shown->episode);
    write_usage(emit, models, len);
    cr_json_write_close(emit, '}');
}

static enum cr_status add_sample(struct exporter *x, struct cr_json_writer *emit,
                                 uint64_t episode, struct sums *sums) {
    struct cr_show_episode shown;
    struct talk talk = {0};
    enum cr_status status = cr_show_episode_read(&x->show, episode, &shown, x->err);
    if (status != CR_OK) {
        return status;
    }
    status = collect(&shown, &talk);
    if (status == CR_OK) {
        write_sample(x, emit, &shown, &talk, sums);
        status = emit->status;
    }
    for (int which = 0; which < 2; which++) {
        const double points = points_of(x, episode, which);
        if (!isnan(points)) {
            sums->scored[which]++;
            sums->points[which] += points;
        }
    }
    sums->samples++;
    sums->completed += x->show.view->status[episode] != CR_FAILED;
    cr_free(talk.at);
    cr_show_episode_fini(&shown);
    return status;
}

static enum cr_status write_samples(struct exporter *x, struct cr_json_writer *emit,
                                    uint32_t cell, struct sums *sums) {
    enum cr_status status = CR_OK;
    cr_json_write_open(emit, "samples", '[');
    for (uint64_t e = 0; e < x->show.view->episodes && status == CR_OK; e++) {
        if (is_ours(x, e, cell)) {
            status = add_sample(x, emit, e, sums);
        }
    }
    cr_json_write_close(emit, ']');
    return status;
}

static void write_results(struct cr_json_writer *emit, const struct sums *sums) {
    cr_json_write_open(emit, "results", '{');
    cr_json_write_count(emit, "total_samples", sums->samples);
    cr_json_write_count(emit, "completed_samples", sums->completed);
    cr_json_write_open(emit, "scores", '[');
    for (int which = 0; which < 2; which++) {
        if (sums->scored[which] == 0) {
            continue;
        }
        cr_json_write_open(emit, NULL, '{');
        cr_json_write_text(emit, "name", score_names[which]);
        cr_json_write_text(emit, "scorer", score_names[which]);
        cr_json_write_count(emit, "scored_samples", sums->scored[which]);
        cr_json_write_count(emit, "unscored_samples",
                            sums->samples - sums->scored[which]);
        cr_json_write_open(emit, "metrics", '{');
        cr_json_write_open(emit, "accuracy", '{');
        cr_json_write_text(emit, "name", "accuracy");
        cr_json_write_number(emit, "value",
                             sums->points[which] / (double)sums->scored[which]);
        cr_json_write_close(emit, '}');
        cr_json_write_close(emit, '}');
        cr_json_write_close(emit, '}');
    }
    cr_json_write_close(emit, ']');
    cr_json_write_close(emit, '}');
}

static const char *stamp(const char *text) {
    return text != NULL && text[0] != '\0' ? text : "1970-01-01T00:00:00Z";
}

static void write_stats(const struct exporter *x, struct cr_json_writer *emit,
                        const struct sums *sums) {
    cr_json_write_open(emit, "stats", '{');
    cr_json_write_text(emit, "started_at", stamp(x->show.view->started));
    cr_json_write_text(emit, "completed_at", stamp(x->show.view->ended_at));
    write_usage(emit, sums->models, sums->models_len);
    cr_json_write_close(emit, '}');
}

// Names of one run and cell: equal whenever they are exported again.
static void write_ids(const struct exporter *x, struct cr_json_writer *emit,
                      const char *cell) {
    static const char *const keys[] = {"run_id", "task_id", "eval_id"};
    const char *job = x->show.view->job_hash;
    struct cr_hash hash = cr_hash128(job, strlen(job), 0);
    char hex[CR_HASH_HEX_BYTES];
    for (uint64_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (i > 0) {
            hash = cr_hash128(cell, strlen(cell), hash.lo + i);
        }
        cr_hash_hex(hash, hex);
        hex[22] = '\0'; // as long as Inspect's own
        cr_json_write_text(emit, keys[i], hex);
    }
}

static void write_task(struct cr_json_writer *emit, const struct cr_run_cell *cell) {
    struct cr_buf name;
    cr_buf_init(&name, PATH_BYTES_MAX);
    cr_status_ignore(cr_buf_printf(&name, "credence/%s", cell->name));
    cr_json_write_text(emit, "task", name.data);
    cr_buf_clear(&name);
    cr_status_ignore(cr_buf_printf(&name, "credence/%s", cell->maker));
    cr_json_write_text(emit, "model", name.data);
    cr_buf_fini(&name);
    cr_json_write_open(emit, "task_args", '{');
    cr_json_write_text(emit, "protocol", cell->protocol);
    cr_json_write_text(emit, "benchmark", cell->benchmark);
    cr_json_write_text(emit, "maker", cell->maker);
    cr_json_write_text(emit, "trader", cell->trader);
    cr_json_write_text(emit, "stance", cell->stance);
    cr_json_write_text(emit, "prompts", cell->prompts);
    cr_json_write_text(emit, "elicitation", cell->elicitation);
    cr_json_write_text(emit, "stop.rule", cell->stop_rule);
    cr_json_write_number(emit, "stop.threshold", cell->threshold);
    cr_json_write_count(emit, "stop.window", cell->window);
    cr_json_write_count(emit, "max_iterations", cell->max_iterations);
    cr_json_write_close(emit, '}');
}

static void write_eval(const struct exporter *x, struct cr_json_writer *emit,
                       uint32_t number) {
    const struct cr_run_view *view = x->show.view;
    const struct cr_run_cell *cell = &view->cell_info[number];
    cr_json_write_open(emit, "eval", '{');
    write_ids(x, emit, cell->name);
    cr_json_write_text(emit, "created", stamp(view->started));
    write_task(emit, cell);
    cr_json_write_open(emit, "dataset", '{');
    cr_json_write_text(emit, "name", cell->benchmark);
    cr_json_write_close(emit, '}');
    cr_json_write_json(emit, "config", "{}");
    cr_json_write_json(emit, "packages", "{}");
    cr_json_write_json(emit, "tags", view->is_simulated ? "[\"simulated\"]" : "[]");
    cr_json_write_open(emit, "metadata", '{');
    cr_json_write_text(emit, "job_hash", view->job_hash);
    cr_json_write_text(emit, "credence", view->version);
    cr_json_write_bool(emit, "simulated", view->is_simulated);
    cr_json_write_close(emit, '}');
    cr_json_write_close(emit, '}');
}

static enum cr_status write_log(struct exporter *x, uint32_t cell, struct cr_buf *out,
                                struct sums *sums) {
    struct cr_json_writer emit = {.out = out};
    cr_json_write_open(&emit, NULL, '{');
    cr_json_write_count(&emit, "version", LOG_VERSION);
    cr_json_write_text(&emit, "status",
                       x->show.view->is_complete ? "success" : "cancelled");
    write_eval(x, &emit, cell);
    cr_json_write_json(&emit, "plan", "{\"name\":\"plan\",\"steps\":[],\"config\":{}}");
    const enum cr_status status = write_samples(x, &emit, cell, sums);
    write_results(&emit, sums);
    write_stats(x, &emit, sums);
    cr_json_write_close(&emit, '}');
    return status != CR_OK ? status : emit.status;
}

// TO/NAME.json with what may not be in a file's name replaced; the cell's number keeps
// two cells apart whose names become one.
static enum cr_status make_path(const struct exporter *x, uint32_t cell,
                                struct cr_buf *out) {
    char name[NAME_BYTES_MAX + 1];
    const char *from = x->show.view->cell_info[cell].name;
    size_t len = 0;
    for (; len < NAME_BYTES_MAX && from[len] != '\0'; len++) {
        const unsigned char c = (unsigned char)from[len];
        name[len] =
            c < 0x80 && (isalnum(c) || strchr("._=-", c) != NULL) ? (char)c : '_';
    }
    name[len] = '\0';
    return cr_buf_printf(out, "%s/%03u-%s.json", x->to, cell, name);
}

static enum cr_status write_cell(struct exporter *x, uint32_t cell) {
    struct sums sums = {.samples = 0};
    struct cr_buf path, log;
    cr_buf_init(&path, PATH_BYTES_MAX);
    cr_buf_init(&log, LOG_BYTES_MAX);
    enum cr_status status = make_path(x, cell, &path);
    if (status == CR_OK) {
        status = write_log(x, cell, &log, &sums);
    }
    if (status == CR_OK && sums.samples > 0) {
        status = cr_file_write(path.data, log.data, log.used_bytes, 0644, x->err);
    }
    if (status != CR_OK && x->err->status != status) {
        cr_err_set(x->err, status, "the log of cell %s: %s",
                   x->show.view->cell_info[cell].name, cr_status_text(status));
    }
    cr_buf_fini(&log);
    cr_buf_fini(&path);
    return status;
}

static enum cr_status write_cells(struct exporter *x) {
    enum cr_status status = cr_listing_init(&x->listing, x->show.view);
    if (status != CR_OK) {
        return cr_err_set(x->err, status, "out of memory");
    }
    status = cr_dir_make(x->to, x->err);
    for (uint32_t i = 0; i < x->show.view->cells && status == CR_OK; i++) {
        status = write_cell(x, i);
    }
    cr_listing_fini(&x->listing);
    return status;
}

enum cr_status cr_inspect_export(const char *path, const char *to, struct cr_err *err) {
    struct exporter x = {.to = to, .err = err};
    struct cr_run_view *view = NULL;
    struct cr_err why = {0};
    struct cr_buf file;
    cr_buf_init(&file, PATH_BYTES_MAX);
    enum cr_status status = cr_run_view_path(path, &file);
    if (status == CR_OK) {
        status = cr_run_view_open(file.data, &view, err);
    }
    x.show.dir = cr_dir_exists(path) ? path : NULL;
    x.show.file = file.data;
    x.show.view = view;
    if (status == CR_OK && x.show.dir != NULL) { // without the job: no options' texts
        cr_status_ignore(cr_playback_open(x.show.dir, false, &x.show.playback, &why));
    }
    if (status == CR_OK) {
        status = write_cells(&x);
    }
    cr_playback_close(x.show.playback);
    cr_show_tape_close(x.show.tape);
    cr_run_view_close(view);
    cr_buf_fini(&file);
    return status;
}
