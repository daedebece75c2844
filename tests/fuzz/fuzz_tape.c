// fuzz_tape.c - a tape file of any bytes: no line is believed that its checksum denies.
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "credence/base/file.h"
#include "credence/store/tape.h"
#include "scratch.h"
#include "store/tape_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum cr_status take(void *ctx, const struct cr_call_record *record,
                           struct cr_err *err) {
    (void)err;
    *(uint64_t *)ctx += 1;
    assert(record->reason < CR_REASON_COUNT && record->finish <= CR_FINISH_OTHER);
    return CR_OK;
}

static char dir[] = "/dev/shm/credence-fuzz-XXXXXX";

static void remove_dir(void) {
    scratch_remove(dir);
}

// The folder that one process writes all its tapes to.
static void make_dir(void) {
    char folder[64];
    static bool is_made;
    if (!is_made) {
        is_made = true;
        assert(mkdtemp(dir) != NULL);
        atexit(remove_dir);
        snprintf(folder, sizeof folder, "%s/tape", dir);
        assert(mkdir(folder, 0700) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len) {
    struct cr_buf path;
    uint64_t believed = 0;
    struct cr_tape_damage damage = {0};
    make_dir();
    cr_buf_init(&path, 4096);
    assert(cr_tape_dir_path(&path, dir, (struct cr_tape_file){0, 1}) == CR_OK);
    if (cr_file_write(path.data, bytes, len, 0600, NULL) == CR_OK &&
        cr_tape_scan(dir, take, &believed, &damage, NULL) == CR_OK) {
        assert(believed <= damage.lines + damage.torn + damage.damaged);
    }
    cr_buf_fini(&path);
    return 0;
}
