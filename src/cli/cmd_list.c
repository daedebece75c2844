// cmd_list.c - credence list: one line an episode, filtered, sorted, sampled.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cli/command.h"
#include "cli/listing.h"
#include "cli/screen.h"
#include "cli/where.h"
#include "credence/base/csv.h"
#include "credence/base/json.h"
#include "credence/base/json_write.h"
#include "credence/base/mem.h"
#include "credence/base/rng.h"

enum {
    KEY_WHERE = 256,
    KEY_SORT,
    KEY_FORMAT,
    KEY_SAMPLE,
    KEY_SEED,
    KEY_COLUMNS,
    SHOWN_MAX = 64, // columns of a table
    GAP = 2,
    TEXT_COLUMNS_MIN = 8,
    OUTPUT_BYTES_MAX = 1 << 30
};

enum format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON, FORMAT_IDS, FORMAT_LEN };
static const char *const format_names[FORMAT_LEN] = {"table", "csv", "json", "ids"};

static const struct cr_option options[] = {
    {KEY_WHERE, "where", "CONDITION",
     "only episodes that meet it: \"opening right and final wrong and stance = "
     "adversarial\""},
    {KEY_SORT, "sort", "COLUMN", "in the order of a column; -COLUMN: largest first"},
    {'n', "number", "N", "at most so many lines"},
    {KEY_SAMPLE, "sample", "N", "N of them, drawn at random"},
    {KEY_SEED, "seed", "N", "of the sample (1)"},
    {KEY_FORMAT, "format", "FORMAT", "table (default), csv, json or ids (for show)"},
    {KEY_COLUMNS, "columns", "NAME,..",
     "columns of the table; csv and json have all unless this names some"},
    {0, NULL, NULL, NULL},
};

struct request {
    const char *where, *sort, *columns;
    unsigned long long len, sample, seed;
    enum format format;
};

// What is listed: the episodes that were chosen, the columns that are shown.
struct list {
    const struct request *request;
    struct cr_listing listing;
    uint64_t *episode;
    size_t len, matched;
    size_t shown[SHOWN_MAX];
    size_t shown_len;
};

static enum cr_status unknown_column(const struct cr_listing *listing,
                                     const char *option, const char *name,
                                     struct cr_err *err) {
    const char *nearest = NULL;
    cr_listing_find(listing, name, &nearest);
    return cr_err_set(err, CR_E_USAGE, "--%s: unknown column '%s'%s%s%s", option, name,
                      nearest != NULL ? "; did you mean '" : "",
                      nearest != NULL ? nearest : "",
                      nearest != NULL ? "'?" : "; 'credence help list' names them");
}

