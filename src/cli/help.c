// help.c - what each command does, for the terminal and as a man page, from the table.
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "credence/bench/bench.h"
#include "credence/job/job_file.h"
#include "credence/protocol/protocol.h"

enum { TEXT_COLUMNS = 80, OPTION_COLUMN = 26 };

static const char about[] =
    "credence runs market-making experiments on large language models: a market maker "
    "prices a claim, a trader argues, and the prices show whether the two converge, "
    "whether they are right, and what that costs.";

static const struct cr_definition exit_terms[] = {
    {"0", "", "complete; an invalid answer is a result, not an error"},
    {"1", "", "any other error"},
    {"2", "", "bad usage or a bad job; nothing was changed"},
    {"3", "", "complete, but some episodes failed"},
    {"4", "",
     "stopped: only a person can help (key, quota, unknown model, no server); resumable"},
    {"75", "", "stopped early; the same command resumes"},
    {NULL, NULL, NULL},
};

// Print TEXT wrapped, each line indented by INDENT; the first begins at column AT.
static void print_wrapped(FILE *out, const char *text, int indent, int at) {
    int column = at;
    while (*text != '\0') {
        if (*text == '\n') {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
            text++;
            continue;
        }
        int word = (int)strcspn(text, " \n");
        if (column > indent && column + word > TEXT_COLUMNS) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        }
        fprintf(out, "%.*s", word, text);
        column += word;
        text += word;
        while (*text == ' ') {
            text++;
        }
        if (*text != '\0' && *text != '\n' &&
            column + 1 + (int)strcspn(text, " \n") <= TEXT_COLUMNS) {
            fputc(' ', out);
            column++;
        } else if (*text != '\0' && *text != '\n') {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        }
    }
    fputc('\n', out);
}

static void print_term(FILE *out, const char *name, const char *text, int column) {
    int used = fprintf(out, "  %s", name);
    if (used + 2 > column) {
        fputc('\n', out);
        used = 0;
    }
    fprintf(out, "%*s", column - used, "");
    print_wrapped(out, text, column, column);
}

// "-o, --output FILE" into TEXT.
static void option_form(const struct cr_option *option, char *text, size_t bytes) {
    bool has_letter = option->key < 256 && isalnum(option->key);
    snprintf(text, bytes, "%c%c%s--%s%s%s", has_letter ? '-' : ' ',
             has_letter ? (char)option->key : ' ', has_letter ? ", " : "  ",
             option->name, option->value != NULL ? " " : "",
             option->value != NULL ? option->value : "");
}

// Word INDEX of COMMAND's output. False past the last.
static bool find_term(const struct cr_command *command, size_t index,
                      struct cr_definition *out) {
    for (const struct cr_definition *term = command->terms;
         term != NULL && term->name != NULL; term++) {
        if (index-- == 0) {
            *out = *term;
            return true;
        }
    }
    return command->term_at != NULL && command->term_at(index, out);
}

void cr_help_command(FILE *out, const struct cr_command *command) {
    bool bare = command->usage[0] == '\0';
    int indent = fprintf(out, "usage: credence %s%s", command->name, bare ? "" : " ");
    print_wrapped(out, command->usage, indent, indent);
    fputc('\n', out);
    print_wrapped(
        out, command->description != NULL ? command->description : command->summary, 0,
        0);
    fputs("\noptions:\n", out);
    for (const struct cr_option *option = command->options;
         option != NULL && option->name != NULL; option++) {
        char form[80];
        option_form(option, form, sizeof form);
        if (option->help != NULL) {
            print_term(out, form, option->help, OPTION_COLUMN);
        }
    }
    print_term(out, "-h, --help", "print this help", OPTION_COLUMN);
    struct cr_definition term;
    for (size_t i = 0; find_term(command, i, &term); i++) {
        if (i == 0) {
            fputs("\nwords:\n", out);
        }
        print_term(out, term.name, term.text, 18);
    }
}

void cr_help_all(FILE *out) {
    fputs("usage: credence COMMAND [OPTION]... [ARGUMENT]...\n\n", out);
    print_wrapped(out, about, 0, 0);
    fputs("\ncommands:\n", out);
    for (size_t i = 0; i < cr_command_count(); i++) {
        print_term(out, cr_command_at(i)->name, cr_command_at(i)->summary, 12);
    }
    fputs("\nexit codes:\n", out);
    for (const struct cr_definition *term = exit_terms; term->name != NULL; term++) {
        print_term(out, term->name, term->text, 12);
    }
    fputs("\n'credence help COMMAND' describes a command, 'credence help job' the keys "
          "of a job file, 'credence help data' benchmark files.\n",
          out);
}

// TEXT with what roff would take for its own made plain; a line break parts paragraphs.
static void print_roff(FILE *out, const char *text, bool at_line_start) {
    for (; *text != '\0'; text++) {
        if (at_line_start && (*text == '.' || *text == '\'')) {
            fputs("\\&", out);
        }
        at_line_start = *text == '\n';
        if (*text == '-') {
            fputs("\\-", out);
        } else if (*text == '\\') {
            fputs("\\e", out);
        } else if (*text == '\n' && text[1] == '\n') {
            fputs("\n.PP\n", out);
            text++;
            at_line_start = true;
        } else {
            fputc(*text, out);
        }
    }
}

static void roff_term(FILE *out, const char *name, const char *text) {
    fputs(".TP\n.B ", out);
    print_roff(out, name + strspn(name, " "), false);
    fputc('\n', out);
    print_roff(out, text, true);
    fputc('\n', out);
}

