// run_file.c - the writer of run.h5. The file is made whole beside its final name and
// put there only when readers can use it, so a run.h5 is never half made; from then on
// it is in SWMR mode, where the file on disk is readable at any instant, a crash
// included.
//
// What is known at the start, the texts of all propositions above all, is written once:
// the file as it is then is copied to run.h5.base, and what is made of run.h5 in the
// end begins with that.
#include "credence/store/run_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/file.h"
#include "credence/base/mem.h"
#include "credence/core/price.h"
#include "credence/protocol/protocol.h"
#include "store/h5.h"
#include "store/repack.h"
#include "store/run_internal.h"

enum { PIECE_BYTES = 256 << 10 };

static bool copy_all(int from, int to, char *piece) {
    for (;;) {
        const ssize_t len = read(from, piece, PIECE_BYTES);
        if (len == 0) {
            return true;
        }
        if (len < 0 && errno == EINTR) {
            continue;
        }
        if (len < 0 || !cr_fd_write(to, piece, (size_t)len)) {
            return false;
        }
    }
}

// Make TO a copy of FROM, replacing a file there. After a failure TO may hold a part.
static enum cr_status copy_file(const char *from, const char *to, struct cr_err *err) {
    char *piece = cr_malloc(PIECE_BYTES);
    if (piece == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "no memory to copy %s", from);
    }
    const int source = cr_file_open_regular(from);
    if (source >= 0) {
        (void)unlink(to); // left by a launch that was killed
    }
    const int target =
        source < 0 ? -1 : cr_file_open_own(to, O_WRONLY | O_CREAT | O_EXCL);
    bool is_ok = target >= 0 && copy_all(source, target, piece);
    int errnum = is_ok ? 0 : errno;
    if (target >= 0 && close(target) != 0 && is_ok) { // NFS tells of a full disk here
        is_ok = false;
        errnum = errno;
    }
    if (source >= 0) {
        (void)close(source);
    }
    cr_free(piece);
    return is_ok ? CR_OK
                 : cr_err_set(err, cr_status_from_errno(errnum),
                              "cannot copy %s to %s: %s", from, to, strerror(errnum));
}

struct cr_run_file {
    char *path, *fresh_path, *base_path; // PATH, PATH.new, PATH.base
    struct cr_frame frame;
    struct cr_rows *rows;
    struct cr_calls *calls;
};

static void file_destroy(struct cr_run_file *file) {
    cr_rows_destroy(file->rows);
    cr_calls_destroy(file->calls);
    cr_frame_close(&file->frame);
    cr_h5_forget();
    if (file->base_path != NULL) {
        unlink(file->base_path);
    }
    cr_free(file->path);
    cr_free(file->fresh_path);
    cr_free(file->base_path);
    cr_free(file);
}

static bool has_continuous(const struct cr_job *job) {
    for (uint32_t i = 0; i < job->cells_len; i++) {
        const struct cr_propositions *list =
            &job->benchmarks[job->cells[i].benchmark].propositions;
        for (size_t p = 0; p < list->len; p++) {
            if (list->at[p].space == CR_SPACE_CONTINUOUS) {
                return true;
            }
        }
    }
    return false;
}

// How much the readings of any cell ask for.
static enum cr_held most_held(const struct cr_job *job) {
    enum cr_held most = CR_HELD_NONE;
    for (uint32_t i = 0; i < job->cells_len; i++) {
        most = job->cells[i].held > most ? job->cells[i].held : most;
    }
    return most;
}

// The most traders of a room.
static uint32_t most_traders(const struct cr_job *job) {
    uint32_t most = 0;
    for (uint32_t i = 0; i < job->cells_len; i++) {
        const struct cr_cell *cell = &job->cells[i];
        bool is_room = cr_protocol_is_room(cell->protocol);
        most = is_room && cell->traders_len > most ? cell->traders_len : most;
    }
    return most;
}

