// fault_timers.h - what wakes up when: a heap.
//
// Layer    test support
// Threads  one owner
#ifndef FAULT_TIMERS_H
#define FAULT_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct fault_timer {
    int64_t due_us;
    void *what;
};
struct fault_timers {
    struct fault_timer *at;
    size_t len, cap;
};

int64_t fault_now_us(void); // monotonic
void fault_timers_add(struct fault_timers *timers, int64_t due_us, void *what);
// What is due at NOW_US, earliest first; NULL when nothing is.
void *fault_timers_take(struct fault_timers *timers, int64_t now_us);
// Until the next one is due, rounded up; -1 when there is none.
int fault_timers_wait_ms(const struct fault_timers *timers, int64_t now_us);

#endif
