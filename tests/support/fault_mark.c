// fault_mark.c - see the header for the format.
#include "fault_mark.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

void fault_mark_write(char out[FAULT_MARK_BYTES], uint64_t answer) {
    snprintf(out, FAULT_MARK_BYTES, "~m%016" PRIx64 "~", answer);
}

void fault_mark_write_bad(char out[FAULT_MARK_BYTES], uint64_t answer, unsigned turns) {
    snprintf(out, FAULT_MARK_BYTES, "~x%016" PRIx64 ".%u~", answer, turns);
}

uint64_t fault_mark_hash(uint64_t hash, const char *text) {
    bool is_marked = false;
    for (const char *at = strstr(text, "~m"); at != NULL; at = strstr(at + 2, "~m")) {
        uint64_t answer;
        if (sscanf(at, "~m%16" SCNx64 "~", &answer) == 1) {
            hash = XXH3_64bits_withSeed(&answer, sizeof answer, hash);
            is_marked = true;
        }
    }
    return is_marked ? hash : XXH3_64bits_withSeed(text, strlen(text), hash);
}

bool fault_mark_find_bad(const char *text, uint64_t *answer, unsigned *turns) {
    uint64_t seen_answer;
    unsigned seen_turns;
    const char *at = strstr(text, "~x");
    if (at == NULL ||
        sscanf(at, "~x%16" SCNx64 ".%u~", &seen_answer, &seen_turns) != 2) {
        return false;
    }
    *answer = seen_answer;
    *turns = seen_turns;
    return true;
}
