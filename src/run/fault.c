// fault.c - see trouble.h.
#include "run/fault.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *advice(enum cr_status status) {
    switch (status) {
    case CR_E_FULL:
        return "; make room and run the same command again, nothing that was recorded "
               "is lost";
    case CR_E_IO:
        return "; run the same command again when it can be written, nothing that was "
               "recorded is lost";
    default:
        return "";
    }
}

void cr_fault_line(char *out, const char *dir, const char *part,
                   const struct cr_err *err) {
    const bool is_of_file = err->status == CR_E_FULL || err->status == CR_E_IO;
    const bool is_placed = !is_of_file || strstr(err->text, dir) != NULL;
    (void)snprintf(out, CR_TROUBLE_BYTES, "%.100s%s%.100s%s%s%s", is_placed ? "" : dir,
                   is_placed ? "" : ": ", part == NULL ? "" : part,
                   part == NULL ? "" : ": ", err->text, advice(err->status));
}
