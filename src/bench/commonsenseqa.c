// CommonsenseQA, both published shapes: flat (`question` a text, `choices` an object of
// two arrays) and nested (`question` an object with `stem` and an array of `choices`).
//
// Some published questions list the same text twice. All options are kept, in the
// file's order, so that scores compare with others'; in the categorical framing the
// second of two equal texts is written "text (2)", because a judgment names its options
// by text.
#include <string.h>

#include "bench/choice.h"

struct lettered {
    struct cr_choice choice;
    const char *letters[CR_OPTIONS_MAX];
};

static bool is_array(const struct cr_json *value) {
    return value != NULL && cr_json_type(value) == CR_JSON_ARRAY;
}

static enum cr_status add_option(struct cr_reader *reader, struct lettered *list,
                                 const struct cr_json *letter,
                                 const struct cr_json *text) {
    uint32_t at = list->choice.options_len;
    if (at == CR_OPTIONS_MAX) {
        return cr_reader_refuse(reader, "more than %d choices", CR_OPTIONS_MAX);
    }
    enum cr_status status =
        cr_reader_member(reader, letter, "label", &list->letters[at]);
    if (status == CR_OK) {
        status = cr_reader_member(reader, text, "text", &list->choice.options[at]);
    }
    if (status != CR_OK) {
        return status;
    }
    for (uint32_t i = 0; i < at; i++) {
        if (strcmp(list->letters[i], list->letters[at]) == 0) {
            return cr_reader_refuse(reader, "the choice label %s appears twice",
                                    cr_reader_quote(reader, list->letters[at]));
        }
    }
    list->choice.options_len++;
    return CR_OK;
}

static enum cr_status read_flat(struct cr_reader *reader, const struct cr_json *choices,
                                struct lettered *list) {
    const struct cr_json *letters = cr_json_get(choices, "label");
    const struct cr_json *texts = cr_json_get(choices, "text");
    if (!is_array(letters) || !is_array(texts)) {
        return cr_reader_refuse(reader,
                                "\"choices\" has no arrays \"label\" and \"text\"");
    }
    if (cr_json_len(letters) != cr_json_len(texts)) {
        return cr_reader_refuse(reader, "%zu choice labels for %zu choice texts",
                                cr_json_len(letters), cr_json_len(texts));
    }
    enum cr_status status = CR_OK;
    const struct cr_json *letter = cr_json_first(letters), *text = cr_json_first(texts);
    for (; status == CR_OK && letter != NULL;
         letter = cr_json_next(letter), text = cr_json_next(text)) {
        status = add_option(reader, list, letter, text);
    }
    return status;
}

static enum cr_status read_nested(struct cr_reader *reader,
                                  const struct cr_json *choices,
                                  struct lettered *list) {
    if (!is_array(choices)) {
        return cr_reader_refuse(
            reader, "\"choices\" is %s, expected an array",
            choices != NULL ? cr_json_type_name(cr_json_type(choices)) : "missing");
    }
    enum cr_status status = CR_OK;
    for (const struct cr_json *c = cr_json_first(choices); status == CR_OK && c != NULL;
         c = cr_json_next(c)) {
        status =
            add_option(reader, list, cr_json_get(c, "label"), cr_json_get(c, "text"));
    }
    return status;
}

static enum cr_status read_question(struct cr_reader *reader,
                                    const struct cr_json *object,
                                    struct lettered *list) {
    const struct cr_json *question = cr_json_get(object, "question");
    bool is_nested = question != NULL && cr_json_type(question) == CR_JSON_OBJECT;
    enum cr_status status =
        cr_reader_member(reader, is_nested ? cr_json_get(question, "stem") : question,
                         is_nested ? "stem" : "question", &list->choice.question);
    if (status != CR_OK) {
        return status;
    }
    status = is_nested ? read_nested(reader, cr_json_get(question, "choices"), list)
                       : read_flat(reader, cr_json_get(object, "choices"), list);
    if (status == CR_OK && list->choice.options_len < 2) {
        status = cr_reader_refuse(reader, "%u choices, expected at least 2",
                                  list->choice.options_len);
    }
    return status;
}

static enum cr_status read_key(struct cr_reader *reader, const struct cr_json *object,
                               struct lettered *list) {
    const char *letter = NULL;
    const struct cr_json *key = cr_json_get(object, "answerKey");
    const char *text = cr_json_string(key);
    if (text != NULL && *text == '\0') {
        return cr_reader_refuse(reader, "\"answerKey\" is empty: the test split comes "
                                        "without answers, use another split");
    }
    enum cr_status status = cr_reader_member(reader, key, "answerKey", &letter);
    if (status != CR_OK) {
        return status;
    }
    for (uint32_t i = 0; i < list->choice.options_len; i++) {
        if (strcmp(list->letters[i], letter) == 0) {
            list->choice.key = i;
            return CR_OK;
        }
    }
    return cr_reader_refuse(reader, "answerKey %s, expected one of the choices' labels",
                            cr_reader_quote(reader, letter));
}

static enum cr_status read_item(struct cr_reader *reader, const struct cr_item *item) {
    struct lettered list = {.choice.question_id = item->id};
    enum cr_status status = read_question(reader, item->object, &list);
    if (status == CR_OK) {
        status = read_key(reader, item->object, &list);
    }
    if (status == CR_OK) {
        status = cr_choice_number(reader, &list.choice);
    }
    return status != CR_OK ? status : cr_choice_add(reader, &list.choice);
}

const struct cr_bench_format cr_format_commonsenseqa = {
    .name = "commonsenseqa",
    .summary = "CommonsenseQA JSON lines, both published shapes: the key against a "
               "distractor, or all options",
    .kept = {{"question_concept", "question_concept|question.question_concept"}},
    .framings = 1u << CR_FRAMING_BINARY | 1u << CR_FRAMING_CATEGORICAL,
    .traits = CR_FORMAT_JSON,
    .item = read_item,
};
