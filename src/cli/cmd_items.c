// cmd_items.c - `credence items`: what a job makes of its benchmark files, before a model
// is asked.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/command.h"
#include "credence/base/file.h"
#include "credence/base/json.h"
#include "credence/base/json_write.h"
#include "credence/base/mem.h"
#include "credence/base/text.h"
#include "credence/bench/bench.h"
#include "credence/job/bundle.h"
#include "credence/job/job_file.h"

enum { SETS_MAX = 256, SHOWN_DEFAULT = 5, VALUES_SHOWN = 8 };
enum { KEY_BENCHMARK = 256, KEY_SET, KEY_JSON };

static const struct cr_option options[] = {
    {KEY_BENCHMARK, "benchmark", "NAME", "only this benchmark of the job"},
    {'n', "number", "N", "propositions shown of each benchmark (5; with --json all)"},
    {KEY_SET, "set", "PATH=VALUE", "change the job: --set benchmarks.tqa.limit=10"},
    {KEY_JSON, "json", NULL, "one JSON object a proposition"},
    {0, NULL, NULL, NULL},
};

struct request {
    struct cr_bundle_request bundle;
    const char *sets[SETS_MAX];
    const char *benchmark;
    unsigned long long shown;
    bool has_shown, is_json;
};

// How often each value occurs, the most frequent first.
struct count {
    const char *value;
    size_t len;
};
struct counts {
    struct count *at;
    size_t len;
};

