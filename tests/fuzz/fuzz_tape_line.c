// fuzz_tape_line.c - one line of a tape whose checksum is right whatever it says, so
// that the reader behind the checksum is met too.
#include <assert.h>
#include <stdint.h>
#include <stdio.h>

#include "credence/base/hash.h"
#include "store/tape_internal.h"

enum { SUM_BYTES = sizeof "\"sum\":\"0123456789abcdef\"}" - 1 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum cr_status take(void *ctx, const struct cr_call_record *record,
                           struct cr_err *err) {
    (void)ctx;
    (void)err;
    assert(record->id.role < CR_ROLE_COUNT && record->id.ask < CR_ASK_COUNT);
    assert(record->logprobs_len <= CR_LOGPROBS_MAX);
    return CR_OK;
}

// The input is a line up to its checksum.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct cr_buf line;
    cr_buf_init(&line, len + SUM_BYTES + 1);
    unsigned long long sum = cr_hash64(bytes, len, 0);
    if (cr_buf_add(&line, bytes, len) == CR_OK &&
        cr_buf_printf(&line, "\"sum\":\"%016llx\"}\n", sum) == CR_OK &&
        cr_tape_line_fault(line.data, line.used_bytes - 1) == NULL) {
        enum cr_status status =
            cr_tape_line_decode(line.data, line.used_bytes - 1, take, NULL, NULL);
        assert(status == CR_OK || status == CR_E_FORMAT || status == CR_E_MEMORY ||
               status == CR_E_LIMIT);
    }
    cr_buf_fini(&line);
    return 0;
}
