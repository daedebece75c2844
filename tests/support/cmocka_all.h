// cmocka_all.h - cmocka with the headers it wants before itself, and the torture loop.
#ifndef CREDENCE_TESTS_CMOCKA_ALL_H
#define CREDENCE_TESTS_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "credence/base/mem.h"
#include "credence/base/status.h"

// Run TRY with its first allocation failing, then its second, ... until it needs none
// that fails. TRY returns its status, and must have cleaned up after itself (the
// sanitizer build looks for leaks). Every failure must be CR_E_MEMORY.
static inline void torture(enum cr_status (*try)(void)) {
    enum { TORTURE_MAX = 100000 };
    for (uint64_t n = 1; n < TORTURE_MAX; n++) {
        cr_mem_fail_at(n);
        enum cr_status status = try();
        uint64_t counted = cr_mem_count();
        cr_mem_fail_at(0);
        if (counted < n) {
            assert_int_equal(status, CR_OK);
            return;
        }
        assert_int_equal(status, CR_E_MEMORY);
    }
    fail_msg("still allocating after %d failures", (int)TORTURE_MAX);
}

#endif
