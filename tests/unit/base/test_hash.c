#include "cmocka_all.h"

#include <string.h>

#include "credence/base/hash.h"

// From the published test vectors of XXH3: the empty input with seed 0.
static void agrees_with_xxh3(void **state) {
    (void)state;
    assert_true(cr_hash64("", 0, 0) == 0x2d06800538d394c2u);
    char hex[CR_HASH_HEX_BYTES];
    cr_hash_hex(cr_hash128("", 0, 0), hex);
    assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
}

static void hex_is_high_half_first(void **state) {
    (void)state;
    struct cr_hash hash = {0x0123456789abcdefu, 0xfedcba9876543210u};
    char hex[CR_HASH_HEX_BYTES];
    cr_hash_hex(hash, hex);
    assert_string_equal(hex, "0123456789abcdeffedcba9876543210");
}

static void mix_depends_on_order(void **state) {
    (void)state;
    assert_true(cr_hash_mix(cr_hash_mix(1, 2), 3) != cr_hash_mix(cr_hash_mix(1, 3), 2));
    assert_true(cr_hash_mix(0, 0) != 0);
}

static struct cr_hash digest_of(const char *a, const char *b) {
    struct cr_hasher hasher;
    assert_int_equal(cr_hasher_init(&hasher), 0);
    cr_hasher_add(&hasher, a, strlen(a));
    cr_hasher_add(&hasher, b, strlen(b));
    struct cr_hash digest = cr_hasher_digest(&hasher);
    cr_hasher_fini(&hasher);
    return digest;
}

static void parts_do_not_run_together(void **state) {
    (void)state;
    struct cr_hash one = digest_of("ab", "c");
    struct cr_hash other = digest_of("a", "bc");
    struct cr_hash again = digest_of("ab", "c");
    assert_true(one.hi != other.hi && one.lo != other.lo);
    assert_true(one.hi == again.hi && one.lo == again.lo);
    struct cr_hash empty = digest_of("", "abc");
    assert_true(empty.lo != digest_of("abc", "").lo);
}

static void hasher_without_memory_does_nothing(void **state) {
    (void)state;
    struct cr_hasher hasher;
    cr_mem_fail_at(1);
    assert_int_equal(cr_hasher_init(&hasher), -1);
    cr_mem_fail_at(0);
    cr_hasher_add(&hasher, "a", 1);
    assert_true(cr_hasher_digest(&hasher).lo == 0);
    cr_hasher_fini(&hasher);
    cr_hasher_fini(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_xxh3),
        cmocka_unit_test(hex_is_high_half_first),
        cmocka_unit_test(mix_depends_on_order),
        cmocka_unit_test(parts_do_not_run_together),
        cmocka_unit_test(hasher_without_memory_does_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
