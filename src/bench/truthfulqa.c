// TruthfulQA: the best answer against the best incorrect answer (binary), or among all
// incorrect answers (categorical: one right option, as in MC1). Read are the CSV files of
// 2025 and 2021 (which has no best incorrect answer), mc_task.json, and exports of the
// "generation" and "multiple_choice" configurations.
#include <string.h>

#include "bench/choice.h"

enum { QUESTION, BEST, BEST_INCORRECT, INCORRECT, TARGETS };

static const char *claim(struct cr_reader *reader, const char *question,
                         const char *answer) {
    return cr_reader_text(reader,
                          "The answer given to this question is true."
                          "\n\nQuestion: %s\nAnswer: %s",
                          question, answer);
}

static bool is_listed(const struct cr_choice *choice, const char *answer) {
    for (uint32_t i = 0; i < choice->options_len; i++) {
        if (cr_choice_is_same(choice->options[i], answer)) {
            return true;
        }
    }
    return false;
}

// Add the answers of LIST that are not among them yet, as far as they fit.
static enum cr_status add_options(struct cr_reader *reader, struct cr_choice *choice,
                                  const char *list) {
    struct cr_choice *others = cr_reader_alloc(reader, sizeof *others);
    const char *labels[CR_OPTIONS_MAX] = {NULL};
    if (others == NULL) {
        return cr_reader_no_memory(reader);
    }
    if (*list == '[') {
        enum cr_status status = cr_choice_list(reader, list, others, labels);
        for (uint32_t i = 0; i < others->options_len && status == CR_OK; i++) {
            if (!is_listed(choice, others->options[i]) &&
                choice->options_len < CR_OPTIONS_MAX) {
                choice->options[choice->options_len++] = others->options[i];
            }
        }
        return status;
    }
    while (*list && choice->options_len < CR_OPTIONS_MAX) {
        size_t bytes = strcspn(list, ";");
        const char *part = cr_reader_text(reader, "%.*s", (int)bytes, list);
        const char *answer = part != NULL ? cr_reader_trim(reader, part) : NULL;
        if (answer == NULL) {
            return cr_reader_no_memory(reader);
        }
        if (*answer && !is_listed(choice, answer)) {
            choice->options[choice->options_len++] = answer;
        }
        list += bytes + (list[bytes] == ';');
    }
    return CR_OK;
}

static enum cr_status read_categorical(struct cr_reader *reader,
                                       const struct cr_item *item) {
    struct cr_choice choice = {.question_id = item->id,
                               .question = item->fields[QUESTION],
                               .options = {item->fields[BEST]},
                               .options_len = 1};
    if (item->fields[INCORRECT] == NULL) {
        return cr_reader_refuse(reader, "no \"Incorrect Answers\", expected some");
    }
    enum cr_status status = add_options(reader, &choice, item->fields[INCORRECT]);
    if (status != CR_OK) {
        return status;
    }
    if (choice.options_len == 1) {
        return cr_reader_refuse(reader,
                                "no answer in \"Incorrect Answers\" but the best one, "
                                "expected at least one other");
    }
    return cr_choice_add(reader, &choice);
}

// One target: an answer and whether it is right.
static enum cr_status add_target(struct cr_reader *reader, struct cr_choice *choice,
                                 const char *answer, const struct cr_json *label,
                                 unsigned *right_len) {
    if (choice->options_len == CR_OPTIONS_MAX) {
        return cr_reader_refuse(reader, "more than %d answers", CR_OPTIONS_MAX);
    }
    const char *text = answer != NULL ? cr_reader_trim(reader, answer) : NULL;
    if (text == NULL || *text == '\0') {
        return cr_reader_refuse(reader, "a target without text, expected an answer");
    }
    if (cr_json_number(label, 0) == 1) {
        choice->key = choice->options_len;
        *right_len += 1;
    }
    choice->options[choice->options_len++] = text;
    return CR_OK;
}

