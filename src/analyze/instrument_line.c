// instrument_line.c - what the prices of a run measure, in one sentence for its end.
#include <math.h>

#include "analyze/analysis_internal.h"
#include "credence/base/text_write.h"

// Sums over the judgments of all cells.
struct totals {
    double n, known, prompt, heaped, half, ends; // known: whose prompt is
    const struct cr_group_result *worst;         // by the prompt's share, or NULL
};

static void add(struct totals *totals, const struct cr_group_result *group) {
    const struct cr_instrument_numbers *all = &group->instrument.all;
    double n = (double)all->n;
    if (all->n == 0) {
        return;
    }
    totals->n += n;
    totals->heaped += n * all->heaped;
    totals->half += n * all->half;
    totals->ends += n * all->ends;
    if (!isnan(all->prompt_number)) {
        totals->known += n;
        totals->prompt += n * all->prompt_number;
        if (totals->worst == NULL ||
            all->prompt_number > totals->worst->instrument.all.prompt_number) {
            totals->worst = group;
        }
    }
}

static enum cr_status write(const struct totals *totals, bool is_bad, const char *dir,
                            struct cr_buf *out) {
    struct cr_text_writer writer = {.out = out};
    cr_text_writef(&writer, "instrument: of %.0f prices ", totals->n);
    if (totals->known > 0) {
        cr_text_writef(&writer, "%.0f %% are numbers of the prompt, ",
                       100 * totals->prompt / totals->known);
    }
    cr_text_writef(&writer, "%.0f %% tenths, %.0f %% 0.5, %.0f %% 0 or 1",
                   100 * totals->heaped / totals->n, 100 * totals->half / totals->n,
                   100 * totals->ends / totals->n);
    if (is_bad) {
        cr_text_writef(
            &writer,
            "; in cell %s %.0f %%, so they measure the prompt: credence analyze %s "
            "--section instrument",
            totals->worst->label, 100 * totals->worst->instrument.all.prompt_number,
            dir);
    }
    return writer.status;
}

enum cr_status cr_analysis_instrument(char *dir, struct cr_buf *out, bool *is_bad,
                                      struct cr_err *err) {
    const struct cr_analysis_cfg cfg = {
        .sections = CR_SECTION_INSTRUMENT, .level = 0.95, .bins = 10};
    struct cr_analysis *analysis = NULL;
    enum cr_status status = cr_analysis_make(&dir, 1, &cfg, &analysis, err);
    if (status != CR_OK) {
        return status;
    }
    struct totals totals = {0};
    for (size_t g = 0; g < analysis->groups; g++) {
        add(&totals, &analysis->group[g]);
    }
    *is_bad = totals.worst != NULL &&
              totals.worst->instrument.all.prompt_number > CR_PROMPTED_MAX;
    status = totals.n > 0 ? write(&totals, *is_bad, dir, out) : CR_OK;
    cr_analysis_destroy(analysis);
    return status;
}
