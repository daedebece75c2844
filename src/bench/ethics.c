// What the ETHICS formats share. Their rows carry their own label, so a row is one
// proposition whatever the pairing; utilitarianism alone makes pairs.
#include <string.h>

#include "bench/format.h"

enum cr_status cr_ethics_label(struct cr_reader *reader, const char *field,
                               int32_t *label) {
    if (strcmp(field, "0") != 0 && strcmp(field, "1") != 0) {
        return cr_reader_refuse(reader, "label %s, expected 0 or 1",
                                cr_reader_quote(reader, field));
    }
    *label = *field - '0';
    return CR_OK;
}
