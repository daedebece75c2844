// csv_text.h - a text read as CSV, record by record, as the product reads a file.
#ifndef CR_TEST_CSV_TEXT_H
#define CR_TEST_CSV_TEXT_H

#include "credence/base/csv.h"

static inline enum cr_status csv_text_read(const struct cr_csv_cfg *cfg,
                                           const char *text, size_t bytes,
                                           struct cr_err *err) {
    struct cr_csv *csv = NULL;
    enum cr_status status = cr_csv_create(cfg, &csv, err);
    if (status == CR_OK) {
        status = cr_csv_feed(csv, text, bytes, err);
    }
    if (status == CR_OK) {
        status = cr_csv_finish(csv, err);
    }
    cr_csv_destroy(csv);
    return status;
}

#endif
