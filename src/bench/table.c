// The list of benchmark formats; see format.h for how to add one.
#include <assert.h>
#include <string.h>

#include "bench/format.h"
#include "credence/bench/bench.h"

static const struct cr_bench_format *const cr_bench_table[] = {
    &cr_format_truthfulqa,
    &cr_format_ethics_commonsense,
    &cr_format_ethics_deontology,
    &cr_format_ethics_justice,
    &cr_format_ethics_utilitarianism,
    &cr_format_ethics_virtue,
    &cr_format_commonsenseqa,
    &cr_format_jsonl,
    &cr_format_table,
};

size_t cr_bench_count(void) {
    return sizeof cr_bench_table / sizeof *cr_bench_table;
}

const char *cr_bench_name(size_t index) {
    assert(index < cr_bench_count());
    return cr_bench_table[index]->name;
}

const char *cr_bench_summary(size_t index) {
    assert(index < cr_bench_count());
    return cr_bench_table[index]->summary;
}

int cr_bench_find(const char *name) {
    for (size_t i = 0; i < cr_bench_count(); i++) {
        if (strcmp(cr_bench_table[i]->name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

bool cr_bench_can_frame(int format, enum cr_framing framing) {
    assert(format >= 0 && (size_t)format < cr_bench_count());
    return cr_bench_table[format]->framings & 1u << framing;
}

size_t cr_bench_columns(int format, const char *out[CR_BENCH_NAMES_MAX]) {
    assert(format >= 0 && (size_t)format < cr_bench_count());
    const struct cr_bench_format *found = cr_bench_table[format];
    const char *const *names = NULL;
    size_t len = 0;
    if ((found->traits & CR_FORMAT_MAPPED) != 0) {
        len = cr_bench_mapped_names(&names);
        memcpy(out, names, len * sizeof *out);
        return len;
    }
    for (; found->columns[len].name != NULL; len++) {
        out[len] = found->columns[len].name;
    }
    return len;
}

const struct cr_bench_format *cr_bench_format(const char *name) {
    int found = cr_bench_find(name);
    return found < 0 ? NULL : cr_bench_table[found];
}
