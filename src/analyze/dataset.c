// dataset.c - opening run files and giving their questions common numbers.
//
// Files of one job (shards that were not merged yet) are laid over one another: a row
// that is pending in one and not in another counts once, as the finished one.
#include "analyze/dataset.h"

#include <math.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/mem.h"

// Strings to dense numbers; 64-bit hashes stand for the strings.
struct numbers {
    uint64_t *key;
    uint32_t *number;
    size_t slots; // a power of two, at most half full
    uint32_t len;
};

static enum cr_status numbers_init(struct numbers *numbers, size_t most) {
    numbers->slots = 16;
    while (numbers->slots < 2 * most) {
        numbers->slots *= 2;
    }
    numbers->key = cr_calloc(numbers->slots, sizeof *numbers->key);
    numbers->number = cr_calloc(numbers->slots, sizeof *numbers->number);
    return numbers->key != NULL && numbers->number != NULL ? CR_OK : CR_E_MEMORY;
}

static void numbers_fini(struct numbers *numbers) {
    cr_free(numbers->key);
    cr_free(numbers->number);
}

static uint32_t number_of(struct numbers *numbers, const char *benchmark,
                          const char *name) {
    uint64_t key = cr_hash64(benchmark, strlen(benchmark), 1);
    key = cr_hash64(name, strlen(name), key) | 1; // zero marks a free slot
    size_t at = key >> 1 & (numbers->slots - 1);
    while (numbers->key[at] != 0 && numbers->key[at] != key) {
        at = (at + 1) & (numbers->slots - 1);
    }
    if (numbers->key[at] == 0) {
        numbers->key[at] = key;
        numbers->number[at] = numbers->len++;
    }
    return numbers->number[at];
}

// One file has numbers of its own.
static enum cr_status number_one_view(struct cr_dataset *dataset) {
    struct cr_dataset_view *one = &dataset->view[0];
    uint64_t len = one->view->propositions;
    one->question = cr_malloc((len + 1) * sizeof *one->question);
    one->proposition = cr_malloc((len + 1) * sizeof *one->proposition);
    if (one->question == NULL || one->proposition == NULL) {
        return CR_E_MEMORY;
    }
    for (uint32_t i = 0; i < len; i++) {
        one->question[i] = one->view->question[i];
        one->proposition[i] = i;
        if (one->question[i] >= dataset->questions) {
            dataset->questions = one->question[i] + 1;
        }
    }
    dataset->propositions = (uint32_t)len;
    return CR_OK;
}

static enum cr_status number_views(struct cr_dataset *dataset) {
    if (dataset->views == 1) {
        return number_one_view(dataset);
    }
    struct numbers questions = {0}, propositions = {0};
    uint64_t most = 0;
    for (size_t v = 0; v < dataset->views; v++) {
        most += dataset->view[v].view->propositions;
    }
    enum cr_status status = numbers_init(&questions, most);
    if (status == CR_OK) {
        status = numbers_init(&propositions, most);
    }
    for (size_t v = 0; v < dataset->views && status == CR_OK; v++) {
        struct cr_dataset_view *one = &dataset->view[v];
        const struct cr_run_view *view = one->view;
        size_t bytes = (view->propositions + 1) * sizeof(uint32_t);
        one->question = cr_malloc(bytes);
        one->proposition = cr_malloc(bytes);
        if (one->question == NULL || one->proposition == NULL) {
            status = CR_E_MEMORY;
        }
        for (uint64_t i = 0; i < view->propositions && status == CR_OK; i++) {
            one->question[i] =
                number_of(&questions, view->benchmark[i], view->question_id[i]);
            one->proposition[i] =
                number_of(&propositions, view->benchmark[i], view->proposition_id[i]);
        }
    }
    dataset->questions = questions.len;
    dataset->propositions = propositions.len;
    numbers_fini(&questions);
    numbers_fini(&propositions);
    return status;
}

