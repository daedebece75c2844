// A question with options of which one is right, in either framing.
#include "bench/choice.h"

#include <string.h>
#include <strings.h>

bool cr_choice_is_same(const char *a, const char *b) {
    return strcasecmp(a, b) == 0;
}

static bool is_repeated(const struct cr_choice *choice, uint32_t option) {
    for (uint32_t i = 0; i < option; i++) {
        if (cr_choice_is_same(choice->options[i], choice->options[option])) {
            return true;
        }
    }
    return false;
}

// "bank; library; mall": each answer once.
static const char *list(struct cr_reader *reader, const struct cr_choice *choice) {
    const char *text = choice->options[0];
    for (uint32_t i = 1; text != NULL && i < choice->options_len; i++) {
        if (!is_repeated(choice, i)) {
            text = cr_reader_text(reader, "%s; %s", text, choice->options[i]);
        }
    }
    return text;
}

// The claim names the alternatives: without them a distractor may well be a good
// answer.
static const char *claim(struct cr_reader *reader, const struct cr_choice *choice,
                         const char *answers, const char *option) {
    if (answers == NULL) {
        return NULL;
    }
    return cr_reader_text(
        reader,
        "Of the answers below, the best one to the question is \"%s\"."
        "\n\nQuestion: %s\nAnswers: %s",
        option, choice->question, answers);
}

static enum cr_status add_option(struct cr_reader *reader, struct cr_choice *choice,
                                 const char *text) {
    if (choice->options_len == CR_OPTIONS_MAX) {
        return cr_reader_refuse(reader, "more than %d options", CR_OPTIONS_MAX);
    }
    text = text != NULL ? cr_reader_trim(reader, text) : NULL;
    if (text == NULL) {
        return cr_reader_no_memory(reader);
    }
    if (*text == '\0') {
        return cr_reader_refuse(reader, "an option is empty, expected a text");
    }
    choice->options[choice->options_len++] = text;
    return CR_OK;
}

// A text, or a number as people write it; NULL for anything else.
static const char *plain_text(struct cr_reader *reader, const struct cr_json *value) {
    if (cr_json_type(value) == CR_JSON_NUMBER) {
        return cr_reader_text(reader, "%.17g", cr_json_number(value, 0));
    }
    return cr_json_string(value);
}

static enum cr_status add_json(struct cr_reader *reader, const struct cr_json *value,
                               const struct cr_json *label, struct cr_choice *choice,
                               const char *labels[CR_OPTIONS_MAX]) {
    const char *text = plain_text(reader, value), *name = plain_text(reader, label);
    if (text == NULL) {
        return cr_reader_refuse(reader, "an option is %s, expected a string",
                                cr_json_type_name(cr_json_type(value)));
    }
    enum cr_status status = add_option(reader, choice, text);
    if (status == CR_OK) {
        labels[choice->options_len - 1] =
            name != NULL ? cr_reader_trim(reader, name) : NULL;
    }
    return status;
}

static enum cr_status read_list(struct cr_reader *reader, const struct cr_json *list,
                                struct cr_choice *choice,
                                const char *labels[CR_OPTIONS_MAX]) {
    const struct cr_json *texts = list, *names = NULL;
    if (cr_json_type(list) == CR_JSON_OBJECT) {
        const struct cr_json *choices = cr_json_get(list, "choices");
        texts = choices != NULL ? choices : cr_json_get(list, "text");
        names = cr_json_get(list, "label");
    }
    if (cr_json_type(texts) != CR_JSON_ARRAY) {
        return cr_reader_refuse(
            reader,
            "the options are %s, expected a list, or an object of two lists, "
            "\"text\" and \"label\"",
            cr_json_type_name(cr_json_type(list)));
    }
    enum cr_status status = CR_OK;
    const struct cr_json *name = cr_json_first(names);
    for (const struct cr_json *c = cr_json_first(texts); c != NULL && status == CR_OK;
         c = cr_json_next(c)) {
        bool is_pair = cr_json_type(c) == CR_JSON_OBJECT; // {"label": "A", "text": ...}
        status = is_pair ? add_json(reader, cr_json_get(c, "text"),
                                    cr_json_get(c, "label"), choice, labels)
                         : add_json(reader, c, name, choice, labels);
        name = name != NULL ? cr_json_next(name) : NULL;
    }
    return status;
}

