// command.h - the commands of credence: one table feeds parsing, help and the man page.
//
// Layer    cli (6)
// Threads  no shared state
// MPI      none
//
// A command is one file that defines a `const struct cr_command`, and one line of the
// table in command.c.
#ifndef CR_CLI_COMMAND_H
#define CR_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "credence/base/status.h"
#include "credence/stats/definition.h"

enum { CR_OPTIONS_OF_COMMAND_MAX = 24 };

struct cr_option {
    int key;           // what cr_args_next returns; a letter is also the short option
    const char *name;  // "format", without the dashes
    const char *value; // "FILE"; NULL: the option takes none
    const char *help;  // NULL: not shown
};

struct cr_command {
    const char *name;
    const char *usage;                 // "DIR [--watch] [--json]"
    const char *summary;               // one line, lower case, no full stop
    const char *description;           // paragraphs parted by an empty line, or NULL
    const struct cr_option *options;   // ended by a NULL name; NULL: none
    const struct cr_definition *terms; // words of its output; NULL: none
    bool (*term_at)(size_t index, struct cr_definition *out); // further ones, or NULL
    int (*run)(int argc, char **argv); // argv[0] is the command's name; an enum cr_exit
};

// The command called NAME, or NULL.
const struct cr_command *cr_command_find(const char *name);
size_t cr_command_count(void);
const struct cr_command *cr_command_at(size_t index);
// The name nearest to a mistyped one, or NULL.
const char *cr_command_nearest(const char *name);

// A walk over a command line. Options may stand anywhere before "--".
enum { CR_ARGS_END = -1, CR_ARGS_BAD = -2, CR_ARGS_HELP = -3 };
struct cr_args {
    const struct cr_command *command;
    int argc;
    char **argv;
    const char *value; // of the option just returned, or NULL
    char **operands;   // set at CR_ARGS_END
    size_t operands_len;
};
void cr_args_init(struct cr_args *args, const struct cr_command *command, int argc,
                  char **argv);
// The key of the next option. CR_ARGS_BAD: a message was printed; CR_ARGS_HELP: the
// help was printed. Either way the command returns cr_args_exit(key).
int cr_args_next(struct cr_args *args);
int cr_args_exit(int key);
// False, with a message, unless the number of operands is within [MIN, MAX].
bool cr_args_want(const struct cr_args *args, size_t min, size_t max);
// A whole number within [MIN, MAX] from the option's value; false with a message.
bool cr_args_u64(const struct cr_args *args, const char *option, unsigned long long min,
                 unsigned long long max, unsigned long long *out);

// I/N from the option's value, as SHARD = I - 1 of SHARDS = N; false with a message.
bool cr_args_shard(const struct cr_args *args, uint32_t *shard, uint32_t *shards);
// Append the option's value to LIST (of MAX); false with a message.
bool cr_args_add(const struct cr_args *args, const char *option, size_t max,
                 const char **list, size_t *len);

// Print a message about bad usage of COMMAND; returns CR_EXIT_USAGE.
int cr_command_usage_error(const struct cr_command *command, const char *fmt, ...)
    CR_PRINTF(2, 3);
// Print ERR, once, and return the exit code that STATUS means.
int cr_exit_error(enum cr_status status, const struct cr_err *err);

void cr_help_command(FILE *out, const struct cr_command *command);
void cr_help_all(FILE *out);
void cr_help_man(FILE *out);
// "job": the keys of a job file; "data": benchmark files. False: no such topic.
bool cr_help_topic(FILE *out, const char *topic);

// "0.1.0" and the revision the binary was built from ("unknown" outside a checkout).
const char *cr_build_version(void);
const char *cr_build_revision(void);

// Leave by _exit, standard streams flushed: after a rank was lost MPI cannot be
// finalised, and its exit handlers would hang.
void cr_exit_at_once(int code);

extern const struct cr_command cr_command_analyze;
extern const struct cr_command cr_command_export;
extern const struct cr_command cr_command_help;
extern const struct cr_command cr_command_items;
extern const struct cr_command cr_command_list;
extern const struct cr_command cr_command_merge;
extern const struct cr_command cr_command_plan;
extern const struct cr_command cr_command_probe;
extern const struct cr_command cr_command_rebuild;
extern const struct cr_command cr_command_run;
extern const struct cr_command cr_command_show;
extern const struct cr_command cr_command_status;
extern const struct cr_command cr_command_version;

#endif
