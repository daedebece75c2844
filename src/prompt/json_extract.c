// json_extract.c - finds the JSON object that was meant in what a model wrote.
//
// Each { is tried as the start of an object. One that ends is parsed as it stands, and
// if that fails once more after mending what models get wrong: comments, trailing
// commas, single quotes, bare words and bare percentages (both become strings, for the
// reader to judge). An object without the key is searched for inner ones. Work is
// bounded: nesting beyond the limit ends a try, and all tries together look at
// WORK_FACTOR times the text.
#include "prompt/json_extract.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "credence/base/buf.h"
#include "credence/prompt/answer.h"
#include "credence/prompt/space.h"

enum { WORK_FACTOR = 8, WORK_MIN = 4096 };

static const struct cr_json_limits limits = {CR_ANSWER_BYTES_MAX, CR_ANSWER_DEPTH_MAX};

struct extent {
    size_t bytes;      // of the object when it is whole, else looked at
    size_t safe_bytes; // up to where whole members of a cut object reach
    bool is_whole;
    bool is_too_deep;
};

// The bytes of the string that opens at TEXT, quotes included; BYTES when it never
// ends.
static size_t string_bytes(const char *text, size_t bytes) {
    size_t quote = 0, i = 1; // the first quote from I on, when it is not before it
    while (i < bytes) {
        if (quote < i) {
            const char *found = memchr(text + i, '"', bytes - i);
            quote = found != NULL ? (size_t)(found - text) : bytes;
        }
        const char *escape = memchr(text + i, '\\', quote - i);
        if (escape == NULL) {
            return quote < bytes ? quote + 1 : bytes;
        }
        i = (size_t)(escape - text) + 2;
    }
    return bytes;
}

// A position in an object that is being measured.
struct cursor {
    const char *text;
    size_t bytes;
    size_t at;
    unsigned depth;
    char before; // the last character outside strings that was no blank
};

// Move over one character or string. True when members end here at depth 1.
static bool step(struct cursor *c) {
    char now = c->text[c->at];
    if (now == '"') {
        bool is_value = c->before == ':' && c->depth == 1;
        size_t len = string_bytes(c->text + c->at, c->bytes - c->at);
        bool is_closed = c->at + len < c->bytes || c->text[c->bytes - 1] == '"';
        c->at += len;
        c->before = now;
        return is_value && is_closed;
    }
    bool is_close = now == '}' || now == ']';
    c->depth += now == '{' || now == '[';
    c->depth -= is_close && c->depth > 0;
    c->before = isspace((unsigned char)now) ? c->before : now;
    c->at++;
    return is_close && c->depth == 1;
}

static struct extent measure(const char *text, size_t bytes) {
    struct cursor c = {.text = text, .bytes = bytes};
    struct extent e = {0};
    while (c.at < bytes) {
        if (text[c.at] == ',' && c.depth == 1) {
            e.safe_bytes = c.at;
        }
        if (step(&c)) {
            e.safe_bytes = c.at;
        }
        e.is_whole = c.depth == 0;
        e.is_too_deep = c.depth > CR_ANSWER_DEPTH_MAX;
        if (e.is_whole || e.is_too_deep) {
            break;
        }
    }
    e.bytes = c.at;
    return e;
}

static bool is_plain(const char *word, size_t bytes) {
    static const char *const names[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strlen(names[i]) == bytes && memcmp(names[i], word, bytes) == 0) {
            return true;
        }
    }
    bool is_number = isdigit((unsigned char)word[0]) || word[0] == '-';
    for (size_t i = 0; i < bytes && is_number; i++) {
        is_number = isdigit((unsigned char)word[i]) || strchr("+-.eE", word[i]) != NULL;
    }
    return is_number;
}

// Append the bare word at TEXT, quoted unless it is JSON as it stands; *used is its
// length.
static enum cr_status add_word(struct cr_buf *out, const char *text, size_t bytes,
                               size_t *used) {
    size_t len = 0;
    while (len < bytes && strchr("{}[],:\"", text[len]) == NULL) {
        len++;
    }
    *used = len;
    while (len > 1 && isspace((unsigned char)text[len - 1])) {
        len--;
    }
    return is_plain(text, len) ? cr_buf_add(out, text, len)
                               : cr_json_add_quoted(out, text, len);
}

// Whether the quote at AT ends a string. An apostrophe does not: what follows the end
// of a string is structure.
static bool ends_string(const char *text, size_t bytes, size_t at) {
    size_t next = at + 1;
    while (next < bytes && isspace((unsigned char)text[next])) {
        next++;
    }
    return next < bytes && strchr(",:}]", text[next]) != NULL;
}

// The bytes of the string in single quotes that opens at TEXT, quotes included; 0 when
// it never ends.
static size_t single_quoted_bytes(const char *text, size_t bytes) {
    for (size_t i = 1; i < bytes; i++) {
        if (text[i] == '\'' && ends_string(text, bytes, i)) {
            return i + 1;
        }
    }
    return 0;
}

