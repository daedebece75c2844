// answer.c - judgments, arguments and votes out of what a model wrote: what all outcome
// spaces share. Whatever cannot be used gets a complaint that the repair turn quotes.
#include "credence/prompt/answer.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "credence/prompt/space.h"
#include "prompt/json_extract.h"

const struct cr_space_row *const cr_space_table[] = {
    [CR_SPACE_BINARY] = &cr_space_binary,
    [CR_SPACE_CATEGORICAL] = &cr_space_categorical,
    [CR_SPACE_CONTINUOUS] = &cr_space_continuous,
};

// One reply being read.
struct reading {
    const struct cr_space_row *space;
    const struct cr_answer_form *form;
    const char *text; // the body, reasoning removed
    size_t bytes;
    bool is_cut;
    struct cr_scan scan;
    struct cr_arena *arena;
    struct cr_answer *out;
};

void cr_answer_complain(struct cr_answer *out, enum cr_reason reason, const char *fmt,
                        ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(out->complaint, sizeof out->complaint, fmt, args);
    va_end(args);
    out->reason = reason;
    out->is_usable = false;
}

static void skip_blanks(const char **text, size_t *bytes) {
    while (*bytes > 0 && isspace((unsigned char)**text)) {
        ++*text;
        --*bytes;
    }
    while (*bytes > 0 && isspace((unsigned char)(*text)[*bytes - 1])) {
        --*bytes;
    }
}

// The number that TEXT is, NaN when it is something else. strtod also takes
// hexadecimal, "inf" and "nan", none of which is an answer.
static double number_of(const char *text, bool is_probability) {
    text += strspn(text, " \t\n");
    char *end;
    double number = strtod(text, &end);
    if (end == text || (is_probability && *text == '+') ||
        strspn(text, "0123456789+-.eE") < (size_t)(end - text)) {
        return NAN;
    }
    end += strspn(end, " \t\n");
    if (is_probability && *end == '%') {
        // Who writes 0.7% may mean 0.7.
        number = number > 0 && number < 1 ? NAN : number / 100;
        end += 1 + strspn(end + 1, " \t\n");
    }
    return *end != '\0' ? NAN : number;
}

bool cr_answer_number(const struct cr_json *value, bool is_probability, double *out) {
    const char *text = cr_json_string(value);
    double number =
        text != NULL ? number_of(text, is_probability) : cr_json_number(value, NAN);
    if (!isfinite(number) || (is_probability && number == 0 && signbit(number))) {
        return false;
    }
    *out = number;
    return true;
}

const char *cr_answer_show(const struct cr_json *value, char out[CR_SHOWN_MAX]) {
    const char *text = cr_json_string(value);
    double number = cr_json_number(value, NAN);
    if (text != NULL) {
        // Cut before a byte that continues a character, so that the rest is UTF-8.
        size_t len = strlen(text);
        size_t keep = len < 40 ? len : 40;
        while (keep < len && keep > 0 && ((unsigned char)text[keep] & 0xc0) == 0x80) {
            keep--;
        }
        snprintf(out, CR_SHOWN_MAX, "\"%.*s%s\"", (int)keep, text,
                 keep < len ? "..." : "");
    } else if (cr_json_type(value) == CR_JSON_NUMBER) {
        snprintf(out, CR_SHOWN_MAX, "%.6g", number);
    } else {
        snprintf(out, CR_SHOWN_MAX, "%s", cr_json_type_name(cr_json_type(value)));
    }
    return out;
}

bool cr_answer_is_word(const char *word, size_t bytes, const char *name) {
    while (bytes > 0 && !isalnum((unsigned char)*word) && (unsigned char)*word < 0x80) {
        word++;
        bytes--;
    }
    while (bytes > 0 && !isalnum((unsigned char)word[bytes - 1]) &&
           (unsigned char)word[bytes - 1] < 0x80) {
        bytes--;
    }
    return strlen(name) == bytes && strncasecmp(word, name, bytes) == 0;
}

void cr_answer_letter(uint32_t index, char out[CR_LETTER_MAX]) {
    assert(index < CR_OPTIONS_MAX);
    if (index < 26) {
        snprintf(out, CR_LETTER_MAX, "%c", (int)('A' + index));
    } else {
        snprintf(out, CR_LETTER_MAX, "%c%c", (int)('A' + index / 26 - 1),
                 (int)('A' + index % 26));
    }
}

