// said.h - the commonest of the words that servers said.
//
// Layer    core (1)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_CORE_SAID_H
#define CREDENCE_CORE_SAID_H

#include <stddef.h>
#include <stdint.h>

enum { CR_SAID_TEXTS = 6, CR_SAID_BYTES = 120 };

// A few different words and how often each was said: {0} at first. Words that differ in
// their numbers alone (a wait, the number of a request) count as one. When there are
// more, a new one takes the place of the rarest and its count (the space-saving count
// of frequent items, so the commonest is never pushed out by many rare ones).
struct cr_said {
    char text[CR_SAID_TEXTS]
             [CR_SAID_BYTES]; // as first said: one line, cut, fit to print
    uint64_t times[CR_SAID_TEXTS];
    size_t len;
};

void cr_said_add(struct cr_said *said, const char *words);
// Borrowed from SAID; NULL when nothing was said.
const char *cr_said_commonest(const struct cr_said *said);

#endif