// Append the bare word, or the string in single quotes, at TEXT. *HAS_ENDS turns false
// with the first string that never ends: then no later one does, and looking again for
// each would take the square of the time.
static enum cr_status add_loose(struct cr_buf *out, const char *text, size_t bytes,
                                size_t *used, bool *has_ends) {
    size_t quoted = *text == '\'' && *has_ends ? single_quoted_bytes(text, bytes) : 0;
    if (quoted == 0) {
        *has_ends = *has_ends && *text != '\'';
        return add_word(out, text, bytes, used);
    }
    *used = quoted;
    return cr_json_add_quoted(out, text + 1, quoted - 2);
}

// TEXT with its bare words quoted, appended to OUT.
static enum cr_status mend(const char *text, size_t bytes, struct cr_buf *out) {
    enum cr_status status = CR_OK;
    bool has_ends = true;
    for (size_t at = 0, used = 1; at < bytes && status == CR_OK; at += used) {
        used = 1;
        if (text[at] == '"') {
            used = string_bytes(text + at, bytes - at);
            status = cr_buf_add(out, text + at, used);
        } else if (isspace((unsigned char)text[at]) ||
                   strchr("{}[],:", text[at]) != NULL) {
            status = cr_buf_add(out, text + at, 1);
        } else {
            status = add_loose(out, text + at, bytes - at, &used, &has_ends);
        }
    }
    return status;
}

static void keep_fault(struct cr_scan *scan, const struct cr_err *err) {
    snprintf(scan->fault, sizeof scan->fault, "%.*s", CR_SCAN_FAULT_MAX - 1, err->text);
}

// Parse TEXT after stripping and mending; CLOSE is put behind it. *out stays NULL when
// it is not JSON, with the reason in scan->fault.
static enum cr_status parse_mended(const char *text, size_t bytes, const char *close,
                                   struct cr_scan *scan, struct cr_json **out) {
    struct cr_buf whole, mended;
    struct cr_err err = {0};
    cr_buf_init(&whole, CR_ANSWER_BYTES_MAX);
    cr_buf_init(&mended, CR_ANSWER_BYTES_MAX);
    enum cr_status status = cr_buf_add(&whole, text, bytes);
    if (status == CR_OK) {
        status = cr_buf_add_text(&whole, close);
    }
    if (status == CR_OK) {
        cr_json_strip(whole.data, whole.used_bytes);
        status = mend(whole.data, whole.used_bytes, &mended);
    }
    if (status == CR_OK) {
        status = cr_json_read(mended.data, mended.used_bytes, limits, out, &err);
        if (status != CR_OK && status != CR_E_MEMORY) {
            keep_fault(scan, &err);
        }
    }
    cr_buf_fini(&whole);
    cr_buf_fini(&mended);
    return status == CR_E_MEMORY ? CR_E_MEMORY : CR_OK;
}

static enum cr_status parse_whole(const char *text, size_t bytes, struct cr_scan *scan,
                                  struct cr_json **out) {
    enum cr_status status = cr_json_read(text, bytes, limits, out, NULL);
    if (status != CR_OK && status != CR_E_MEMORY) {
        status = parse_mended(text, bytes, "", scan, out);
    }
    return status;
}

const struct cr_json *cr_scan_member(const struct cr_json *object, const char *key) {
    const struct cr_json *child = NULL;
    if (object != NULL && cr_json_type(object) == CR_JSON_OBJECT) {
        child = cr_json_first(object);
    }
    while (child != NULL && strcasecmp(cr_json_key(child), key) != 0) {
        child = cr_json_next(child);
    }
    return child;
}

bool cr_scan_is_twice(const struct cr_json *object, const char *key) {
    size_t len = 0;
    for (const struct cr_json *child = cr_json_first(object); child != NULL;
         child = cr_json_next(child)) {
        len += strcasecmp(cr_json_key(child), key) == 0;
    }
    return len > 1;
}

const char *const cr_scan_prose_keys[3] = {"claim", "reasoning", "argument"};

// What shipped sets showed in earlier versions; a set of one's own may have kept it.
static const char *const old_examples[] = {"your position in one sentence",
                                           "why, in a few sentences", "your argument"};