static enum cr_status choose(struct list *list, struct cr_err *err) {
    const uint64_t episodes = list->listing.view->episodes;
    struct cr_where *where = NULL;
    enum cr_status status = CR_OK;
    if (list->request->where != NULL) {
        status = cr_where_parse(list->request->where, &list->listing, &where, err);
    }
    list->episode = cr_calloc(episodes + 1, sizeof *list->episode);
    if (status == CR_OK && list->episode == NULL) {
        status = cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    for (uint64_t e = 0; e < episodes && status == CR_OK; e++) {
        if (where == NULL || cr_where_holds(where, &list->listing, e)) {
            list->episode[list->len++] = e;
        }
    }
    list->matched = list->len;
    cr_where_destroy(where);
    return status;
}

// Keep SAMPLE of the episodes, in their order, each set of them as likely as any other
// (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S).
static void draw(struct list *list) {
    struct cr_rng rng;
    size_t kept = 0;
    cr_rng_seed(&rng, list->request->seed);
    for (size_t i = 0; i < list->len; i++) {
        const size_t left = list->len - i, wanted = list->request->sample - kept;
        if (cr_rng_below(&rng, left) < wanted) {
            list->episode[kept++] = list->episode[i];
        }
    }
    list->len = kept;
}

struct sort_key {
    uint64_t episode;
    struct cr_listing_value value;
    bool is_text, is_falling;
};

static int by_key(const void *a, const void *b) {
    const struct sort_key *x = *(const struct sort_key *const *)a;
    const struct sort_key *y = *(const struct sort_key *const *)b;
    const bool x_missing = x->is_text ? x->value.text == NULL : isnan(x->value.number);
    const bool y_missing = y->is_text ? y->value.text == NULL : isnan(y->value.number);
    int order = 0;
    if (x_missing || y_missing) {
        order = (int)x_missing - (int)y_missing; // last, whichever way it is sorted
    } else if (x->is_text) {
        const int by_text = strcasecmp(x->value.text, y->value.text);
        order = x->is_falling ? -by_text : by_text;
    } else {
        order =
            (x->value.number > y->value.number) - (x->value.number < y->value.number);
        order *= x->is_falling ? -1 : 1;
    }
    return order != 0 ? order : (x->episode > y->episode) - (x->episode < y->episode);
}

// Sort by pointers: a value may point into itself.
static void sort_by(struct list *list, size_t column, struct sort_key *keys,
                    struct sort_key **order) {
    for (size_t i = 0; i < list->len; i++) {
        keys[i].episode = list->episode[i];
        keys[i].is_falling = list->request->sort[0] == '-';
        keys[i].is_text = cr_listing_kind(&list->listing, column) == CR_LISTING_TEXT;
        cr_listing_get(&list->listing, column, list->episode[i], &keys[i].value);
        order[i] = &keys[i];
    }
    qsort(order, list->len, sizeof *order, by_key);
    for (size_t i = 0; i < list->len; i++) {
        list->episode[i] = order[i]->episode;
    }
}

static enum cr_status sort(struct list *list, struct cr_err *err) {
    const char *name = list->request->sort;
    const size_t sign = name[0] == '-';
    const int column = cr_listing_find(&list->listing, name + sign, NULL);
    if (column < 0) {
        return unknown_column(&list->listing, "sort", name + sign, err);
    }
    struct sort_key *keys = cr_calloc(list->len + 1, sizeof *keys);
    struct sort_key **order = cr_calloc(list->len + 1, sizeof *order);
    enum cr_status status = CR_OK;
    if (keys == NULL || order == NULL) {
        status = cr_err_set(err, CR_E_MEMORY, "out of memory");
    } else {
        sort_by(list, (size_t)column, keys, order);
    }
    cr_free(keys);
    cr_free(order);
    return status;
}

static enum cr_status show_columns(struct list *list, const char *names,
                                   struct cr_err *err) {
    while (list->shown_len < SHOWN_MAX) {
        char name[128];
        const size_t len = strcspn(names, ",");
        snprintf(name, sizeof name, "%.*s", (int)len, names);
        const int column = cr_listing_find(&list->listing, name, NULL);
        if (column < 0) {
            return unknown_column(&list->listing, "columns", name, err);
        }
        list->shown[list->shown_len++] = (size_t)column;
        if (names[len] == '\0') {
            return CR_OK;
        }
        names += len + 1;
    }
    return cr_err_set(err, CR_E_USAGE, "--columns takes at most %d columns", SHOWN_MAX);
}

static bool has_any(const struct list *list, size_t column) {
    for (size_t i = 0; i < list->len; i++) {
        struct cr_listing_value value;
        cr_listing_get(&list->listing, column, list->episode[i], &value);
        if (cr_listing_text(&list->listing, column, &value)[0] != '\0') {
            return true;
        }
    }
    return false;
}

// Columns that nobody named and that say nothing only take room.
static void drop_empty(struct list *list) {
    size_t kept = 0;
    for (size_t c = 0; c < list->shown_len; c++) {
        if (list->len == 0 || has_any(list, list->shown[c])) {
            list->shown[kept++] = list->shown[c];
        }
    }
    list->shown_len = kept;
}

static enum cr_status choose_columns(struct list *list, struct cr_err *err) {
    static const char usual[] =
        "episode,item,cell,truth,opening,final,largest,stop,reason,iterations";
    if (list->request->columns != NULL) {
        return show_columns(list, list->request->columns, err);
    }
    if (list->request->format == FORMAT_TABLE) {
        const enum cr_status status = show_columns(list, usual, err);
        drop_empty(list);
        return status;
    }
    const size_t len = cr_listing_columns(&list->listing);
    for (size_t c = 0; c < len && c < SHOWN_MAX; c++) {
        list->shown[list->shown_len++] = c;
    }
    return CR_OK;
}

// A number in full, anything else as the table has it.
static enum cr_status add_csv_cell(const struct cr_listing *listing, size_t column,
                                   uint64_t episode, struct cr_buf *out) {
    struct cr_listing_value value;
    cr_listing_get(listing, column, episode, &value);
    if (cr_listing_kind(listing, column) == CR_LISTING_NUMBER) {
        return isnan(value.number) ? CR_OK : cr_json_add_number(out, value.number);
    }
    const char *text = cr_listing_text(listing, column, &value);
    return cr_csv_add_field(out, text, strlen(text));
}

static enum cr_status add_csv(const struct list *list, struct cr_buf *out) {
    enum cr_status status = CR_OK;
    for (size_t c = 0; c < list->shown_len && status == CR_OK; c++) {
        status = cr_buf_printf(out, "%s%s", c > 0 ? "," : "",
                               cr_listing_name(&list->listing, list->shown[c]));
    }
    for (size_t i = 0; i < list->len && status == CR_OK; i++) {
        for (size_t c = 0; c < list->shown_len && status == CR_OK; c++) {
            status = cr_buf_add_text(out, c > 0 ? "," : "\r\n");
            if (status == CR_OK) {
                status =
                    add_csv_cell(&list->listing, list->shown[c], list->episode[i], out);
            }
        }
    }
    return status == CR_OK ? cr_buf_add_text(out, "\r\n") : status;
}

static void write_value(struct cr_json_writer *emit, const struct cr_listing *listing,
                        size_t column, uint64_t episode) {
    struct cr_listing_value value;
    const char *name = cr_listing_name(listing, column);
    cr_listing_get(listing, column, episode, &value);
    switch (cr_listing_kind(listing, column)) {
    case CR_LISTING_TEXT:
        cr_json_write_text(emit, name, value.text);
        break;
    case CR_LISTING_FLAG:
        if (!isnan(value.number)) {
            cr_json_write_bool(emit, name, value.number != 0);
            break;
        }
        cr_json_write_text(emit, name, NULL);
        break;
    case CR_LISTING_NUMBER:
        cr_json_write_number(emit, name, value.number);
        break;
    }
}

static enum cr_status add_json(const struct list *list, struct cr_buf *out) {
    struct cr_json_writer emit = {.out = out};
    cr_json_write_open(&emit, NULL, '[');
    for (size_t i = 0; i < list->len; i++) {
        cr_json_write_open(&emit, NULL, '{');
        for (size_t c = 0; c < list->shown_len; c++) {
            write_value(&emit, &list->listing, list->shown[c], list->episode[i]);
        }
        cr_json_write_close(&emit, '}');
    }
    cr_json_write_close(&emit, ']');
    return emit.status == CR_OK ? cr_buf_add_text(out, "\n") : emit.status;
}

// The widths of the table's columns. Texts give way, the widest first, until a line
// fits the screen.
static void measure(const struct list *list, size_t room, size_t *width) {
    size_t total = 0;
    for (size_t c = 0; c < list->shown_len; c++) {
        width[c] = strlen(cr_listing_name(&list->listing, list->shown[c]));
        for (size_t i = 0; i < list->len; i++) {
            struct cr_listing_value value;
            cr_listing_get(&list->listing, list->shown[c], list->episode[i], &value);
            const char *text =
                CR_SHOWN(cr_listing_text(&list->listing, list->shown[c], &value));
            const size_t columns = cr_screen_columns(text, strlen(text));
            width[c] = columns > width[c] ? columns : width[c];
        }
        total += width[c] + (c > 0 ? GAP : 0);
    }
    while (total > room) {
        size_t widest = SHOWN_MAX;
        for (size_t c = 0; c < list->shown_len; c++) {
            const bool is_text =
                cr_listing_kind(&list->listing, list->shown[c]) == CR_LISTING_TEXT;
            if (is_text && width[c] > TEXT_COLUMNS_MIN &&
                (widest == SHOWN_MAX || width[c] > width[widest])) {
                widest = c;
            }
        }
        if (widest == SHOWN_MAX) {
            return;
        }
        width[widest]--;
        total--;
    }
}

// TEXT in WIDTH columns: cut in the middle, where ids differ least, when it is longer.
static void print_cell(const struct cr_screen *screen, const char *text, size_t width,
                       bool is_text) {
    const size_t columns = cr_screen_columns(text, strlen(text));
    const size_t pad = columns < width ? width - columns : 0;
    if (!is_text) {
        fprintf(screen->file, "%*s", (int)pad, "");
    }
    size_t column = 0;
    const size_t head = (width - 2) / 2, tail = width - 2 - head;
    for (const char *at = text; *at != '\0'; column++) {
        size_t bytes = 1;
        while (((unsigned char)at[bytes] & 0xc0) == 0x80) {
            bytes++;
        }
        if (columns <= width || column < head || column >= columns - tail) {
            fwrite(at, 1, bytes, screen->file);
        } else if (column == head) {
            fputs("..", screen->file);
        }
        at += bytes;
    }
    if (is_text) {
        fprintf(screen->file, "%*s", (int)pad, "");
    }
}

static void print_row(const struct cr_screen *screen, const struct list *list,
                      const size_t *width, const uint64_t *episode) {
    for (size_t c = 0; c < list->shown_len; c++) {
        const size_t column = list->shown[c];
        struct cr_listing_value value;
        const char *text = cr_listing_name(&list->listing, column);
        if (episode != NULL) {
            cr_listing_get(&list->listing, column, *episode, &value);
            text = cr_listing_text(&list->listing, column, &value);
        }
        fprintf(screen->file, "%*s", c > 0 ? GAP : 0, "");
        print_cell(screen, CR_SHOWN(text), width[c],
                   cr_listing_kind(&list->listing, column) == CR_LISTING_TEXT);
    }
    fputc('\n', screen->file);
}

static void print_table(const struct cr_screen *screen, const struct list *list) {
    size_t width[SHOWN_MAX] = {0};
    const bool is_cut = screen->is_terminal || getenv("COLUMNS") != NULL;
    measure(list, is_cut ? screen->columns : SIZE_MAX, width);
    print_row(screen, list, width, NULL);
    for (size_t i = 0; i < list->len; i++) {
        print_row(screen, list, width, &list->episode[i]);
    }
    const uint64_t episodes = list->listing.view->episodes;
    cr_screen_styled(screen, CR_STYLE_FAINT, "%zu of %llu episodes%s", list->matched,
                     (unsigned long long)episodes,
                     list->len < list->matched ? "" : "\n");
    if (list->len < list->matched) {
        cr_screen_styled(screen, CR_STYLE_FAINT, ", %zu shown\n", list->len);
    }
}

static enum cr_status add_ids(const struct list *list, struct cr_buf *out) {
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < list->len && status == CR_OK; i++) {
        status = cr_buf_printf(out, "%llu\n", (unsigned long long)list->episode[i]);
    }
    return status;
}

