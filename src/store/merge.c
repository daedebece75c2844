// merge.c - decides which file each episode is taken from; repack.c does the rest. A row
// number means the same episode in every file of a job, so nothing has to be matched.
#include "credence/store/merge.h"

#include <stdio.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/store/run_file.h"
#include "store/h5.h"
#include "store/repack.h"

enum { NOBODY = UINT16_MAX };

struct merger {
    const char *const *paths;
    size_t len;
    struct cr_frame *frames; // [len]
    uint64_t episodes;
    uint16_t *owner; // [episodes]
    uint8_t *status; // [episodes], of the owner
    uint8_t *theirs; // [episodes], of the file being looked at
    struct cr_err *err;
};

static enum cr_status no_memory(struct merger *m) {
    return cr_err_set(m->err, CR_E_MEMORY, "no memory to merge %zu files", m->len);
}

// The hash of the job that made FILE (cr_free); *status says why it is NULL.
static char *job_hash(struct merger *m, size_t file, enum cr_status *status) {
    char *hash = NULL;
    *status = cr_h5_read_text(m->frames[file].file, "job_hash", &hash, m->err);
    if (*status != CR_OK) {
        *status =
            cr_err_while(m->err, *status == CR_E_NOT_FOUND ? CR_E_FORMAT : *status,
                         "reading %s", m->paths[file]);
    }
    return hash;
}

static enum cr_status check_same_job(struct merger *m, size_t file) {
    enum cr_status status = CR_OK;
    char *first = job_hash(m, 0, &status);
    char *other = status == CR_OK ? job_hash(m, file, &status) : NULL;
    if (status == CR_OK && (strcmp(first, other) != 0 ||
                            memcmp(m->frames[0].shape.size, m->frames[file].shape.size,
                                   CR_DIM_CALL * sizeof(uint64_t)) != 0)) {
        status = cr_err_set(m->err, CR_E_DIFFERS, "%s and %s are of different jobs",
                            m->paths[0], m->paths[file]);
    }
    cr_free(first);
    cr_free(other);
    return status;
}

static enum cr_status open_all(struct merger *m) {
    enum cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && i < m->len; i++) {
        status = cr_frame_open(&m->frames[i], m->paths[i], m->err);
        if (status == CR_OK) {
            status = check_same_job(m, i);
        }
    }
    return status;
}

static bool read_row(struct merger *m, size_t file, enum cr_variable_id id,
                     uint64_t episode, void *row) {
    return cr_h5_read_rows(m->frames[file].var[id],
                           cr_kind_memory_type(cr_schema[id].kind),
                           (struct cr_slab){episode, 1}, row) == 0;
}

// Whether two files say the same about an episode that both have: its outcome and
// prices.
static enum cr_status check_agree(struct merger *m, size_t file, uint64_t episode) {
    static const enum cr_variable_id ids[] = {
        CR_V_STATUS, CR_V_STOP_REASON, CR_V_ITERATIONS, CR_V_PRICE, CR_V_OUTCOME_PRICE};
    size_t owner = m->owner[episode];
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        if (m->frames[0].var[ids[i]] < 0) {
            continue;
        }
        size_t bytes = cr_kind_bytes(cr_schema[ids[i]].kind) *
                       cr_shape_row_elements(&m->frames[0].shape, ids[i]);
        unsigned char *rows = cr_malloc(2 * bytes);
        if (rows == NULL) {
            return no_memory(m);
        }
        bool is_read = read_row(m, owner, ids[i], episode, rows) &&
                       read_row(m, file, ids[i], episode, rows + bytes);
        bool is_equal = is_read && memcmp(rows, rows + bytes, bytes) == 0;
        cr_free(rows);
        if (!is_read) {
            return cr_h5_fail(m->err, "cannot read %s", cr_schema[ids[i]].path);
        }
        if (!is_equal) {
            return cr_err_set(m->err, CR_E_DIFFERS,
                              "%s and %s disagree about episode %llu", m->paths[owner],
                              m->paths[file], (unsigned long long)episode);
        }
    }
    return CR_OK;
}

static enum cr_status claim(struct merger *m, size_t file) {
    if (cr_h5_read_rows(m->frames[file].var[CR_V_STATUS], H5T_NATIVE_UINT8,
                        (struct cr_slab){0, m->episodes}, m->theirs) != 0) {
        return cr_h5_fail(m->err, "cannot read %s", m->paths[file]);
    }
    enum cr_status status = CR_OK;
    for (uint64_t e = 0; status == CR_OK && e < m->episodes; e++) {
        bool is_better = m->owner[e] == NOBODY ||
                         (m->status[e] == CR_FAILED && m->theirs[e] != CR_FAILED);
        if (m->theirs[e] == CR_PENDING) {
            continue;
        }
        if (is_better) {
            m->owner[e] = (uint16_t)file;
            m->status[e] = m->theirs[e];
        } else if (m->theirs[e] != CR_FAILED) {
            status = check_agree(m, file, e);
        }
    }
    return status;
}

