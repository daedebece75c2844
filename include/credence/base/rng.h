// rng.h - seeded random numbers: XXH3 of a counter, so any draw can be recomputed.
//
// Layer    base (0)
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_BASE_RNG_H
#define CREDENCE_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct cr_rng {
    uint64_t seed;
    uint64_t counter;
};

void cr_rng_seed(struct cr_rng *rng, uint64_t seed);
uint64_t cr_rng_u64(struct cr_rng *rng);
double cr_rng_uniform(struct cr_rng *rng); // [0, 1), 53 bits
double cr_rng_normal(struct cr_rng *rng);  // mean 0, deviation 1 (Box-Muller)
uint64_t cr_rng_below(struct cr_rng *rng, uint64_t bound); // [0, bound), unbiased
void cr_rng_shuffle(struct cr_rng *rng, uint32_t *array, size_t len); // Fisher-Yates

#endif
