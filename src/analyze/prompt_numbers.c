// prompt_numbers.c - the numbers that stand in the instructions of a prompt set.
#include "analyze/prompt_numbers.h"

#include <errno.h>
#include <unistd.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/buf.h"
#include "credence/base/file.h"
#include "credence/base/mem.h"
#include "credence/job/bundle.h"
#include "credence/stats/instrument.h"

static void keep(struct cr_prompt_numbers *numbers, double value) {
    if (!(value > 0.0) || !(value < 1.0) || numbers->len == CR_PROMPT_NUMBERS_MAX) {
        return;
    }
    for (size_t i = 0; i < numbers->len; i++) {
        if (numbers->at[i] == value) {
            return;
        }
    }
    numbers->at[numbers->len++] = value;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// A number begins at TEXT[AT]: keep it, and say where it ends.
static size_t read_number(const char *text, size_t len, size_t at,
                          struct cr_prompt_numbers *out) {
    char plain[32];
    size_t end = at;
    while (end < len && (is_digit(text[end]) || (text[end] == '.' && end + 1 < len &&
                                                 is_digit(text[end + 1])))) {
        end++;
    }
    snprintf(plain, sizeof plain, "%.*s", (int)(end - at), text + at);
    double value = strtod(plain, NULL);
    size_t next = end < len && text[end] == ' ' ? end + 1 : end;
    keep(out, next < len && text[next] == '%' ? value / 100.0 : value);
    return end;
}

static void scan(const char *text, size_t len, struct cr_prompt_numbers *out) {
    for (size_t i = 0; i < len;) {
        if (text[i] == '{' && i + 1 < len && text[i + 1] == '{') { // a placeholder
            while (i < len && text[i] != '}') {
                i++;
            }
        } else if (is_digit(text[i]) ||
                   (text[i] == '.' && i + 1 < len && is_digit(text[i + 1]))) {
            i = read_number(text, len, i, out);
        } else if (isalpha((unsigned char)text[i]) || text[i] == '_') { // as in "x2"
            while (i < len && (isalnum((unsigned char)text[i]) || text[i] == '_')) {
                i++;
            }
        } else {
            i++;
        }
    }
}

// The files of SET, and those of the shipped set that it lacks.
static void scan_set(const struct cr_buf *bundle, const char *set,
                     struct cr_prompt_numbers *out) {
    static const char base[] = "prompts/paper/";
    char prefix[300], own[600];
    int prefix_len = snprintf(prefix, sizeof prefix, "prompts/%s/", set);
    size_t at = 0;
    struct cr_bundle_section section, other;
    while (cr_bundle_next(bundle->data, bundle->used_bytes, &at, &section)) {
        bool is_own = section.name_len > (size_t)prefix_len &&
                      strncmp(section.name, prefix, (size_t)prefix_len) == 0;
        bool is_base = section.name_len > sizeof base - 1 &&
                       strncmp(section.name, base, sizeof base - 1) == 0;
        if (!is_own && is_base) {
            snprintf(own, sizeof own, "%s%.*s", prefix,
                     (int)(section.name_len - (sizeof base - 1)),
                     section.name + sizeof base - 1);
            is_base = !cr_bundle_find(bundle->data, bundle->used_bytes, own, &other);
        }
        if (is_own || is_base) {
            scan(section.bytes, section.len, out);
        }
    }
}

// "PATH/bundle", or the one beside PATH when PATH is the file itself; *is_there says
// whether it exists. What cannot be seen is an error, never "absent".
static enum cr_status find_bundle(const char *path, struct cr_buf *out, bool *is_there,
                                  struct cr_err *err) {
    enum cr_status status = cr_path_join(out, path, "bundle");
    if (status == CR_OK && access(out->data, F_OK) != 0 && errno == ENOTDIR) {
        const char *slash = strrchr(path, '/');
        out->used_bytes = 0;
        status = slash == NULL
                     ? cr_buf_add_text(out, "bundle")
                     : cr_buf_printf(out, "%.*s/bundle", (int)(slash - path), path);
    }
    if (status != CR_OK) {
        return status;
    }
    *is_there = access(out->data, F_OK) == 0;
    if (!*is_there && errno != ENOENT) {
        return cr_err_set(err, CR_E_IO, "cannot look at %s: %s", out->data,
                          strerror(errno));
    }
    return CR_OK;
}

enum cr_status cr_prompt_numbers_read(const struct cr_dataset_view *view,
                                      const char *set, struct cr_prompt_numbers *out,
                                      struct cr_err *err) {
    struct cr_buf path, bundle;
    bool is_there = false;
    memset(out, 0, sizeof *out);
    cr_buf_init(&path, 65536);
    cr_buf_init(&bundle, CR_BUNDLE_BYTES_MAX);
    enum cr_status status = find_bundle(view->path, &path, &is_there, err);
    if (status == CR_OK && is_there) {
        status = cr_file_read(path.data, &bundle, err);
    }
    if (status == CR_OK && is_there &&
        cr_bundle_check(bundle.data, bundle.used_bytes, NULL) == CR_OK) {
        scan_set(&bundle, set, out);
        out->is_known = true;
    }
    cr_buf_fini(&path);
    cr_buf_fini(&bundle);
    return status;
}

// The numbers of every cell of one file.
static enum cr_status read_cells(const struct cr_dataset_view *view,
                                 struct cr_prompt_numbers *numbers,
                                 struct cr_err *err) {
    for (uint32_t c = 0; c < view->view->cells; c++) {
        const char *set = view->view->cell_info[c].prompts;
        if (c > 0 && strcmp(set, view->view->cell_info[c - 1].prompts) == 0) {
            numbers[c] = numbers[c - 1];
            continue;
        }
        enum cr_status status = cr_prompt_numbers_read(view, set, &numbers[c], err);
        if (status != CR_OK) {
            return status;
        }
        if (!numbers[c].is_known) {
            return cr_err_set(
                err, CR_E_NOT_FOUND,
                "%s: --exclude prompt_number reads the instructions in the "
                "bundle of the run directory, which is not beside this "
                "file",
                view->path);
        }
    }
    return CR_OK;
}

static enum cr_status exclude_from(struct cr_dataset *dataset, size_t v,
                                   struct cr_err *err) {
    struct cr_dataset_view *one = &dataset->view[v];
    struct cr_prompt_numbers *numbers =
        cr_malloc((one->view->cells + 1) * sizeof *numbers);
    one->is_excluded = cr_calloc(one->view->episodes + 1, sizeof *one->is_excluded);
    enum cr_status status = numbers == NULL || one->is_excluded == NULL
                                ? CR_E_MEMORY
                                : read_cells(one, numbers, err);
    for (uint64_t row = 0; row < one->view->episodes && status == CR_OK; row++) {
        uint32_t cell = one->view->cell[row];
        if (cell >= one->view->cells ||
            one->view->proposition[row] >= one->view->propositions) {
            continue;
        }
        struct cr_market market;
        cr_dataset_prices(dataset, one->first + row, &market);
        struct cr_instrument_cfg cfg = {.number = numbers[cell].at,
                                        .numbers = numbers[cell].len};
        one->is_excluded[row] =
            market.status == CR_DONE && cr_instrument_never_left(&cfg, &market);
    }
    cr_free(numbers);
    return status;
}

enum cr_status cr_dataset_exclude_prompted(struct cr_dataset *dataset,
                                           struct cr_err *err) {
    enum cr_status status = CR_OK;
    for (size_t v = 0; v < dataset->views && status == CR_OK; v++) {
        status = exclude_from(dataset, v, err);
    }
    return status;
}