static int by_value(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int by_len(const void *a, const void *b) {
    const struct count *x = a, *y = b;
    if (x->len != y->len) {
        return x->len > y->len ? -1 : 1;
    }
    return strcmp(x->value, y->value);
}

// Count VALUES (LEN of them, reordered) into OUT; false when out of memory.
static bool count_values(const char **values, size_t len, struct counts *out) {
    out->at = cr_calloc(len + 1, sizeof *out->at);
    out->len = 0;
    if (out->at == NULL) {
        return false;
    }
    qsort(values, len, sizeof *values, by_value);
    for (size_t i = 0; i < len; i++) {
        bool is_new = i == 0 || strcmp(values[i], values[i - 1]) != 0;
        if (is_new) {
            out->at[out->len++] = (struct count){values[i], 0};
        }
        out->at[out->len - 1].len++;
    }
    qsort(out->at, out->len, sizeof *out->at, by_len);
    return true;
}

// TEXT made harmless, each line indented by four.
static enum cr_status print_text(const char *text) {
    struct cr_buf safe;
    cr_buf_init(&safe, SIZE_MAX / 2);
    enum cr_status status = cr_text_add_terminal(&safe, text, strlen(text));
    char *rest = safe.data, *line;
    while (status == CR_OK && (line = strsep(&rest, "\n")) != NULL) {
        printf("    %s\n", line);
    }
    cr_buf_fini(&safe);
    return status;
}

static enum cr_status print_inline(const char *text) {
    struct cr_buf safe;
    cr_buf_init(&safe, SIZE_MAX / 2);
    enum cr_status status = cr_text_add_terminal(&safe, text, strlen(text));
    for (char *c = safe.data; c != NULL && *c != '\0'; c++) {
        *c = *c == '\n' || *c == '\t' ? ' ' : *c;
    }
    if (status == CR_OK && safe.data != NULL) {
        fputs(safe.data, stdout);
    }
    cr_buf_fini(&safe);
    return status;
}

static enum cr_status print_label(const struct cr_proposition *p) {
    switch (p->space) {
    case CR_SPACE_CATEGORICAL:
        fputs("right: ", stdout);
        return print_inline(p->options[p->label]);
    case CR_SPACE_CONTINUOUS:
        printf("%g %s in [%g, %g]", p->value, p->unit, p->low, p->high);
        return CR_OK;
    default:
        fputs(p->label == 1 ? "true" : "false", stdout);
        return CR_OK;
    }
}

static enum cr_status print_proposition(const struct cr_propositions *list,
                                        const struct cr_proposition *p) {
    putchar('\n');
    enum cr_status status = print_inline(p->id);
    fputs("  (question ", stdout);
    status = status == CR_OK ? print_inline(p->question_id) : status;
    fputs("; ", stdout);
    status = status == CR_OK ? print_label(p) : status;
    puts(")");
    status = status == CR_OK ? print_text(p->text) : status;
    for (uint32_t i = 0; i < p->options_len && status == CR_OK; i++) {
        fputs("    - ", stdout);
        status = print_inline(p->options[i]);
        putchar('\n');
    }
    for (size_t i = 0; i < list->kept_len && p->kept != NULL && status == CR_OK; i++) {
        fputs("    [", stdout);
        status = print_inline(list->kept_names[i]);
        fputs("] ", stdout);
        status = status == CR_OK ? print_inline(p->kept[i]) : status;
        putchar('\n');
    }
    return status;
}

static enum cr_status print_counts(const char *name, const char **values, size_t len) {
    struct counts counts;
    if (!count_values(values, len, &counts)) {
        return CR_E_MEMORY;
    }
    enum cr_status status = print_inline(name);
    printf("  (%zu value%s)\n", counts.len, counts.len == 1 ? "" : "s");
    for (size_t i = 0; i < counts.len && i < VALUES_SHOWN && status == CR_OK; i++) {
        printf("  %10zu  ", counts.at[i].len);
        status = print_inline(*counts.at[i].value != '\0' ? counts.at[i].value : "-");
        putchar('\n');
    }
    if (counts.len > VALUES_SHOWN) {
        printf("  %10s  and %zu more\n", "", counts.len - VALUES_SHOWN);
    }
    cr_free(counts.at);
    return status;
}

static size_t count_questions(const struct cr_propositions *list, const char **values) {
    size_t questions = 0;
    for (size_t i = 0; i < list->len; i++) {
        values[i] = list->at[i].question_id;
    }
    qsort(values, list->len, sizeof *values, by_value);
    for (size_t i = 0; i < list->len; i++) {
        questions += i == 0 || strcmp(values[i], values[i - 1]) != 0;
    }
    return questions;
}

static enum cr_status print_summary(const struct cr_benchmark *benchmark) {
    const struct cr_propositions *list = &benchmark->propositions;
    const char **values = cr_calloc(list->len + 1, sizeof *values);
    if (values == NULL) {
        return CR_E_MEMORY;
    }
    enum cr_status status = print_inline(benchmark->name);
    printf(": %s, %s framing, ", benchmark->format, cr_space_names[benchmark->framing]);
    status = status == CR_OK ? print_inline(benchmark->path) : status;
    size_t questions = count_questions(list, values);
    printf("\n%zu proposition%s of %zu question%s\n", list->len,
           list->len == 1 ? "" : "s", questions, questions == 1 ? "" : "s");
    if (benchmark->framing == CR_FRAMING_BINARY && status == CR_OK) {
        for (size_t i = 0; i < list->len; i++) {
            values[i] = list->at[i].label == 1 ? "true" : "false";
        }
        status = print_counts("label", values, list->len);
    }
    for (size_t k = 0; k < list->kept_len && status == CR_OK; k++) {
        for (size_t i = 0; i < list->len; i++) {
            values[i] = list->at[i].kept != NULL ? list->at[i].kept[k] : "";
        }
        status = print_counts(list->kept_names[k], values, list->len);
    }
    cr_free(values);
    return status;
}

static void write_kept(struct cr_json_writer *json, const struct cr_propositions *list,
                       const struct cr_proposition *p) {
    cr_json_write_open(json, "kept", '{');
    for (size_t i = 0; i < list->kept_len && p->kept != NULL; i++) {
        cr_json_write_text(json, list->kept_names[i], p->kept[i]);
    }
    cr_json_write_close(json, '}');
}

static enum cr_status write_proposition(const struct cr_benchmark *benchmark,
                                        const struct cr_proposition *p) {
    struct cr_buf line;
    struct cr_json_writer json = {.out = &line};
    cr_buf_init(&line, SIZE_MAX / 2);
    cr_json_write_open(&json, NULL, '{');
    cr_json_write_text(&json, "benchmark", benchmark->name);
    cr_json_write_text(&json, "id", p->id);
    cr_json_write_text(&json, "question_id", p->question_id);
    cr_json_write_text(&json, "space", cr_space_names[p->space]);
    cr_json_write_text(&json, "text", p->text);
    if (p->space == CR_SPACE_CONTINUOUS) {
        cr_json_write_number(&json, "value", p->value);
        cr_json_write_number(&json, "low", p->low);
        cr_json_write_number(&json, "high", p->high);
        cr_json_write_text(&json, "unit", p->unit);
    } else {
        cr_json_write_number(&json, "label", p->label);
    }
    if (p->options_len > 0) {
        cr_json_write_open(&json, "options", '[');
        for (uint32_t i = 0; i < p->options_len; i++) {
            cr_json_write_text(&json, NULL, p->options[i]);
        }
        cr_json_write_close(&json, ']');
    }
    write_kept(&json, &benchmark->propositions, p);
    cr_json_write_close(&json, '}');
    // The writer breaks lines between values; those within texts are escaped.
    for (char *c = line.data; json.status == CR_OK && *c != '\0'; c++) {
        *c = *c == '\n' ? ' ' : *c;
    }
    if (json.status == CR_OK) {
        puts(line.data);
    }
    cr_buf_fini(&line);
    return json.status;
}

static enum cr_status show_benchmark(const struct request *request,
                                     const struct cr_benchmark *benchmark) {
    const struct cr_propositions *list = &benchmark->propositions;
    size_t shown = request->has_shown ? (size_t)request->shown
                   : request->is_json ? list->len
                                      : SHOWN_DEFAULT;
    enum cr_status status = request->is_json ? CR_OK : print_summary(benchmark);
    for (size_t i = 0; i < list->len && i < shown && status == CR_OK; i++) {
        status = request->is_json ? write_proposition(benchmark, &list->at[i])
                                  : print_proposition(list, &list->at[i]);
    }
    return status;
}

static enum cr_status show_job(const struct request *request, const struct cr_job *job,
                               struct cr_err *err) {
    enum cr_status status = CR_OK;
    unsigned shown = 0;
    for (uint32_t i = 0; i < job->benchmarks_len && status == CR_OK; i++) {
        const struct cr_benchmark *benchmark = &job->benchmarks[i];
        if (request->benchmark != NULL &&
            strcmp(request->benchmark, benchmark->name) != 0) {
            continue;
        }
        if (shown++ > 0 && !request->is_json) {
            putchar('\n');
        }
        status = show_benchmark(request, benchmark);
    }
    if (status == CR_OK && shown == 0) {
        return cr_err_set(err, CR_E_USAGE, "the job has no benchmark '%s'",
                          request->benchmark);
    }
    return status == CR_OK ? CR_OK : cr_err_set(err, status, "out of memory");
}

static enum cr_status read_job(const struct request *request, struct cr_err *err) {
    struct cr_buf bundle;
    struct cr_job *job = NULL;
    cr_buf_init(&bundle, CR_BUNDLE_BYTES_MAX);
    enum cr_status status = cr_bundle_read(&request->bundle, &bundle, err);
    if (status == CR_OK) {
        status = cr_job_create(bundle.data, bundle.used_bytes, &job, err);
    }
    status = status == CR_OK ? show_job(request, job, err) : status;
    cr_job_destroy(job);
    cr_buf_fini(&bundle);
    return status;
}

// A published format that reads FILE as it is, by name; NULL when none does.
static const char *published_format(const char *file) {
    for (size_t i = 0; i < cr_bench_count(); i++) {
        static const enum cr_framing framings[] = {
            CR_FRAMING_BINARY, CR_FRAMING_CATEGORICAL, CR_FRAMING_CONTINUOUS};
        for (size_t f = 0; f < sizeof framings / sizeof *framings; f++) {
            struct cr_benchmark benchmark = {.name = "file",
                                             .format = cr_bench_name(i),
                                             .path = file,
                                             .framing = framings[f]};
            enum cr_status status = cr_bench_read_file(&benchmark, file, 1, NULL);
            cr_propositions_fini(&benchmark.propositions);
            if (status == CR_OK) {
                return cr_bench_name(i);
            }
        }
    }
    return NULL;
}

static enum cr_status show_file(const char *file, struct cr_err *err) {
    const char *container = NULL;
    struct cr_buf columns;
    cr_buf_init(&columns, 1 << 20);
    enum cr_status status = cr_bench_look(file, &container, &columns, err);
    if (status == CR_OK) {
        printf("%s: %s; its columns:\n", file, container);
        for (size_t at = 0; at < columns.used_bytes && status == CR_OK;
             at += strlen(columns.data + at) + 1) {
            fputs("  ", stdout);
            status = print_inline(columns.data + at);
            putchar('\n');
        }
        const char *format = published_format(file);
        if (format != NULL) {
            printf("\nformat '%s' reads it as it is\n", format);
        } else {
            puts("\nno published format reads it as it is; map its columns with format "
                 "'table': credence help data");
        }
    }
    cr_buf_fini(&columns);
    return status;
}

// A job file is an object with "models"; anything else is a file of items. A pipe can be
// read once, and is a job.
static bool is_job(const char *path) {
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {
        return true;
    }
    struct cr_buf text;
    struct cr_json *root = NULL;
    cr_buf_init(&text, CR_JOB_BYTES_MAX);
    bool is_found = cr_file_read(path, &text, NULL) == CR_OK;
    if (is_found && text.used_bytes > 0) {
        cr_json_strip(text.data, text.used_bytes);
        struct cr_json_limits limits = {CR_JOB_BYTES_MAX, CR_JOB_DEPTH_MAX};
        enum cr_status status =
            cr_json_parse(text.data, text.used_bytes, limits, &root, NULL);
        const char *end = strrchr(path, '.');
        is_found = status == CR_OK ? cr_json_get(root, "models") != NULL ||
                                         cr_json_get(root, "cell") != NULL
                                   : end != NULL && strcmp(end, ".json") == 0 &&
                                         strchr(" \t\n{/", *text.data) != NULL;
    }
    cr_json_free(root);
    cr_buf_fini(&text);
    return is_found;
}

static int run(int argc, char **argv) {
    static struct request request; // its sets are many
    struct cr_args args;
    int key;
    request = (struct request){.bundle = {.shards = 1, .is_in_place = true}};
    request.bundle.sets = request.sets;
    cr_args_init(&args, &cr_command_items, argc, argv);
    while ((key = cr_args_next(&args)) >= 0) {
        if (key == KEY_SET && request.bundle.sets_len == SETS_MAX) {
            return cr_command_usage_error(args.command, "more than %d --set", SETS_MAX);
        }
        if (key == KEY_SET) {
            request.sets[request.bundle.sets_len++] = args.value;
        } else if (key == KEY_BENCHMARK) {
            request.benchmark = args.value;
        } else if (key == KEY_JSON) {
            request.is_json = true;
        } else if (!cr_args_u64(&args, "number", 0, 1ULL << 40, &request.shown)) {
            return CR_EXIT_USAGE;
        }
        request.has_shown = request.has_shown || key == 'n';
    }
    if (key != CR_ARGS_END) {
        return cr_args_exit(key);
    }
    if (!cr_args_want(&args, 1, 1)) {
        return CR_EXIT_USAGE;
    }
    struct cr_err err = {0};
    request.bundle.job_path = args.operands[0];
    enum cr_status status = is_job(args.operands[0])
                                ? read_job(&request, &err)
                                : show_file(args.operands[0], &err);
    return status == CR_OK ? CR_EXIT_COMPLETE : cr_exit_error(status, &err);
}

const struct cr_command cr_command_items = {
    .name = "items",
    .usage = "JOB|FILE [--benchmark NAME] [-n N] [--set PATH=VALUE]... [--json]",
    .summary =
        "show the propositions of a job, or the columns of a file; no call is made",
    .description =
        "Prints, for each benchmark of a job, how many propositions and questions it "
        "gives, how often each label and each value of a kept column occurs, and the "
        "first propositions as agents will read them, with their labels.\n\n"
        "Of a file that is not a job it prints what kind of file it is, its columns, and "
        "whether a published format reads it.",
    .options = options,
    .run = run,
};