uint32_t cr_space_votes(const struct cr_answer_form *form) {
    return form->space == CR_SPACE_CATEGORICAL ? form->options_len : 2;
}

// All mass on VOTE.
static void set_vote(const struct cr_answer_form *form, int vote,
                     struct cr_answer *out) {
    if (form->space != CR_SPACE_CATEGORICAL) {
        out->price[0] = vote;
        return;
    }
    for (uint32_t i = 0; i < form->options_len; i++) {
        out->price[i] = (int)i == vote;
    }
}

// Why there is no object to read KEY from.
static void complain_no_object(struct reading *r, const char *key) {
    const struct cr_scan *scan = &r->scan;
    enum cr_reason reason = CR_REASON_UNREADABLE;
    if (r->is_cut) {
        cr_answer_complain(r->out, CR_REASON_CUT,
                           "Your reply was cut off at the length limit before \"%s\" "
                           "was complete. Be much shorter.",
                           key);
    } else if (scan->has_form) {
        cr_answer_complain(r->out, reason,
                           "You repeated the form of the answer. Put your own answer "
                           "in the place of its words.");
    } else if (scan->has_open) {
        cr_answer_complain(r->out, reason,
                           "The JSON object in your reply never ends, and \"%s\" is "
                           "not complete in it.",
                           key);
    } else if (scan->has_object) {
        cr_answer_complain(r->out, reason, "Your JSON object has no \"%s\".", key);
    } else if (scan->fault[0]) {
        cr_answer_complain(r->out, reason, "What you wrote is not valid JSON (%s).",
                           scan->fault);
    } else {
        cr_answer_complain(r->out, reason, "Your reply holds no JSON object.");
    }
}

// Whether the object is in the middle of a reply that was cut: it may be a thought on
// the way, as "if I said {"price": 0.9} .." is, and the answer was still to come. What
// goes on behind an answer that came first, or behind one in a code fence, is chatter.
static bool is_on_the_way(const struct reading *r) {
    const struct cr_scan *scan = &r->scan;
    size_t before = scan->from, after = r->bytes - scan->to;
    const char *lead = r->text, *tail = r->text + scan->to;
    skip_blanks(&lead, &before);
    skip_blanks(&tail, &after);
    bool is_fenced = before > 0 && memchr(lead, '`', before) != NULL;
    return r->is_cut && before > 0 && after > 0 && !is_fenced;
}

static void read_judgment(struct reading *r) {
    if (r->scan.object == NULL || is_on_the_way(r)) {
        complain_no_object(r, r->space->judgment_key);
        return;
    }
    if (r->scan.is_one_of_many) {
        cr_answer_complain(r->out, CR_REASON_UNREADABLE, CR_SAYS_SEVERAL);
        return;
    }
    r->out->is_usable = true;
    r->space->read_judgment(r->form, r->scan.object, r->out);
}

// Behind a judgment: the share of what it owns that the trader risks.
static void read_stake(struct reading *r) {
    const struct cr_json *stake = cr_scan_member(r->scan.object, "stake");
    char shown[CR_SHOWN_MAX];
    if (cr_scan_is_twice(r->scan.object, "stake")) {
        cr_answer_complain(r->out, CR_REASON_UNREADABLE, CR_SAYS_TWICE, "stake");
    } else if (stake == NULL) {
        cr_answer_complain(r->out, CR_REASON_UNREADABLE,
                           "Your JSON object has no \"stake\".");
    } else if (!cr_answer_number(stake, true, &r->out->stake)) {
        cr_answer_complain(r->out, CR_REASON_UNREADABLE,
                           "\"stake\" is %s; it must be a number from 0 to 1.",
                           cr_answer_show(stake, shown));
    } else if (!(r->out->stake >= 0 && r->out->stake <= 1)) {
        cr_answer_complain(r->out, CR_REASON_OUT_OF_RANGE,
                           "\"stake\" is %s; it must be from 0 to 1.",
                           cr_answer_show(stake, shown));
    }
}

// What the server or the model did instead of answering.
static void complain_given(enum cr_reason given, struct cr_answer *out) {
    cr_answer_complain(
        out, given,
        given == CR_REASON_FILTERED
            ? "Your reply was stopped by a content filter. Answer the question itself, "
              "in other words."
            : "You declined to answer. This is a question of fact: answer it in the "
              "form asked for.");
}

