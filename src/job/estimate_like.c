// What an earlier run spent, cell by cell.
#include <limits.h>
#include <string.h>

#include "credence/base/file.h"
#include "credence/base/mem.h"
#include "credence/job/estimate.h"
#include "credence/store/run_file.h"

static enum cr_status open_view(const char *dir, struct cr_run_view **out,
                                struct cr_err *err) {
    struct cr_buf path;
    cr_buf_init(&path, PATH_MAX);
    enum cr_status status = cr_dir_exists(dir) ? cr_path_join(&path, dir, "run.h5")
                                               : cr_buf_add_text(&path, dir);
    status = status == CR_OK ? cr_run_view_open(path.data, out, err) : status;
    cr_buf_fini(&path);
    return status;
}

static enum cr_status take_cells(const struct cr_run_view *view, struct cr_like *like) {
    uint64_t *finished = cr_calloc((size_t)view->cells + 1, sizeof *finished);
    like->cells = cr_calloc((size_t)view->cells + 1, sizeof *like->cells);
    if (finished == NULL || like->cells == NULL) {
        cr_free(finished);
        return CR_E_MEMORY;
    }
    like->len = view->cells;
    enum cr_status status = CR_OK;
    for (uint32_t i = 0; i < view->cells; i++) {
        struct cr_like_cell *cell = &like->cells[i];
        cell->name = cr_strdup(view->cell_info[i].name);
        cell->protocol = cr_strdup(view->cell_info[i].protocol);
        cell->benchmark = cr_strdup(view->cell_info[i].benchmark);
        if (cell->name == NULL || cell->protocol == NULL || cell->benchmark == NULL) {
            status = CR_E_MEMORY;
        }
    }
    for (uint64_t e = 0; e < view->episodes; e++) {
        if (view->status[e] == CR_DONE) {
            like->cells[view->cell[e]].calls += view->calls[e];
            like->cells[view->cell[e]].tokens += view->tokens[e];
            finished[view->cell[e]]++;
        }
    }
    for (uint32_t i = 0; i < view->cells; i++) {
        double len = finished[i] > 0 ? (double)finished[i] : 1;
        like->cells[i].calls /= len;
        like->cells[i].tokens /= len;
    }
    cr_free(finished);
    return status;
}

enum cr_status cr_like_read(const char *dir, struct cr_like *out, struct cr_err *err) {
    struct cr_run_view *view = NULL;
    struct cr_like like = {0};
    enum cr_status status = open_view(dir, &view, err);
    if (status == CR_OK) {
        status = take_cells(view, &like);
        cr_run_view_close(view);
    }
    if (status != CR_OK) {
        cr_like_fini(&like);
        return status;
    }
    *out = like;
    return CR_OK;
}

void cr_like_fini(struct cr_like *like) {
    for (size_t i = 0; i < like->len; i++) {
        cr_free(like->cells[i].name);
        cr_free(like->cells[i].protocol);
        cr_free(like->cells[i].benchmark);
    }
    cr_free(like->cells);
    *like = (struct cr_like){0};
}
