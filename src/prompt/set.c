// set.c - a prompt set: every template of the table, its own or the base's, compiled
// into literals and placeholders and checked.
//
// A placeholder is {{name}}, blanks inside allowed; there is no way to write a literal
// {{, and none was missed. JSON examples have single braces, or a blank between two.
#include <ctype.h>
#include <string.h>

#include "credence/base/hash.h"
#include "credence/base/mem.h"
#include "credence/base/text.h"
#include "credence/prompt/answer.h"
#include "credence/prompt/prompt.h"
#include "credence/prompt/template.h"

enum { PARTS_MAX = 256, TEMPLATE_BYTES_MAX = 256 * 1024 };

// One template, compiled. A part is a literal and the placeholder behind it.
struct part {
    struct cr_span literal; // in the template's own text
    int var;                // enum cr_var, or -1 at the end
};

struct compiled {
    char *text; // owned, trailing newlines cut
    struct part *parts;
    size_t parts_len;
    const struct cr_answer_form *example; // cr_prompt_example
};

// One compilation.
struct compiler {
    const char *set, *file;
    const struct cr_template_row *row;
    const char *text;
    size_t bytes;
    struct compiled *out;
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
    struct compiled *t = c->out;
    void *parts = t->parts;
    enum cr_status status =
        cr_array_grow(&parts, &c->parts_cap, t->parts_len + 1, sizeof *t->parts);
    if (status != CR_OK) {
        return status;
    }
    t->parts = parts;
    t->parts[t->parts_len++] = (struct part){{c->text + from, to - from}, var};
    return CR_OK;
}

// The placeholder NAME at AT, or -1 after a complaint.
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

static void fini_template(struct compiled *template) {
    cr_free(template->text);
    cr_free(template->parts);
    *template = (struct compiled){0};
}

// Compile SOURCE for the row of TEMPLATE. Each mistake is a line "SET/FILE:LINE: what"
// added to ERR, and CR_E_JOB is returned; CR_E_MEMORY.
static enum cr_status compile_template(const char *set, enum cr_template template,
                                       const struct cr_prompt_source *source,
                                       struct compiled *out, struct cr_err *err) {
    // All of its bytes: one of them may be NUL, which is for check to say.
    struct compiled made = {.text = cr_malloc(source->bytes + 1)};
    if (made.text == NULL) {
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    memcpy(made.text, source->text, source->bytes);
    made.text[source->bytes] = '\0';
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
        fini_template(&made);
        return cr_err_set(err, status, "out of memory");
    }
    if (c.is_wrong) {
        fini_template(&made);
        return CR_E_JOB;
    }
    *out = made;
    return CR_OK;
}

struct cr_prompt_set {
    char *name;
    struct compiled templates[CR_TEMPLATE_COUNT];
    struct cr_hash hash;
    struct cr_arena arena; // of the examples
};

static int find_file(const char *file) {
    for (int t = 0; t < CR_TEMPLATE_COUNT; t++) {
        if (strcmp(cr_template_table[t].file, file) == 0) {
            return t;
        }
    }
    return -1;
}

// A compiled template keeps its text as parts, so that is what is copied and hashed.
static size_t text_bytes(const struct compiled *t) {
    const struct part *last = &t->parts[t->parts_len - 1];
    return (size_t)(last->literal.text - t->text) + last->literal.bytes;
}

static enum cr_status add_source(struct cr_prompt_set *set,
                                 const struct cr_prompt_source *source,
                                 struct cr_err *err) {
    int t = find_file(source->file);
    if (t < 0 || set->templates[t].text != NULL) {
        const char *near =
            t < 0 ? cr_text_nearest(source->file, cr_prompt_files, CR_TEMPLATE_COUNT)
                  : NULL;
        cr_err_add_line(err, "%s/%s:1: %s%s%s", set->name, source->file,
                        t < 0 ? "no such template" : "given twice",
                        near != NULL ? "; did you mean " : "",
                        near != NULL ? near : "");
        return CR_E_JOB;
    }
    return compile_template(set->name, (enum cr_template)t, source, &set->templates[t],
                            err);
}

// Templates that came after version 0.1: the bundle of a run directory of then has none
// of them, and none of its cells can ask for one.
static bool is_later(int t) {
    static const enum cr_template later[] = {
        CR_T_TRADER_UNRELATED,    CR_T_FILLER,
        CR_T_CONSULTANT_SYSTEM,   CR_T_CONSULTANCY_JUDGE_SYSTEM,
        CR_T_PROPOSER_SYSTEM,     CR_T_CRITIC_SYSTEM,
        CR_T_CRITIC_JUDGE_SYSTEM, CR_T_CRITIC_SEEN_ARGUMENT,
        CR_T_CRITIC_ARGUMENT,     CR_T_HELD_OPENING,
        CR_T_HELD_UPDATE,         CR_T_HELD_IDLE,
        CR_T_STANCE_PROPOSER,     CR_T_STANCE_CRITIC,
        CR_T_ROOM_SYSTEM,         CR_T_ROOM_OPENING,
        CR_T_ROOM_UPDATE,         CR_T_ROOM_HONEST,
        CR_T_ROOM_ADVERSARY,      CR_T_BET_BINARY,
        CR_T_BET_CATEGORICAL,
    };
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        if ((int)later[i] == t) {
            return true;
        }
    }
    return false;
}