// How a model declines in prose: an apology or an "I", and then what it will not do.
// Only a short text is one; a long one argues.
static bool is_refusal(const char *text, size_t bytes) {
    enum { REFUSAL_BYTES_MAX = 300 };
    static const char *const leads[] = {"I'm sorry",
                                        "I\xe2\x80\x99m sorry",
                                        "I am sorry",
                                        "Sorry",
                                        "I apologize",
                                        "I can't",
                                        "I can\xe2\x80\x99t",
                                        "I cannot",
                                        "I can not",
                                        "I won't",
                                        "I won\xe2\x80\x99t",
                                        "I will not",
                                        "I am unable",
                                        "I'm unable",
                                        "I\xe2\x80\x99m unable",
                                        "I am not able",
                                        "I'm not able",
                                        "As an AI",
                                        "Unfortunately, I"};
    static const char *const refused[] = {
        "assist",  "help with", "comply",       "provide that", "fulfill",
        "do that", "do this",   "this request", "that request", "participate"};
    bool is_lead = false, is_refused = false;
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++) {
        size_t len = strlen(leads[i]);
        is_lead = is_lead || (bytes >= len && strncasecmp(text, leads[i], len) == 0);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused && is_lead; i++) {
        is_refused =
            is_refused || memmem(text, bytes, refused[i], strlen(refused[i])) != NULL;
    }
    return bytes <= REFUSAL_BYTES_MAX && is_refused;
}

static enum cr_status keep_argument(struct reading *r, const char *text, size_t bytes) {
    skip_blanks(&text, &bytes);
    if (bytes == 0) {
        cr_answer_complain(r->out, CR_REASON_UNREADABLE, "Your argument is empty.");
        return CR_OK;
    }
    if (is_refusal(text, bytes)) {
        complain_given(CR_REASON_REFUSED, r->out);
        return CR_OK;
    }
    char *copy = cr_arena_strndup(r->arena, text, bytes);
    if (copy == NULL) {
        return CR_E_MEMORY;
    }
    r->out->argument = copy;
    r->out->argument_bytes = cr_answer_clean(copy);
    r->out->is_usable = r->out->argument_bytes > 0;
    if (!r->out->is_usable) {
        cr_answer_complain(r->out, CR_REASON_UNREADABLE, "Your argument is empty.");
    }
    return CR_OK;
}

static enum cr_status read_argument(struct reading *r) {
    const struct cr_scan *scan = &r->scan;
    if (scan->object == NULL) {
        // Whole prose is an argument; a broken object or anything cut is not.
        if (scan->has_object || scan->has_open || scan->fault[0] || r->is_cut) {
            complain_no_object(r, "argument");
            return CR_OK;
        }
        return keep_argument(r, r->text, r->bytes);
    }
    const char *text = cr_json_string(cr_scan_member(scan->object, "argument"));
    if (cr_scan_is_twice(scan->object, "argument")) {
        cr_answer_complain(r->out, CR_REASON_UNREADABLE, CR_SAYS_TWICE, "argument");
        return CR_OK;
    }
    if (text == NULL) {
        cr_answer_complain(r->out, CR_REASON_UNREADABLE,
                           "\"argument\" must be a string.");
        return CR_OK;
    }
    const char *direction =
        cr_json_string(cr_scan_member(scan->object, r->space->direction_key));
    r->out->direction = direction != NULL ? r->space->read_direction(r->form, direction,
                                                                     strlen(direction))
                                          : 0;
    return keep_argument(r, text, strlen(text));
}

static void read_vote_word(struct reading *r, const char *word, size_t bytes) {
    int vote = r->space->match_vote(r->form, word, bytes, false);
    if (vote < 0) {
        int shown = (int)(bytes < 40 ? bytes : 40);
        while (shown > 0 && (size_t)shown < bytes &&
               ((unsigned char)word[shown] & 0xc0) == 0x80) {
            shown--;
        }
        cr_answer_complain(r->out, CR_REASON_UNREADABLE,
                           "\"%.*s\" is not an answer; it must be %s.", shown, word,
                           r->space->votes_text);
        return;
    }
    r->out->is_usable = true;
    set_vote(r->form, vote, r->out);
}

