// data_dir.c - the installed program finds its data relative to its own place, so that
// the directory it was installed into can be moved or mounted elsewhere.
#include "credence/base/data_dir.h"

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/file.h"

// Put DIR into OUT; *holds says whether prompts/ is in it.
static enum cr_status look(struct cr_buf *out, const char *dir, bool *holds) {
    enum cr_status status = cr_path_join(out, dir, "prompts");
    if (status != CR_OK) {
        return status;
    }
    *holds = cr_dir_exists(out->data);
    cr_buf_clear(out);
    return cr_buf_add_text(out, dir);
}

// bin/.. of the running program, with share/credence behind it; "" when unknown.
static void beside_program(char path[PATH_MAX]) {
    static const char tail[] = "/share/credence";
    ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - sizeof tail);
    path[len > 0 ? len : 0] = '\0';
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(path, '/');
        if (slash == NULL) {
            path[0] = '\0';
            return;
        }
        *slash = '\0';
    }
    memcpy(path + strlen(path), tail, sizeof tail);
}

enum cr_status cr_data_dir(struct cr_buf *out, struct cr_err *err) {
    char beside[PATH_MAX];
    beside_program(beside);
    const char *named = getenv("CREDENCE_DATA_DIR");
    const char *const places[] = {named != NULL ? named : beside, CR_DATA_SOURCE_DIR};
    bool holds = false;
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < (named != NULL ? 1 : 2) && status == CR_OK && !holds; i++) {
        status = look(out, places[i], &holds);
    }
    if (status != CR_OK) {
        return cr_err_set(err, status, "%s while looking for prompts",
                          cr_status_text(status));
    }
    if (holds) {
        return CR_OK;
    }
    if (named != NULL) {
        return cr_err_set(err, CR_E_NOT_FOUND, "CREDENCE_DATA_DIR=%s has no prompts/",
                          named);
    }
    return cr_err_set(err, CR_E_NOT_FOUND,
                      "no prompts/ in %s or %s; set "
                      "CREDENCE_DATA_DIR",
                      beside, CR_DATA_SOURCE_DIR);
}
