// keys.h - the tables that say what a job file may hold.
//
// Layer    job (4), private to the folder
//
// One row a key: the reader, the check, the defaults, what `plan` prints, what makes
// two jobs and two models the same, and the list in the manual all come from these rows.
#ifndef CR_JOB_KEYS_H
#define CR_JOB_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "credence/core/job.h"

enum cr_key_type {
    CR_KEY_TEXT,    // const char *
    CR_KEY_TEXTS,   // NULL-terminated const char *const *; one string or a list
    CR_KEY_WORD,    // const char *, one of the names
    CR_KEY_CHOICE,  // uint32_t, the index among the names
    CR_KEY_CHOICES, // uint32_t[CR_TRADERS_MAX] and their number; one name or a list
    // uint32_t[2], of the maker and of the trader: one name for both, or an object of two
    CR_KEY_SIDES,
    CR_KEY_NUMBER,  // double
    CR_KEY_COUNT,   // uint32_t
    CR_KEY_COUNT64, // uint64_t
    CR_KEY_TRUTH,   // bool
    CR_KEY_OBJECT,  // const char *, the object as JSON text
    // struct cr_bindings: an object NAME: text or list of texts; where low is 1 also a
    // list of names, each bound to itself
    CR_KEY_BINDINGS,
    CR_KEY_RANGE, // double[2]: [low, high] with low < high; NaN when absent
    CR_KEY_GROUP, // an object with rows of its own
    CR_KEY_LIST,  // an array that code of its own reads
    CR_KEY_MAP,   // an object that code of its own reads
    CR_KEY_TYPE_COUNT
};

// Where the names of a word or a choice come from.
enum cr_names_from {
    CR_NAMES_NONE,
    CR_NAMES_BACKENDS,
    CR_NAMES_DIALECTS,
    CR_NAMES_STRUCTURED,
    CR_NAMES_SYSTEM_ROLES,
    CR_NAMES_PER,
    CR_NAMES_BEHAVIOURS,
    CR_NAMES_FORMATS,
    CR_NAMES_FRAMINGS,
    CR_NAMES_ANSWERS,
    CR_NAMES_PAIRINGS,
    CR_NAMES_PROTOCOLS,
    CR_NAMES_STANCES,
    CR_NAMES_ELICITATIONS,
    CR_NAMES_HELD,
    CR_NAMES_SIZINGS,
    CR_NAMES_ORDERS,
    CR_NAMES_RULES,
    CR_NAMES_CONTRASTS,
    CR_NAMES_EXPECTED,
    CR_NAMES_OF_JOB, // from here on the job itself gives them
    CR_NAMES_MODELS = CR_NAMES_OF_JOB,
    CR_NAMES_BENCHMARKS,
    CR_NAMES_PROMPTS,
    CR_NAMES_COUNT
};

// The names that the program itself gives, into OUT; returns how many there are (0 for
// those of the job).
enum { CR_KNOWN_NAMES_MAX = 64 };
size_t cr_names_known(enum cr_names_from from, const char *out[CR_KNOWN_NAMES_MAX]);

enum { // apis of a model as bits, for rows that only some of them know
    CR_API_OPENAI = 1,
    CR_API_ANTHROPIC = 2,
    CR_API_SIM = 4,
    CR_API_REPLAY = 8,
    CR_API_HTTP = CR_API_OPENAI | CR_API_ANTHROPIC | CR_API_REPLAY,
    CR_API_DIALS = CR_API_SIM | CR_API_REPLAY
};
extern const char *const cr_api_names[4]; // in the order of the bits

#define CR_NOWHERE SIZE_MAX // a row whose value is read by code of its own

// How a row enters the identity of a model (and, BY_NAME, of a cell). Places from 1 are
// hashed in their order, values alone: the seeds of every run hang on it, so a place is
// never given anew. Rows added since are hashed with their names, and only where they
// differ from their default: then older runs keep their identity.
enum { CR_IDENTITY_NONE = 0, CR_IDENTITY_PLACES = 15, CR_IDENTITY_BY_NAME = 255 };

struct cr_key_table;

struct cr_key {
    const char *name;
    enum cr_key_type type;
    const char *fallback; // JSON; NULL: required; "null": may be absent
    double low, high;     // of numbers and counts
    enum cr_names_from from;
    const struct cr_key_table *group; // the rows of a group, and of a map's members
    size_t offset;
    size_t len_offset; // of the uint32_t number of a list's elements; CR_NOWHERE: none
    unsigned apis;     // 0: all
    bool shapes;       // part of what makes two jobs the same
    unsigned identity; // its place from 1 to CR_IDENTITY_PLACES, NONE or BY_NAME
    bool absent_is_nan;
    const char *summary;
};

struct cr_key_table {
    const char *what; // "a model"
    const struct cr_key *keys;
    size_t len;
};

extern const struct cr_key_table cr_keys_job, cr_keys_model, cr_keys_params,
    cr_keys_benchmark, cr_keys_cell, cr_keys_hypothesis;

// The row of PATH ("stop.threshold") in TABLE, and the place of its value in the struct
// that the table describes; NULL when there is none.
const struct cr_key *cr_key_find(const struct cr_key_table *table, const char *path,
                                 size_t *offset);

#endif
