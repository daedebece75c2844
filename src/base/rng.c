// rng.c - draw n is a hash of (seed, n), so nothing but the two numbers is state.
#include "credence/base/rng.h"

#include <assert.h>
#include <math.h>

#include "credence/base/hash.h"

void cr_rng_seed(struct cr_rng *rng, uint64_t seed) {
    *rng = (struct cr_rng){.seed = seed};
}

uint64_t cr_rng_u64(struct cr_rng *rng) {
    return cr_hash_mix(rng->seed, rng->counter++);
}

double cr_rng_uniform(struct cr_rng *rng) {
    return (double)(cr_rng_u64(rng) >> 11) * 0x1p-53;
}

double cr_rng_normal(struct cr_rng *rng) {
    double radius = sqrt(-2 * log(1 - cr_rng_uniform(rng))); // 1 - u is never 0
    double angle = 2 * 3.14159265358979323846 * cr_rng_uniform(rng);
    return radius * cos(angle);
}

uint64_t cr_rng_below(struct cr_rng *rng, uint64_t bound) {
    assert(bound > 0);
    // The lowest 2^64 mod bound values are refused, or small results would come
    // oftener.
    uint64_t refused = (0 - bound) % bound;
    uint64_t draw = cr_rng_u64(rng);
    while (draw < refused) {
        draw = cr_rng_u64(rng);
    }
    return draw % bound;
}

void cr_rng_shuffle(struct cr_rng *rng, uint32_t *array, size_t len) {
    for (size_t i = len; i > 1; i--) {
        size_t j = (size_t)cr_rng_below(rng, i);
        uint32_t kept = array[i - 1];
        array[i - 1] = array[j];
        array[j] = kept;
    }
}