// The first word of a reply without an object: "Yes." and "No, because ..." are votes.
static size_t first_word(const char *text, size_t bytes) {
    size_t len = 0;
    while (len < bytes && !isspace((unsigned char)text[len]) && text[len] != ',') {
        len++;
    }
    return len;
}

static void read_vote(struct reading *r) {
    const struct cr_json *answer = cr_scan_member(r->scan.object, "answer");
    const char *word = cr_json_string(answer);
    if (r->scan.is_one_of_many) {
        cr_answer_complain(r->out, CR_REASON_UNREADABLE, CR_SAYS_SEVERAL);
    } else if (cr_scan_is_twice(r->scan.object, "answer")) {
        cr_answer_complain(r->out, CR_REASON_UNREADABLE, CR_SAYS_TWICE, "answer");
    } else if (word != NULL) {
        read_vote_word(r, word, strlen(word));
    } else if (answer != NULL && cr_json_type(answer) == CR_JSON_BOOL) {
        const char *truth = cr_json_bool(answer, false) ? "yes" : "no";
        read_vote_word(r, truth, strlen(truth));
    } else if (answer != NULL) {
        cr_answer_complain(r->out, CR_REASON_UNREADABLE, "\"answer\" must be %s.",
                           r->space->votes_text);
    } else if (r->scan.has_object || r->scan.has_open || r->scan.fault[0]) {
        complain_no_object(r, "answer");
    } else {
        size_t len = first_word(r->text, r->bytes);
        read_vote_word(r, r->text, len < r->bytes ? len : r->bytes);
    }
}

static const char *key_of(enum cr_ask ask, const struct cr_space_row *space) {
    switch (ask) {
    case CR_ASK_JUDGMENT:
    case CR_ASK_BET:
        return space->judgment_key;
    case CR_ASK_ARGUMENT:
        return "argument";
    default:
        return "answer";
    }
}

static enum cr_status read_body(struct reading *r, enum cr_ask ask) {
    enum cr_status status =
        cr_scan_object(r->text, r->bytes,
                       (struct cr_scan_for){key_of(ask, r->space), r->form}, &r->scan);
    if (status != CR_OK) {
        return status;
    }
    if (ask == CR_ASK_ARGUMENT) {
        status = read_argument(r);
    } else if (ask == CR_ASK_JUDGMENT || ask == CR_ASK_BET) {
        read_judgment(r);
        if (ask == CR_ASK_BET && r->out->is_usable) {
            read_stake(r);
        }
    } else {
        read_vote(r);
    }
    cr_json_free(r->scan.object);
    return status;
}

static void complain_empty(bool is_cut, struct cr_answer *out) {
    if (is_cut) {
        cr_answer_complain(out, CR_REASON_CUT,
                           "Your reply was cut off at the length limit before any "
                           "answer. Be much shorter.");
    } else {
        cr_answer_complain(out, CR_REASON_UNREADABLE, "Your reply was empty.");
    }
}

enum cr_status cr_answer_read(enum cr_ask ask, const struct cr_answer_form *form,
                              struct cr_answer_text reply, struct cr_arena *arena,
                              struct cr_answer *out) {
    *out = (struct cr_answer){0};
    struct reading r = {.space = cr_space_table[form->space],
                        .form = form,
                        .is_cut = reply.is_cut,
                        .arena = arena,
                        .out = out};
    if (reply.given != CR_REASON_NONE) {
        complain_given(reply.given, out);
        return CR_OK;
    }
    if (reply.bytes > CR_ANSWER_BYTES_MAX) {
        cr_answer_complain(out, CR_REASON_UNREADABLE,
                           "Your reply is %zu bytes long; at most %d are read.",
                           reply.bytes, (int)CR_ANSWER_BYTES_MAX);
        return CR_OK;
    }
    r.text =
        cr_answer_body(reply.text != NULL ? reply.text : "", reply.bytes, &r.bytes);
    out->body = r.text;
    out->body_bytes = r.bytes;
    if (r.bytes == 0) {
        complain_empty(reply.is_cut, out);
        return CR_OK;
    }
    return read_body(&r, ask);
}

static enum cr_status learn(const char *text, struct cr_arena *arena,
                            struct cr_answer_form *form) {
    size_t bytes = strlen(text);
    while (bytes > 0 && ispunct((unsigned char)*text)) {
        text++;
        bytes--;
    }
    while (bytes > 0 && ispunct((unsigned char)text[bytes - 1])) {
        bytes--;
    }
    if (bytes == 0 || form->examples_len == CR_EXAMPLES_MAX) {
        return CR_OK;
    }
    const char *copy = cr_arena_strndup(arena, text, bytes);
    if (copy == NULL) {
        return CR_E_MEMORY;
    }
    form->example[form->examples_len++] = copy;
    return CR_OK;
}

