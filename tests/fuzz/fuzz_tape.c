// fuzz_tape.c - a tape file of any bytes: no line is believed that its checksum denies.
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "credence/store/tape.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum cr_status take(void *ctx, const struct cr_call_record *record,
                           struct cr_err *err) {
    (void)err;
    *(uint64_t *)ctx += 1;
    assert(record->reason < CR_REASON_COUNT && record->finish <= CR_FINISH_OTHER);
    return CR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    char path[32];
    uint64_t believed = 0;
    struct cr_tape_damage damage = {0};
    int fd = memfd_create("tape", MFD_CLOEXEC);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (write(fd, bytes, len) == (ssize_t)len &&
        cr_tape_scan_file(path, take, &believed, &damage, NULL) == CR_OK) {
        assert(believed <= damage.lines + damage.torn + damage.damaged);
    }
    close(fd);
    return 0;
}
