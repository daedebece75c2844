// write_sample.c - a result file of every outcome space, for tests of other readers.
//
//   write_sample PATH [live]    live: flush half the episodes, say so, wait for a line
#include <stdio.h>
#include <string.h>

#include "sample.h"

static enum cr_status put(struct cr_run_file *file, uint64_t first, uint64_t end,
                          struct cr_err *err) {
    enum cr_status status = CR_OK;
    for (uint64_t e = first; status == CR_OK && e < end; e++) {
        struct sample_row row;
        struct sample_calls calls;
        sample_row(&row, e);
        sample_calls(&calls, e);
        status = cr_run_file_put(file, &row.row, err);
        if (status == CR_OK) {
            status = cr_run_file_put_calls(file, e, calls.at, 2, err);
        }
    }
    return status;
}

static enum cr_status write(const char *path, const struct cr_run_content *content,
                            bool is_live, struct cr_err *err) {
    struct cr_run_file *file = NULL;
    enum cr_status status = cr_run_file_create(path, content, &file, err);
    if (status != CR_OK) {
        return status;
    }
    status = put(file, 0, SAMPLE_EPISODES / 2, err);
    if (status == CR_OK && is_live) {
        status = cr_run_file_flush(file, err);
        puts("flushed");
        fflush(stdout);
        getchar();
    }
    if (status == CR_OK) {
        status = put(file, SAMPLE_EPISODES / 2, SAMPLE_EPISODES, err);
    }
    if (status != CR_OK) {
        cr_run_file_abandon(file);
        return status;
    }
    return cr_run_file_finish(file, true, 1700000001000, err);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: write_sample PATH [live]\n");
        return 2;
    }
    static struct sample sample;
    struct cr_err err = {0};
    sample_init(&sample);
    bool is_live = argc > 2 && strcmp(argv[2], "live") == 0;
    enum cr_status status = write(argv[1], &sample.content, is_live, &err);
    sample_fini(&sample);
    if (status != CR_OK) {
        fprintf(stderr, "write_sample: %s\n", err.text);
    }
    return status == CR_OK ? 0 : 1;
}
