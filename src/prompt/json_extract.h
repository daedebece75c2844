// json_extract.h - finds the JSON object that was meant in what a model wrote.
//
// Layer    prompt (2)
// Threads  no shared state
// MPI      none
#ifndef CR_PROMPT_JSON_EXTRACT_H
#define CR_PROMPT_JSON_EXTRACT_H

#include <stdbool.h>
#include <stddef.h>

#include "credence/base/json.h"
#include "credence/base/status.h"
#include "credence/prompt/answer.h"

enum { CR_SCAN_FAULT_MAX = 160 };

// What a complaint says of an object that is_one_of_many.
#define CR_SAYS_SEVERAL "Your reply gives several answers side by side. Give one."
// What a complaint says of a key that cr_scan_is_twice.
#define CR_SAYS_TWICE "Your JSON object gives \"%s\" twice."

struct cr_scan {
    struct cr_json *object; // the last whole one with the key, or NULL; cr_json_free
    size_t from, to;        // where it is in the text
    bool is_one_of_many;    // beside another in one list or object: which was meant?
    bool has_form;          // some whole object with the key only repeats the form
    bool has_object;        // some whole object was read, with or without the key
    bool has_open;          // some object began and never ended
    char fault[CR_SCAN_FAULT_MAX]; // why the last unreadable one is not JSON, or ""
};

// What is looked for: an object with KEY that does more than repeat FORM's examples.
// FORM NULL: a form is what is looked for.
struct cr_scan_for {
    const char *key;
    const struct cr_answer_form *form;
};

// The last whole object of TEXT that is looked for; when there is none, the first that
// was cut, if KEY's value is whole there. CR_E_MEMORY alone fails.
CR_MUST_CHECK enum cr_status cr_scan_object(const char *text, size_t bytes,
                                            struct cr_scan_for what,
                                            struct cr_scan *out);

// Member KEY of OBJECT, in any case of letters; NULL when there is none.
const struct cr_json *cr_scan_member(const struct cr_json *object, const char *key);
// Whether OBJECT has KEY more than once, in any case of letters.
bool cr_scan_is_twice(const struct cr_json *object, const char *key);
// The members of an object that hold prose: an example's are to be replaced.
extern const char *const cr_scan_prose_keys[3];

#endif
