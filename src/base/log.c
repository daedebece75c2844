// log.c - no allocation here: the message that memory ran out must still come out.
#include "credence/base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "credence/base/text.h"

enum { LINE_BYTES = 8192 };

static size_t prefix(const struct cr_log *log, char *line) {
    int bytes = log->rank < 0
                    ? snprintf(line, LINE_BYTES, "credence: ")
                    : snprintf(line, LINE_BYTES, "credence: [rank %d] ", log->rank);
    return (size_t)bytes;
}

static void write_lines(struct cr_log *log, const char *text) {
    if (log->line_is_open) {
        fputs("\r\033[K", log->file);
        log->line_is_open = 0;
    }
    const char *at = text;
    do {
        size_t bytes = strcspn(at, "\n");
        char line[LINE_BYTES];
        size_t used = prefix(log, line);
        used += cr_text_put_terminal(line + used, sizeof line - used - 1, at, bytes);
        line[used++] = '\n';
        fwrite(line, 1, used, log->file);
        at += bytes;
    } while (*at++ == '\n' && *at);
    fflush(log->file);
}

void cr_log_write(struct cr_log *log, enum cr_log_level level, const char *fmt, ...) {
    if (log == NULL || log->file == NULL || level > log->level) {
        return;
    }
    char text[CR_ERR_TEXT_MAX + 512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    write_lines(log, text);
}

static const struct {
    const char *name;
    enum cr_log_module module;
} modules[] = {{"run", CR_LOG_RUN},       {"message", CR_LOG_MESSAGE},
               {"limits", CR_LOG_LIMITS}, {"model", CR_LOG_MODEL},
               {"server", CR_LOG_SERVER}, {"store", CR_LOG_STORE}};
enum { MODULES = sizeof modules / sizeof modules[0] };

static const char *module_name(enum cr_log_module module) {
    for (size_t i = 0; i < MODULES; i++) {
        if (modules[i].module == module) {
            return modules[i].name;
        }
    }
    return "?";
}

void cr_log_trace(struct cr_log *log, enum cr_log_module module, const char *fmt, ...) {
    if (!cr_log_shows(log, module) || log->file == NULL) {
        return;
    }
    char text[CR_ERR_TEXT_MAX + 512];
    const int lead = snprintf(text, sizeof text, "[%s] ", module_name(module));
    va_list args;
    va_start(args, fmt);
    vsnprintf(text + lead, sizeof text - (size_t)lead, fmt, args);
    va_end(args);
    write_lines(log, text);
}

static bool add_module(const char *word, size_t len, unsigned *out) {
    bool is_known = false;
    for (size_t i = 0; i < MODULES; i++) {
        const bool is_it = (strlen(modules[i].name) == len &&
                            memcmp(modules[i].name, word, len) == 0) ||
                           (len == 3 && memcmp(word, "all", 3) == 0);
        *out |= is_it ? (unsigned)modules[i].module : 0;
        is_known = is_known || is_it;
    }
    return is_known;
}

enum cr_status cr_log_modules(const char *list, unsigned *out, struct cr_err *err) {
    unsigned found = 0;
    for (const char *at = list; at != NULL && *at != '\0';) {
        const size_t len = strcspn(at, ",");
        if (!add_module(at, len, &found)) {
            return cr_err_set(err, CR_E_USAGE,
                              "'%.*s' is not a module of the log; expected a list of "
                              "run, message, limits, model, server, store, or all",
                              (int)(len < 64 ? len : 64), at);
        }
        at += len;
        at += *at == ',';
    }
    *out = found;
    return CR_OK;
}
