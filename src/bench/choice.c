// A question with options of which one is right, in either framing.
#include <strings.h>

#include "bench/format.h"

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
    return cr_reader_add_pair(reader, choice->question_id,
                              claim(reader, choice, answers, key),
                              claim(reader, choice, answers, other));
}

enum cr_status cr_choice_add(struct cr_reader *reader, const struct cr_choice *choice) {
    if (cr_reader_framing(reader) == CR_FRAMING_BINARY) {
        return add_binary(reader, choice);
    }
    return cr_reader_add(reader,
                         &(struct cr_proposition){.id = cr_reader_id(reader),
                                                  .question_id = choice->question_id,
                                                  .text = choice->question,
                                                  .space = CR_SPACE_CATEGORICAL,
                                                  .label = (int32_t)choice->key,
                                                  .options_len = choice->options_len,
                                                  .options = choice->options,
                                                  .unit = ""});
}
