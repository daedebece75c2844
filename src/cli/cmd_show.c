// cmd_show.c - credence show: which episodes to print, and how.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/pager.h"
#include "cli/show.h"
#include "credence/base/buf.h"
#include "credence/base/file.h"
#include "credence/base/mem.h"

enum {
    KEY_EPISODE = 256,
    KEY_ITEM,
    KEY_CELL,
    KEY_LIST,
    KEY_THINKING,
    KEY_PROMPTS,
    KEY_FORMAT,
    KEY_NO_PAGER,
    WISHES_MAX = 1024,
    PATH_BYTES_MAX = 1 << 16,
    LIST_BYTES_MAX = 1 << 28,
    OUTPUT_BYTES_MAX = 1 << 30
};

static const struct cr_option options[] = {
    {KEY_EPISODE, "episode", "N,..",
     "the episodes of these numbers; 3,7-9 is 3, 7, 8 and 9; may be repeated"},
    {KEY_ITEM, "item", "ID",
     "every episode of the proposition or the question with this id"},
    {KEY_CELL, "cell", "NAME", "with --item: only of the cell of this name"},
    {KEY_LIST, "from-list", "FILE",
     "the episodes whose numbers FILE holds, one a line; -: standard input"},
    {KEY_THINKING, "thinking", NULL, "also print the model's reasoning"},
    {KEY_PROMPTS, "prompts", NULL,
     "also print every message as it was sent, and each reply as it came"},
    {KEY_FORMAT, "format", "FORMAT", "text (default) or json"},
    {KEY_NO_PAGER, "no-pager", NULL, "do not start a pager on a terminal"},
    {0, NULL, NULL, NULL},
};

struct request {
    const char *wish[WISHES_MAX]; // values of --episode
    size_t wishes;
    const char *item, *cell, *list;
    bool with_thinking, with_prompts, is_json, no_pager;
};

// The numbers of episodes to show, in the order in which they were asked for.
struct numbers {
    uint64_t *at;
    size_t len, cap;
};

static enum cr_status add_number(struct numbers *numbers, uint64_t episode,
                                 struct cr_err *err) {
    void *at = numbers->at;
    const enum cr_status status =
        cr_array_grow(&at, &numbers->cap, numbers->len + 1, sizeof *numbers->at);
    if (status != CR_OK) {
        return cr_err_set(err, status, "out of memory");
    }
    numbers->at = at;
    numbers->at[numbers->len++] = episode;
    return CR_OK;
}

// A number at *at, which moves behind it; false when there is none.
static bool take_number(const char **at, uint64_t *out) {
    char *end;
    errno = 0;
    if (**at < '0' || **at > '9') {
        return false;
    }
    *out = strtoull(*at, &end, 10);
    *at = end;
    return errno == 0;
}

// A number or a range at *at, which moves behind it; false when there is none.
static bool take_range(const char **at, uint64_t *first, uint64_t *last) {
    if (!take_number(at, first)) {
        return false;
    }
    *last = *first;
    if (**at != '-') {
        return true;
    }
    (*at)++;
    return take_number(at, last) && *last >= *first;
}

// Whether WISH is a list such as 3,7-9.
static bool is_wish(const char *wish) {
    uint64_t first, last;
    while (take_range(&wish, &first, &last)) {
        if (*wish == '\0') {
            return true;
        }
        if (*wish++ != ',') {
            return false;
        }
    }
    return false;
}

// The numbers of WISH, which is a list of the right form.
static enum cr_status add_wish(struct numbers *numbers, const char *wish,
                               uint64_t episodes, struct cr_err *err) {
    uint64_t first, last;
    enum cr_status status = CR_OK;
    while (status == CR_OK && take_range(&wish, &first, &last)) {
        if (last >= episodes) {
            return cr_err_set(err, CR_E_NOT_FOUND, "no episode %llu: the run has %llu",
                              (unsigned long long)last, (unsigned long long)episodes);
        }
        for (uint64_t e = first; e <= last && status == CR_OK; e++) {
            status = add_number(numbers, e, err);
        }
        wish += *wish == ',';
    }
    return status;
}

static enum cr_status read_list(const char *path, struct cr_buf *text,
                                struct cr_err *err) {
    return cr_file_read_any(strcmp(path, "-") == 0 ? "/dev/stdin" : path, text, err);
}

// The first number of each line; empty lines are passed over.
static enum cr_status add_list(struct numbers *numbers, const char *path,
                               uint64_t episodes, struct cr_err *err) {
    struct cr_buf text;
    cr_buf_init(&text, LIST_BYTES_MAX);
    enum cr_status status = read_list(path, &text, err);
    const char *at = text.data != NULL ? text.data : "";
    for (size_t line = 1; status == CR_OK && *at != '\0'; line++) {
        const char *end = at + strcspn(at, "\n");
        uint64_t episode = 0;
        at += strspn(at, " \t\r");
        const bool is_blank = at >= end;
        if (!is_blank && take_number(&at, &episode) && episode < episodes) {
            status = add_number(numbers, episode, err);
        } else if (!is_blank) {
            status = cr_err_set(err, CR_E_USAGE,
                                "%s:%zu: expected the number of an episode of this "
                                "run, which has %llu",
                                path, line, (unsigned long long)episodes);
        }
        at = *end == '\n' ? end + 1 : end;
    }
    cr_buf_fini(&text);
    return status;
}

