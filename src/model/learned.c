// learned.c - shapes of requests that servers take, remembered from run to run.
#include "model/learned.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "credence/base/file.h"
#include "credence/base/json.h"
#include "credence/base/json_write.h"

enum { FILE_BYTES_MAX = 1 << 20, LINE_BYTES_MAX = 8192 };

static void apply(const struct cr_learned_of *of, const char *setting,
                  const char *value, struct cr_request_shape *shape) {
    if (strcmp(setting, "max_tokens") == 0) {
        shape->uses_other_limit = strcmp(value, cr_limit_name(of->dialect, true)) == 0;
    } else if (strcmp(setting, "seed") == 0) {
        shape->omits_seed = true;
    }
    for (int i = 0; i < CR_STRUCTURED_COUNT; i++) {
        bool is_laxer = i > (int)shape->structured;
        if (is_laxer && strcmp(setting, "structured") == 0 &&
            strcmp(value, cr_structured_names[i]) == 0) {
            shape->structured = (enum cr_structured)i;
        }
    }
    for (int i = 0; i < CR_SYSTEM_ROLE_COUNT; i++) {
        bool is_further = i > (int)shape->system_role;
        if (is_further && strcmp(setting, "system_role") == 0 &&
            strcmp(value, cr_system_role_names[i]) == 0) {
            shape->system_role = (enum cr_system_role)i;
        }
    }
}

// False when nothing is kept.
static bool make_path(const struct cr_learned *learned, char path[PATH_MAX]) {
    int used = learned->dir != NULL
                   ? snprintf(path, PATH_MAX, "%s/learned.jsonl", learned->dir)
                   : -1;
    return used > 0 && used < PATH_MAX;
}

static bool is_text(const struct cr_json *object, const char *key, const char *text) {
    const char *value = cr_json_string(cr_json_get(object, key));
    return value != NULL && strcmp(value, text) == 0;
}

static void apply_line(const struct cr_learned_of *of, const char *line, size_t bytes,
                       struct cr_request_shape *shape) {
    static const struct cr_json_limits limits = {LINE_BYTES_MAX, 4};
    struct cr_json *object = NULL;
    if (cr_json_parse(line, bytes, limits, &object, NULL) != CR_OK) {
        return;
    }
    const char *setting = cr_json_string(cr_json_get(object, "setting"));
    const char *value = cr_json_string(cr_json_get(object, "value"));
    if (setting != NULL && value != NULL && is_text(object, "model", of->model) &&
        is_text(object, "url", of->url)) {
        apply(of, setting, value, shape);
    }
    cr_json_free(object);
}

void cr_learned_recall(const struct cr_learned *learned, const struct cr_learned_of *of,
                       struct cr_request_shape *shape) {
    char path[PATH_MAX];
    struct cr_buf text;
    if (!make_path(learned, path)) {
        return;
    }
    cr_buf_init(&text, FILE_BYTES_MAX);
    if (cr_file_read(path, &text, NULL) == CR_OK) {
        const char *at = text.data != NULL ? text.data : "";
        while (*at) {
            size_t bytes = strcspn(at, "\n");
            apply_line(of, at, bytes, shape);
            at += bytes + (at[bytes] == '\n');
        }
    }
    cr_buf_fini(&text);
}

static void append(const struct cr_learned *learned, const struct cr_learned_of *of,
                   const char *setting, const char *value) {
    char path[PATH_MAX];
    struct cr_buf line;
    if (!make_path(learned, path)) {
        return;
    }
    cr_buf_init(&line, LINE_BYTES_MAX);
    struct cr_json_writer writer = {.out = &line};
    cr_json_write_open(&writer, NULL, '{');
    cr_json_write_text(&writer, "model", of->model);
    cr_json_write_text(&writer, "url", of->url);
    cr_json_write_text(&writer, "setting", setting);
    cr_json_write_text(&writer, "value", value);
    cr_json_write_close(&writer, '}');
    // The writer breaks lines between members, never inside a text.
    for (size_t i = 0; i < line.used_bytes; i++) {
        line.data[i] = line.data[i] == '\n' ? ' ' : line.data[i];
    }
    enum cr_status status =
        writer.status != CR_OK ? writer.status : cr_buf_add(&line, "\n", 1);
    int fd =
        status == CR_OK ? cr_file_open_own(path, O_WRONLY | O_CREAT | O_APPEND) : -1;
    if (fd >= 0) {
        // One write, so that lines of several ranks do not mix. A lost one is learned
        // again.
        ssize_t put = write(fd, line.data, line.used_bytes);
        (void)put;
        close(fd);
    }
    cr_buf_fini(&line);
}

static void say(const struct cr_learned *learned, const struct cr_learned_of *of,
                const char *what) {
    cr_log_write(learned->log, CR_LOG_WARN, "model %s at %s: %s", of->model, of->url,
                 what);
}

static void learn_limit(const struct cr_learned *learned,
                        const struct cr_learned_of *of) {
    char what[128];
    const char *value = cr_limit_name(of->dialect, true);
    snprintf(what, sizeof what, "takes %s instead of %s; sent from now on", value,
             cr_limit_name(of->dialect, false));
    say(learned, of, what);
    append(learned, of, "max_tokens", value);
}

static void learn_form(const struct cr_learned *learned, const struct cr_learned_of *of,
                       const struct cr_request_shape *shape) {
    char what[160];
    const char *value = cr_structured_names[shape->structured];
    snprintf(what, sizeof what,
             "refuses response_format %s; answers are asked for %s%s from now on",
             cr_structured_names[shape->structured - 1],
             shape->structured == CR_STRUCTURED_NONE ? "in words" : "as ",
             shape->structured == CR_STRUCTURED_NONE ? "" : value);
    say(learned, of, what);
    append(learned, of, "structured", value);
}

static void learn_role(const struct cr_learned *learned, const struct cr_learned_of *of,
                       const struct cr_request_shape *shape) {
    bool is_user = shape->system_role == CR_SYSTEM_ROLE_USER;
    say(learned, of,
        is_user ? "takes no system role; the system prompt goes in front of the first "
                  "user turn from now on (system_role: user)"
                : "takes the role developer instead of system; used from now on "
                  "(system_role: developer)");
    append(learned, of, "system_role", cr_system_role_names[shape->system_role]);
}

void cr_learned_note(const struct cr_learned *learned, const struct cr_learned_of *of,
                     enum cr_setting refused, const struct cr_request_shape *sent,
                     struct cr_request_shape *shape) {
    if (refused == CR_SETTING_MAX_TOKENS && !shape->uses_other_limit) {
        shape->uses_other_limit = true;
        learn_limit(learned, of);
    } else if (refused == CR_SETTING_SEED && !shape->omits_seed) {
        shape->omits_seed = true;
        say(learned, of,
            "takes no seed; none is sent from now on: what is sampled there "
            "cannot be sampled again");
        append(learned, of, "seed", "none");
    } else if (refused == CR_SETTING_FORM && shape->structured == sent->structured &&
               shape->structured < CR_STRUCTURED_NONE) {
        shape->structured++;
        learn_form(learned, of, shape);
    } else if ((refused == CR_SETTING_SYSTEM || refused == CR_SETTING_DEVELOPER) &&
               shape->system_role == sent->system_role) {
        bool wants_developer = refused == CR_SETTING_DEVELOPER &&
                               sent->system_role == CR_SYSTEM_ROLE_SYSTEM;
        shape->system_role =
            wants_developer ? CR_SYSTEM_ROLE_DEVELOPER : CR_SYSTEM_ROLE_USER;
        learn_role(learned, of, shape);
    }
}