const char *cr_dataset_item(const struct cr_dataset *dataset, size_t i, size_t view,
                            uint64_t proposition) {
    const struct cr_run_view *one = dataset->view[view].view;
    const char *name = dataset->factors.at[i].name + strlen("item.");
    for (uint32_t k = 0; k < one->kept_len; k++) {
        if (strcmp(one->kept[k].name, name) == 0) {
            const char *text = one->kept[k].text[proposition];
            return text[0] != '\0' ? text : "(none)";
        }
    }
    return NULL;
}

static enum cr_status refuse_column(const struct cr_dataset *dataset, size_t i,
                                    size_t v, struct cr_err *err) {
    const struct cr_run_view *view = dataset->view[v].view;
    struct cr_buf kept;
    cr_buf_init(&kept, 1 << 16);
    enum cr_status status = CR_OK;
    for (uint32_t k = 0; k < view->kept_len && status == CR_OK; k++) {
        status =
            cr_buf_printf(&kept, "%sitem.%s", k > 0 ? ", " : "", view->kept[k].name);
    }
    if (status == CR_OK) {
        status = cr_err_set(
            err, CR_E_USAGE, "--by %s: %s keeps no such column; it keeps %s",
            dataset->factors.at[i].name, dataset->view[v].path,
            kept.used_bytes > 0 ? kept.data
                                : "none: name them in \"keep\" of the benchmark");
    }
    cr_buf_fini(&kept);
    return status;
}

// The columns' values of PROPOSITION, one after another, as one key.
static enum cr_status item_key(const struct cr_dataset *dataset, size_t v,
                               uint64_t proposition, struct cr_buf *key,
                               struct cr_err *err) {
    cr_buf_clear(key);
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < dataset->factors.len && status == CR_OK; i++) {
        if (dataset->factors.at[i].at >= 0) {
            continue;
        }
        const char *text = cr_dataset_item(dataset, i, v, proposition);
        status = text == NULL ? refuse_column(dataset, i, v, err)
                              : cr_buf_printf(key, "%zu:%s", strlen(text), text);
    }
    return status;
}

static enum cr_status classify_view(struct cr_dataset *dataset, size_t v,
                                    struct numbers *classes, struct cr_err *err) {
    struct cr_dataset_view *one = &dataset->view[v];
    struct cr_buf key;
    cr_buf_init(&key, 1 << 20);
    one->item_class =
        cr_malloc((one->view->propositions + 1) * sizeof *one->item_class);
    enum cr_status status = one->item_class == NULL ? CR_E_MEMORY : CR_OK;
    for (uint64_t p = 0; p < one->view->propositions && status == CR_OK; p++) {
        status = item_key(dataset, v, p, &key, err);
        if (status == CR_OK) {
            uint32_t number = number_of(classes, "", key.data);
            one->item_class[p] = number;
            if (number == dataset->item_classes) {
                dataset->item_class[dataset->item_classes++] =
                    (struct cr_item_class){v, p};
            }
        }
    }
    cr_buf_fini(&key);
    return status;
}

enum cr_status cr_dataset_classify(struct cr_dataset *dataset, struct cr_err *err) {
    struct numbers classes = {0};
    uint64_t most = 1;
    for (size_t v = 0; v < dataset->views; v++) {
        most += dataset->view[v].view->propositions;
    }
    dataset->item_class = cr_malloc(most * sizeof *dataset->item_class);
    enum cr_status status =
        dataset->item_class == NULL ? CR_E_MEMORY : numbers_init(&classes, most);
    for (size_t v = 0; v < dataset->views && status == CR_OK; v++) {
        status = classify_view(dataset, v, &classes, err);
    }
    numbers_fini(&classes);
    return status;
}

