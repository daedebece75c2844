// The items that ship with the project: every file loads in every framing it allows,
// with the counts its README gives, and no beginning of one brings a reader down.
#include "bench_test.h"

struct sample {
    const char *file, *format;
    size_t items;
    size_t binary[2];   // propositions labelled 0 and 1 with pairing both; none: not
                        // framed so
    size_t categorical; // propositions
    size_t continuous;
};

static const struct sample all[] = {
    {"truthfulqa_sample.csv", "truthfulqa", 40, {40, 40}, 40, 0},
    {"ethics_commonsense_sample.csv", "ethics-commonsense", 40, {20, 20}, 0, 0},
    {"ethics_deontology_sample.csv", "ethics-deontology", 40, {20, 20}, 0, 0},
    {"ethics_justice_sample.csv", "ethics-justice", 40, {20, 20}, 0, 0},
    {"ethics_utilitarianism_sample.csv", "ethics-utilitarianism", 40, {40, 40}, 0, 0},
    {"ethics_virtue_sample.csv", "ethics-virtue", 40, {32, 8}, 0, 0},
    {"commonsenseqa_sample.jsonl", "commonsenseqa", 40, {40, 40}, 40, 0},
    {"commonsenseqa_nested_sample.jsonl", "commonsenseqa", 8, {8, 8}, 8, 0},
    {"propositions_sample.jsonl", "jsonl", 40, {20, 20}, 0, 0},
    {"questions_sample.jsonl", "jsonl", 40, {40, 40}, 40, 0},
    {"quantities_sample.jsonl", "jsonl", 40, {0, 0}, 0, 40},
};
enum { SAMPLES = sizeof all / sizeof *all };

static void load(const struct sample *sample, struct cr_buf *text) {
    char path[4096];
    struct cr_err err = {0};
    snprintf(path, sizeof path, CR_SOURCE_DIR "/jobs/data/%s", sample->file);
    cr_buf_init(text, TEST_FILE_MAX);
    if (cr_file_read(path, text, &err) != CR_OK) {
        fail_msg("%s", err.text);
    }
}

static size_t expected(const struct sample *sample, enum cr_framing framing) {
    switch (framing) {
    case CR_FRAMING_BINARY:
        return sample->binary[0] + sample->binary[1];
    case CR_FRAMING_CATEGORICAL:
        return sample->categorical;
    default:
        return sample->continuous;
    }
}

static void check(const struct sample *sample, enum cr_framing framing,
                  const struct cr_buf *text) {
    struct cr_benchmark bench = bench_of(sample->format, framing, CR_PAIRING_BOTH);
    struct cr_err err = {0};
    size_t count = expected(sample, framing);
    enum cr_status status = read_bytes(&bench, text->data, text->used_bytes, &err);
    if (status != (count ? CR_OK : CR_E_JOB)) {
        fail_msg("%s: status %d, %s", sample->file, (int)status, err.text);
    }
    assert_int_equal(bench.propositions.len, count);
    if (framing == CR_FRAMING_BINARY) {
        assert_int_equal(count_label(&bench.propositions, 0), sample->binary[0]);
        assert_int_equal(count_label(&bench.propositions, 1), sample->binary[1]);
    }
    cr_propositions_fini(&bench.propositions);
}

static void samples_load_in_every_framing_they_allow(void **state) {
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct cr_buf text;
        load(&all[i], &text);
        check(&all[i], CR_FRAMING_BINARY, &text);
        check(&all[i], CR_FRAMING_CATEGORICAL, &text);
        check(&all[i], CR_FRAMING_CONTINUOUS, &text);
        cr_buf_fini(&text);
    }
}

static void one_of_a_pair_is_one_proposition_an_item(void **state) {
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        if (!expected(&all[i], CR_FRAMING_BINARY)) {
            continue;
        }
        struct cr_buf text;
        load(&all[i], &text);
        struct cr_benchmark bench =
            bench_of(all[i].format, CR_FRAMING_BINARY, CR_PAIRING_ONE);
        read_good(&bench, text.data);
        assert_int_equal(bench.propositions.len, all[i].items);
        cr_propositions_fini(&bench.propositions);
        cr_buf_fini(&text);
    }
}

static void sample_texts_are_all_different(void **state) {
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct cr_buf text;
        load(&all[i], &text);
        enum cr_framing framing =
            all[i].continuous ? CR_FRAMING_CONTINUOUS : CR_FRAMING_BINARY;
        struct cr_benchmark bench = bench_of(all[i].format, framing, CR_PAIRING_BOTH);
        read_good(&bench, text.data);
        const struct cr_proposition *list = bench.propositions.at;
        for (size_t a = 0; a < bench.propositions.len; a++) {
            for (size_t b = 0; b < a; b++) {
                if (strcmp(list[a].text, list[b].text) == 0) {
                    fail_msg("%s: %s twice", all[i].file, list[a].text);
                }
            }
        }
        cr_propositions_fini(&bench.propositions);
        cr_buf_fini(&text);
    }
}

// A cut file reads as a shorter one or is refused with its place; it never does harm.
static void check_prefix(const struct sample *sample, const char *text, size_t bytes) {
    struct cr_benchmark bench = bench_of(
        sample->format, sample->continuous ? CR_FRAMING_CONTINUOUS : CR_FRAMING_BINARY,
        CR_PAIRING_BOTH);
    struct cr_err err = {0};
    enum cr_status status = read_bytes(&bench, text, bytes, &err);
    assert_true(status == CR_OK || status == CR_E_JOB);
    if (status != CR_OK) {
        assert_int_equal(bench.propositions.len, 0);
        assert_int_equal(strncmp(err.text, "items:", 6), 0);
    } else {
        assert_true(bench.propositions.len > 0);
    }
    cr_propositions_fini(&bench.propositions);
}

// All prefixes of the first items, where every state of a reader is met; then one in
// 331 of the rest, to stay quick.
static void every_beginning_of_a_sample_is_read_or_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct cr_buf text;
        load(&all[i], &text);
        for (size_t bytes = 0; bytes < text.used_bytes;
             bytes += bytes < 800 ? 1 : 331) {
            check_prefix(&all[i], text.data, bytes);
        }
        cr_buf_fini(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_load_in_every_framing_they_allow),
        cmocka_unit_test(one_of_a_pair_is_one_proposition_an_item),
        cmocka_unit_test(sample_texts_are_all_different),
        cmocka_unit_test(every_beginning_of_a_sample_is_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
