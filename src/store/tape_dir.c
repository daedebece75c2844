// tape_dir.c - names of tape files, listed and made.
#include "store/tape_dir.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/store/tape.h"

enum { NAME_BYTES_MAX = 32 };

static void name_of(struct cr_tape_file file, char out[NAME_BYTES_MAX]) {
    snprintf(out, NAME_BYTES_MAX, "%04u-%05u.jsonl", file.launch, file.rank);
}

static bool parse_name(const char *name, struct cr_tape_file *out) {
    char again[NAME_BYTES_MAX];
    if (sscanf(name, "%u-%u.jsonl", &out->launch, &out->rank) != 2) {
        return false;
    }
    name_of(*out, again);
    return strcmp(name, again) == 0;
}

static int compare(const void *left, const void *right) {
    const struct cr_tape_file *a = left, *b = right;
    if (a->launch != b->launch) {
        return a->launch < b->launch ? -1 : 1;
    }
    return (a->rank > b->rank) - (a->rank < b->rank);
}

static enum cr_status read_names(DIR *folder, struct cr_tape_file **files,
                                 size_t *len) {
    size_t cap = 0, used = 0;
    struct cr_tape_file file, *list = NULL;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (!parse_name(entry->d_name, &file)) {
            continue;
        }
        if (cr_array_grow((void **)&list, &cap, used + 1, sizeof *list) != CR_OK) {
            cr_free(list);
            return CR_E_MEMORY;
        }
        list[used++] = file;
    }
    if (used > 0) {
        qsort(list, used, sizeof *list, compare);
    }
    *files = list;
    *len = used;
    return CR_OK;
}

enum cr_status cr_tape_dir_list(const char *dir, struct cr_tape_file **files,
                                size_t *len, struct cr_err *err) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/tape", dir) >= (int)sizeof path) {
        return cr_err_set(err, CR_E_LIMIT, "%s/tape: path is too long", dir);
    }
    DIR *folder = opendir(path);
    if (folder == NULL && errno == ENOENT) {
        *files = NULL;
        *len = 0;
        return CR_OK;
    }
    if (folder == NULL) {
        return cr_err_set(err, cr_status_from_errno(errno), "cannot list %s: %s", path,
                          strerror(errno));
    }
    enum cr_status status = read_names(folder, files, len);
    closedir(folder);
    return status == CR_OK ? CR_OK
                           : cr_err_set(err, status, "no memory to list %s", path);
}

enum cr_status cr_tape_dir_path(struct cr_buf *out, const char *dir,
                                struct cr_tape_file file) {
    char name[NAME_BYTES_MAX];
    name_of(file, name);
    cr_buf_clear(out);
    return cr_buf_printf(out, "%s/tape/%s", dir, name);
}

uint32_t cr_tape_next_launch(const char *dir) {
    struct cr_tape_file *files = NULL;
    size_t len = 0;
    if (cr_tape_dir_list(dir, &files, &len, NULL) != CR_OK || len == 0) {
        return 0;
    }
    uint32_t next = files[len - 1].launch + 1;
    cr_free(files);
    return next;
}
