// warnings.c - what a reader must know before believing the numbers.
#include <string.h>

#include "analyze/analysis_internal.h"
#include "credence/base/buf.h"
#include "credence/base/mem.h"

static enum cr_status add(struct cr_analysis *analysis, struct cr_buf *text) {
    const char *kept = cr_arena_strdup(&analysis->arena, text->data);
    enum cr_status status =
        cr_array_grow((void **)&analysis->warning, &analysis->warnings_cap,
                      analysis->warnings + 1, sizeof *analysis->warning);
    if (status != CR_OK || kept == NULL) {
        return CR_E_MEMORY;
    }
    analysis->warning[analysis->warnings++] = kept;
    return CR_OK;
}

static enum cr_status about_files(struct cr_analysis *analysis, struct cr_buf *text) {
    enum cr_status status = CR_OK;
    for (size_t v = 0; v < analysis->dataset->views && status == CR_OK; v++) {
        const struct cr_dataset_view *one = &analysis->dataset->view[v];
        cr_buf_clear(text);
        if (one->view->is_simulated) {
            status = cr_buf_printf(text,
                                   "%s: simulated agents, not language models: these "
                                   "numbers say nothing about any model",
                                   one->path);
        }
        if (status == CR_OK && text->used_bytes > 0) {
            status = add(analysis, text);
        }
    }
    if (status != CR_OK || analysis->dataset->unassigned == 0) {
        return status;
    }
    cr_buf_clear(text);
    status = cr_buf_printf(text, "%llu episodes have not begun and belong to no group",
                           (unsigned long long)analysis->dataset->unassigned);
    return status == CR_OK ? add(analysis, text) : status;
}

static enum cr_status about_totals(struct cr_analysis *analysis, struct cr_buf *text) {
    unsigned long long n = 0, failed = 0, pending = 0;
    for (size_t g = 0; g < analysis->groups; g++) {
        n += analysis->group[g].accuracy.n;
        failed += analysis->group[g].accuracy.failed;
        pending += analysis->group[g].accuracy.pending;
    }
    enum cr_status status = CR_OK;
    if (failed > 0) {
        cr_buf_clear(text);
        status = cr_buf_printf(text,
                               "%llu of %llu episodes failed (transport or server) and "
                               "are not scored",
                               failed, n);
        if (status == CR_OK) {
            status = add(analysis, text);
        }
    }
    if (pending > 0 && status == CR_OK) {
        cr_buf_clear(text);
        status =
            cr_buf_printf(text, "%llu of %llu episodes are not finished", pending, n);
        if (status == CR_OK) {
            status = add(analysis, text);
        }
    }
    return status;
}

static bool is_said(const struct cr_analysis *analysis, size_t i) {
    const struct cr_reason_result *one = &analysis->reason[i];
    for (size_t k = 0; k < i; k++) {
        const struct cr_reason_result *other = &analysis->reason[k];
        if (strcmp(other->what, one->what) == 0 && other->advice != NULL &&
            strcmp(other->advice, one->advice) == 0) {
            return true;
        }
    }
    return false;
}

static const char *verb_of(const char *what) {
    return strcmp(what, "invalid") == 0       ? "are invalid"
           : strcmp(what, "no argument") == 0 ? "ended for want of an argument"
                                              : what;
}

// The first few reasons that lost episodes, each with what helps; groups together.
static enum cr_status about_reasons(struct cr_analysis *analysis, struct cr_buf *text) {
    enum { SHOWN_MAX = 5 };
    enum cr_status status = CR_OK;
    size_t shown = 0;
    for (size_t i = 0; i < analysis->reasons && status == CR_OK; i++) {
        const struct cr_reason_result *one = &analysis->reason[i];
        if (one->advice == NULL || strcmp(one->what, "repaired") == 0 ||
            is_said(analysis, i) || shown++ == SHOWN_MAX) {
            continue;
        }
        unsigned long long count = 0;
        for (size_t k = i; k < analysis->reasons; k++) {
            bool is_same = strcmp(analysis->reason[k].what, one->what) == 0 &&
                           strcmp(analysis->reason[k].reason, one->reason) == 0 &&
                           analysis->reason[k].advice != NULL &&
                           strcmp(analysis->reason[k].advice, one->advice) == 0;
            count += is_same ? analysis->reason[k].count : 0;
        }
        cr_buf_clear(text);
        status = cr_buf_printf(text, "%llu episodes %s (%s): %s", count,
                               verb_of(one->what), one->reason, one->advice);
        if (status == CR_OK) {
            status = add(analysis, text);
        }
    }
    return status;
}

static enum cr_status about_prompts(struct cr_analysis *analysis, struct cr_buf *text) {
    enum cr_status status = CR_OK;
    for (size_t g = 0; g < analysis->groups && status == CR_OK; g++) {
        double share = analysis->group[g].instrument.all.prompt_number;
        if (analysis->group[g].instrument.all.n == 0 || !(share > CR_PROMPTED_MAX)) {
            continue;
        }
        cr_buf_clear(text);
        status = cr_buf_printf(text,
                               "%s: %.0f %% of all prices are numbers of the prompt "
                               "itself; see --section instrument and --exclude "
                               "prompt_number",
                               analysis->group[g].label, 100.0 * share);
        if (status == CR_OK) {
            status = add(analysis, text);
        }
    }
    if (status == CR_OK && analysis->dataset->excluded > 0) {
        cr_buf_clear(text);
        status = cr_buf_printf(text,
                               "%llu markets whose prices never left the numbers of "
                               "their prompt are left out",
                               (unsigned long long)analysis->dataset->excluded);
        if (status == CR_OK) {
            status = add(analysis, text);
        }
    }
    return status;
}

static enum cr_status about_groups(struct cr_analysis *analysis, struct cr_buf *text) {
    enum cr_status status = CR_OK;
    for (size_t g = 0; g < analysis->groups && status == CR_OK; g++) {
        const struct cr_group *group = analysis->group[g].group;
        const char *stance = group->cell->stance;
        if (strcmp(stance, "truthful") != 0 && strcmp(stance, "adversarial") != 0) {
            continue;
        }
        cr_buf_clear(text);
        status = cr_buf_printf(text, "%s: the trader reads the label (stance %s)",
                               group->label, stance);
        if (status == CR_OK) {
            status = add(analysis, text);
        }
    }
    return status;
}

enum cr_status cr_analysis_warn(struct cr_analysis *analysis) {
    struct cr_buf text;
    cr_buf_init(&text, 1 << 20);
    enum cr_status status = about_files(analysis, &text);
    if (status == CR_OK) {
        status = about_totals(analysis, &text);
    }
    if (status == CR_OK) {
        status = about_reasons(analysis, &text);
    }
    if (status == CR_OK) {
        status = about_prompts(analysis, &text);
    }
    if (status == CR_OK) {
        status = about_groups(analysis, &text);
    }
    cr_buf_fini(&text);
    return status;
}
