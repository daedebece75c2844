// template_internal.h - one template, compiled: literal parts and placeholders.
//
// Layer    prompt (2), private
// Threads  no shared state
// MPI      none
#ifndef CR_PROMPT_TEMPLATE_INTERNAL_H
#define CR_PROMPT_TEMPLATE_INTERNAL_H

#include "credence/prompt/prompt.h"
#include "credence/prompt/template.h"

// A compiled template. One part is a literal and the placeholder behind it.
struct cr_template_part {
    struct cr_span literal; // in the template's own text
    int var;                // enum cr_var, or -1 at the end
};
struct cr_template_text {
    char *text; // owned, trailing newlines cut
    struct cr_template_part *parts;
    size_t parts_len;
};

// Compile SOURCE for the row of TEMPLATE. Each mistake is a line "SET/FILE:LINE: what"
// added to ERR, and CR_E_JOB is returned; CR_E_MEMORY.
CR_MUST_CHECK enum cr_status cr_template_compile(const char *set,
                                                 enum cr_template template,
                                                 const struct cr_prompt_source *source,
                                                 struct cr_template_text *out,
                                                 struct cr_err *err);
void cr_template_fini(struct cr_template_text *template);

#endif
