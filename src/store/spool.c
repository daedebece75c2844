// spool.c - see spool.h. An entry is a fixed header, the head and the body; the header
// carries its own checksum and one for each part, so that a scan can skip the bodies.
#include "credence/store/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "credence/base/file.h"
#include "credence/base/little_endian.h"
#include "credence/base/mem.h"

enum {
    HEAD_BYTES_MAX = 1 << 24,
    WINDOW_BYTES = 1 << 22,
    // Bodies are read in the order of the episodes, and stand nearly so: results came
    // in out of order by as much as a few ranks have in hand.
    NEAR_BYTES = 1 << 18,
    FAR_BYTES = 1 << 13, // for one that stands elsewhere: it and what it takes to know
    GATHER_BYTES = 1 << 18 // entries are written together: one write for about 100
};
static const uint64_t magic = 0x33304c4f4f505343; // "CSPOOL03"

struct spool_header { // little-endian on disk
    uint64_t trajectory, trajectory_key;
    uint64_t head_bytes, body_bytes;
    uint64_t head_sum, body_sum;
    uint64_t header_sum;
};

// A part of the file in memory. Entries are small and follow one another: reading them
// through a window costs one system call for hundreds of them.
struct spool_window {
    int fd;
    uint64_t file_bytes;
    struct cr_buf bytes;
    uint64_t start;                   // of bytes, in the file
    size_t behind_bytes, ahead_bytes; // what is read around a place that is not in it
};

struct cr_spool {
    int fd;
    uint64_t end;                // where the next entry goes, gathered bytes included
    struct cr_buf gather;        // not written yet: the last bytes of the file
    struct spool_window reading; // of cr_spool_read
};

// All fields of header and opening are such words.
static void words_to_disk(void *words, size_t bytes) {
    uint64_t *word = words;
    for (size_t i = 0; i < bytes / sizeof *word; i++) {
        cr_little_endian_put((char *)&word[i], word[i], sizeof *word);
    }
}

static void words_from_disk(void *words, size_t bytes) {
    uint64_t *word = words;
    for (size_t i = 0; i < bytes / sizeof *word; i++) {
        word[i] = cr_little_endian_get((const char *)&word[i], sizeof *word);
    }
}

static uint64_t header_sum(const struct spool_header *h) {
    return cr_hash64(h, offsetof(struct spool_header, header_sum), magic);
}

static enum cr_status fail(struct cr_err *err, const char *what) {
    return cr_err_set(err, cr_status_from_errno(errno), "spool: %s: %s", what,
                      strerror(errno));
}

static enum cr_status write_all(int fd, const char *bytes, size_t len,
                                struct cr_err *err) {
    return cr_fd_write(fd, bytes, len) ? CR_OK : fail(err, "write");
}

// Whether LEN bytes stand at OFFSET and are now in BYTES.
static bool read_all(int fd, uint64_t offset, void *bytes, size_t len) {
    char *at = bytes;
    while (len > 0) {
        const ssize_t done = pread(fd, at, len, (off_t)offset);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            return false;
        }
        at += done;
        offset += (uint64_t)done;
        len -= (size_t)done;
    }
    return true;
}

// The first bytes of the file: whose spool it is.
struct spool_opening {
    uint64_t magic, hi, lo;
};

static struct spool_opening opening_of(struct cr_hash identity) {
    struct spool_opening opening = {magic, identity.hi, identity.lo};
    words_to_disk(&opening, sizeof opening);
    return opening;
}

static bool is_ours(int fd, struct cr_hash identity) {
    struct spool_opening found;
    const struct spool_opening wanted = opening_of(identity);
    return read_all(fd, 0, &found, sizeof found) &&
           memcmp(&found, &wanted, sizeof found) == 0;
}

static enum cr_status begin(struct cr_spool *spool, struct cr_hash identity,
                            struct cr_err *err) {
    const struct spool_opening opening = opening_of(identity);
    if (ftruncate(spool->fd, 0) != 0) {
        return fail(err, "truncate");
    }
    spool->end = sizeof opening;
    return write_all(spool->fd, (const char *)&opening, sizeof opening, err);
}

