// fuzz_bench.c - a benchmark file of any bytes: propositions in range, or one complaint
// that names the file. The first byte says which format, framing and mapping read it.
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "credence/bench/bench.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *const question[] = {"question"}, *const answer[] = {"answer"},
                         *const options[] = {"A", "B", "C"},
                         *const list[] = {"options"}, *const value[] = {"value"},
                         *const context[] = {"context", "id"},
                         *const subject[] = {"subject"}, *const id[] = {"id"};

static struct cr_binding choice_columns[] = {
    {"question", question, 1}, {"options", options, 3}, {"answer", answer, 1}};
static struct cr_binding list_columns[] = {
    {"question", question, 1}, {"options", list, 1}, {"answer", answer, 1}};
static struct cr_binding claim_columns[] = {
    {"question", question, 1}, {"answer", answer, 1}, {"context", context, 2}};
static struct cr_binding value_columns[] = {{"question", question, 1},
                                            {"value", value, 1}};
static struct cr_binding id_columns[] = {
    {"proposition", question, 1}, {"answer", answer, 1}, {"id", id, 1}};
static struct cr_binding kept[] = {{"subject", subject, 1}};

static const struct {
    const char *format;
    enum cr_framing framing;
    struct cr_bindings columns, keep;
    uint64_t sample;
} ways[] = {
    {"truthfulqa", CR_FRAMING_BINARY, {0}, {0}, 0},
    {"truthfulqa", CR_FRAMING_CATEGORICAL, {0}, {0}, 0},
    {"ethics-commonsense", CR_FRAMING_BINARY, {0}, {0}, 0},
    {"ethics-deontology", CR_FRAMING_BINARY, {0}, {0}, 0},
    {"ethics-utilitarianism", CR_FRAMING_BINARY, {0}, {0}, 0},
    {"ethics-virtue", CR_FRAMING_BINARY, {0}, {0}, 0},
    {"commonsenseqa", CR_FRAMING_CATEGORICAL, {0}, {0}, 0},
    {"jsonl", CR_FRAMING_BINARY, {0}, {0}, 0},
    {"jsonl", CR_FRAMING_CONTINUOUS, {0}, {0}, 0},
    {"table", CR_FRAMING_CATEGORICAL, {choice_columns, 3}, {0}, 0},
    {"table", CR_FRAMING_BINARY, {choice_columns, 3}, {kept, 1}, 2},
    {"table", CR_FRAMING_CATEGORICAL, {list_columns, 3}, {0}, 0},
    {"table", CR_FRAMING_BINARY, {claim_columns, 3}, {0}, 0},
    {"table", CR_FRAMING_CONTINUOUS, {value_columns, 2}, {0}, 0},
    {"table", CR_FRAMING_BINARY, {id_columns, 3}, {kept, 1}, 0},
};
enum { WAYS = sizeof ways / sizeof *ways };

static void check(const struct cr_benchmark *bench) {
    for (size_t i = 0; i < bench->propositions.len; i++) {
        const struct cr_proposition *p = &bench->propositions.at[i];
        assert(*p->id != '\0' && *p->text != '\0' &&
               (unsigned)p->space == (unsigned)bench->framing);
        switch (p->space) {
        case CR_SPACE_CATEGORICAL:
            assert(p->options_len >= 2 && p->options_len <= CR_OPTIONS_MAX);
            assert(p->label >= 0 && (uint32_t)p->label < p->options_len);
            break;
        case CR_SPACE_CONTINUOUS:
            assert(p->low < p->high && p->value >= p->low && p->value <= p->high);
            break;
        default:
            assert(p->label == 0 || p->label == 1);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    if (len == 0) {
        return 0;
    }
    unsigned way = bytes[0] % WAYS;
    struct cr_benchmark bench = {.name = "fuzz",
                                 .path = "items",
                                 .format = ways[way].format,
                                 .framing = ways[way].framing,
                                 .columns = ways[way].columns,
                                 .keep = ways[way].keep,
                                 .sample = ways[way].sample,
                                 .low = 0,
                                 .high = 100};
    struct cr_err err = {0};
    enum cr_status status =
        cr_bench_read(&bench, (const char *)bytes + 1, len - 1, 7, &err);
    if (status == CR_OK) {
        check(&bench);
    } else {
        assert(bench.propositions.at == NULL && strncmp(err.text, "items", 5) == 0);
    }
    cr_propositions_fini(&bench.propositions);
    return 0;
}
