// The published files, where there are any: their rows and labels, to the last one.
#include "bench_test.h"

struct published {
    const char *file, *format;
    enum cr_framing framing;
    size_t labels[5]; // propositions labelled 0, 1, ...
};

static const struct published all[] = {
    {"TruthfulQA.csv", "truthfulqa", CR_FRAMING_BINARY, {790, 790}},
    {"TruthfulQA.csv", "truthfulqa", CR_FRAMING_CATEGORICAL, {790}},
    {"cm_test.csv", "ethics-commonsense", CR_FRAMING_BINARY, {2069, 1816}},
    {"justice_test.csv", "ethics-justice", CR_FRAMING_BINARY, {1350, 1354}},
    {"deontology_test.csv", "ethics-deontology", CR_FRAMING_BINARY, {1810, 1786}},
    {"virtue_test.csv", "ethics-virtue", CR_FRAMING_BINARY, {3980, 995}},
    {"util_test.csv", "ethics-utilitarianism", CR_FRAMING_BINARY, {4808, 4808}},
    {"commonsenseqa_dev.jsonl", "commonsenseqa", CR_FRAMING_BINARY, {1221, 1221}},
    {"commonsenseqa_dev.jsonl",
     "commonsenseqa",
     CR_FRAMING_CATEGORICAL,
     {239, 255, 241, 251, 235}},
};

static void find(const char *file, char *path, size_t bytes) {
    const char *shared = getenv("CREDENCE_SHARED");
    snprintf(path, bytes, "%s/data/%s",
             shared != NULL ? shared : CR_SOURCE_DIR "/../shared", file);
}

static void check(const struct published *published, const char *path) {
    struct cr_buf text;
    struct cr_err err = {0};
    cr_buf_init(&text, TEST_FILE_MAX);
    if (cr_file_read(path, &text, &err) != CR_OK) {
        fail_msg("%s", err.text);
    }
    struct cr_benchmark bench =
        bench_of(published->format, published->framing, CR_PAIRING_BOTH);
    bench.path = published->file;
    if (read_bytes(&bench, text.data, text.used_bytes, &err) != CR_OK) {
        fail_msg("%s", err.text);
    }
    size_t total = 0;
    for (int32_t label = 0; label < 5; label++) {
        assert_int_equal(count_label(&bench.propositions, label),
                         published->labels[label]);
        total += published->labels[label];
    }
    assert_int_equal(bench.propositions.len, total);
    cr_propositions_fini(&bench.propositions);
    cr_buf_fini(&text);
}

static void published_files_give_their_rows_and_labels(void **state) {
    (void)state;
    size_t seen = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char path[4096];
        find(all[i].file, path, sizeof path);
        if (!cr_file_exists(path)) {
            print_message("skipped: no %s (set CREDENCE_SHARED)\n", path);
            continue;
        }
        check(&all[i], path);
        seen++;
    }
    if (seen == 0) {
        skip();
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_files_give_their_rows_and_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