static enum cr_status read_parted(struct cr_reader *reader, const char *text,
                                  struct cr_choice *choice) {
    enum cr_status status = CR_OK;
    while (*text != '\0' && status == CR_OK) {
        size_t bytes = strcspn(text, ";");
        const char *part = cr_reader_text(reader, "%.*s", (int)bytes, text);
        bool is_last = text[bytes] == '\0';
        bool is_blank = part != NULL && strspn(part, " \t\n") == bytes;
        if (!is_blank) { // a ';' at the end parts nothing
            status = add_option(reader, choice, part);
        }
        text += bytes + (is_last ? 0 : 1);
    }
    return status;
}

enum cr_status cr_choice_list(struct cr_reader *reader, const char *text,
                              struct cr_choice *choice,
                              const char *labels[CR_OPTIONS_MAX]) {
    struct cr_json_limits limits = {CR_BENCH_LINE_MAX, CR_BENCH_DEPTH_MAX};
    struct cr_json *list = NULL;
    if (*text != '[' && *text != '{') {
        return read_parted(reader, text, choice);
    }
    enum cr_status status = cr_json_parse(text, strlen(text), limits, &list, NULL);
    if (status == CR_E_MEMORY) {
        return cr_reader_no_memory(reader);
    }
    if (status != CR_OK) {
        return cr_reader_refuse(
            reader,
            "the options %s are not JSON, expected a JSON list or texts parted "
            "by ';' (a Python list: export the table as JSON lines)",
            cr_reader_quote(reader, text));
    }
    status = read_list(reader, list, choice, labels);
    cr_json_free(list);
    return status;
}

static enum cr_status add_binary(struct cr_reader *reader,
                                 const struct cr_choice *choice) {
    const char *key = choice->options[choice->key];
    const char *others[CR_OPTIONS_MAX];
    uint32_t others_len = 0;
    for (uint32_t i = 0; i < choice->options_len; i++) {
        if (!cr_choice_is_same(choice->options[i], key)) {
            others[others_len++] = choice->options[i];
        }
    }
    if (others_len == 0) {
        return cr_reader_refuse(reader,
                                "every option reads %s, expected another one too",
                                cr_reader_quote(reader, key));
    }
    const char *other = others[cr_reader_draw(reader, "distractor", others_len)];
    const char *answers = list(reader, choice);
    const char *truth = claim(reader, choice, answers, key);
    const char *untruth = claim(reader, choice, answers, other);
    return cr_reader_add_pair(reader, choice->question_id,
                              cr_reader_with_context(reader, choice->context, truth),
                              cr_reader_with_context(reader, choice->context, untruth));
}

// How many of the options before AT are the same as it.
static unsigned same_before(const struct cr_choice *choice, uint32_t at) {
    unsigned same = 0;
    for (uint32_t i = 0; i < at; i++) {
        same += cr_choice_is_same(choice->options[i], choice->options[at]);
    }
    return same;
}

enum cr_status cr_choice_number(struct cr_reader *reader, struct cr_choice *choice) {
    if (cr_reader_framing(reader) == CR_FRAMING_BINARY) {
        return CR_OK;
    }
    for (uint32_t at = choice->options_len; at-- > 0;) {
        unsigned same = same_before(choice, at);
        if (!same) {
            continue;
        }
        choice->options[at] =
            cr_reader_text(reader, "%s (%u)", choice->options[at], same + 1);
        if (choice->options[at] == NULL) {
            return cr_reader_no_memory(reader);
        }
    }
    return CR_OK;
}

enum cr_status cr_choice_add(struct cr_reader *reader, const struct cr_choice *choice) {
    if (cr_reader_framing(reader) == CR_FRAMING_BINARY) {
        return add_binary(reader, choice);
    }
    return cr_reader_add(
        reader, &(struct cr_proposition){.id = cr_reader_id(reader),
                                         .question_id = choice->question_id,
                                         .text = cr_reader_with_context(
                                             reader, choice->context, choice->question),
                                         .space = CR_SPACE_CATEGORICAL,
                                         .label = (int32_t)choice->key,
                                         .options_len = choice->options_len,
                                         .options = choice->options,
                                         .unit = ""});
}
