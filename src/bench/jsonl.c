// Items of one's own, one JSON object a line, in three shapes:
//   {"id", "proposition", "label"}                    label true/false or 1/0
//   {"id", "question", "options", "label"}            label an option, its letter or
//   index
//   {"id", "question", "value", "range": [low, high]} with "unit" if it has one
// "question_id" may join items for the statistics; other keys are ignored.
#include <math.h>
#include <string.h>

#include "bench/choice.h"

static enum cr_status read_text(struct cr_reader *reader, const struct cr_json *object,
                                const char *key, const char **out) {
    return cr_reader_member(reader, cr_json_get(object, key), key, out);
}

static bool is_array(const struct cr_json *value) {
    return value != NULL && cr_json_type(value) == CR_JSON_ARRAY;
}

static enum cr_status refuse_framing(struct cr_reader *reader, const char *shape,
                                     const char *framings) {
    return cr_reader_refuse(reader, "%s, expected in the %s framing only", shape,
                            framings);
}

static enum cr_status read_proposition(struct cr_reader *reader,
                                       const struct cr_item *item,
                                       const char *question_id) {
    if (cr_reader_framing(reader) != CR_FRAMING_BINARY) {
        return refuse_framing(reader, "a proposition", "binary");
    }
    const char *text = NULL;
    enum cr_status status = read_text(reader, item->object, "proposition", &text);
    if (status != CR_OK) {
        return status;
    }
    const struct cr_json *label = cr_json_get(item->object, "label");
    double number = cr_json_number(label, cr_json_bool(label, false) ? 1 : 0);
    bool is_truth =
        label != NULL &&
        (cr_json_type(label) == CR_JSON_BOOL ||
         (cr_json_type(label) == CR_JSON_NUMBER && (number == 0 || number == 1)));
    if (!is_truth) {
        return cr_reader_refuse(reader, "\"label\" is %s, expected true, false, 1 or 0",
                                label == NULL ? "missing"
                                : cr_json_type(label) == CR_JSON_NUMBER
                                    ? "another number"
                                    : cr_json_type_name(cr_json_type(label)));
    }
    return cr_reader_add_claim(reader, question_id, text, number == 1);
}

static enum cr_status add_option(struct cr_reader *reader, const struct cr_json *value,
                                 struct cr_choice *choice) {
    const char *text = cr_json_string(value);
    if (choice->options_len == CR_OPTIONS_MAX) {
        return cr_reader_refuse(reader, "more than %d options", CR_OPTIONS_MAX);
    }
    if (text == NULL) {
        return cr_reader_refuse(reader, "an option is %s, expected a string",
                                cr_json_type_name(cr_json_type(value)));
    }
    text = cr_reader_trim(reader, text);
    if (text == NULL) {
        return cr_reader_no_memory(reader);
    }
    if (!*text) {
        return cr_reader_refuse(reader, "an option is empty, expected a text");
    }
    for (uint32_t i = 0; i < choice->options_len; i++) {
        if (cr_choice_is_same(choice->options[i], text)) {
            return cr_reader_refuse(reader, "the option %s appears twice",
                                    cr_reader_quote(reader, text));
        }
    }
    choice->options[choice->options_len++] = text;
    return CR_OK;
}

static enum cr_status read_options(struct cr_reader *reader,
                                   const struct cr_json *object,
                                   struct cr_choice *choice) {
    const struct cr_json *options = cr_json_get(object, "options");
    if (!is_array(options) || cr_json_len(options) < 2) {
        return cr_reader_refuse(reader,
                                "\"options\" must be a list of two or more strings");
    }
    enum cr_status status = CR_OK;
    for (const struct cr_json *o = cr_json_first(options); status == CR_OK && o != NULL;
         o = cr_json_next(o)) {
        status = add_option(reader, o, choice);
    }
    return status;
}

// The option that TEXT means: one that reads so, else the one of that letter.
static uint32_t find_option(const struct cr_choice *choice, const char *text) {
    for (uint32_t i = 0; i < choice->options_len; i++) {
        if (strcmp(choice->options[i], text) == 0) {
            return i;
        }
    }
    bool is_letter = text[0] >= 'A' && text[0] <= 'Z' && !text[1];
    uint32_t index = is_letter ? (uint32_t)(text[0] - 'A') : choice->options_len;
    return index < choice->options_len ? index : choice->options_len;
}

static enum cr_status read_key(struct cr_reader *reader, const struct cr_json *object,
                               struct cr_choice *choice) {
    const struct cr_json *label = cr_json_get(object, "label");
    double number = cr_json_number(label, -1);
    choice->key = choice->options_len;
    if (cr_json_string(label) != NULL) {
        const char *text = cr_reader_trim(reader, cr_json_string(label));
        if (text == NULL) {
            return cr_reader_no_memory(reader);
        }
        choice->key = find_option(choice, text);
    } else if (number >= 0 && number < choice->options_len && number == floor(number)) {
        choice->key = (uint32_t)number;
    }
    if (choice->key < choice->options_len) {
        return CR_OK;
    }
    return cr_reader_refuse(
        reader,
        "\"label\" must be an option's text, its letter, or its index from 0 to %u",
        choice->options_len - 1);
}