static enum cr_status open_view(struct cr_dataset *dataset, const char *path,
                                unsigned parts, struct cr_err *err) {
    struct cr_dataset_view *one = &dataset->view[dataset->views];
    struct cr_buf file;
    cr_buf_init(&file, 65536);
    enum cr_status status = cr_run_view_path(path, &file);
    if (status == CR_OK) {
        status = cr_run_view_open_parts(file.data, parts, &one->view, err);
    }
    cr_buf_fini(&file);
    if (status != CR_OK) {
        return status;
    }
    one->path = path;
    one->first = dataset->rows;
    if (dataset->views > 0) {
        one->first_cell = one[-1].first_cell + one[-1].view->cells;
    }
    dataset->rows += one->view->episodes;
    if (one->view->iterations > dataset->iterations) {
        dataset->iterations = one->view->iterations;
    }
    for (size_t v = 0; v < dataset->views; v++) {
        const struct cr_run_view *other = dataset->view[v].view;
        one->is_shard =
            one->is_shard || (other->episodes == one->view->episodes &&
                              strcmp(other->job_hash, one->view->job_hash) == 0);
    }
    dataset->views++;
    return CR_OK;
}

enum cr_status cr_dataset_open(char *const *paths, size_t len,
                               const struct cr_factor_list *factors,
                               struct cr_dataset **out, struct cr_err *err) {
    struct cr_dataset *dataset = cr_calloc(1, sizeof *dataset);
    enum cr_status status = CR_E_MEMORY;
    // Only several files need names to find what they have in common.
    unsigned parts = len > 1 ? CR_VIEW_IDS : CR_VIEW_NUMBERS;
    parts |= factors->has_items ? CR_VIEW_ITEMS : 0u;
    if (dataset != NULL) {
        dataset->factors = *factors;
        dataset->view = cr_calloc(len + 1, sizeof *dataset->view);
    }
    if (dataset != NULL && dataset->view != NULL) {
        status = CR_OK;
    }
    for (size_t i = 0; i < len && status == CR_OK; i++) {
        status = open_view(dataset, paths[i], parts, err);
    }
    if (status == CR_OK) {
        status = number_views(dataset);
    }
    if (status != CR_OK) {
        cr_dataset_close(dataset);
        return status;
    }
    *out = dataset;
    return CR_OK;
}

void cr_dataset_close(struct cr_dataset *dataset) {
    if (dataset == NULL) {
        return;
    }
    for (size_t v = 0; v < dataset->views; v++) {
        cr_run_view_close(dataset->view[v].view);
        cr_free(dataset->view[v].question);
        cr_free(dataset->view[v].proposition);
        cr_free(dataset->view[v].step_calls);
        cr_free(dataset->view[v].item_class);
        cr_free(dataset->view[v].is_excluded);
    }
    cr_free(dataset->view);
    cr_free(dataset->group);
    cr_free(dataset->order);
    cr_free(dataset->item_class);
    cr_arena_fini(&dataset->arena);
    cr_free(dataset);
}

const struct cr_dataset_view *cr_dataset_view_of(const struct cr_dataset *dataset,
                                                 uint64_t number) {
    size_t v = dataset->views - 1;
    while (dataset->view[v].first > number) {
        v--;
    }
    return &dataset->view[v];
}

const struct cr_run_cell *cr_dataset_cell(const struct cr_dataset *dataset,
                                          uint64_t number) {
    const struct cr_dataset_view *one = cr_dataset_view_of(dataset, number);
    return &one->view->cell_info[one->view->cell[number - one->first]];
}

