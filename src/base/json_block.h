// json_block.h - trees of JSON values that are only read, in few blocks of memory.
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

// Read TEXT, one value with blanks around it, at most MAX_DEPTH deep. CR_E_MEMORY.
// CR_E_FORMAT when it is not the plain JSON that this reader knows: then cJSON is to say
// whether it is JSON, and where it is not.
CR_MUST_CHECK enum cr_status cr_json_block_read(const char *text, size_t bytes,
                                                unsigned max_depth,
                                                struct cr_json **out);

// Whether VALUE is of such a tree.
bool cr_json_is_in_block(const struct cr_json *value);

// Give back the tree of ROOT.
void cr_json_block_free(struct cr_json *root);

#endif
