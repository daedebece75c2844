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

enum { CR_SCAN_FAULT_MAX = 160 };

struct cr_scan {
    struct cr_json *object; // the last whole one with the key, or NULL; cr_json_free
    bool has_object;        // some whole object was read, with or without the key
    bool has_open;          // some object began and never ended
    char fault[CR_SCAN_FAULT_MAX]; // why the last unreadable one is not JSON, or ""
};

// The last whole object of TEXT that has KEY; when there is none, the first that was
// cut, if KEY's value is whole there. CR_E_MEMORY alone fails.
CR_MUST_CHECK enum cr_status cr_scan_object(const char *text, size_t bytes,
                                            const char *key, struct cr_scan *out);

// Member KEY of OBJECT, in any case of letters; NULL when there is none.
const struct cr_json *cr_scan_member(const struct cr_json *object, const char *key);

#endif