// Which propositions and which episodes an item asks for.
struct selection {
    bool *propositions, *planned;
};

static bool is_wanted(const struct cr_run_view *view, uint64_t episode,
                      const char *cell_name, const struct selection *selection) {
    uint64_t p = view->proposition[episode];
    uint32_t cell = view->cell[episode];
    struct cr_show_place place;
    if (p >= view->propositions || cell >= view->cells) {
        if (!selection->planned[episode] || !cr_show_place(view, episode, &place)) {
            return false;
        }
        p = place.proposition;
        cell = place.cell;
    }
    return selection->propositions[p] &&
           (cell_name == NULL || strcmp(cell_name, view->cell_info[cell].name) == 0);
}

static enum cr_status select_item(const struct cr_run_view *view, const char *item,
                                  struct selection *out) {
    out->propositions = cr_calloc(view->propositions + 1, sizeof *out->propositions);
    out->planned = cr_calloc(view->episodes + 1, sizeof *out->planned);
    if (out->propositions == NULL || out->planned == NULL) {
        return CR_E_MEMORY;
    }
    for (uint64_t p = 0; p < view->propositions; p++) {
        out->propositions[p] = strcmp(view->proposition_id[p], item) == 0 ||
                               strcmp(view->question_id[p], item) == 0;
    }
    cr_show_planned(view, out->propositions, out->planned);
    return CR_OK;
}

static enum cr_status add_item(struct numbers *numbers, const struct cr_run_view *view,
                               const struct request *request, struct cr_err *err) {
    struct selection selection = {0};
    enum cr_status status = select_item(view, request->item, &selection);
    if (status != CR_OK) {
        cr_err_set(err, status, "out of memory");
    }
    const size_t before = numbers->len;
    for (uint64_t e = 0; status == CR_OK && e < view->episodes; e++) {
        if (is_wanted(view, e, request->cell, &selection)) {
            status = add_number(numbers, e, err);
        }
    }
    cr_free(selection.propositions);
    cr_free(selection.planned);
    if (status == CR_OK && numbers->len == before) {
        return cr_err_set(err, CR_E_NOT_FOUND, "no episode of '%s'%s%s", request->item,
                          request->cell != NULL ? " in cell " : "",
                          request->cell != NULL ? request->cell : "");
    }
    return status;
}

static enum cr_status choose(struct numbers *numbers, const struct cr_run_view *view,
                             const struct request *request, struct cr_err *err) {
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < request->wishes && status == CR_OK; i++) {
        status = add_wish(numbers, request->wish[i], view->episodes, err);
    }
    if (status == CR_OK && request->list != NULL) {
        status = add_list(numbers, request->list, view->episodes, err);
    }
    if (status == CR_OK && request->item != NULL) {
        status = add_item(numbers, view, request, err);
    }
    return status;
}

static enum cr_status print_all(struct cr_show *show, const struct numbers *numbers,
                                struct cr_err *err) {
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < numbers->len && status == CR_OK; i++) {
        struct cr_show_episode shown;
        status = cr_show_episode_read(show, numbers->at[i], &shown, err);
        if (status != CR_OK) {
            break;
        }
        if (i > 0) {
            printf("\n----\n\n");
        }
        status = cr_show_episode_print(&shown);
        cr_show_episode_fini(&shown);
        if (ferror(stdout) != 0) {
            break; // the reader of a pipe has left
        }
    }
    return status;
}

// One array of objects, printed one by one, for there may be many.
static enum cr_status print_json(struct cr_show *show, const struct numbers *numbers,
                                 struct cr_err *err) {
    struct cr_buf out;
    cr_buf_init(&out, OUTPUT_BYTES_MAX);
    enum cr_status status = CR_OK;
    printf("[");
    for (size_t i = 0; i < numbers->len && status == CR_OK; i++) {
        struct cr_json_writer emit = {.out = &out, .needs_comma = i > 0};
        struct cr_show_episode shown;
        status = cr_show_episode_read(show, numbers->at[i], &shown, err);
        if (status == CR_OK) {
            cr_buf_clear(&out);
            cr_show_episode_json(&shown, &emit);
            cr_show_episode_fini(&shown);
            status = emit.status;
        }
        if (status == CR_OK) {
            status = cr_screen_json(&show->screen, &out);
        }
    }
    printf("]\n");
    cr_buf_fini(&out);
    return status;
}

