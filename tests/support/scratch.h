// scratch.h - a folder for one test, removed with all that is in it.
#ifndef CREDENCE_TESTS_SCRATCH_H
#define CREDENCE_TESTS_SCRATCH_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static inline int scratch_remove_one(const char *path, const struct stat *info,
                                     int kind, struct FTW *place) {
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

// 0, or -1 when something could not be removed. Links are removed, not followed.
static inline int scratch_remove(const char *dir) {
    return nftw(dir, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
