// template.c - compiles a template into literals and placeholders, and checks it.
//
// A placeholder is {{name}}, blanks inside allowed; there is no way to write a literal
// {{, and none was missed. JSON examples have single braces, or a blank between two.
#include "prompt/template_internal.h"

#include <ctype.h>
#include <string.h>

#include "credence/base/mem.h"
#include "credence/base/text.h"

enum { PARTS_MAX = 256, TEMPLATE_BYTES_MAX = 256 * 1024 };

// One compilation.
struct compiler {
    const char *set, *file;
    const struct cr_template_row *row;
    const char *text;
    size_t bytes;
    struct cr_template_text *out;
    size_t parts_cap;
    uint32_t seen; // placeholders met
    bool is_wrong;
    struct cr_err *err;
};

static unsigned line_of(const struct compiler *c, size_t at) {
    unsigned line = 1;
    for (size_t i = 0; i < at; i++) {
        line += c->text[i] == '\n';
    }
    return line;
}

static void complain(struct compiler *c, size_t at, const char *what,
                     struct cr_span name) {
    c->is_wrong = true;
    cr_err_add_line(c->err, "%s/%s:%u: %s%.*s", c->set, c->file, line_of(c, at), what,
                    (int)name.bytes, name.text != NULL ? name.text : "");
}

static int find_var(struct cr_span name) {
    for (int v = 0; v < CR_VAR_COUNT; v++) {
        if (strlen(cr_var_names[v]) == name.bytes &&
            memcmp(cr_var_names[v], name.text, name.bytes) == 0) {
            return v;
        }
    }
    return -1;
}

static struct cr_span trimmed(const char *text, size_t bytes) {
    while (bytes > 0 && isspace((unsigned char)*text)) {
        text++;
        bytes--;
    }
    while (bytes > 0 && isspace((unsigned char)text[bytes - 1])) {
        bytes--;
    }
    return (struct cr_span){text, bytes};
}

static enum cr_status add_part(struct compiler *c, size_t from, size_t to, int var) {
    struct cr_template_text *t = c->out;
    void *parts = t->parts;
    enum cr_status status =
        cr_array_grow(&parts, &c->parts_cap, t->parts_len + 1, sizeof *t->parts);
    if (status != CR_OK) {
        return status;
    }
    t->parts = parts;
    t->parts[t->parts_len++] =
        (struct cr_template_part){{c->text + from, to - from}, var};
    return CR_OK;
}

// The placeholder NAME that stands at AT, or -1 after a complaint.
static int check_name(struct compiler *c, size_t at, struct cr_span name) {
    int var = find_var(name);
    if (var < 0) {
        struct cr_span shown = {name.text, name.bytes < 64 ? name.bytes : 64};
        complain(c, at, "unknown placeholder ", shown);
        return -1;
    }
    if (!((c->row->required | c->row->allowed) & (1u << var))) {
        complain(c, at, "this template is given no ", name);
        return -1;
    }
    c->seen |= 1u << var;
    return var;
}

static enum cr_status compile_parts(struct compiler *c) {
    size_t from = 0;
    const char *open;
    while (((open = memmem(c->text + from, c->bytes - from, "{{", 2)) != NULL)) {
        size_t at = (size_t)(open - c->text);
        const char *close = memmem(open + 2, c->bytes - at - 2, "}}", 2);
        if (close == NULL || c->out->parts_len >= PARTS_MAX) {
            complain(c, at, close != NULL ? "too many placeholders" : "{{ with no }}",
                     (struct cr_span){0});
            return CR_OK;
        }
        int var = check_name(c, at, trimmed(open + 2, (size_t)(close - open) - 2));
        enum cr_status status = add_part(c, from, at, var);
        if (status != CR_OK) {
            return status;
        }
        from = (size_t)(close - c->text) + 2;
    }
    return add_part(c, from, c->bytes, -1);
}

static void check_required(struct compiler *c) {
    for (int v = 0; v < CR_VAR_COUNT; v++) {
        if ((c->row->required & ~c->seen) & (1u << v)) {
            complain(c, c->bytes, "never uses the placeholder ",
                     (struct cr_span){cr_var_names[v], strlen(cr_var_names[v])});
        }
    }
}

static enum cr_status compile_checked(struct compiler *c) {
    if (c->bytes > TEMPLATE_BYTES_MAX || memchr(c->text, 0, c->bytes) != NULL ||
        !cr_text_is_utf8(c->text, c->bytes)) {
        complain(c, 0, "not UTF-8 text of at most 256 KiB", (struct cr_span){0});
        return CR_OK;
    }
    enum cr_status status = compile_parts(c);
    if (status == CR_OK && !c->is_wrong) {
        check_required(c);
    }
    return status;
}

enum cr_status cr_template_compile(const char *set, enum cr_template template,
                                   const struct cr_prompt_source *source,
                                   struct cr_template_text *out, struct cr_err *err) {
    struct cr_template_text made = {.text = cr_strndup(source->text, source->bytes)};
    if (made.text == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    struct compiler c = {.set = set,
                         .file = source->file,
                         .row = &cr_template_table[template],
                         .text = made.text,
                         .bytes = source->bytes,
                         .out = &made,
                         .err = err};
    while (c.bytes > 0 &&
           (c.text[c.bytes - 1] == '\n' || c.text[c.bytes - 1] == '\r')) {
        c.bytes--;
    }
    enum cr_status status = compile_checked(&c);
    if (status != CR_OK) {
        cr_template_fini(&made);
        return cr_err_set(err, status, "out of memory");
    }
    if (c.is_wrong) {
        cr_template_fini(&made);
        return CR_E_JOB;
    }
    *out = made;
    return CR_OK;
}

void cr_template_fini(struct cr_template_text *template) {
    cr_free(template->text);
    cr_free(template->parts);
    *template = (struct cr_template_text){0};
}