// Without the job of the run there are no messages and no options; the rest is shown.
static enum cr_status open_playback(struct cr_show *show, struct cr_err *err) {
    struct cr_err why = {0};
    const enum cr_status status =
        cr_playback_open(show->dir, show->with_prompts, &show->playback, &why);
    if (status == CR_E_MEMORY || (status != CR_OK && show->with_prompts)) {
        return cr_err_set(err, status, "cannot make the messages again: %s", why.text);
    }
    return CR_OK;
}

static enum cr_status show_view(struct cr_show *show, const struct request *request,
                                struct cr_err *err) {
    struct numbers numbers = {0};
    enum cr_status status = choose(&numbers, show->view, request, err);
    if (status == CR_OK && show->dir != NULL) {
        status = open_playback(show, err);
    }
    struct cr_pager pager = {0};
    if (status == CR_OK && !request->no_pager && !request->is_json) {
        pager = cr_pager_open();
    }
    if (status == CR_OK) {
        status = request->is_json ? print_json(show, &numbers, err)
                                  : print_all(show, &numbers, err);
    }
    cr_pager_close(&pager);
    cr_playback_close(show->playback);
    cr_show_tape_close(show->tape);
    cr_free(numbers.at);
    return status;
}

static enum cr_status show_run(const char *path, const struct request *request,
                               struct cr_err *err) {
    struct cr_buf file;
    struct cr_run_view *view = NULL;
    struct cr_show show = {.dir = cr_dir_exists(path) ? path : NULL,
                           .screen = cr_screen_make(stdout),
                           .with_reasoning = request->with_thinking,
                           .with_prompts = request->with_prompts};
    cr_buf_init(&file, PATH_BYTES_MAX);
    enum cr_status status = cr_run_view_path(path, &file);
    if (status == CR_OK) {
        status = cr_run_view_open(file.data, &view, err);
    }
    show.file = file.data;
    show.view = view;
    if (status == CR_OK && show.dir == NULL && request->with_prompts) {
        status = cr_err_set(err, CR_E_USAGE,
                            "--prompts needs the run directory, which holds the job "
                            "and the tape; %s is a file",
                            path);
    }
    if (status == CR_OK) {
        status = show_view(&show, request, err);
    }
    cr_run_view_close(view);
    cr_buf_fini(&file);
    return status;
}

static bool take_format(const struct cr_args *args, struct request *request) {
    request->is_json = strcmp(args->value, "json") == 0;
    if (request->is_json || strcmp(args->value, "text") == 0) {
        return true;
    }
    cr_command_usage_error(args->command, "--format expects text or json, not '%s'",
                           args->value);
    return false;
}

static bool take(const struct cr_args *args, int key, struct request *request) {
    switch (key) {
    case KEY_EPISODE:
        if (!is_wish(args->value)) {
            cr_command_usage_error(
                args->command,
                "--episode expects numbers and ranges, as in 3,7-9, not '%s'",
                args->value);
            return false;
        }
        return cr_args_add(args, "episode", WISHES_MAX, request->wish,
                           &request->wishes);
    case KEY_ITEM:
        request->item = args->value;
        return true;
    case KEY_CELL:
        request->cell = args->value;
        return true;
    case KEY_LIST:
        request->list = args->value;
        return true;
    case KEY_THINKING:
        request->with_thinking = true;
        return true;
    case KEY_PROMPTS:
        request->with_prompts = true;
        return true;
    case KEY_NO_PAGER:
        request->no_pager = true;
        return true;
    default:
        return take_format(args, request);
    }
}

static int run(int argc, char **argv) {
    struct request request = {0};
    struct cr_args args;
    int key;
    cr_args_init(&args, &cr_command_show, argc, argv);
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
    if (request.wishes == 0 && request.item == NULL && request.list == NULL) {
        return cr_command_usage_error(
            &cr_command_show, "say which: --episode N, --item ID or --from-list FILE");
    }
    struct cr_err err = {0};
    const enum cr_status status = show_run(args.operands[0], &request, &err);
    return status == CR_OK ? CR_EXIT_COMPLETE : cr_exit_error(status, &err);
}

const struct cr_command cr_command_show = {
    .name = "show",
    .usage = "DIR|FILE --episode N,.. | --item ID [--cell NAME] | --from-list FILE "
             "[--prompts] [--thinking] [--format FORMAT]",
    .summary = "print episodes: prices, reasoning, arguments, messages",
    .description =
        "Prints what was said in an episode: each reply with the price it names, or "
        "why it has none and what the model was told about it. The texts come from the "
        "tape of the run directory, else from run.h5.\n\n"
        "Messages are not stored: --prompts makes them again from the job in the run "
        "directory, and says so where the hash of a request is not that of what was "
        "sent. On a terminal the output goes through $PAGER.",
    .options = options,
    .run = run,
};
