// choice.h - a question with options, one of them right, in either framing.
//
// Layer    bench (3), internal to the folder
// Threads  a reader has one owner
// MPI      none
#ifndef CR_BENCH_CHOICE_H
#define CR_BENCH_CHOICE_H

#include "bench/format.h"

struct cr_choice {
    const char *question_id;
    const char *context; // a passage before the question; NULL: none
    const char *question;
    const char *options[CR_OPTIONS_MAX];
    uint32_t options_len;
    uint32_t key;
};
// Append to CHOICE the options in TEXT: a JSON list of texts or of objects with "text"
// (and "label"), a JSON object of two lists "text" and "label", or texts parted by ';'.
// LABELS gets an option's own label, NULL where it has none.
CR_MUST_CHECK enum cr_status cr_choice_list(struct cr_reader *reader, const char *text,
                                            struct cr_choice *choice,
                                            const char *labels[CR_OPTIONS_MAX]);
// Two options of one text become "text" and "text (2)": a judgment names its options by
// text. Binary framing leaves them as they are.
CR_MUST_CHECK enum cr_status cr_choice_number(struct cr_reader *reader,
                                              struct cr_choice *choice);
// The same answer: equal but for the case of ASCII letters.
bool cr_choice_is_same(const char *a, const char *b);
// Add CHOICE in the benchmark's framing. Binary: the key against a distractor picked by
// seed among the options that are not the same as the key.
CR_MUST_CHECK enum cr_status cr_choice_add(struct cr_reader *reader,
                                           const struct cr_choice *choice);

#endif