// {"choices": [...], "labels": [...]}, or {ANSWER: 0 or 1, ...}.
static enum cr_status add_targets(struct cr_reader *reader,
                                  const struct cr_json *targets,
                                  struct cr_choice *choice, unsigned *right_len) {
    const struct cr_json *choices = cr_json_get(targets, "choices");
    const struct cr_json *label = cr_json_first(cr_json_get(targets, "labels"));
    enum cr_status status = CR_OK;
    bool has_lists = cr_json_type(choices) == CR_JSON_ARRAY;
    const struct cr_json *c = cr_json_first(has_lists ? choices : targets);
    for (; c != NULL && status == CR_OK; c = cr_json_next(c)) {
        status = has_lists
                     ? add_target(reader, choice, cr_json_string(c), label, right_len)
                     : add_target(reader, choice, cr_json_key(c), c, right_len);
        label = label != NULL ? cr_json_next(label) : NULL;
    }
    return status;
}

static enum cr_status read_targets(struct cr_reader *reader,
                                   const struct cr_item *item) {
    struct cr_json_limits limits = {CR_BENCH_LINE_MAX, CR_BENCH_DEPTH_MAX};
    struct cr_choice choice = {.question_id = item->id,
                               .question = item->fields[QUESTION]};
    struct cr_json *targets = NULL;
    const char *text = item->fields[TARGETS];
    unsigned right_len = 0;
    enum cr_status status = cr_json_parse(text, strlen(text), limits, &targets, NULL);
    if (status != CR_OK || cr_json_type(targets) != CR_JSON_OBJECT) {
        cr_json_free(status == CR_OK ? targets : NULL);
        return status == CR_E_MEMORY
                   ? cr_reader_no_memory(reader)
                   : cr_reader_refuse(reader, "the targets are not an object");
    }
    status = add_targets(reader, targets, &choice, &right_len);
    cr_json_free(targets);
    if (status == CR_OK && choice.options_len < 2) {
        status = cr_reader_refuse(reader, "%u targets, expected at least 2",
                                  choice.options_len);
    }
    if (status == CR_OK && right_len != 1) {
        status = cr_reader_refuse(
            reader,
            "%u right answers, expected one: a market prices one right option, "
            "as in mc1_targets; mc2_targets have several",
            right_len);
    }
    if (status == CR_OK) {
        status = cr_choice_number(reader, &choice);
    }
    return status != CR_OK ? status : cr_choice_add(reader, &choice);
}

static enum cr_status refuse_binary(struct cr_reader *reader) {
    return cr_reader_refuse(
        reader, "no \"Best Incorrect Answer\", which framing binary needs and only the "
                "file of 2025 has; use \"framing\": \"categorical\"");
}

static enum cr_status read_item(struct cr_reader *reader, const struct cr_item *item) {
    const char *const *fields = item->fields;
    bool is_binary = cr_reader_framing(reader) == CR_FRAMING_BINARY;
    if (fields[BEST] == NULL && fields[TARGETS] != NULL) {
        return is_binary ? refuse_binary(reader) : read_targets(reader, item);
    }
    if (fields[BEST] == NULL) {
        return cr_reader_refuse(reader, "no \"Best Answer\", expected a text");
    }
    if (fields[BEST_INCORRECT] != NULL &&
        cr_choice_is_same(fields[BEST], fields[BEST_INCORRECT])) {
        return cr_reader_refuse(
            reader,
            "\"Best Answer\" and \"Best Incorrect Answer\" are both "
            "%s, expected two answers",
            cr_reader_quote(reader, fields[BEST]));
    }
    if (!is_binary) {
        return read_categorical(reader, item);
    }
    if (fields[BEST_INCORRECT] == NULL) {
        return refuse_binary(reader);
    }
    return cr_reader_add_pair(reader, item->id,
                              claim(reader, fields[QUESTION], fields[BEST]),
                              claim(reader, fields[QUESTION], fields[BEST_INCORRECT]));
}

const struct cr_bench_format cr_format_truthfulqa = {
    .name = "truthfulqa",
    .summary = "TruthfulQA, CSV or JSON, 2021 or 2025: best answer against best "
               "incorrect answer, or against all incorrect ones",
    .columns = {{"Question|question", false},
                {"Best Answer|best_answer", true},
                {"Best Incorrect Answer|best_incorrect_answer", true},
                {"Incorrect Answers|incorrect_answers", true},
                {"mc1_targets", true}},
    .kept = {{"type", "Type|type"}, {"category", "Category|category"}},
    .framings = 1u << CR_FRAMING_BINARY | 1u << CR_FRAMING_CATEGORICAL,
    .item = read_item,
};