// LEN bytes at OFFSET, valid until the next call; NULL when they are not there.
static const char *look(struct spool_window *window, uint64_t offset, size_t len) {
    const uint64_t end = window->start + window->bytes.used_bytes;
    if (offset >= window->start && offset + len <= end) {
        return window->bytes.data + (offset - window->start);
    }
    if (offset > window->file_bytes || len > window->file_bytes - offset) {
        return NULL;
    }
    const uint64_t start =
        offset > window->behind_bytes ? offset - window->behind_bytes : 0;
    const uint64_t left = window->file_bytes - start;
    const size_t most = window->behind_bytes + window->ahead_bytes;
    const size_t want = left < most ? (size_t)left : most;
    const size_t need = (size_t)(offset - start) + len;
    const size_t take = want > need ? want : need;
    cr_buf_clear(&window->bytes);
    if (cr_buf_reserve(&window->bytes, take) != CR_OK ||
        !read_all(window->fd, start, window->bytes.data, take)) {
        return NULL;
    }
    window->bytes.used_bytes = take;
    window->start = start;
    return window->bytes.data + (offset - start);
}

// One whole entry at AT, its head in *head, or false where the believable part ends.
static bool entry_at(struct spool_window *window, uint64_t at, struct spool_header *h,
                     const char **head) {
    const char *bytes = look(window, at, sizeof *h);
    const uint64_t file_bytes = window->file_bytes;
    if (bytes == NULL) {
        return false;
    }
    memcpy(h, bytes, sizeof *h);
    const uint64_t sum = header_sum(h);
    words_from_disk(h, sizeof *h);
    if (h->header_sum != sum || h->head_bytes > HEAD_BYTES_MAX ||
        h->body_bytes > file_bytes ||
        at + sizeof *h + h->head_bytes + h->body_bytes > file_bytes) {
        return false;
    }
    *head = look(window, at + sizeof *h, h->head_bytes);
    return *head != NULL && cr_hash64(*head, h->head_bytes, magic) == h->head_sum;
}

static enum cr_status scan(struct cr_spool *spool, const struct cr_spool_cfg *cfg,
                           struct cr_err *err) {
    struct stat st;
    struct spool_header h;
    const char *head;
    enum cr_status status = CR_OK;
    if (fstat(spool->fd, &st) != 0) {
        return fail(err, "stat");
    }
    struct spool_window window = {.fd = spool->fd,
                                  .file_bytes = (uint64_t)st.st_size,
                                  .ahead_bytes = WINDOW_BYTES};
    cr_buf_init(&window.bytes, WINDOW_BYTES + HEAD_BYTES_MAX);
    spool->end = sizeof(struct spool_opening);
    while (status == CR_OK && entry_at(&window, spool->end, &h, &head)) {
        const struct cr_spool_entry entry = {
            .trajectory = h.trajectory,
            .trajectory_key = h.trajectory_key,
            .offset = spool->end + sizeof h,
            .head_bytes = (size_t)h.head_bytes,
            .body_bytes = (size_t)h.body_bytes,
        };
        if (cfg->each != NULL) {
            status = cfg->each(cfg->ctx, &entry, head, err);
        }
        spool->end += sizeof h + h.head_bytes + h.body_bytes;
    }
    cr_buf_fini(&window.bytes);
    if (status == CR_OK && ftruncate(spool->fd, (off_t)spool->end) != 0) {
        status = fail(err, "truncate");
    }
    return status;
}

static enum cr_status spool_path(const char *dir, struct cr_buf *path) {
    cr_buf_init(path, 1 << 14);
    return cr_path_join(path, dir, "spool");
}

enum cr_status cr_spool_open(const struct cr_spool_cfg *cfg, struct cr_spool **out,
                             struct cr_err *err) {
    struct cr_buf path;
    struct cr_spool *spool = cr_calloc(1, sizeof *spool);
    if (spool == NULL || spool_path(cfg->dir, &path) != CR_OK) {
        cr_free(spool);
        return cr_err_set(err, CR_E_MEMORY, "out of memory for the spool");
    }
    cr_buf_init(&spool->gather, (size_t)1 << 32);
    cr_buf_init(&spool->reading.bytes, (size_t)1 << 32);
    spool->fd = cr_file_open_own(path.data, O_RDWR | O_CREAT | O_APPEND);
    enum cr_status status = CR_OK;
    if (spool->fd < 0) {
        status = fail(err, path.data);
    } else if (cfg->is_fresh || !is_ours(spool->fd, cfg->identity)) {
        status = begin(spool, cfg->identity, err);
    } else {
        status = scan(spool, cfg, err);
    }
    cr_buf_fini(&path);
    if (status != CR_OK) {
        cr_spool_close(spool);
        return status;
    }
    *out = spool;
    return CR_OK;
}

static enum cr_status write_gathered(struct cr_spool *spool, struct cr_err *err) {
    const uint64_t written = spool->end - spool->gather.used_bytes;
    const enum cr_status status =
        write_all(spool->fd, spool->gather.data, spool->gather.used_bytes, err);
    // A part of an entry must not stand in front of the next attempt.
    if (status != CR_OK && ftruncate(spool->fd, (off_t)written) != 0) {
        return fail(err, "truncate");
    }
    if (status == CR_OK) {
        cr_buf_clear(&spool->gather);
    }
    return status;
}