static bool is_example(const struct cr_answer_form *form, const char *text) {
    for (uint32_t i = 0; i < form->examples_len; i++) {
        if (cr_answer_is_word(text, strlen(text), form->example[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < sizeof old_examples / sizeof *old_examples; i++) {
        if (cr_answer_is_word(text, strlen(text), old_examples[i])) {
            return true;
        }
    }
    return false;
}

// What anybody writes where words are still to come: "...", "<claim>", the type of a
// schema ("string"), the name of the member itself.
static bool is_placeholder(const char *key, const char *text) {
    static const char *const types[] = {"string", "str", "text"};
    size_t bytes = strlen(text);
    bool is_word = cr_answer_is_word(text, bytes, key);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        is_word = is_word || cr_answer_is_word(text, bytes, types[i]);
    }
    bool is_framed = bytes > 2 && text[0] == '<' && text[1] != '|' &&
                     strcspn(text, ">") == bytes - 1;
    bool is_dots = bytes > 0 &&
                   (strspn(text, ". _-") == bytes || strcmp(text, "\xe2\x80\xa6") == 0);
    return is_word || is_framed || is_dots;
}

// Whether the prose of OBJECT is the example's and nothing else.
static bool is_form(const struct cr_answer_form *form, const struct cr_json *object) {
    size_t examples = 0;
    for (size_t i = 0; i < 3 && form != NULL; i++) {
        const char *key = cr_scan_prose_keys[i];
        const char *text = cr_json_string(cr_scan_member(object, key));
        if (text != NULL && (is_example(form, text) || is_placeholder(key, text))) {
            examples++;
        } else if (text != NULL && text[0] != '\0') {
            return false;
        }
    }
    return examples > 0;
}

// A search in progress.
struct search {
    const char *text;
    size_t bytes;
    struct cr_scan_for what;
    struct cr_scan *out;
    size_t open_at; // of the first object that never ends; bytes when there is none
};

static size_t skip_blanks(const char *text, size_t at, size_t end) {
    while (at < end && isspace((unsigned char)text[at])) {
        at++;
    }
    return at;
}

// Whether nothing but a comma, and the name of a member at most, is between FROM and
// TO: the objects around them are members of one list or of one object.
static bool are_siblings(const char *text, size_t from, size_t to) {
    size_t at = skip_blanks(text, from, to);
    if (at == to || text[at] != ',') {
        return false;
    }
    at = skip_blanks(text, at + 1, to);
    if (at < to && text[at] == '"') {
        at = skip_blanks(text, at + string_bytes(text + at, to - at), to);
        at = at < to && text[at] == ':' ? skip_blanks(text, at + 1, to) : from;
    }
    return at == to;
}

// Keep OBJECT (taken; may be NULL), read from [FROM, TO), when it is looked for.
// Whether it has the key.
static bool keep(struct search *s, struct cr_json *object, size_t from, size_t to) {
    if (object == NULL || cr_scan_member(object, s->what.key) == NULL) {
        cr_json_free(object);
        return false;
    }
    if (is_form(s->what.form, object)) {
        s->out->has_form = true;
        cr_json_free(object);
        return true;
    }
    s->out->is_one_of_many =
        s->out->object != NULL && are_siblings(s->text, s->out->to, from);
    cr_json_free(s->out->object);
    s->out->object = object;
    s->out->from = from;
    s->out->to = to;
    return true;
}

// Try the object that begins at AT; *used is how far to move on.
static enum cr_status try_at(struct search *s, size_t at, const struct extent *e,
                             size_t *used) {
    struct cr_json *object = NULL;
    *used = 1;
    if (!e->is_whole) {
        if (!e->is_too_deep && s->open_at == s->bytes) {
            s->open_at = at;
        }
        return CR_OK;
    }
    enum cr_status status = parse_whole(s->text + at, e->bytes, s->out, &object);
    s->out->has_object = s->out->has_object || object != NULL;
    if (status == CR_OK && keep(s, object, at, at + e->bytes)) {
        *used = e->bytes;
    }
    return status;
}

static enum cr_status try_open(struct search *s) {
    struct cr_json *object = NULL;
    struct extent e = measure(s->text + s->open_at, s->bytes - s->open_at);
    s->out->has_open = true;
    if (e.safe_bytes == 0) {
        return CR_OK;
    }
    enum cr_status status =
        parse_mended(s->text + s->open_at, e.safe_bytes, "}", s->out, &object);
    if (status == CR_OK) {
        keep(s, object, s->open_at, s->bytes);
    }
    return status;
}

enum cr_status cr_scan_object(const char *text, size_t bytes, struct cr_scan_for what,
                              struct cr_scan *out) {
    *out = (struct cr_scan){0};
    struct search s = {text, bytes, what, out, bytes};
    size_t work = WORK_FACTOR * bytes + WORK_MIN, at = 0;
    const char *brace;
    while (at < bytes && ((brace = memchr(text + at, '{', bytes - at)) != NULL)) {
        at = (size_t)(brace - text);
        struct extent e = measure(brace, bytes - at);
        if (e.bytes > work) {
            break;
        }
        work -= e.bytes;
        size_t used;
        enum cr_status status = try_at(&s, at, &e, &used);
        if (status != CR_OK) {
            cr_json_free(out->object);
            out->object = NULL;
            return status;
        }
        at += used;
    }
    return out->object == NULL && s.open_at < bytes ? try_open(&s) : CR_OK;
}