// A row that is pending everywhere comes from the first file that says which cell it is
// of: a shard need not know the rows of the others.
static enum cr_status adopt_pending(struct merger *m) {
    uint64_t left = 0;
    for (uint64_t e = 0; e < m->episodes; e++) {
        left += m->owner[e] == NOBODY;
    }
    int32_t *cell = left == 0 ? NULL : cr_malloc(m->episodes * sizeof *cell);
    if (left > 0 && cell == NULL) {
        return no_memory(m);
    }
    enum cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && left > 0 && i < m->len; i++) {
        if (cr_h5_read_rows(m->frames[i].var[CR_V_CELL], H5T_NATIVE_INT32,
                            (struct cr_slab){0, m->episodes}, cell) != 0) {
            status = cr_h5_fail(m->err, "cannot read %s", m->paths[i]);
        }
        for (uint64_t e = 0; status == CR_OK && e < m->episodes; e++) {
            bool is_last = i + 1 == m->len;
            if (m->owner[e] == NOBODY && (cell[e] >= 0 || is_last)) {
                m->owner[e] = (uint16_t)i;
                left--;
            }
        }
    }
    cr_free(cell);
    return status;
}

static enum cr_status choose(struct merger *m) {
    m->episodes = m->frames[0].shape.size[CR_DIM_EPISODE];
    m->owner = cr_malloc(m->episodes * sizeof *m->owner);
    m->status = cr_calloc(m->episodes, 1);
    m->theirs = cr_malloc(m->episodes);
    if (m->owner == NULL || m->status == NULL || m->theirs == NULL) {
        return no_memory(m);
    }
    memset(m->owner, 0xff, m->episodes * sizeof *m->owner); // NOBODY
    enum cr_status status = CR_OK;
    for (size_t i = 0; status == CR_OK && i < m->len; i++) {
        status = claim(m, i);
    }
    return status == CR_OK ? adopt_pending(m) : status;
}

// Append "first-last" or "first" to a list that ends in "..." when it is full.
static void add_range(char *list, size_t cap, uint64_t first, uint64_t last) {
    char range[64];
    size_t used = strlen(list);
    const char *comma = used == 0 ? "" : ", ";
    if (first == last) {
        snprintf(range, sizeof range, "%s%llu", comma, (unsigned long long)first);
    } else {
        snprintf(range, sizeof range, "%s%llu-%llu", comma, (unsigned long long)first,
                 (unsigned long long)last);
    }
    if (used >= 3 && strcmp(list + used - 3, "...") == 0) {
        return;
    }
    bool fits = used + strlen(range) + sizeof ", ..." <= cap;
    snprintf(list + used, cap - used, "%s", fits ? range : ", ...");
}

static void fill_report(const struct merger *m, struct cr_merge_report *report) {
    uint64_t counts[CR_EPISODE_STATUS_COUNT] = {0};
    *report = (struct cr_merge_report){.episodes = m->episodes};
    uint64_t first = UINT64_MAX; // of the run of pending episodes that we are in
    for (uint64_t e = 0; e <= m->episodes; e++) {
        bool is_pending = e < m->episodes && m->status[e] == CR_PENDING;
        if (e < m->episodes && m->status[e] < CR_EPISODE_STATUS_COUNT) {
            counts[m->status[e]]++;
        }
        if (is_pending && first == UINT64_MAX) {
            first = e;
        } else if (!is_pending && first != UINT64_MAX) {
            add_range(report->missing, sizeof report->missing, first, e - 1);
            first = UINT64_MAX;
        }
    }
    report->done = counts[CR_DONE];
    report->invalid = counts[CR_INVALID];
    report->failed = counts[CR_FAILED];
    report->pending = counts[CR_PENDING];
}

static enum cr_status merge(struct merger *m, const char *out_path,
                            struct cr_merge_report *report) {
    enum cr_status status = open_all(m);
    if (status == CR_OK) {
        status = choose(m);
    }
    struct cr_merge_report found = {0};
    if (status == CR_OK) {
        fill_report(m, &found);
        struct cr_pack_input input = {
            .sources = m->frames, .len = m->len, .owner = m->owner, .is_foreign = true};
        status = cr_repack_join(&input, out_path, found.pending == 0, m->err);
    }
    if (status == CR_OK && report != NULL) {
        *report = found;
    }
    return status;
}

enum cr_status cr_merge(const char *const *paths, size_t len, const char *out_path,
                        struct cr_merge_report *report, struct cr_err *err) {
    cr_h5_enter();
    if (len == 0 || len >= CR_PACK_SOURCES_MAX) {
        return cr_err_set(err, CR_E_USAGE, "cannot merge %zu files", len);
    }
    struct merger m = {.paths = paths, .len = len, .err = err};
    m.frames = cr_calloc(len, sizeof *m.frames);
    if (m.frames == NULL) {
        return no_memory(&m);
    }
    for (size_t i = 0; i < len; i++) {
        cr_frame_init(&m.frames[i]);
    }
    enum cr_status status = merge(&m, out_path, report);
    for (size_t i = 0; i < len; i++) {
        cr_frame_close(&m.frames[i]);
    }
    cr_free(m.frames);
    cr_free(m.owner);
    cr_free(m.status);
    cr_free(m.theirs);
    return status;
}