static enum cr_status print(const struct list *list) {
    const struct cr_screen screen = cr_screen_make(stdout);
    if (list->request->format == FORMAT_TABLE) {
        print_table(&screen, list);
        return CR_OK;
    }
    struct cr_buf out;
    cr_buf_init(&out, OUTPUT_BYTES_MAX);
    enum cr_status status = list->request->format == FORMAT_CSV ? add_csv(list, &out)
                            : list->request->format == FORMAT_JSON
                                ? add_json(list, &out)
                                : add_ids(list, &out);
    if (status == CR_OK && out.used_bytes > 0) {
        status = list->request->format == FORMAT_JSON ? cr_screen_json(&screen, &out)
                                                      : cr_screen_data(&screen, &out);
    }
    cr_buf_fini(&out);
    return status;
}

static enum cr_status list_view(const struct cr_run_view *view,
                                const struct request *request, struct cr_err *err) {
    struct list list = {.request = request};
    enum cr_status status = cr_listing_init(&list.listing, view);
    if (status == CR_OK) {
        status = choose(&list, err);
    }
    if (status == CR_OK && request->sample > 0) {
        draw(&list);
    }
    if (status == CR_OK && request->sort != NULL) {
        status = sort(&list, err);
    }
    if (status == CR_OK) {
        list.len = request->len < list.len ? (size_t)request->len : list.len;
        status = choose_columns(&list, err);
    }
    if (status == CR_OK) {
        status = print(&list);
    }
    cr_free(list.episode);
    cr_listing_fini(&list.listing);
    return status;
}