static enum cr_status read_choice(struct cr_reader *reader, const struct cr_item *item,
                                  const char *question_id) {
    if (cr_reader_framing(reader) == CR_FRAMING_CONTINUOUS) {
        return refuse_framing(reader, "a question with options",
                              "binary or categorical");
    }
    struct cr_choice choice = {.question_id = question_id};
    enum cr_status status =
        read_text(reader, item->object, "question", &choice.question);
    if (status == CR_OK) {
        status = read_options(reader, item->object, &choice);
    }
    if (status == CR_OK) {
        status = read_key(reader, item->object, &choice);
    }
    return status != CR_OK ? status : cr_choice_add(reader, &choice);
}

static enum cr_status read_range(struct cr_reader *reader, const struct cr_json *object,
                                 struct cr_proposition *quantity) {
    const struct cr_json *range = cr_json_get(object, "range");
    bool is_pair = is_array(range) && cr_json_len(range) == 2;
    const struct cr_json *low = is_pair ? cr_json_first(range) : NULL;
    quantity->low = is_pair ? cr_json_number(low, NAN) : NAN;
    quantity->high = is_pair ? cr_json_number(cr_json_next(low), NAN) : NAN;
    if (!isfinite(quantity->low) || !isfinite(quantity->high) ||
        !isfinite(quantity->high - quantity->low) || quantity->low >= quantity->high) {
        return cr_reader_refuse(reader,
                                "\"range\" must be [low, high] with low < high");
    }
    quantity->value = cr_json_number(cr_json_get(object, "value"), NAN);
    if (!isfinite(quantity->value)) {
        return cr_reader_refuse(reader, "\"value\" must be a number");
    }
    if (quantity->value < quantity->low || quantity->value > quantity->high) {
        return cr_reader_refuse(reader, "value %g, expected one from %g to %g",
                                quantity->value, quantity->low, quantity->high);
    }
    return CR_OK;
}

// A quantity that merely counts has no unit, or an empty one.
static enum cr_status read_unit(struct cr_reader *reader, const struct cr_json *object,
                                const char **unit) {
    const struct cr_json *value = cr_json_get(object, "unit");
    const char *text = cr_json_string(value);
    *unit = "";
    bool is_none = value == NULL || (text != NULL && !*text);
    return is_none ? CR_OK : read_text(reader, object, "unit", unit);
}

static enum cr_status read_quantity(struct cr_reader *reader,
                                    const struct cr_item *item,
                                    const char *question_id) {
    if (cr_reader_framing(reader) != CR_FRAMING_CONTINUOUS) {
        return refuse_framing(reader, "a quantity", "continuous");
    }
    struct cr_proposition quantity = {
        .id = item->id, .question_id = question_id, .space = CR_SPACE_CONTINUOUS};
    enum cr_status status = read_text(reader, item->object, "question", &quantity.text);
    if (status == CR_OK) {
        status = read_unit(reader, item->object, &quantity.unit);
    }
    if (status == CR_OK) {
        status = read_range(reader, item->object, &quantity);
    }
    return status != CR_OK ? status : cr_reader_add(reader, &quantity);
}

static enum cr_status read_item(struct cr_reader *reader, const struct cr_item *item) {
    const char *question_id = item->id;
    enum cr_status status = CR_OK;
    if (cr_json_get(item->object, "question_id") != NULL) {
        status = read_text(reader, item->object, "question_id", &question_id);
    }
    if (status != CR_OK) {
        return status;
    }
    bool is_proposition = cr_json_get(item->object, "proposition");
    bool has_options = cr_json_get(item->object, "options");
    bool has_value = cr_json_get(item->object, "value");
    int shapes = is_proposition + has_options + has_value;
    if (shapes != 1) {
        return cr_reader_refuse(
            reader, "%s of \"proposition\", \"options\" and \"value\", expected one",
            shapes ? "several" : "none");
    }
    if (is_proposition) {
        return read_proposition(reader, item, question_id);
    }
    return has_options ? read_choice(reader, item, question_id)
                       : read_quantity(reader, item, question_id);
}

const struct cr_bench_format cr_format_jsonl = {
    .name = "jsonl",
    .summary = "items of your own, JSON lines: proposition, label | question, options, "
               "label | question, value, range",
    .framings = 1u << CR_FRAMING_BINARY | 1u << CR_FRAMING_CATEGORICAL |
                1u << CR_FRAMING_CONTINUOUS,
    .traits = CR_FORMAT_JSON,
    .item = read_item,
};