static void shape_of(const struct cr_job *job, const struct cr_run_layout *layout,
                     struct cr_shape *shape) {
    *shape = (struct cr_shape){.block_rows = 0};
    shape->size[CR_DIM_EPISODE] = layout->episodes;
    shape->size[CR_DIM_ITERATION] = layout->iterations;
    shape->size[CR_DIM_OUTCOME] = layout->outcomes > 1 ? layout->outcomes : 0;
    shape->size[CR_DIM_LEVEL] = has_continuous(job) ? CR_QUANTILES : 0;
    shape->size[CR_DIM_PROPOSITION] = layout->propositions;
    shape->size[CR_DIM_CELL] = job->cells_len;
    shape->size[CR_DIM_TRADER] = most_traders(job);
    shape->has_held = most_held(job) != CR_HELD_NONE;
    shape->has_idle = most_held(job) == CR_HELD_BOTH;
    cr_shape_set_block(shape);
}

static struct cr_rates *rates_of(const struct cr_job *job) {
    struct cr_rates *rates = cr_calloc(job->cells_len, sizeof *rates);
    for (uint32_t i = 0; rates != NULL && i < job->cells_len; i++) {
        const struct cr_cell *cell = &job->cells[i];
        const struct cr_token_price maker =
            cr_token_price_of_role(job, cell, CR_ROLE_MAKER);
        const struct cr_token_price trader =
            cr_token_price_of_role(job, cell, CR_ROLE_TRADER);
        rates[i] = (struct cr_rates){.maker_in = maker.input,
                                     .maker_out = maker.output,
                                     .maker_saved = maker.input - maker.cached,
                                     .trader_in = trader.input,
                                     .trader_out = trader.output,
                                     .trader_saved = trader.input - trader.cached};
    }
    return rates;
}

static enum cr_status make_parts(struct cr_run_file *file,
                                 const struct cr_run_content *content,
                                 struct cr_err *err) {
    const struct cr_job *job = content->job;
    struct cr_rates *rates = rates_of(job);
    if (rates == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "no memory for prices of tokens");
    }
    enum cr_status status =
        cr_rows_create(&file->frame, content->layout, rates, &file->rows, err);
    if (status == CR_OK) {
        status = cr_calls_create(&file->frame, job->output_text, &file->calls, err);
    }
    return status;
}

static char *beside(const char *path, const char *ending) {
    size_t bytes = strlen(path) + strlen(ending) + 1;
    char *joined = cr_malloc(bytes);
    if (joined != NULL) {
        snprintf(joined, bytes, "%s%s", path, ending);
    }
    return joined;
}

enum cr_status cr_run_file_keep_damaged(const char *path, struct cr_err *err) {
    struct cr_frame frame;
    struct cr_err why;
    const enum cr_status found = cr_frame_open(&frame, path, &why);
    if (found == CR_OK) {
        cr_frame_close(&frame);
        return CR_OK;
    }
    if (found == CR_E_NOT_FOUND || found == CR_E_MEMORY) {
        return found == CR_E_MEMORY ? cr_err_set(err, found, "%s", why.text) : CR_OK;
    }
    char *damaged = beside(path, ".damaged");
    enum cr_status status = CR_OK;
    if (damaged == NULL) {
        status = cr_err_set(err, CR_E_MEMORY, "no memory for %s", path);
    } else if (rename(path, damaged) != 0) {
        status =
            cr_err_set(err, cr_status_from_errno(errno), "cannot rename %s to %s: %s",
                       path, damaged, strerror(errno));
    }
    cr_free(damaged);
    return status;
}

static enum cr_status go_live(struct cr_run_file *file, struct cr_err *err) {
    enum cr_status status = cr_run_file_keep_damaged(file->path, err);
    if (status != CR_OK) {
        return status;
    }
    if (H5Fflush(file->frame.file, H5F_SCOPE_GLOBAL) < 0 ||
        H5Fstart_swmr_write(file->frame.file) < 0) {
        return cr_h5_fail(err, "cannot switch %s to live mode", file->fresh_path);
    }
    if (rename(file->fresh_path, file->path) != 0) {
        return cr_err_set(err, cr_status_from_errno(errno), "cannot replace %s: %s",
                          file->path, strerror(errno));
    }
    return CR_OK;
}

static enum cr_status make_base(struct cr_run_file *file,
                                const struct cr_run_content *content,
                                const struct cr_shape *shape, struct cr_err *err) {
    const struct cr_job *job = content->job;
    enum cr_status status = cr_frame_create(&file->frame, file->base_path, shape, err);
    if (status == CR_OK) {
        status = cr_attributes_put(&file->frame, job, content->facts, err);
    }
    if (status == CR_OK) {
        status =
            cr_groups_fill(&file->frame, job, content->layout->first_proposition, err);
    }
    if (cr_frame_close(&file->frame) != 0 && status == CR_OK) {
        status = cr_h5_fail(err, "cannot write %s", file->base_path);
    }
    return status == CR_OK ? copy_file(file->base_path, file->fresh_path, err) : status;
}

