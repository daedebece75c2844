// check.h - reading objects of a job file by their tables, gathering every mistake.
//
// Layer    job (4), private to the folder
#ifndef CR_JOB_CHECK_H
#define CR_JOB_CHECK_H

#include "credence/base/json.h"
#include "job/keys.h"

enum { CR_PATH_MAX = 512, CR_MISTAKES_MAX = 25 };

struct cr_names {
    const char *const *at;
    size_t len;
};

// One reading of one job file. Texts of the job go into job->arena.
struct cr_check {
    struct cr_job *job;
    const char *file;   // as the user named it
    const char *source; // the file's text, comments blanked
    size_t source_bytes;
    const char *const *sets; // "PATH=VALUE"
    size_t sets_len;
    const char *dir; // absolute folder of the job file
    struct cr_names names[CR_NAMES_COUNT];
    struct cr_names absent_prompts; // reported already: not once more
    struct cr_err mistakes;
    size_t mistakes_len;
    bool is_out_of_memory;
};

// A mistake in the value at PATH.
void cr_check_mistake(struct cr_check *check, const char *path, const char *fmt, ...)
    CR_PRINTF(3, 4);
// "no maker is called 'x'", with the nearest of NAMES.
void cr_check_unknown(struct cr_check *check, const char *path, const char *name,
                      struct cr_names names);
void cr_check_memory(struct cr_check *check); // remember that memory ran out
// LEN elements, zeroed, in the job's arena; NULL after memory ran out, which is
// remembered.
void *cr_check_alloc(struct cr_check *check, size_t len, size_t element_bytes);

// PATH "." NAME into OUT.
void cr_key_path_child(char out[CR_PATH_MAX], const char *path, const char *name);
void cr_key_path_element(char out[CR_PATH_MAX], const char *path, size_t index);

// Check VALUE by KEY and put it at OUT, the place itself (NULL: check only). False
// after a mistake, which is reported at PATH; OUT is untouched then.
bool cr_check_value(struct cr_check *check, const struct cr_key *key,
                    const struct cr_json *value, const char *path, void *out);
// Put KEY's default at OUT.
void cr_check_default(struct cr_check *check, const struct cr_key *key, void *out);

struct cr_check_target {
    const char *path;         // of the object, "" for the job itself
    void *out;                // the struct that the table describes
    struct cr_json *resolved; // every key as understood is put here; may be NULL
    unsigned api;             // the model's api as a bit; 0: no matter
    bool is_partial;          // only what is there: no defaults, nothing required
};
// Read OBJECT by TABLE. Keys it does not know, values that do not fit and required keys
// that are missing are reported.
void cr_check_object(struct cr_check *check, const struct cr_key_table *table,
                     const struct cr_json *object,
                     const struct cr_check_target *target);

// Whether TEXT holds what only a key looks like, or a URL with a user or a password.
bool cr_check_is_secret(const char *text);

// As cr_check_put for a KEY that OBJECT does not have, however many others it has.
void cr_check_append(struct cr_check *check, struct cr_json *object, const char *key,
                     struct cr_json *child_taken);
// Put CHILD (taken) into OBJECT; out of memory is remembered.
void cr_check_put(struct cr_check *check, struct cr_json *object, const char *key,
                  struct cr_json *child_taken);

// The text of VALUE in the job's arena, or NULL.
const char *cr_check_print(struct cr_check *check, const struct cr_json *value);

#endif
