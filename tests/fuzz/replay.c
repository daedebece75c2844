// replay.c - a fuzz target without libFuzzer: every file of a folder, and some
// thousand spoilt copies of them, always the same ones.
//
//   fuzz_X FOLDER [ROUNDS]
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INPUT_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static uint64_t state = 88172645463325252U;

static uint64_t draw(uint64_t below) { // xorshift
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return below ? state % below : 0;
}

static size_t spoil(uint8_t *bytes, size_t len) {
    for (uint64_t i = 1 + draw(4); i > 0 && len > 0; i--) {
        size_t at = draw(len);
        size_t span = draw(len - at < 16 ? len - at : 16);
        switch (draw(5)) {
        case 0:
            bytes[at] ^= (uint8_t)(1U << draw(8));
            break;
        case 1:
            bytes[at] = (uint8_t)draw(256);
            break;
        case 2: // leave a piece out
            memmove(bytes + at, bytes + at + span, len - at - span);
            len -= span;
            break;
        case 3: // say a piece twice
            span = len + span < INPUT_MAX ? span : 0;
            memmove(bytes + at + span, bytes + at, len - at);
            len += span;
            break;
        default:
            len = at;
        }
    }
    return len;
}

// The input is copied to storage of its exact size, so that a read past it is seen.
static void try_one(const uint8_t *bytes, size_t len) {
    uint8_t *exact = malloc(len ? len : 1);
    if (exact == NULL) {
        abort();
    }
    memcpy(exact, bytes, len);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
}

static unsigned replay_file(const char *folder, const char *name, unsigned rounds) {
    char path[4096];
    static uint8_t whole[INPUT_MAX], spoilt[INPUT_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return 0;
    }
    size_t len = fread(whole, 1, sizeof whole, file);
    fclose(file);
    try_one(whole, len);
    for (unsigned i = 0; i < rounds; i++) {
        memcpy(spoilt, whole, len);
        try_one(spoilt, spoil(spoilt, len));
    }
    return 1;
}

int main(int argc, char **argv) {
    unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 300;
    unsigned files = 0;
    DIR *folder = argc > 1 ? opendir(argv[1]) : NULL;
    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER [ROUNDS]\n", argv[0]);
        return 2;
    }
    for (const struct dirent *entry; ((entry = readdir(folder)) != NULL);) {
        if (entry->d_name[0] != '.') {
            files += replay_file(argv[1], entry->d_name, rounds);
        }
    }
    closedir(folder);
    printf("%u files, each with %u spoilt copies\n", files, rounds);
    return files > 0 ? 0 : 1;
}
