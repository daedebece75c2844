// hypothesis.h - what a job says beforehand that it will find.
//
// Layer    core (1); data only
// Threads  no shared state
// MPI      none
#ifndef CREDENCE_CORE_HYPOTHESIS_H
#define CREDENCE_CORE_HYPOTHESIS_H

#include <stdint.h>

// What is compared, paired by proposition; binary and categorical questions.
enum cr_contrast {
    CR_CONTRAST_FINAL, // points at the end: of the first cell, less those of the second
    // Points gained from opening to end; of a single cell, against no gain.
    CR_CONTRAST_GAIN,
    CR_CONTRAST_BRIER, // Brier score of the last price
    // ln q of the first (truthful) cell less ln (1 - q) of the second (adversarial), q
    // the clipped last price on the truth (arXiv 2504.03731)
    CR_CONTRAST_AGENT_SCORE,
    CR_CONTRASTS
};
extern const char *const cr_contrast_names[CR_CONTRASTS];

// Which sign of the contrast is expected: its test is one-sided but for the last.
enum cr_expected {
    CR_EXPECTED_GREATER,
    CR_EXPECTED_LESS,
    CR_EXPECTED_TWO_SIDED,
    CR_EXPECTED_COUNT
};
extern const char *const cr_expected_names[CR_EXPECTED_COUNT];

enum { CR_HYPOTHESES_MAX = 64, CR_HYPOTHESIS_CELLS_MAX = 2 };

struct cr_hypothesis {
    const char *name;
    uint32_t contrast;        // enum cr_contrast
    uint32_t direction;       // enum cr_expected
    const char *const *cells; // [cells_len] names of cells
    uint32_t cells_len;       // 1 or 2
};

#endif
