// json_block.h - trees of JSON values that are only read: one block of memory each.
//
// Layer    base (0), private
// Threads  no shared state
// MPI      none
#ifndef CR_BASE_JSON_BLOCK_H
#define CR_BASE_JSON_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "credence/base/status.h"

struct cr_json;

// What a block must hold: at most VALUES values and VALUES - 1 names, from the BYTES of
// TEXT (cr_json_scan counted them).
struct cr_json_source {
    const char *text;
    size_t bytes;
    size_t values;
};

// Read the value that SOURCE begins with into a block of its own; *end_bytes is where it
// ended. CR_E_MEMORY. CR_E_FORMAT when the text is not the plain JSON that this reader
// knows: then cJSON is to say whether it is JSON, and where it is not.
CR_MUST_CHECK enum cr_status cr_json_block_read(const struct cr_json_source *source,
                                                struct cr_json **out,
                                                size_t *end_bytes);

// Whether VALUE is in such a block.
bool cr_json_is_in_block(const struct cr_json *value);

// Give back the block that begins with ROOT.
void cr_json_block_free(struct cr_json *root);

#endif