static enum cr_status make_file(struct cr_run_file *file,
                                const struct cr_run_content *content,
                                struct cr_err *err) {
    struct cr_shape shape;
    shape_of(content->job, content->layout, &shape);
    enum cr_status status = make_base(file, content, &shape, err);
    if (status == CR_OK) {
        status = cr_frame_reopen(&file->frame, file->fresh_path, err);
    }
    if (status == CR_OK) {
        status = cr_frame_add_rows(&file->frame, &shape, CR_PACK_LIVE, err);
    }
    if (status == CR_OK) {
        status = make_parts(file, content, err);
    }
    return status == CR_OK ? go_live(file, err) : status;
}

enum cr_status cr_run_file_create(const char *path,
                                  const struct cr_run_content *content,
                                  struct cr_run_file **out, struct cr_err *err) {
    cr_h5_enter();
    struct cr_run_file *file = cr_calloc(1, sizeof *file);
    if (file == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "no memory for %s", path);
    }
    cr_frame_init(&file->frame);
    file->path = cr_strdup(path);
    file->fresh_path = beside(path, ".new");
    file->base_path = beside(path, ".base");
    enum cr_status status =
        file->path == NULL || file->fresh_path == NULL || file->base_path == NULL
            ? cr_err_set(err, CR_E_MEMORY, "no memory for %s", path)
            : make_file(file, content, err);
    if (status != CR_OK) {
        if (file->fresh_path != NULL) {
            unlink(file->fresh_path);
        }
        file_destroy(file);
        return status;
    }
    *out = file;
    return CR_OK;
}

enum cr_status cr_run_file_put(struct cr_run_file *file,
                               const struct cr_episode_row *row, struct cr_err *err) {
    cr_h5_enter();
    return cr_rows_put(file->rows, row, err);
}

enum cr_status cr_run_file_put_calls(struct cr_run_file *file, uint64_t episode,
                                     const struct cr_call_record *records, size_t len,
                                     struct cr_err *err) {
    cr_h5_enter();
    enum cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && i < len; i++) {
        status = cr_calls_put(file->calls, episode, &records[i], err);
    }
    return status;
}

enum cr_status cr_run_file_flush(struct cr_run_file *file, struct cr_err *err) {
    cr_h5_enter();
    enum cr_status status = cr_rows_write(file->rows, err);
    if (status == CR_OK && H5Fflush(file->frame.file, H5F_SCOPE_GLOBAL) < 0) {
        status = cr_h5_fail(err, "cannot write %s", file->path);
    }
    return status;
}

static enum cr_status write_end(struct cr_run_file *file, bool complete,
                                int64_t end_wall_ms, struct cr_err *err) {
    enum cr_status status = cr_rows_write(file->rows, err);
    if (status == CR_OK) {
        status = cr_calls_write(file->calls, err);
    }
    if (status == CR_OK &&
        (cr_attributes_finish(&file->frame, complete, end_wall_ms) != 0 ||
         cr_frame_close(&file->frame) != 0)) {
        status = cr_h5_fail(err, "cannot write the end of %s", file->path);
    }
    return status;
}

enum cr_status cr_run_file_finish(struct cr_run_file *file, bool complete,
                                  int64_t end_wall_ms, struct cr_err *err) {
    cr_h5_enter();
    enum cr_status status = write_end(file, complete, end_wall_ms, err);
    if (status == CR_OK) { // the file is whole already; this makes it small
        status = cr_repack(file->path, file->base_path, complete, err);
    }
    file_destroy(file);
    return status;
}

void cr_run_file_abandon(struct cr_run_file *file) {
    cr_h5_enter();
    if (file != NULL) {
        file_destroy(file);
    }
}

const char *cr_store_version(void) {
    static char version[40];
    unsigned major = 0, minor = 0, release = 0;
    if (H5get_libversion(&major, &minor, &release) < 0) {
        return "of no known version";
    }
    snprintf(version, sizeof version, "%u.%u.%u", major, minor, release);
    return version;
}