static enum cr_status list_run(const char *path, const struct request *request,
                               struct cr_err *err) {
    struct cr_buf file;
    struct cr_run_view *view = NULL;
    cr_buf_init(&file, 1 << 16);
    enum cr_status status = cr_run_view_path(path, &file);
    if (status == CR_OK) {
        status = cr_run_view_open_parts(file.data, CR_VIEW_ALL, &view, err);
    }
    if (status == CR_OK) {
        status = list_view(view, request, err);
    }
    cr_run_view_close(view);
    cr_buf_fini(&file);
    return status;
}

static bool take_format(const struct cr_args *args, struct request *request) {
    for (int i = 0; i < FORMAT_LEN; i++) {
        if (strcmp(args->value, format_names[i]) == 0) {
            request->format = (enum format)i;
            return true;
        }
    }
    cr_command_usage_error(args->command,
                           "--format expects table, csv, json or ids, not '%s'",
                           args->value);
    return false;
}

static bool take(const struct cr_args *args, int key, struct request *request) {
    switch (key) {
    case KEY_WHERE:
        request->where = args->value;
        return true;
    case KEY_SORT:
        request->sort = args->value;
        return true;
    case KEY_COLUMNS:
        request->columns = args->value;
        return true;
    case 'n':
        return cr_args_u64(args, "number", 1, UINT64_MAX, &request->len);
    case KEY_SAMPLE:
        return cr_args_u64(args, "sample", 1, UINT64_MAX, &request->sample);
    case KEY_SEED:
        return cr_args_u64(args, "seed", 0, UINT64_MAX, &request->seed);
    default:
        return take_format(args, request);
    }
}