static enum cr_status fill_from_base(struct cr_prompt_set *set, int t,
                                     const struct cr_prompt_set *base,
                                     struct cr_err *err) {
    if (is_later(t) && (base == NULL || base->templates[t].text == NULL)) {
        return CR_OK;
    }
    if (base == NULL) {
        cr_err_add_line(err,
                        "%s/%s:1: missing, and there is no base set to take it from",
                        set->name, cr_template_table[t].file);
        return CR_E_JOB;
    }
    const struct compiled *from = &base->templates[t];
    struct cr_prompt_source source = {cr_template_table[t].file, from->text,
                                      text_bytes(from)};
    return compile_template(base->name, (enum cr_template)t, &source,
                            &set->templates[t], err);
}

static enum cr_status hash_all(struct cr_prompt_set *set) {
    struct cr_hasher hasher;
    if (cr_hasher_init(&hasher) != 0) {
        return CR_E_MEMORY;
    }
    for (int t = 0; t < CR_TEMPLATE_COUNT; t++) {
        const char *file = cr_template_table[t].file;
        if (set->templates[t].text == NULL) {
            continue; // so that the hash of a set of version 0.1 is what it was
        }
        cr_hasher_add(&hasher, file, strlen(file));
        cr_hasher_add(&hasher, set->templates[t].text, text_bytes(&set->templates[t]));
    }
    set->hash = cr_hasher_digest(&hasher);
    cr_hasher_fini(&hasher);
    return CR_OK;
}

// Learn the examples of the templates that say how to answer and have no placeholder:
// done for each episode, it took a tenth of a call's CPU.
static enum cr_status learn_examples(struct cr_prompt_set *set) {
    enum cr_status status = CR_OK;
    for (int t = CR_T_JUDGMENT_BINARY; t <= CR_T_LOGPROB_CATEGORICAL; t++) {
        struct compiled *made = &set->templates[t];
        if (status != CR_OK || made->text == NULL || made->parts[0].var >= 0) {
            continue;
        }
        struct cr_answer_form *form = cr_arena_alloc(&set->arena, sizeof *form);
        if (form == NULL) {
            return CR_E_MEMORY;
        }
        *form = (struct cr_answer_form){0};
        status = cr_answer_learn_form(made->text, text_bytes(made), &set->arena, form);
        made->example = form;
    }
    return status;
}

// Every mistake is reported, so CR_E_JOB does not end the loop; a lack of memory does.
static enum cr_status fill(struct cr_prompt_set *set, struct cr_prompt_sources sources,
                           const struct cr_prompt_set *base, struct cr_err *err) {
    enum cr_status worst = CR_OK;
    for (size_t i = 0; i < sources.len; i++) {
        enum cr_status status = add_source(set, &sources.at[i], err);
        if (status != CR_OK && status != CR_E_JOB) {
            return status;
        }
        worst = status != CR_OK ? status : worst;
    }
    if (worst != CR_OK) {
        return worst;
    }
    for (int t = 0; t < CR_TEMPLATE_COUNT; t++) {
        enum cr_status status =
            set->templates[t].text != NULL ? CR_OK : fill_from_base(set, t, base, err);
        if (status != CR_OK && status != CR_E_JOB) {
            return status;
        }
        worst = status != CR_OK ? status : worst;
    }
    worst = worst != CR_OK ? worst : learn_examples(set);
    return worst != CR_OK ? worst : hash_all(set);
}

enum cr_status cr_prompt_set_create(const char *name, struct cr_prompt_sources sources,
                                    const struct cr_prompt_set *base,
                                    struct cr_prompt_set **out, struct cr_err *err) {
    struct cr_prompt_set *set = cr_calloc(1, sizeof *set);
    if (set == NULL || (set->name = cr_strdup(name)) == NULL) {
        cr_prompt_set_destroy(set);
        return cr_err_set(err, CR_E_MEMORY, "out of memory");
    }
    struct cr_err found = {0};
    enum cr_status status = fill(set, sources, base, &found);
    if (status != CR_OK) {
        cr_prompt_set_destroy(set);
        return cr_err_set(err, status, "%s",
                          status == CR_E_MEMORY ? "out of memory" : found.text);
    }
    *out = set;
    return CR_OK;
}

void cr_prompt_set_destroy(struct cr_prompt_set *set) {
    if (set == NULL) {
        return;
    }
    for (int t = 0; t < CR_TEMPLATE_COUNT; t++) {
        fini_template(&set->templates[t]);
    }
    cr_arena_fini(&set->arena);
    cr_free(set->name);
    cr_free(set);
}

const struct cr_answer_form *cr_prompt_example(const struct cr_prompt_set *set,
                                               enum cr_template template) {
    return set->templates[template].example;
}

void cr_prompt_example_add(const struct cr_answer_form *from,
                           struct cr_answer_form *form) {
    for (uint32_t i = 0; i < from->examples_len && form->examples_len < CR_EXAMPLES_MAX;
         i++) {
        form->example[form->examples_len++] = from->example[i];
    }
}

const char *cr_prompt_set_name(const struct cr_prompt_set *set) {
    return set->name;
}

struct cr_hash cr_prompt_set_hash(const struct cr_prompt_set *set) {
    return set->hash;
}

enum cr_status cr_prompt_render(const struct cr_prompt_set *set,
                                enum cr_template template,
                                const struct cr_values *values, struct cr_buf *out) {
    const struct compiled *t = &set->templates[template];
    if (t->text == NULL) {
        return CR_E_JOB; // a set of version 0.1, asked for what it never had
    }
    for (size_t i = 0; i < t->parts_len; i++) {
        const struct part *part = &t->parts[i];
        enum cr_status status =
            cr_buf_add(out, part->literal.text, part->literal.bytes);
        if (status == CR_OK && part->var >= 0) {
            status = cr_buf_add(out, values->at[part->var].text,
                                values->at[part->var].bytes);
        }
        if (status != CR_OK) {
            return status;
        }
    }
    return CR_OK;
}
