// fuzz_answer.c - a model may write anything: what is read is in range, or a complaint.
#include <assert.h>
#include <stdint.h>

#include "credence/prompt/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check(const struct cr_answer_form *form, enum cr_ask ask,
                  struct cr_answer_text text) {
    struct cr_arena arena = {0};
    struct cr_answer answer;
    if (cr_answer_read(ask, form, text, &arena, &answer) == CR_OK) {
        assert(answer.is_usable == (answer.complaint[0] == '\0'));
        for (uint32_t i = 0; answer.is_usable && ask == CR_ASK_JUDGMENT && i < 3; i++) {
            assert(answer.price[i] >= 0 && answer.price[i] <= 1);
        }
    }
    cr_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    static const char *const options[] = {"red", "green", "red"};
    const struct cr_answer_form forms[] = {
        {.space = CR_SPACE_BINARY},
        {.space = CR_SPACE_CATEGORICAL, .options_len = 3, .options = options},
        {.space = CR_SPACE_CONTINUOUS, .low = -5, .high = 100}};
    struct cr_answer_text text = {
        .text = (const char *)bytes, .bytes = len, .is_cut = len % 2 == 1};
    for (unsigned i = 0; i < 3; i++) {
        check(&forms[i], CR_ASK_JUDGMENT, text);
        check(&forms[i], CR_ASK_ARGUMENT, text);
    }
    check(&forms[0], CR_ASK_VOTE, text);
    check(&forms[1], CR_ASK_VOTE, text);
    return 0;
}
