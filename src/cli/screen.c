// screen.c - see screen.h.
#include "cli/screen.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "credence/base/text.h"

enum { TEXT_BYTES_MAX = 1 << 28 };

static size_t columns_asked(int fd) {
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    const char *columns = getenv("COLUMNS");
    return columns != NULL ? strtoul(columns, NULL, 10) : CR_COLUMNS_MIN;
}

struct cr_screen cr_screen_make(FILE *file) {
    const int fd = fileno(file);
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    struct cr_screen screen = {.file = file, .columns = columns_asked(fd)};
    screen.columns = screen.columns < CR_COLUMNS_MIN   ? CR_COLUMNS_MIN
                     : screen.columns > CR_COLUMNS_MAX ? CR_COLUMNS_MAX
                                                       : screen.columns;
    screen.is_terminal = isatty(fd) != 0;
    screen.has_colour = screen.is_terminal &&
                        (no_colour == NULL || no_colour[0] == '\0') && term != NULL &&
                        strcmp(term, "dumb") != 0;
    return screen;
}

static void print_list(const struct cr_screen *screen, const char *fmt, va_list args) {
    char *plain = NULL;
    const int bytes = vasprintf(&plain, fmt, args);
    if (bytes < 0) {
        return;
    }
    struct cr_buf shown;
    cr_buf_init(&shown, TEXT_BYTES_MAX);
    if (cr_text_add_terminal(&shown, plain, (size_t)bytes) == CR_OK) {
        fwrite(shown.data, 1, shown.used_bytes, screen->file);
    }
    cr_buf_fini(&shown);
    free(plain);
}

void cr_screen_printf(const struct cr_screen *screen, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    print_list(screen, fmt, args);
    va_end(args);
}

static void set_style(const struct cr_screen *screen, enum cr_style style) {
    static const char *const codes[] = {
        [CR_STYLE_PLAIN] = "\033[0m", [CR_STYLE_STRONG] = "\033[1m",
        [CR_STYLE_FAINT] = "\033[2m", [CR_STYLE_GOOD] = "\033[32m",
        [CR_STYLE_BAD] = "\033[31m",  [CR_STYLE_DOUBT] = "\033[33m",
    };
    if (screen->has_colour) {
        fputs(codes[style], screen->file);
    }
}

void cr_screen_styled(const struct cr_screen *screen, enum cr_style style,
                      const char *fmt, ...) {
    va_list args;
    set_style(screen, style);
    va_start(args, fmt);
    print_list(screen, fmt, args);
    va_end(args);
    set_style(screen, CR_STYLE_PLAIN);
}

size_t cr_screen_columns(const char *text, size_t bytes) {
    size_t columns = 0;
    for (size_t i = 0; i < bytes; i++) {
        columns += ((unsigned char)text[i] & 0xc0) != 0x80;
    }
    return columns;
}

// The bytes of TEXT, a line of LINE bytes, that fit into ROOM columns: up to a space
// where there is one.
static size_t fitting(const char *text, size_t line, size_t room) {
    if (cr_screen_columns(text, line) <= room) {
        return line;
    }
    size_t bytes = 0, last_space = 0;
    for (size_t column = 0; column < room; column++) {
        last_space = text[bytes] == ' ' ? bytes : last_space;
        do {
            bytes++;
        } while (bytes < line && ((unsigned char)text[bytes] & 0xc0) == 0x80);
    }
    return text[bytes] == ' ' || last_space == 0 ? bytes : last_space;
}

// The first line has COLUMN columns before it already.
static void print_wrapped(const struct cr_screen *screen, const char *at, size_t indent,
                          size_t column) {
    for (; *at != '\0'; column = 0) {
        const size_t line = strcspn(at, "\n");
        const size_t shown = fitting(at, line, screen->columns - indent);
        fprintf(screen->file, "%*s%.*s\n", shown > 0 ? (int)(indent - column) : 0, "",
                (int)shown, at);
        at += shown;
        if (shown < line) {
            at += strspn(at, " ");
        }
        at += *at == '\n';
    }
}

enum cr_status cr_screen_wrap(const struct cr_screen *screen, const char *text,
                              size_t bytes, size_t indent) {
    struct cr_buf plain;
    cr_buf_init(&plain, TEXT_BYTES_MAX);
    enum cr_status status = cr_text_add_terminal(&plain, text, bytes);
    if (status == CR_OK) {
        print_wrapped(screen, plain.data, indent, 0);
    }
    cr_buf_fini(&plain);
    return status;
}

enum cr_status cr_screen_field(const struct cr_screen *screen, const char *label,
                               const char *text, size_t indent) {
    struct cr_buf plain;
    cr_buf_init(&plain, TEXT_BYTES_MAX);
    enum cr_status status = cr_text_add_line(&plain, text, strlen(text));
    if (status == CR_OK && plain.used_bytes > 0) {
        fprintf(screen->file, "%-*s", (int)indent, label);
        print_wrapped(screen, plain.data, indent, indent);
    } else if (status == CR_OK) {
        fprintf(screen->file, "%s\n", label);
    }
    cr_buf_fini(&plain);
    return status;
}

enum cr_status cr_screen_json(const struct cr_screen *screen,
                              const struct cr_buf *json) {
    struct cr_buf mended, shown;
    cr_buf_init(&mended, SIZE_MAX);
    cr_buf_init(&shown, SIZE_MAX);
    const char *text = json->data != NULL ? json->data : "";
    enum cr_status status = cr_text_add_utf8(&mended, text, json->used_bytes);
    if (status == CR_OK) {
        status = cr_text_add_terminal(&shown, mended.data, mended.used_bytes);
    }
    if (status == CR_OK) {
        fwrite(shown.data, 1, shown.used_bytes, screen->file);
    }
    cr_buf_fini(&mended);
    cr_buf_fini(&shown);
    return status;
}

enum cr_status cr_screen_data(const struct cr_screen *screen,
                              const struct cr_buf *data) {
    if (screen->is_terminal) {
        return cr_screen_json(screen, data);
    }
    fwrite(data->data, 1, data->used_bytes, screen->file);
    return CR_OK;
}

const char *cr_screen_line(const char *text, char out[CR_SHOWN_BYTES]) {
    struct cr_buf shown;
    cr_buf_init(&shown, TEXT_BYTES_MAX);
    if (cr_text_add_line(&shown, text, strlen(text)) == CR_OK) {
        const bool is_cut = shown.used_bytes >= CR_SHOWN_BYTES;
        const size_t kept = cr_text_cut(shown.data, shown.used_bytes,
                                        is_cut ? CR_SHOWN_BYTES - 4 : CR_SHOWN_BYTES);
        memcpy(out, shown.data, kept);
        memcpy(out + kept, "...", is_cut ? 4 : 0);
        out[is_cut ? kept + 3 : kept] = '\0';
    }
    cr_buf_fini(&shown);
    return out;
}
