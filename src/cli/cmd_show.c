// cmd_show.c - credence show: which episodes to print.
#include <string.h>

#include "cli/command.h"
#include "cli/show.h"
#include "credence/base/buf.h"
#include "credence/base/file.h"
#include "credence/base/mem.h"

enum { KEY_EPISODE = 256, KEY_ITEM, KEY_CELL, KEY_THINKING };

static const struct cr_option options[] = {
    {KEY_EPISODE, "episode", "N", "the episode of this number"},
    {KEY_ITEM, "item", "ID",
     "every episode of the proposition or the question with this id"},
    {KEY_CELL, "cell", "NAME", "with --item: only of the cell of this name"},
    {KEY_THINKING, "thinking", NULL, "what the model thought before it answered, too"},
    {0, NULL, NULL, NULL},
};

struct request {
    bool has_episode;
    unsigned long long episode;
    const char *item, *cell;
};

// Which propositions and which episodes are asked for. An episode that has not ended
// has no row that says what it is about: the plan does.
struct selection {
    bool *propositions, *planned;
};

static bool is_wanted(const struct cr_run_view *view, uint64_t episode,
                      const struct request *request,
                      const struct selection *selection) {
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
           (request->cell == NULL ||
            strcmp(request->cell, view->cell_info[cell].name) == 0);
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

static enum cr_status show_item(const struct cr_show *show,
                                const struct request *request, struct cr_err *err) {
    struct selection selection = {0};
    enum cr_status status = select_item(show->view, request->item, &selection);
    if (status != CR_OK) {
        cr_err_set(err, status, "out of memory");
    }
    uint64_t shown = 0;
    for (uint64_t e = 0; status == CR_OK && e < show->view->episodes; e++) {
        if (is_wanted(show->view, e, request, &selection)) {
            if (shown++ > 0) {
                printf("\n----\n\n");
            }
            status = cr_show_episode(show, e, err);
        }
    }
    cr_free(selection.propositions);
    cr_free(selection.planned);
    if (status == CR_OK && shown == 0) {
        return cr_err_set(err, CR_E_NOT_FOUND, "no episode of '%s'%s%s", request->item,
                          request->cell != NULL ? " in cell " : "",
                          request->cell != NULL ? request->cell : "");
    }
    return status;
}

static enum cr_status show_run(const char *path, struct cr_show *show,
                               const struct request *request, struct cr_err *err) {
    struct cr_buf file;
    struct cr_run_view *view = NULL;
    bool is_dir = cr_dir_exists(path);
    cr_buf_init(&file, 65536);
    enum cr_status status =
        is_dir ? cr_path_join(&file, path, "run.h5") : cr_buf_add_text(&file, path);
    if (status == CR_OK) {
        status = cr_run_view_open(file.data, &view, err);
    }
    show->file = file.data;
    show->dir = is_dir ? path : NULL;
    show->view = view;
    if (status == CR_OK) {
        status = request->has_episode ? cr_show_episode(show, request->episode, err)
                                      : show_item(show, request, err);
    }
    cr_run_view_close(view);
    cr_buf_fini(&file);
    return status;
}

static int run(int argc, char **argv) {
    struct request request = {0};
    struct cr_show show = {0};
    struct cr_args args;
    int key;
    cr_args_init(&args, &cr_command_show, argc, argv);
    while ((key = cr_args_next(&args)) != CR_ARGS_END) {
        if (key < 0) {
            return cr_args_exit(key);
        }
        if (key == KEY_EPISODE &&
            !cr_args_u64(&args, "episode", 0, UINT64_MAX - 1, &request.episode)) {
            return CR_EXIT_USAGE;
        }
        request.has_episode = request.has_episode || key == KEY_EPISODE;
        if (key == KEY_ITEM) {
            request.item = args.value;
        }
        if (key == KEY_CELL) {
            request.cell = args.value;
        }
        show.with_reasoning = show.with_reasoning || key == KEY_THINKING;
    }
    if (!cr_args_want(&args, 1, 1)) {
        return CR_EXIT_USAGE;
    }
    if (request.has_episode == (request.item != NULL)) {
        return cr_command_usage_error(&cr_command_show, "say --episode N or --item ID");
    }
    struct cr_err err = {0};
    enum cr_status status = show_run(args.operands[0], &show, &request, &err);
    return status == CR_OK ? CR_EXIT_COMPLETE : cr_exit_error(status, &err);
}

const struct cr_command cr_command_show = {
    .name = "show",
    .usage = "DIR|FILE --episode N | --item ID [--cell NAME] [--thinking]",
    .summary = "a market as a person would read it: prices, reasoning, arguments",
    .description =
        "Prints what was said in an episode, from the run file or, when that "
        "holds no texts yet, from the tape of the run directory. Text from "
        "models is made harmless for the terminal.",
    .options = options,
    .run = run,
};
