// body.c - the part of a reply that is the answer: behind the reasoning that a server
// left in the text, before whatever a model went on to write after its turn had ended.
//
// Reasoning is told by its marks, of which every house has its own. A mark may be
// missing its other half: text before an unopened closing mark, and behind an unclosed
// opening one, is reasoning. Outside of it the last piece that is not blank counts.
// What opens or ends something while a brace is open is quoted in the answer's JSON.
#include <ctype.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#include "credence/prompt/answer.h"

// Marks in pairs; letters in any case.
static const struct mark {
    const char *open, *close;
} mark_table[] = {
    {"<think>", "</think>"},
    {"<thinking>", "</thinking>"},
    {"<thought>", "</thought>"},
    {"<thoughts>", "</thoughts>"},
    {"<reasoning>", "</reasoning>"},
    {"<reflection>", "</reflection>"},
    {"<analysis>", "</analysis>"},
    {"<scratchpad>", "</scratchpad>"},
    {"<reason>", "</reason>"},
    {"<monologue>", "</monologue>"},
    {"<inner_monologue>", "</inner_monologue>"},
    {"<cot>", "</cot>"},
    {"<seed:think>", "</seed:think>"},
    {"<|think|>", "<|/think|>"},
    {"<|thinking|>", "<|/thinking|>"},
    {"<|begin_of_thought|>", "<|end_of_thought|>"},
    {"<|begin_of_reasoning|>", "<|end_of_reasoning|>"},
    {"<|thought_begin|>", "<|thought_end|>"},
    {"<|inner_prefix|>", "<|inner_suffix|>"},
    {"<|reasoning|>", "<|/reasoning|>"},
    {"<|start_thinking|>", "<|end_thinking|>"},
    {"<|channel>", "<channel|>"},
    {"<unused94>", "<unused95>"},
    {"[think]", "[/think]"},
    {"[thinking]", "[/thinking]"},
    {"[reasoning]", "[/reasoning]"},
    {"[begin reasoning]", "[begin final response]"},
    {"\xe2\x97\x81think\xe2\x96\xb7", "\xe2\x97\x81/think\xe2\x96\xb7"},
};

// What ends a model's turn. A small model goes on behind it with a turn of its own.
static const char *const end_table[] = {
    "<|end|>",    "<|return|>",          "<|call|>",        "<|im_end|>",
    "<|eot_id|>", "<|endoftext|>",       "<|end_of_text|>", "<end_of_turn>",
    "</s>",       "[end final response]"};

// What begins one; the role's name behind it is no part of the answer.
static const char *const start_table[] = {"<|start|>", "<|im_start|>",
                                          "<|start_header_id|>", "<start_of_turn>"};

#define CHANNEL "<|channel|>"
#define MESSAGE "<|message|>"

struct walk {
    const char *text, *end;
    const char *at;
    const char *from; // of the piece outside of reasoning that is being walked over
    unsigned depth;   // of braces in that piece
    bool is_inside;   // of reasoning
    bool is_over;     // the turn has ended
    struct cr_answer_text last; // piece outside of reasoning that is not blank
};

static struct cr_answer_text trim(const char *from, const char *end) {
    while (from < end && isspace((unsigned char)*from)) {
        from++;
    }
    while (end > from && isspace((unsigned char)end[-1])) {
        end--;
    }
    return (struct cr_answer_text){.text = from, .bytes = (size_t)(end - from)};
}

// The bytes of WORD if it is what stands at AT, else 0.
static size_t match(const struct walk *w, const char *word) {
    size_t bytes = strlen(word);
    return (size_t)(w->end - w->at) >= bytes && strncasecmp(w->at, word, bytes) == 0
               ? bytes
               : 0;
}

static size_t match_any(const struct walk *w, const char *const *words, size_t len) {
    size_t bytes = 0;
    for (size_t i = 0; i < len && bytes == 0; i++) {
        bytes = match(w, words[i]);
    }
    return bytes;
}

static void end_piece(struct walk *w) {
    struct cr_answer_text piece = trim(w->from, w->at);
    if (!w->is_inside && piece.bytes > 0) {
        w->last = piece;
    }
}

static void open_reasoning(struct walk *w, size_t bytes) {
    end_piece(w);
    w->is_inside = true;
    w->at += bytes;
}

static void close_reasoning(struct walk *w, size_t bytes) {
    if (!w->is_inside) {
        w->last = (struct cr_answer_text){0}; // never opened: all so far was reasoning
    }
    w->is_inside = false;
    w->at += bytes;
    w->from = w->at;
    w->depth = 0;
}