enum cr_status cr_answer_learn_form(const char *text, size_t bytes,
                                    struct cr_arena *arena,
                                    struct cr_answer_form *form) {
    enum cr_status status = CR_OK;
    for (size_t i = 0; i < 3 && status == CR_OK; i++) {
        struct cr_scan scan;
        const char *key = cr_scan_prose_keys[i];
        status = cr_scan_object(text, bytes, (struct cr_scan_for){key, NULL}, &scan);
        const char *example = cr_json_string(cr_scan_member(scan.object, key));
        if (status == CR_OK && example != NULL) {
            status = learn(example, arena, form);
        }
        cr_json_free(scan.object);
    }
    return status;
}

enum cr_status cr_answer_reasoning(const char *text, size_t bytes,
                                   struct cr_arena *arena, const char **out) {
    static const struct cr_answer_form nothing = {0};
    static const char *const keys[] = {"reasoning", "claim"};
    for (size_t i = 0; i < 2; i++) {
        struct cr_scan scan;
        enum cr_status status =
            cr_scan_object(text, bytes, (struct cr_scan_for){keys[i], &nothing}, &scan);
        if (status != CR_OK) {
            return status;
        }
        const char *found = cr_json_string(cr_scan_member(scan.object, keys[i]));
        if (found != NULL && found[strspn(found, " \t\r\n")] != '\0') {
            *out = cr_arena_strdup(arena, found);
            cr_json_free(scan.object);
            return *out != NULL ? CR_OK : CR_E_MEMORY;
        }
        cr_json_free(scan.object);
    }
    *out = cr_arena_strndup(arena, text, bytes);
    return *out != NULL ? CR_OK : CR_E_MEMORY;
}

// TOKEN without the mark that some vocabularies put where a blank was.
static const char *plain_token(const char *token) {
    static const char *const marks[] = {"\xc4\xa0", "\xe2\x96\x81"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (strncmp(token, marks[i], strlen(marks[i])) == 0) {
            return token + strlen(marks[i]);
        }
    }
    return token;
}

// The mass of each vote, and their sum.
static double sum_votes(const struct cr_answer_form *form, const struct cr_reply *reply,
                        double mass[CR_OPTIONS_MAX]) {
    const struct cr_space_row *space = cr_space_table[form->space];
    double sum = 0;
    for (uint32_t i = 0; i < reply->logprobs_len; i++) {
        const char *token = plain_token(reply->logprobs[i].token);
        int vote = space->match_vote(form, token, strlen(token), true);
        double p = exp(reply->logprobs[i].logprob);
        if (vote >= 0 && isfinite(p)) {
            mass[vote] += p;
            sum += p;
        }
    }
    return sum;
}

double cr_answer_mass(const struct cr_answer_form *form, const struct cr_reply *reply) {
    double mass[CR_OPTIONS_MAX] = {0};
    return sum_votes(form, reply, mass);
}

void cr_answer_logprobs(const struct cr_answer_form *form, const struct cr_reply *reply,
                        struct cr_answer *out) {
    const struct cr_space_row *space = cr_space_table[form->space];
    double mass[CR_OPTIONS_MAX] = {0};
    const double sum = sum_votes(form, reply, mass);
    *out = (struct cr_answer){0};
    if (sum < CR_ANSWER_MASS_MIN) {
        cr_answer_complain(out, CR_REASON_UNREADABLE,
                           "Your first word was not an answer; it must be %s.",
                           space->votes_text);
        return;
    }
    out->is_usable = true;
    for (uint32_t k = 0; k < cr_space_votes(form); k++) {
        mass[k] /= sum;
    }
    if (form->space == CR_SPACE_CATEGORICAL) {
        memcpy(out->price, mass, sizeof mass);
    } else {
        out->price[0] = mass[1];
    }
}

enum cr_status cr_answer_schema(enum cr_ask ask, const struct cr_answer_form *form,
                                bool chain_of_thought, struct cr_buf *out) {
    return cr_space_table[form->space]->add_schema(ask, form, chain_of_thought, out);
}