enum cr_status cr_spool_append(struct cr_spool *spool,
                               const struct cr_spool_entry *entry, const char *bytes,
                               uint64_t *offset, struct cr_err *err) {
    const char *body = bytes + entry->head_bytes;
    struct spool_header h = {
        .trajectory = entry->trajectory,
        .trajectory_key = entry->trajectory_key,
        .head_bytes = entry->head_bytes,
        .body_bytes = entry->body_bytes,
        .head_sum = cr_hash64(bytes, entry->head_bytes, magic),
        .body_sum = cr_hash64(body, entry->body_bytes, magic),
    };
    words_to_disk(&h, sizeof h);
    h.header_sum = header_sum(&h);
    words_to_disk(&h.header_sum, sizeof h.header_sum);
    const size_t len = entry->head_bytes + entry->body_bytes;
    enum cr_status status = cr_buf_reserve(&spool->gather, sizeof h + len);
    if (status == CR_OK) {
        status = cr_buf_add(&spool->gather, &h, sizeof h);
    }
    if (status == CR_OK) {
        status = cr_buf_add(&spool->gather, bytes, len);
    }
    if (status != CR_OK) {
        return cr_err_set(err, status, "spool: an entry of %zu bytes does not fit",
                          len);
    }
    *offset = spool->end + sizeof h;
    spool->end += sizeof h + len;
    return spool->gather.used_bytes < GATHER_BYTES ? CR_OK : write_gathered(spool, err);
}

// The window for what stands at OFFSET: a wide one when it is next to the last.
static struct spool_window *window_at(struct cr_spool *spool, uint64_t offset) {
    struct spool_window *window = &spool->reading;
    const uint64_t end = window->start + window->bytes.used_bytes;
    const bool is_near =
        offset + NEAR_BYTES >= window->start && offset <= end + NEAR_BYTES;
    window->fd = spool->fd;
    window->file_bytes = spool->end;
    window->behind_bytes = is_near ? NEAR_BYTES / 4 : 0;
    window->ahead_bytes = is_near ? NEAR_BYTES : FAR_BYTES;
    return window;
}

enum cr_status cr_spool_read(struct cr_spool *spool, uint64_t offset,
                             struct cr_buf *out, struct cr_err *err) {
    struct spool_header h = {0};
    cr_buf_clear(out);
    enum cr_status status =
        spool->gather.used_bytes > 0 ? write_gathered(spool, err) : CR_OK;
    if (status != CR_OK) {
        return status;
    }
    struct spool_window *window = window_at(spool, offset);
    const char *bytes = look(window, offset - sizeof h, sizeof h);
    if (bytes != NULL) {
        memcpy(&h, bytes, sizeof h);
    }
    const uint64_t sum = header_sum(&h);
    words_from_disk(&h, sizeof h);
    if (bytes == NULL || h.header_sum != sum) {
        return cr_err_set(err, CR_E_FORMAT, "spool: no entry at %llu",
                          (unsigned long long)offset);
    }
    bytes = look(window, offset + h.head_bytes, h.body_bytes);
    if (bytes == NULL || cr_hash64(bytes, h.body_bytes, magic) != h.body_sum) {
        return cr_err_set(err, CR_E_FORMAT, "spool: damaged entry at %llu",
                          (unsigned long long)offset);
    }
    status = cr_buf_add(out, bytes, h.body_bytes);
    return status == CR_OK
               ? CR_OK
               : cr_err_set(err, status, "spool: a body of %llu bytes does not fit",
                            (unsigned long long)h.body_bytes);
}

void cr_spool_abandon(struct cr_spool *spool) {
    if (spool != NULL) {
        cr_buf_clear(&spool->gather);
    }
    cr_spool_close(spool);
}

void cr_spool_close(struct cr_spool *spool) {
    if (spool == NULL) {
        return;
    }
    if (spool->fd >= 0) {
        if (spool->gather.used_bytes > 0) {
            cr_status_ignore(write_gathered(spool, NULL));
        }
        (void)close(spool->fd);
    }
    cr_buf_fini(&spool->gather);
    cr_buf_fini(&spool->reading.bytes);
    cr_free(spool);
}

void cr_spool_remove(const char *dir) {
    struct cr_buf path;
    if (spool_path(dir, &path) == CR_OK) {
        (void)unlink(path.data);
    }
    cr_buf_fini(&path);
}
