// fault_stats.h - what the server saw: the witness of the tests.
//
// Layer    test support
// Threads  one owner
#ifndef FAULT_STATS_H
#define FAULT_STATS_H

#include <cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fault_script.h"

// Open addressing on a 64-bit identity; grows, never shrinks.
struct fault_seen {
    uint64_t identity;
    unsigned attempts;     // requests so far
    unsigned answered;     // of them, those that got a usable reply
    int64_t not_before_us; // when a Retry-After lets it come again
};
struct fault_table {
    struct fault_seen *at;
    size_t cap, len;
};
struct fault_seen *fault_table_get(struct fault_table *table, uint64_t identity);

enum { FAULT_MODELS_MAX = 16 };
struct fault_pause { // a Retry-After stops the whole model, not one request
    char model[64];
    int64_t from_us, until_us;
};

struct fault_stats {
    uint64_t requests;    // chat requests that came in whole
    uint64_t others;      // health, models and so on
    uint64_t answered;    // usable replies sent to the last byte
    uint64_t again;       // requests for what had been answered already
    uint64_t retry_early; // a request that came again before its own Retry-After
    uint64_t
        pause_early; // any request of a model in its pause, 100 ms after it was told
    uint64_t bytes_in;
    unsigned in_flight, in_flight_max;
    double in_flight_us; // integral over time
    int64_t first_us, last_us, changed_us;
    struct fault_table table;
    struct fault_pause pauses[FAULT_MODELS_MAX];
    unsigned pauses_len;
    FILE *log; // one line a request; may be NULL
};

void fault_stats_enter(struct fault_stats *stats, int64_t now_us);
void fault_stats_leave(struct fault_stats *stats, int64_t now_us);

// A whole request: counts it, judges its time, returns what is known of it.
struct fault_seen *fault_stats_request(struct fault_stats *stats, const char *model,
                                       uint64_t identity, int64_t now_us);
void fault_stats_pause(struct fault_stats *stats, const char *model,
                       struct fault_seen *seen, int64_t now_us, int64_t until_us);
void fault_stats_answered(struct fault_stats *stats, uint64_t identity);
cJSON *fault_stats_json(const struct fault_stats *stats,
                        const struct fault_script *script);
void fault_stats_fini(struct fault_stats *stats);

#endif
