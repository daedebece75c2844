// TruthfulQA, 2025 edition: the best answer against the best incorrect answer (binary),
// or among all incorrect answers (categorical: one right option, as in MC1).
#include <string.h>

#include "bench/format.h"

enum { QUESTION, BEST, BEST_INCORRECT, INCORRECT };

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

// Add the answers of LIST, split at `;`, that are not among them yet, as far as they fit.
static enum cr_status add_options(struct cr_reader *reader, struct cr_choice *choice,
                                  const char *list) {
    while (*list && choice->options_len < CR_OPTIONS_MAX) {
        size_t bytes = strcspn(list, ";");
        const char *part = cr_reader_text(reader, "%.*s", (int)bytes, list);
        const char *answer = part != NULL ? cr_reader_trim(reader, part) : NULL;
        if (answer == NULL) {
            return CR_E_MEMORY;
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
    if (add_options(reader, &choice, item->fields[INCORRECT]) != CR_OK) {
        return cr_reader_no_memory(reader);
    }
    if (choice.options_len == 1) {
        return cr_reader_refuse(reader,
                                "no answer in \"Incorrect Answers\" but the best one, "
                                "expected at least one other");
    }
    return cr_choice_add(reader, &choice);
}

static enum cr_status read_item(struct cr_reader *reader, const struct cr_item *item) {
    const char *const *fields = item->fields;
    if (cr_choice_is_same(fields[BEST], fields[BEST_INCORRECT])) {
        return cr_reader_refuse(
            reader,
            "\"Best Answer\" and \"Best Incorrect Answer\" are both "
            "%s, expected two answers",
            cr_reader_quote(reader, fields[BEST]));
    }
    if (cr_reader_framing(reader) == CR_FRAMING_CATEGORICAL) {
        return read_categorical(reader, item);
    }
    return cr_reader_add_pair(reader, item->id,
                              claim(reader, fields[QUESTION], fields[BEST]),
                              claim(reader, fields[QUESTION], fields[BEST_INCORRECT]));
}

const struct cr_bench_format cr_format_truthfulqa = {
    .name = "truthfulqa",
    .summary = "TruthfulQA CSV: best answer against best incorrect answer, or against "
               "all incorrect ones",
    .layout = CR_LAYOUT_CSV,
    .columns = {"Question", "Best Answer", "Best Incorrect Answer",
                "Incorrect Answers"},
    .framings = 1u << CR_FRAMING_BINARY | 1u << CR_FRAMING_CATEGORICAL,
    .item = read_item,
};
