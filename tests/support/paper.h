// paper.h - the shipped prompt set, for tests.
#ifndef TESTS_SUPPORT_PAPER_H
#define TESTS_SUPPORT_PAPER_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "credence/base/buf.h"
#include "credence/base/file.h"
#include "credence/prompt/prompt.h"

enum { PAPER_FILES_MAX = 128, PAPER_FILE_BYTES_MAX = 64 * 1024 };

// prompts/paper of the source tree; the caller destroys it. A set that does not load
// is printed, and the test dies.
static inline struct cr_prompt_set *paper_load(void) {
    static struct cr_buf texts[PAPER_FILES_MAX];
    struct cr_prompt_source sources[PAPER_FILES_MAX] = {0};
    struct cr_prompt_set *set = NULL;
    struct cr_err err = {0};
    size_t len = 0;
    for (; cr_prompt_files[len] != NULL; len++) {
        char path[512];
        assert(len < PAPER_FILES_MAX);
        snprintf(path, sizeof path, "%s/prompts/paper/%s", CR_SOURCE_DIR,
                 cr_prompt_files[len]);
        cr_buf_init(&texts[len], PAPER_FILE_BYTES_MAX);
        if (cr_file_read(path, &texts[len], &err) != CR_OK) {
            fprintf(stderr, "%s\n", err.text);
            abort();
        }
        sources[len] = (struct cr_prompt_source){cr_prompt_files[len], texts[len].data,
                                                 texts[len].used_bytes};
    }
    if (cr_prompt_set_create("paper", (struct cr_prompt_sources){sources, len}, NULL,
                             &set, &err) != CR_OK) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    for (size_t i = 0; i < len; i++) {
        cr_buf_fini(&texts[i]);
    }
    return set;
}

#endif
