// The prompt sets that a job names: a shipped set by its name, or a folder.
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "credence/base/data_dir.h"
#include "credence/base/file.h"
#include "credence/base/mem.h"
#include "job/bundle.h"

enum { FILES_MAX = 64, NAMES_MAX = 256, SECTION_NAME_MAX = 4096 };

struct sets {
    const char *names[NAMES_MAX];
    size_t len;
};

static void add_name(struct sets *sets, const struct cr_json *value) {
    const char *name = cr_json_string(value);
    for (size_t i = 0; name != NULL && i < sets->len; i++) {
        if (strcmp(sets->names[i], name) == 0) {
            return;
        }
    }
    if (name != NULL && *name != '\0' && sets->len < NAMES_MAX) {
        sets->names[sets->len++] = name;
    }
}

// "paper" first: it fills in what the others lack.
static void gather(struct sets *sets, const struct cr_json *job) {
    sets->names[sets->len++] = "paper";
    add_name(sets, cr_json_get(cr_json_get(job, "cell"), "prompts"));
    const struct cr_json *axis = cr_json_get(cr_json_get(job, "grid"), "prompts");
    for (const struct cr_json *c = cr_json_first(axis); c != NULL;
         c = cr_json_next(c)) {
        add_name(sets, c);
    }
    const struct cr_json *cells = cr_json_get(job, "cells");
    for (const struct cr_json *c = cr_json_first(cells); c != NULL;
         c = cr_json_next(c)) {
        add_name(sets, cr_json_get(c, "prompts"));
    }
}

// The folder of set NAME into OUT: a shipped one unless NAME looks like a path.
static enum cr_status find_folder(const char *name, const char *dir,
                                  struct cr_buf *out) {
    struct cr_buf data;
    enum cr_status status = CR_E_NOT_FOUND;
    cr_buf_init(&data, PATH_MAX);
    if (strchr(name, '/') == NULL) {
        status = cr_data_dir(&data, NULL);
    }
    if (status == CR_OK) {
        cr_buf_clear(out);
        status = cr_buf_printf(out, "%s/prompts/%s", data.data, name);
        if (status == CR_OK && !cr_dir_exists(out->data)) {
            status = CR_E_NOT_FOUND;
        }
    }
    cr_buf_fini(&data);
    return status == CR_E_NOT_FOUND ? cr_path_join(out, dir, name) : status;
}

static int is_template(const struct dirent *entry) {
    size_t len = strlen(entry->d_name);
    return entry->d_name[0] != '.' && len > 4 &&
           strcmp(entry->d_name + len - 4, ".txt") == 0;
}

static enum cr_status add_file(struct cr_bundle_writer *writer, const char *set,
                               const char *folder, const char *file,
                               struct cr_err *err) {
    struct cr_buf path, text;
    char section[SECTION_NAME_MAX];
    cr_buf_init(&path, PATH_MAX);
    cr_buf_init(&text, CR_JOB_BYTES_MAX);
    enum cr_status status = cr_path_join(&path, folder, file);
    if (status == CR_OK) {
        status = cr_file_read(path.data, &text, err);
    }
    if (status == CR_OK) {
        snprintf(section, sizeof section, "prompts/%s/%s", set, file);
        status = cr_bundle_add(writer, section, text.data, text.used_bytes);
    }
    cr_buf_fini(&text);
    cr_buf_fini(&path);
    return status;
}

static enum cr_status add_folder(struct cr_bundle_writer *writer, const char *set,
                                 const char *folder, struct cr_err *err) {
    struct dirent **entries = NULL;
    char section[SECTION_NAME_MAX];
    int len = scandir(folder, &entries, is_template, alphasort);
    enum cr_status status = CR_OK;
    if (len <= 0) {
        snprintf(section, sizeof section, "problem/prompts/%s", set);
        status = cr_bundle_add(writer, section, folder, strlen(folder));
    }
    if (len > FILES_MAX) {
        status = cr_err_set(err, CR_E_JOB, "%s: %d templates, at most %d are expected",
                            folder, len, FILES_MAX);
    }
    for (int i = 0; i < len; i++) {
        if (status == CR_OK) {
            status = add_file(writer, set, folder, entries[i]->d_name, err);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

enum cr_status cr_bundle_add_prompts(struct cr_bundle_writer *writer,
                                     const struct cr_json *job, const char *dir,
                                     struct cr_err *err) {
    struct sets sets = {.len = 0};
    struct cr_buf folder;
    enum cr_status status = CR_OK;
    gather(&sets, job);
    cr_buf_init(&folder, PATH_MAX);
    for (size_t i = 0; i < sets.len && status == CR_OK; i++) {
        status = find_folder(sets.names[i], dir, &folder);
        status = status == CR_OK ? add_folder(writer, sets.names[i], folder.data, err)
                                 : status;
    }
    cr_buf_fini(&folder);
    return status;
}
