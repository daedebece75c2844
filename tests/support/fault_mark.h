// fault_mark.h - marks inside answers: which answer a piece of a later history stands
// for.
//
// Layer    test support
// Threads  no shared state
//
// Every sentence of an answer carries the answer's number, "~m" 16 hex digits "~". A
// history hashes by its marks, so it is the same history whether an answer came plain,
// fenced or with ill-formed bytes. An unusable answer carries "~x" digits "." turns "~"
// instead: a client that asks again shows it in its history, and the repaired answer is
// the one that would have come at once.
#ifndef FAULT_MARK_H
#define FAULT_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FAULT_MARK_BYTES = 40 };

void fault_mark_write(char out[FAULT_MARK_BYTES], uint64_t answer);
void fault_mark_write_bad(char out[FAULT_MARK_BYTES], uint64_t answer, unsigned turns);

// TEXT's identity folded into HASH: that of its marks if there are any, else of all of
// it.
uint64_t fault_mark_hash(uint64_t hash, const char *text);

// True when TEXT is an unusable answer; then what it stood for.
bool fault_mark_find_bad(const char *text, uint64_t *answer, unsigned *turns);

#endif
