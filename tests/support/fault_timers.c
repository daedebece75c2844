// fault_timers.c - a binary heap by time.
#include "fault_timers.h"

#include <stdlib.h>
#include <time.h>

int64_t fault_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void swap(struct fault_timer *a, struct fault_timer *b) {
    struct fault_timer kept = *a;
    *a = *b;
    *b = kept;
}

void fault_timers_add(struct fault_timers *timers, int64_t due_us, void *what) {
    if (timers->len == timers->cap) {
        timers->cap = timers->cap ? timers->cap * 2 : 256;
        timers->at = realloc(timers->at, timers->cap * sizeof *timers->at);
        if (timers->at == NULL) {
            abort();
        }
    }
    size_t i = timers->len++;
    timers->at[i] = (struct fault_timer){due_us, what};
    while (i > 0 && timers->at[i].due_us < timers->at[(i - 1) / 2].due_us) {
        swap(&timers->at[i], &timers->at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static void sink(struct fault_timers *timers) {
    for (size_t i = 0, child; (child = 2 * i + 1) < timers->len; i = child) {
        if (child + 1 < timers->len &&
            timers->at[child + 1].due_us < timers->at[child].due_us) {
            child++;
        }
        if (timers->at[i].due_us <= timers->at[child].due_us) {
            return;
        }
        swap(&timers->at[i], &timers->at[child]);
    }
}

void *fault_timers_take(struct fault_timers *timers, int64_t now_us) {
    if (timers->len == 0 || timers->at[0].due_us > now_us) {
        return NULL;
    }
    void *what = timers->at[0].what;
    timers->at[0] = timers->at[--timers->len];
    sink(timers);
    return what;
}

int fault_timers_wait_ms(const struct fault_timers *timers, int64_t now_us) {
    if (timers->len == 0) {
        return -1;
    }
    int64_t left_us = timers->at[0].due_us - now_us;
    return left_us <= 0 ? 0 : (int)((left_us + 999) / 1000);
}
