#include "cmocka_all.h"

#include <string.h>

static void only_the_nth_allocation_fails(void **state) {
    (void)state;
    cr_mem_fail_at(2);
    void *first = cr_malloc(8);
    void *second = cr_calloc(1, 8);
    void *third = cr_malloc(8);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    assert_int_equal(cr_mem_count(), 3);
    cr_mem_fail_at(0);
    cr_free(first);
    cr_free(third);
}

static void failed_realloc_keeps_the_block(void **state) {
    (void)state;
    char *block = cr_strdup("kept");
    cr_mem_fail_at(1);
    assert_null(cr_realloc(block, 1000));
    cr_mem_fail_at(0);
    assert_string_equal(block, "kept");
    cr_free(block);
}

static void nothing_allocated_is_still_a_block(void **state) {
    (void)state;
    void *blocks[] = {cr_malloc(0), cr_calloc(0, 8), cr_realloc(NULL, 0)};
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(blocks[i]);
        cr_free(blocks[i]);
    }
    cr_free(NULL);
}

static void calloc_refuses_overflow(void **state) {
    (void)state;
    volatile size_t half = SIZE_MAX / 2;
    assert_null(cr_calloc(half, 3));
}

static void strings_are_copied(void **state) {
    (void)state;
    assert_null(cr_strdup(NULL));
    char *cut = cr_strndup("credence", 4);
    char *whole = cr_strndup("credence", 400);
    assert_string_equal(cut, "cred");
    assert_string_equal(whole, "credence");
    cr_free(cut);
    cr_free(whole);
}

static void array_grows_by_doubling(void **state) {
    (void)state;
    void *array = NULL;
    size_t cap = 0;
    assert_int_equal(cr_array_grow(&array, &cap, 1, 4), CR_OK);
    assert_int_equal(cap, 8);
    assert_int_equal(cr_array_grow(&array, &cap, 9, 4), CR_OK);
    assert_int_equal(cap, 16);
    void *before = array;
    assert_int_equal(cr_array_grow(&array, &cap, 16, 4), CR_OK);
    assert_ptr_equal(array, before);
    cr_free(array);
}

static void array_is_untouched_when_it_cannot_grow(void **state) {
    (void)state;
    int *array = cr_malloc(8 * sizeof *array);
    void *block = array;
    size_t cap = 8;
    cr_mem_fail_at(1);
    assert_int_equal(cr_array_grow(&block, &cap, 9, sizeof *array), CR_E_MEMORY);
    cr_mem_fail_at(0);
    assert_ptr_equal(block, array);
    assert_int_equal(cap, 8);
    assert_int_equal(cr_array_grow(&block, &cap, SIZE_MAX / 2, 8), CR_E_MEMORY);
    assert_int_equal(cr_array_grow(&block, &cap, SIZE_MAX, 1), CR_E_MEMORY);
    assert_int_equal(cap, 8);
    cr_free(block);
}

static void arena_blocks_are_aligned_and_apart(void **state) {
    (void)state;
    struct cr_arena arena = {0};
    unsigned char *blocks[500];
    for (size_t i = 0; i < 500; i++) {
        blocks[i] = cr_arena_alloc(&arena, i * 3);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)(i & 255), i * 3);
    }
    for (size_t i = 0; i < 500; i++) {
        for (size_t j = 0; j < i * 3; j++) {
            assert_int_equal(blocks[i][j], i & 255);
        }
    }
    assert_true(arena.used_bytes >= 499 * 500 / 2 * 3);
    cr_arena_fini(&arena);
    assert_int_equal(arena.used_bytes, 0);
}

static void arena_needs_few_allocations(void **state) {
    (void)state;
    struct cr_arena arena = {0};
    cr_mem_fail_at(0);
    for (int i = 0; i < 100000; i++) {
        assert_non_null(cr_arena_strdup(&arena, "a proposition"));
    }
    assert_true(cr_mem_count() < 20);
    cr_arena_fini(&arena);
}

static void arena_fails_cleanly(void **state) {
    (void)state;
    struct cr_arena arena = {0};
    cr_mem_fail_at(1);
    assert_null(cr_arena_strdup(&arena, "text"));
    cr_mem_fail_at(0);
    assert_null(cr_arena_alloc(&arena, SIZE_MAX - 4));
    assert_null(cr_arena_strdup(&arena, NULL));
    char *cut = cr_arena_strndup(&arena, "credence", 4);
    assert_string_equal(cut, "cred");
    cr_arena_fini(&arena);
    cr_arena_fini(&arena);
    cr_arena_fini(NULL);
}

static void one_failure_is_remembered(void **state) {
    (void)state;
    cr_mem_fail_at(1);
    assert_null(cr_malloc(1));
    cr_mem_fail_at(0);
    cr_free(cr_malloc(1));
    assert_true(cr_mem_has_failed());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_failure_is_remembered),
        cmocka_unit_test(only_the_nth_allocation_fails),
        cmocka_unit_test(failed_realloc_keeps_the_block),
        cmocka_unit_test(nothing_allocated_is_still_a_block),
        cmocka_unit_test(calloc_refuses_overflow),
        cmocka_unit_test(strings_are_copied),
        cmocka_unit_test(array_grows_by_doubling),
        cmocka_unit_test(array_is_untouched_when_it_cannot_grow),
        cmocka_unit_test(arena_blocks_are_aligned_and_apart),
        cmocka_unit_test(arena_needs_few_allocations),
        cmocka_unit_test(arena_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