// "<|channel|>NAME ..<|message|>": the channel "final" is the answer, all others are
// not.
static bool walk_channel(struct walk *w) {
    size_t bytes = match(w, CHANNEL);
    if (bytes == 0) {
        return false;
    }
    const char *name = w->at + bytes;
    const char *message =
        memmem(name, (size_t)(w->end - name), MESSAGE, strlen(MESSAGE));
    size_t head = message != NULL ? (size_t)(message - w->at) + strlen(MESSAGE) : bytes;
    bool is_final = (size_t)(w->end - name) >= 5 && strncasecmp(name, "final", 5) == 0;
    if (is_final) {
        close_reasoning(w, message != NULL ? head : bytes + strlen("final"));
    } else {
        open_reasoning(w, head);
    }
    return true;
}

static bool walk_pair(struct walk *w) {
    for (size_t i = 0; i < sizeof mark_table / sizeof *mark_table; i++) {
        size_t bytes = match(w, mark_table[i].open);
        if (bytes > 0 && w->depth == 0) {
            open_reasoning(w, bytes);
            return true;
        }
        bytes = match(w, mark_table[i].close);
        if (bytes > 0) {
            close_reasoning(w, bytes);
            return true;
        }
    }
    return false;
}

static bool walk_turn(struct walk *w) {
    size_t bytes = match_any(w, end_table, sizeof end_table / sizeof *end_table);
    bool is_start = bytes == 0;
    if (is_start) {
        bytes = match_any(w, start_table, sizeof start_table / sizeof *start_table);
    }
    if (bytes == 0 || (w->depth > 0 && !w->is_inside)) {
        return false;
    }
    end_piece(w);
    w->is_over = w->last.bytes > 0;
    w->is_inside = false;
    w->at += bytes;
    while (is_start && w->at < w->end && isalpha((unsigned char)*w->at)) {
        w->at++;
    }
    w->from = w->at;
    w->depth = 0;
    return true;
}

// A server that drops the marks of channels leaves their names: "analysisWe need to ..
// assistantfinal{..".
static void skip_bare_channel(struct walk *w) {
    static const char analysis[] = "analysis", final[] = "assistantfinal";
    size_t bytes = (size_t)(w->end - w->text), lead = sizeof analysis - 1;
    if (bytes <= lead || strncmp(w->text, analysis, lead) != 0 ||
        !isupper((unsigned char)w->text[lead])) {
        return;
    }
    w->is_inside = true;
    const char *found = w->text;
    while ((found = memmem(found, (size_t)(w->end - found), final, sizeof final - 1)) !=
           NULL) {
        found += sizeof final - 1;
        w->at = w->from = found;
        w->is_inside = false;
    }
}

// Move to the next character that may mean something; false when there is none. Most
// mean nothing, and each reply is walked over.
static bool skip_plain(struct walk *w) {
    static const bool is_met[UCHAR_MAX + 1] = {
        ['<'] = true, ['['] = true, [0xe2] = true, ['{'] = true, ['}'] = true};
    while (w->at < w->end && !is_met[(unsigned char)*w->at]) {
        w->at++;
    }
    return w->at < w->end;
}

const char *cr_answer_body(const char *text, size_t bytes, size_t *body_bytes) {
    struct walk w = {.text = text, .end = text + bytes, .at = text, .from = text};
    skip_bare_channel(&w);
    while (skip_plain(&w) && !w.is_over) {
        bool may_be_mark = *w.at == '<' || *w.at == '[' || *w.at == '\xe2';
        if (!may_be_mark || !(walk_channel(&w) || walk_pair(&w) || walk_turn(&w))) {
            w.depth += *w.at == '{';
            w.depth -= *w.at == '}' && w.depth > 0;
            w.at++;
        }
    }
    if (!w.is_over) {
        end_piece(&w);
    }
    *body_bytes = w.last.bytes;
    return w.last.bytes > 0 ? w.last.text : text + bytes;
}

// The bytes of the mark of a chat template at TEXT ("<|im_start|>"), or 0.
static size_t mark_bytes(const char *text) {
    enum { MARK_BYTES_MAX = 48 };
    if (text[0] != '<' || text[1] != '|') {
        return 0;
    }
    size_t len = 2;
    while (len < MARK_BYTES_MAX &&
           (isalnum((unsigned char)text[len]) || strchr("_:/-", text[len]) != NULL) &&
           text[len] != '\0') {
        len++;
    }
    return len > 2 && text[len] == '|' && text[len + 1] == '>' ? len + 2 : 0;
}

size_t cr_answer_clean(char *text) {
    const char *first = strstr(text, "<|"); // most texts have none
    size_t kept = first != NULL ? (size_t)(first - text) : strlen(text);
    for (size_t at = kept; text[at] != '\0';) {
        size_t mark = mark_bytes(text + at);
        if (mark > 0) {
            at += mark;
        } else {
            text[kept++] = text[at++];
        }
    }
    text[kept] = '\0';
    return kept;
}
