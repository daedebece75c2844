// A sample of the items: those with the smallest hashes of seed and id, so that the draw
// depends on no order. With strata, each keeps its share.
#include <stdlib.h>
#include <string.h>

#include "bench/reader.h"
#include "credence/base/mem.h"

enum cr_status cr_sample_note(struct cr_reader *reader,
                              const struct cr_raw_item *item) {
    struct cr_sample *sample = &reader->sample;
    const char *stratum = NULL;
    void *at = sample->at;
    enum cr_status status =
        cr_array_grow(&at, &sample->cap, sample->len + 1, sizeof *sample->at);
    sample->at = at;
    if (status != CR_OK) {
        return cr_reader_no_memory(reader);
    }
    if (reader->stratify != NULL) {
        status = cr_item_column_text(reader, item, reader->stratify, &stratum);
    }
    uint64_t seed = cr_hash64("sample", 6, reader->seed);
    stratum = stratum != NULL ? stratum : "";
    sample->at[sample->len++] =
        (struct cr_draw){cr_hash64(reader->id, strlen(reader->id), seed),
                         cr_hash64(stratum, strlen(stratum), 0), reader->items - 1};
    return status;
}

static int by_stratum(const void *a, const void *b) {
    const struct cr_draw *x = a, *y = b;
    if (x->stratum != y->stratum) {
        return x->stratum < y->stratum ? -1 : 1;
    }
    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

// How many of each stratum are drawn: its share of WANTED rounded down; what is left
// over goes, one each, to the largest remainders.
struct share {
    size_t first, len, drawn;
    double rest;
};

static int by_rest(const void *a, const void *b) {
    const struct share *x = a, *y = b;
    if (x->rest != y->rest) {
        return x->rest > y->rest ? -1 : 1;
    }
    return x->first < y->first ? -1 : 1;
}

static size_t make_shares(const struct cr_sample *sample, size_t wanted,
                          struct share *shares) {
    size_t len = 0, left = wanted;
    for (size_t i = 0; i < sample->len;) {
        size_t end = i;
        while (end < sample->len && sample->at[end].stratum == sample->at[i].stratum) {
            end++;
        }
        double exact = (double)wanted * (double)(end - i) / (double)sample->len;
        size_t drawn = (size_t)exact;
        shares[len++] = (struct share){i, end - i, drawn, exact - (double)drawn};
        left -= drawn;
        i = end;
    }
    qsort(shares, len, sizeof *shares, by_rest);
    for (size_t i = 0; i < len && left > 0; i++) {
        if (shares[i].drawn < shares[i].len) {
            shares[i].drawn++;
            left--;
        }
    }
    return len;
}

enum cr_status cr_sample_draw(struct cr_reader *reader) {
    struct cr_sample *sample = &reader->sample;
    size_t wanted = reader->benchmark->sample < sample->len
                        ? (size_t)reader->benchmark->sample
                        : sample->len;
    struct share *shares = cr_calloc(sample->len + 1, sizeof *shares);
    sample->drawn_len = (size_t)reader->items;
    sample->is_drawn = cr_calloc(sample->drawn_len + 1, sizeof *sample->is_drawn);
    if (shares == NULL || sample->is_drawn == NULL) {
        cr_free(shares);
        return cr_reader_no_memory(reader);
    }
    qsort(sample->at, sample->len, sizeof *sample->at, by_stratum);
    size_t len = make_shares(sample, wanted, shares);
    for (size_t i = 0; i < len; i++) {
        for (size_t k = 0; k < shares[i].drawn; k++) {
            sample->is_drawn[sample->at[shares[i].first + k].index] = true;
        }
    }
    cr_free(shares);
    return CR_OK;
}