static void roff_command(FILE *out, const struct cr_command *command) {
    fputs(".SS ", out);
    fprintf(out, "\"credence %s\"\n.B credence %s\n", command->name, command->name);
    print_roff(out, command->usage, true);
    fputs("\n.PP\n", out);
    print_roff(out,
               command->description != NULL ? command->description : command->summary,
               true);
    fputc('\n', out);
    for (const struct cr_option *option = command->options;
         option != NULL && option->name != NULL; option++) {
        char form[80];
        option_form(option, form, sizeof form);
        if (option->help != NULL) {
            roff_term(out, form, option->help);
        }
    }
    struct cr_definition term;
    for (size_t i = 0; find_term(command, i, &term); i++) {
        roff_term(out, term.name, term.text);
    }
}

// One key of the job file as a term: what it means, what it may be, its default.
typedef void (*term_fn)(FILE *out, const char *name, const char *text);

// Those whose path begins with PREFIX.
static void each_job_key(FILE *out, term_fn print, const char *prefix) {
    enum { KEYS_MAX = 256 };
    static struct cr_job_key
        keys[KEYS_MAX]; // too large for a stack; filled anew each time
    char text[512];
    size_t len = cr_job_keys(keys, KEYS_MAX);
    for (size_t i = 0; i < len && i < KEYS_MAX; i++) {
        const char *fallback = keys[i].fallback;
        if (strncmp(keys[i].path, prefix, strlen(prefix)) != 0) {
            continue;
        }
        snprintf(text, sizeof text, "%s (%s%s%s)", keys[i].summary, keys[i].type,
                 fallback == NULL                ? "; required"
                 : strcmp(fallback, "null") == 0 ? ""
                                                 : "; default ",
                 fallback == NULL || strcmp(fallback, "null") == 0 ? "" : fallback);
        print(out, keys[i].path, text);
    }
}

static void print_key(FILE *out, const char *name, const char *text) {
    print_term(out, name, text, 30);
}

static void each_protocol(FILE *out, term_fn print) {
    for (uint32_t i = 0; i < cr_protocol_count(); i++) {
        print(out, cr_protocol_name(i), cr_protocol_summary(i));
    }
}

static const char job_file[] =
    "A job file is JSON with // and /* */ comments. Paths in it are relative to the "
    "file. These are its keys; * is a name of your choice. A key that is absent or null "
    "takes its default.";

void cr_help_man(FILE *out) {
    fprintf(out, ".TH CREDENCE 1 \"\" \"credence %s\" \"User Commands\"\n",
            cr_build_version());
    fputs(".SH NAME\ncredence \\- market making among language models, at scale\n"
          ".SH SYNOPSIS\n.B credence\n.I COMMAND\n[\\fIOPTION\\fR]... "
          "[\\fIARGUMENT\\fR]...\n.SH DESCRIPTION\n",
          out);
    print_roff(out, about, true);
    fputs("\n.SH COMMANDS\n", out);
    for (size_t i = 0; i < cr_command_count(); i++) {
        roff_command(out, cr_command_at(i));
    }
    fputs(".SH \"JOB FILE\"\n", out);
    print_roff(out, job_file, true);
    fputc('\n', out);
    each_job_key(out, roff_term, "");
    fputs(".SH PROTOCOLS\n", out);
    each_protocol(out, roff_term);
    fputs(".SH \"EXIT STATUS\"\n", out);
    for (const struct cr_definition *term = exit_terms; term->name != NULL; term++) {
        roff_term(out, term->name, term->text);
    }
}

static void help_job(FILE *out) {
    print_wrapped(out, job_file, 0, 0);
    fputs("\nkeys:\n", out);
    each_job_key(out, print_key, "");
    fputs("\nprotocols:\n", out);
    each_protocol(out, print_key);
}

static const char data_files[] =
    "A benchmark is a file and the format that says what its columns mean. CSV, TSV, JSON "
    "lines and JSON arrays are read, gzipped or not, UTF-8. Published formats read their "
    "files as they are; \"columns\" renames what an export calls differently. Format "
    "table reads any file: \"columns\" maps question, options, answer, proposition, "
    "value, low, high, unit, context and id to the file's columns. Options are several "
    "columns, or one that holds a list. Without options a question is answered by yes or "
    "no. 'credence items FILE' shows the columns of a file, 'credence items JOB' what a "
    "job makes of them.";

static void help_data(FILE *out) {
    const struct cr_bench_shape *shapes = NULL;
    size_t len = cr_bench_shapes(&shapes);
    print_wrapped(out, data_files, 0, 0);
    fputs("\nformats:\n", out);
    for (size_t i = 0; i < cr_bench_count(); i++) {
        print_term(out, cr_bench_name(i), cr_bench_summary(i), 26);
    }
    fputs("\nkeys:\n", out);
    each_job_key(out, print_key, "benchmarks.*");
    fputs("\nmappings to copy into \"benchmarks\":\n", out);
    for (size_t i = 0; i < len; i++) {
        fprintf(out, "\n  // %s\n  \"%s\": %s%s\n", shapes[i].summary, shapes[i].name,
                shapes[i].json, i + 1 < len ? "," : "");
    }
}

bool cr_help_topic(FILE *out, const char *topic) {
    if (strcmp(topic, "job") == 0) {
        help_job(out);
    } else if (strcmp(topic, "data") == 0) {
        help_data(out);
    } else {
        return false;
    }
    return true;
}