static int run(int argc, char **argv) {
    struct request request = {.len = UINT64_MAX, .seed = 1};
    struct cr_args args;
    int key;
    cr_args_init(&args, &cr_command_list, argc, argv);
    while ((key = cr_args_next(&args)) != CR_ARGS_END) {
        if (key < 0) {
            return cr_args_exit(key);
        }
        if (!take(&args, key, &request)) {
            return CR_EXIT_USAGE;
        }
    }
    if (!cr_args_want(&args, 1, 1)) {
        return CR_EXIT_USAGE;
    }
    struct cr_err err = {0};
    const enum cr_status status = list_run(args.operands[0], &request, &err);
    return status == CR_OK ? CR_EXIT_COMPLETE : cr_exit_error(status, &err);
}

// The columns, as words of the help.
static bool term_at(size_t index, struct cr_definition *out) {
    const struct cr_listing_column *column = cr_listing_fixed(index);
    if (column == NULL) {
        return false;
    }
    const char *help = column->help != NULL ? column->help : "as in the job";
    *out = (struct cr_definition){column->name, "", help};
    return true;
}

const struct cr_command cr_command_list = {
    .name = "list",
    .usage = "DIR|FILE [--where CONDITION] [--sort COLUMN] [-n N] [--sample N] "
             "[--format FORMAT] [--columns NAME,..]",
    .summary = "list episodes: filtered, sorted, sampled",
    .description =
        "Prints one line an episode; works on a run that is still going. A condition "
        "is a column, an operator (= != < <= > >=, ~ for contains) and a value, joined "
        "by and, or, not and parentheses; a column alone asks whether it is set. "
        "\"opening right\" and \"final wrong\" ask for the side of the truth. A test on a "
        "missing value is false.\n\n"
        "credence list DIR --where \"largest < -0.3\" --format ids | credence show DIR "
        "--from-list -",
    .options = options,
    .term_at = term_at,
    .run = run,
};