// Which kind of proposition ROW prices: K options have a vector in outcome_price, a
// quantity has a value.
static void fill_prices(const struct cr_run_view *view, uint64_t row, uint64_t p,
                        struct cr_market *out) {
    size_t at = (size_t)row * view->iterations;
    out->price = view->price + at;
    if (view->outcome_price != NULL && view->n_outcomes[p] > 1 &&
        !isnan(view->outcome_price[at * view->outcomes])) {
        out->space = CR_SPACE_CATEGORICAL;
        out->price = NULL;
        out->options = view->outcome_price + at * view->outcomes;
        out->options_len = view->n_outcomes[p];
        out->options_stride = view->outcomes;
    } else if (!isnan(view->value[p])) {
        out->space = CR_SPACE_CONTINUOUS;
        out->truth = (view->value[p] - view->low[p]) / (view->high[p] - view->low[p]);
        if (view->quantile != NULL) {
            out->quantile = view->quantile + 3 * at;
        }
    }
    out->held = view->price_held != NULL ? view->price_held + at : NULL;
    out->held_idle = view->price_held_idle != NULL ? view->price_held_idle + at : NULL;
    out->idle = view->price_idle != NULL ? view->price_idle + at : NULL;
    if (view->traders > 0 && out->space != CR_SPACE_CONTINUOUS) {
        size_t trader = (size_t)row * view->traders;
        out->traders = view->traders;
        out->belief = out->options == NULL ? view->belief + trader
                      : view->outcome_belief != NULL
                          ? view->outcome_belief + trader * view->outcomes
                          : NULL;
    }
    out->direction = view->direction != NULL ? view->direction + at : NULL;
}

void cr_dataset_prices(const struct cr_dataset *dataset, uint64_t number,
                       struct cr_market *out) {
    const struct cr_dataset_view *one = cr_dataset_view_of(dataset, number);
    const struct cr_run_view *view = one->view;
    uint64_t row = number - one->first, p = view->proposition[row];
    *out = (struct cr_market){.space = CR_SPACE_BINARY,
                              .status = (enum cr_episode_status)view->status[row],
                              .ended = (enum cr_stop_reason)view->ended[row],
                              .prices_len = view->prices_len[row],
                              .label = view->label[p],
                              .question = one->question[p],
                              .proposition = one->proposition[p]};
    fill_prices(view, row, p, out);
}

void cr_dataset_market(const struct cr_dataset *dataset, uint64_t number,
                       struct cr_market *out) {
    const struct cr_dataset_view *one = cr_dataset_view_of(dataset, number);
    uint64_t row = number - one->first;
    cr_dataset_prices(dataset, number, out);
    out->has_samples =
        strcmp(cr_dataset_cell(dataset, number)->protocol, "self_consistency") == 0;
    out->tokens = one->view->tokens[row];
    out->calls = one->view->calls[row];
    out->latency_s = (double)one->view->latency_s[row];
    out->usd = one->view->usd[row];
}

enum cr_status cr_dataset_step_calls(struct cr_dataset *dataset, struct cr_err *err) {
    enum cr_status status = CR_OK;
    for (size_t v = 0; v < dataset->views && status == CR_OK; v++) {
        struct cr_dataset_view *one = &dataset->view[v];
        struct cr_buf file;
        if (one->step_calls != NULL) {
            continue;
        }
        cr_buf_init(&file, 65536);
        status = cr_run_view_path(one->path, &file);
        if (status == CR_OK) {
            status = cr_run_view_step_calls(file.data, &one->step_calls, err);
        }
        cr_buf_fini(&file);
    }
    return status;
}

enum cr_status cr_dataset_calls(const struct cr_dataset_view *one, uint64_t row,
                                struct cr_call_records *out) {
    struct cr_buf file;
    cr_buf_init(&file, 65536);
    enum cr_status status = cr_run_view_path(one->path, &file);
    if (status == CR_OK) {
        status = cr_run_view_calls(file.data, row, out, NULL);
    }
    cr_buf_fini(&file);
    return status;
}

uint64_t cr_dataset_calls_until(const struct cr_dataset *dataset, uint64_t number,
                                uint32_t t) {
    const struct cr_dataset_view *one = cr_dataset_view_of(dataset, number);
    const uint32_t *calls =
        one->step_calls + (size_t)(number - one->first) * one->view->iterations;
    uint64_t sum = 0;
    for (uint32_t i = 0; i <= t && i < one->view->iterations; i++) {
        sum += calls[i];
    }
    return sum;
}
